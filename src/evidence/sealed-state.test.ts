import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tempFolder } from '../../test/kit/temp.ts';
import { KeysFolder } from './keys.ts';
import { nodeDisk } from './node-disk.ts';
import { openState, sealState } from './sealed-state.ts';

test('what is sealed opens with its key, and with nothing else', () => {
  using folder = tempFolder('sealed-state');
  const keys = KeysFolder.open(nodeDisk, folder.file('keys'), true);
  const secret = Buffer.from('DROP TABLE customers -- canary');
  const sealed = sealState(keys, 'billing', '2026-11-22', secret);
  assert.deepEqual(Buffer.from(openState(keys, sealed) ?? []), secret);
  assert.ok(!Buffer.from(sealed).includes('canary'));
  for (let at = 0; at < sealed.length; at += 1) {
    const altered = Uint8Array.from(sealed);
    altered[at] = (altered[at] as number) ^ 1;
    let opened: Uint8Array | undefined;
    try {
      opened = openState(keys, altered);
    } catch {
      // Said, not opened.
    }
    assert.equal(opened, undefined, `byte ${at}`);
    if (at > 0) assert.throws(() => openState(keys, sealed.subarray(0, Math.min(at, 3))));
  }
  const [id] = keys.list();
  keys.destroy(id as string);
  assert.equal(openState(keys, sealed), undefined, 'its key is gone');
});
