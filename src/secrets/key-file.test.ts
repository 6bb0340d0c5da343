import assert from 'node:assert/strict';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { tempFolder } from '../../test/kit/temp.ts';
import { keyFile } from './key-file.ts';

test('a key is made once, for its owner only, and is the same ever after', () => {
  using folder = tempFolder('key');
  const path = folder.file('mask.key');
  const key = keyFile(path);
  assert.equal(key.length, 32);
  assert.ok(key.some((byte) => byte !== 0));
  assert.deepEqual(keyFile(path), key);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder.path), ['mask.key']);
});

test('a key that others can read, or that is damaged, is refused and left as it is', () => {
  using folder = tempFolder('key');
  const path = folder.file('mask.key');
  keyFile(path);
  chmodSync(path, 0o640);
  assert.throws(() => keyFile(path), /can be read by other users/);
  chmodSync(path, 0o600);
  writeFileSync(path, 'short');
  assert.throws(() => keyFile(path), /is damaged/);
});
