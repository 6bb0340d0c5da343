import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alone, inTurns } from './stretches.ts';

/** Work of so many stretches, which writes down each. */
function* work(name: string, stretches: number, done: string[]): Generator<undefined, string> {
  for (let stretch = 0; stretch < stretches; stretch += 1) {
    done.push(name);
    if (stretch + 1 < stretches) yield;
  }
  return name;
}

test('what is short is done at once', () => {
  assert.equal(inTurns('a', work('a', 1, [])), 'a');
});

test('of long work the event loop has each turn in between, and owners take turns, however much they bring', async () => {
  const done: string[] = [];
  let turns = 0;
  const count = (): void => {
    turns += 1;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  const all = [inTurns('a', work('a1', 4, done)), inTurns('a', work('a2', 4, done)), inTurns('a', work('a3', 2, done)), inTurns('b', work('b', 4, done))];
  assert.deepEqual(done.splice(0), ['a1', 'a2', 'a3', 'b']);
  assert.equal(await all[3], 'b');
  assert.deepEqual(done, ['a1', 'b', 'a1', 'b', 'a1', 'b']);
  assert.ok(turns >= 5, String(turns));
  for (const [index, name] of ['a1', 'a2', 'a3', 'b'].entries()) assert.equal(await all[index], name);
  assert.deepEqual(done.slice(6), ['a2', 'a2', 'a2', 'a3']);
  clearImmediate(timer);
});

test('work that fails is told, and ends nobody else\'s', async () => {
  const failing = function* (): Generator<undefined, never> {
    yield;
    throw new Error('no');
  };
  const [failed, other] = [inTurns('a', failing()), inTurns('a', work('b', 3, []))];
  await assert.rejects(Promise.resolve(failed), /^Error: no$/);
  assert.equal(await other, 'b');
});

test('what an owner does alone it does one after another, beside that of others', async () => {
  const began: string[] = [];
  const ends: (() => void)[] = [];
  const wait = (name: string) => (): Promise<string> => new Promise((resolve) => {
    began.push(name);
    ends.push(() => resolve(name));
  });
  const [first, second, failed, other] = [alone('a', wait('a1')), alone('a', wait('a2')), alone('a', () => Promise.reject(new Error('no'))), alone('b', wait('b'))];
  const third = alone('a', wait('a3'));
  await new Promise(setImmediate);
  assert.deepEqual(began, ['a1', 'b']);
  ends[0]?.();
  assert.equal(await first, 'a1');
  ends[1]?.();
  assert.equal(await other, 'b');
  await new Promise(setImmediate);
  assert.deepEqual(began, ['a1', 'b', 'a2']);
  ends[2]?.();
  assert.equal(await second, 'a2');
  await assert.rejects(failed, /^Error: no$/);
  await new Promise(setImmediate);
  ends[3]?.();
  assert.equal(await third, 'a3');
});
