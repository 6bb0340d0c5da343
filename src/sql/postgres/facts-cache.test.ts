import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatementFacts } from '../facts.ts';
import { FactsCache, type Entry } from './facts-cache.ts';

const entry = (tag: string): Entry => ({ facts: [{ tag, effects: [], timing: 'read', transaction: 'none', settings: [], changesCatalog: false, lineage: { understood: true, uses: [], operands: [] } } satisfies StatementFacts] });

test('what is asked for stays, and it never holds more than its bytes', () => {
  const cache = new FactsCache(512 * 1024);
  const hot = entry('hot');
  cache.set('hot', hot);
  let most = 0;
  for (let n = 0; n < 10_000; n++) {
    assert.equal(cache.get('hot'), hot);
    cache.set(`cold ${n}`, entry('cold'));
    most = Math.max(most, cache.size);
  }
  assert.ok(most < 128, `${most} entries of more than four kilobytes`);
  assert.ok(cache.size > most / 2, 'it is not emptied at a stroke');
  assert.equal(cache.get('cold 0'), undefined);
});

test('all used, the oldest goes', () => {
  const cache = new FactsCache(64 * 1024);
  const keys = Array.from({ length: 1000 }, (_, n) => `k${n}`);
  for (const key of keys) {
    cache.set(key, entry(key));
    for (const each of keys) cache.get(each);
  }
  assert.equal(cache.get('k0'), undefined);
  assert.notEqual(cache.get('k999'), undefined);
});

test('large facts count with their size, and what does not fit at all is not kept', () => {
  const cache = new FactsCache(64 * 1024);
  for (let n = 0; n < 100; n++) cache.set(`${n}`, entry('x'.repeat(8_000)));
  assert.ok(cache.size <= 4, String(cache.size));
  cache.set('huge', entry('x'.repeat(64 * 1024)));
  assert.equal(cache.get('huge'), undefined);
});

test('what is there is not replaced: facts of a shape are one object', () => {
  const cache = new FactsCache(64 * 1024);
  const first = entry('first');
  cache.set('key', first);
  cache.set('key', entry('second'));
  assert.equal(cache.get('key'), first);
});
