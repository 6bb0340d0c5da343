import assert from 'node:assert/strict';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { tempFolder } from '../../test/kit/temp.ts';
import { createSecrets, MAX_SECRET_BYTES, SecretUnavailable } from './secrets.ts';

const VALUE = 'correct horse battery';
const secrets = createSecrets({ PASSWORD: VALUE, EMPTY: '', HUGE: 'x'.repeat(MAX_SECRET_BYTES + 1) });
const read = async (ref: Parameters<typeof secrets.lease>[0]): Promise<string> => (await secrets.lease(ref)).use((value) => value.toString());

test('a value is given once, and overwritten after', async () => {
  const lease = await secrets.lease({ from: 'env', name: 'PASSWORD' });
  let kept: Buffer = Buffer.alloc(0);
  assert.equal(lease.use((value) => ((kept = value), value.toString())), VALUE);
  assert.deepEqual(kept, Buffer.alloc(VALUE.length));
  assert.throws(() => lease.use(() => 0), /env:PASSWORD was used already/);
});

test('it is overwritten too when the use throws, rejects, resolves later, or never happens', async () => {
  let kept: Buffer = Buffer.from('x');
  const take = async () => secrets.lease({ from: 'env', name: 'PASSWORD' });
  const failing = await take();
  assert.throws(() => failing.use((value) => { kept = value; throw new Error('no'); }), /^Error: no$/);
  assert.ok(kept.every((byte) => byte === 0));

  const later = Promise.withResolvers<void>();
  const waiting = (await take()).use(async (value) => { kept = value; await later.promise; return value.toString(); });
  assert.equal(kept.toString(), VALUE, 'still there while the use goes on');
  later.resolve();
  assert.equal(await waiting, VALUE);
  assert.ok(kept.every((byte) => byte === 0));

  await assert.rejects((await take()).use(async (value) => { kept = value; throw new Error('no'); }));
  assert.ok(kept.every((byte) => byte === 0));

  const unused = await take();
  unused[Symbol.dispose]();
  assert.throws(() => unused.use(() => 0));
});

test('it cannot be printed', async () => {
  const lease = await secrets.lease({ from: 'env', name: 'PASSWORD' });
  const holder = { lease, list: [lease] };
  for (const text of [String(lease), lease.toString(), JSON.stringify(holder), inspect(holder, { depth: 9, showHidden: true, customInspect: true }), inspect(lease, { customInspect: false, showHidden: true }), format('%s %o %j %O', lease, lease, lease, lease)]) {
    assert.ok(!text.includes(VALUE) && !text.includes(Buffer.from(VALUE).toString('hex').slice(0, 12)), text);
  }
  assert.equal(JSON.stringify(holder), '{"lease":"[secret]","list":["[secret]"]}');
  assert.equal(inspect(lease), '[secret]');
  assert.deepEqual(Object.keys(lease).sort(), ['reference', 'warning']);
});

test('a file is read again each time, without its last line end', async () => {
  using folder = tempFolder('secret');
  const path = folder.file('password');
  for (const [content, value] of [['one', 'one'], ['two\n', 'two'], ['three\r\n', 'three'], ['four\n\n', 'four\n'], [' five ', ' five ']] as const) {
    writeFileSync(`${path}.new`, content, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    assert.equal(await read({ from: 'file', path }), value);
  }
});

test('a file that everybody can read works, with a warning', async () => {
  using folder = tempFolder('secret');
  const path = folder.file('password');
  writeFileSync(path, VALUE, { mode: 0o600 });
  assert.equal((await secrets.lease({ from: 'file', path })).warning, undefined);
  chmodSync(path, 0o644);
  const { warning } = await secrets.lease({ from: 'file', path });
  assert.match(warning ?? '', /can be read by every user/);
  assert.ok(!warning?.includes(VALUE));
});

test('what cannot be used is refused by its reference', async () => {
  using folder = tempFolder('secret');
  const huge = folder.file('huge');
  writeFileSync(huge, VALUE.repeat(5000));
  const empty = folder.file('empty');
  writeFileSync(empty, '\n');
  const table: [Parameters<typeof secrets.lease>[0], RegExp][] = [
    [{ from: 'env', name: 'MISSING' }, /^env:MISSING is not set$/],
    [{ from: 'env', name: 'EMPTY' }, /^env:EMPTY is empty$/],
    [{ from: 'env', name: 'HUGE' }, /^env:HUGE is larger than 64 KiB$/],
    [{ from: 'file', path: '/nowhere/at/all' }, /^file:\/nowhere\/at\/all cannot be read: ENOENT$/],
    [{ from: 'file', path: folder.path }, /is not a file$|cannot be read: EISDIR$/],
    [{ from: 'file', path: huge }, /is larger than 64 KiB$/],
    [{ from: 'file', path: empty }, /is empty$/],
  ];
  for (const [ref, message] of table) {
    await assert.rejects(async () => secrets.lease(ref), (error) => {
      assert.ok(error instanceof SecretUnavailable);
      assert.match(error.message, message);
      assert.ok(!inspect(error, { depth: 9 }).includes(VALUE));
      return true;
    });
  }
});

test('a value of exactly the largest size works', async () => {
  using folder = tempFolder('secret');
  const path = folder.file('large');
  writeFileSync(path, 'x'.repeat(MAX_SECRET_BYTES));
  assert.equal((await read({ from: 'file', path })).length, MAX_SECRET_BYTES);
});
