import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { tempFolder } from '../../../test/kit/temp.ts';
import type { HttpCredentialConfig } from '../../config/resolved.ts';
import { createInjector, type Injector } from './injector.ts';
import { headOf, NEVER, testParts, type Parts } from './testdata/parts.ts';
import { CredentialUnavailable } from './unavailable.ts';

const CANARY = 'canary-Z7qk2-value';
const VALUE = { from: 'env', name: 'VALUE' } as const;
const headersOf = async (injector: Injector, sent: [string, string][] = []): Promise<[string, string][]> => {
  const head = headOf({ headers: sent });
  assert.equal(injector.needsBytes, undefined);
  assert.equal(await injector.inject(head, NEVER), undefined);
  return head.headers;
};

test('none changes nothing', async () => {
  const injector = createInjector({ type: 'none' }, testParts());
  assert.deepEqual(injector.owns, []);
  assert.deepEqual(await headersOf(injector, [['Accept', '*/*']]), [['Accept', '*/*']]);
});

test('bearer, basic and header put their value into one header, instead of whatever stood there', async () => {
  const table: readonly [HttpCredentialConfig, string, string][] = [
    [{ type: 'bearer', token: VALUE }, 'authorization', `Bearer ${CANARY}`],
    [{ type: 'basic', username: 'jürgen', password: VALUE }, 'authorization', `Basic ${Buffer.from(`jürgen:${CANARY}`, 'utf8').toString('base64')}`],
    [{ type: 'header', name: 'X-Api-Key', value: VALUE }, 'x-api-key', CANARY],
  ];
  for (const [config, name, value] of table) {
    const injector = createInjector(config, testParts({ VALUE: CANARY }));
    assert.deepEqual(injector.owns, [name]);
    assert.deepEqual(await headersOf(injector, [['Accept', '*/*'], [name.toUpperCase(), 'of the client'], [name, 'again']]), [['Accept', '*/*'], [name, value]]);
  }
});

test('the value is read for each request, so a rotated one serves the next', async () => {
  const parts = testParts({ VALUE: 'one' });
  const injector = createInjector({ type: 'bearer', token: VALUE }, parts);
  assert.deepEqual(await headersOf(injector), [['authorization', 'Bearer one']]);
  parts.set('VALUE', 'two');
  assert.deepEqual(await headersOf(injector), [['authorization', 'Bearer two']]);
  injector.rejected();
  injector.close();
});

test('any password of bytes gets through basic as it is', async () => {
  await fc.assert(fc.asyncProperty(fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !text.includes('\0') && text.isWellFormed()), async (password) => {
    const injector = createInjector({ type: 'basic', username: 'u', password: VALUE }, testParts({ VALUE: password }));
    const [first] = await headersOf(injector);
    const [, value] = first ?? assert.fail('nothing was put on');
    assert.equal(Buffer.from(value.slice('Basic '.length), 'base64').toString('utf8'), `u:${password}`);
  }), { numRuns: 100 });
});

test('what cannot be a header is refused by its reference, never by its value', async () => {
  const broken = `${CANARY}\r\nx-injected: 1`;
  const table: readonly [HttpCredentialConfig, Parts, RegExp][] = [
    [{ type: 'bearer', token: VALUE }, testParts({ VALUE: broken }), /^env:VALUE holds characters that a token cannot have$/],
    [{ type: 'bearer', token: VALUE }, testParts({ VALUE: `${CANARY} ${CANARY}` }), /^env:VALUE holds characters/],
    [{ type: 'bearer', token: VALUE }, testParts(), /^env:VALUE is not set$/],
    [{ type: 'header', name: 'X-Api-Key', value: VALUE }, testParts({ VALUE: broken }), /^env:VALUE holds control characters, which no header can carry$/],
    [{ type: 'header', name: 'Content-Length', value: VALUE }, testParts({ VALUE: CANARY }), /cannot carry a credential$/],
    [{ type: 'header', name: 'host', value: VALUE }, testParts({ VALUE: CANARY }), /cannot carry a credential$/],
    [{ type: 'header', name: 'a b', value: VALUE }, testParts({ VALUE: CANARY }), /cannot carry a credential$/],
    [{ type: 'basic', username: 'a:b', password: VALUE }, testParts({ VALUE: CANARY }), /colon or a control character$/],
    [{ type: 'basic', username: 'ab', password: { from: 'file', path: '/nowhere' } }, testParts(), /^file:\/nowhere cannot be read: ENOENT$/],
  ];
  for (const [config, parts, message] of table) {
    const head = headOf();
    await assert.rejects(async () => createInjector(config, parts).inject(head, NEVER), (error) => {
      assert.ok(error instanceof CredentialUnavailable);
      assert.match(error.message, message);
      assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(CANARY));
      return true;
    });
    assert.deepEqual(head.headers, []);
    assert.ok(!parts.lines.join().includes(CANARY));
  }
});

test('what is at hand is put on at once, and nothing is made that could stop it', () => {
  const never = (): AbortSignal => assert.fail('there is nothing to wait for');
  for (const config of [{ type: 'none' }, { type: 'bearer', token: VALUE }, { type: 'header', name: 'X-Api-Key', value: VALUE }, { type: 'basic', username: 'ci', password: VALUE }] satisfies HttpCredentialConfig[]) {
    const head = headOf();
    assert.equal(createInjector(config, testParts({ VALUE: CANARY })).inject(head, never), undefined);
    assert.equal(head.headers.length, config.type === 'none' ? 0 : 1);
  }
});

test('a file that everybody can read is warned of once', async () => {
  using folder = tempFolder('static');
  const path = folder.file('token');
  writeFileSync(path, `${CANARY}\n`);
  chmodSync(path, 0o644);
  const parts = testParts();
  const injector = createInjector({ type: 'bearer', token: { from: 'file', path } }, parts);
  assert.deepEqual(await headersOf(injector), [['authorization', `Bearer ${CANARY}`]]);
  await headersOf(injector);
  assert.equal(parts.lines.length, 1);
  assert.match(parts.lines[0] ?? '', /can be read by every user/);
  assert.ok(!parts.lines.join().includes(CANARY));
});

test('a request that was given up gets nothing', async () => {
  using folder = tempFolder('static');
  const path = folder.file('token');
  writeFileSync(path, CANARY, { mode: 0o600 });
  const injector = createInjector({ type: 'bearer', token: { from: 'file', path } }, testParts());
  const head = headOf();
  const gone = new Error('the client went away');
  await assert.rejects(async () => injector.inject(head, () => AbortSignal.abort(gone)), gone);
  assert.deepEqual(head.headers, []);
});
