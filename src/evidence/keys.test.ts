import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pendingBody, sealBodies } from './bodies.ts';
import type { Disk } from './disk.ts';
import { FRAME_HEADER, parseFrame } from './format.ts';
import { KeysFolder, fileNameOf } from './keys.ts';
import { nodeDisk } from './node-disk.ts';
import { openBodies, SealBroken } from './unseal.ts';

const folderFor = (t: TestContext): string => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'wicketgate-keys-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const seal = (keys: KeysFolder, log: string, ordinal: number, text: string): Buffer => {
  const target = Buffer.alloc(4096);
  sealBodies(target, 0, [pendingBody(keys.forWriting('billing', '2026-11-22'), 'statement', Buffer.from(text))], log, ordinal, 0);
  const frame = parseFrame(target, 0, 0);
  assert.ok(typeof frame === 'object');
  assert.ok(!target.subarray(FRAME_HEADER).includes(text));
  return Buffer.from(frame.payload);
};

test('what is sealed opens with its key, at its own place of its own log only', (t) => {
  const folder = folderFor(t);
  const sealed = seal(KeysFolder.open(nodeDisk, folder, true), 'log', 7, 'select 42');
  const opener = openBodies(folder);
  assert.equal(opener.open('log', 7, sealed)?.[0]?.bytes.toString(), 'select 42');
  assert.throws(() => opener.open('log', 8, sealed), SealBroken);
  assert.throws(() => opener.open('other', 7, sealed), SealBroken);
  const flipped = Buffer.from(sealed);
  flipped[sealed.length - 20] = (flipped[sealed.length - 20] as number) ^ 1;
  assert.throws(() => opener.open('log', 7, flipped), SealBroken);
});

test('a destroyed key is gone: a key made again for the same day does not open it', (t) => {
  const folder = folderFor(t);
  const sealed = seal(KeysFolder.open(nodeDisk, folder, true), 'log', 0, 'select 1');
  fs.rmSync(join(folder, 'sealing/billing/2026-11-22.key'));
  assert.equal(openBodies(folder).open('log', 0, sealed), undefined);
  KeysFolder.open(nodeDisk, folder, true).forWriting('billing', '2026-11-22');
  assert.equal(openBodies(folder).open('log', 0, sealed), undefined);
});

test('files are for their owner only, and a folder without its key-encryption key is refused', (t) => {
  const folder = folderFor(t);
  KeysFolder.open(nodeDisk, folder, true).forWriting('billing', '2026-11-22');
  const key = join(folder, 'sealing/billing/2026-11-22.key');
  for (const path of [key, join(folder, 'sealing.kek')]) assert.equal(fs.statSync(path).mode & 0o777, 0o600);
  fs.chmodSync(key, 0o640);
  assert.throws(() => KeysFolder.open(nodeDisk, folder, true).forWriting('billing', '2026-11-22'), /may be read by others \(mode 640\)/);
  fs.chmodSync(key, 0o600);
  const kek = fs.readFileSync(join(folder, 'sealing.kek'));
  fs.rmSync(join(folder, 'sealing.kek'));
  assert.throws(() => KeysFolder.open(nodeDisk, folder, true), /holds sealing keys but not the sealing\.kek/);
  fs.writeFileSync(join(folder, 'sealing.kek'), `wicketgate-kek-1 ${Buffer.alloc(32, 1).toString('base64')}\n`, { mode: 0o600 });
  assert.throws(() => KeysFolder.open(nodeDisk, folder, true), /2026-11-22\.key cannot be unwrapped with the sealing\.kek of this folder: restore the one that wrapped it/);
  fs.writeFileSync(join(folder, 'sealing.kek'), kek);
  KeysFolder.open(nodeDisk, folder, true).forWriting('billing', '2026-11-22');
});

test('no name of a connection leads out of the folder, and no two share a file', () => {
  assert.equal(fileNameOf('../../etc'), '%2e%2e%2f%2e%2e%2fetc');
  assert.equal(fileNameOf('a/b'), 'a%2fb');
  assert.notEqual(fileNameOf('a%2fb'), fileNameOf('a/b'));
  assert.equal(fileNameOf('billing-eu_1'), 'billing-eu_1');
});

test('two gateways that start on a new folder at once have one key-encryption key, and one data key a day', (t) => {
  for (const moment of ['open', 'link'] as const) {
    const folder = folderFor(t);
    let other: KeysFolder | undefined;
    let meanwhile: (() => void) | undefined = () => {
      other = KeysFolder.open(nodeDisk, folder, true);
    };
    const now = (): void => {
      const act = meanwhile;
      meanwhile = undefined;
      act?.();
    };
    const disk: Disk = {
      ...nodeDisk,
      open: (path, how) => {
        if (moment === 'open' && how === 'create') now();
        return nodeDisk.open(path, how);
      },
      link: (from, to) => {
        if (moment === 'link') now();
        return nodeDisk.link(from, to);
      },
    };
    const own = KeysFolder.open(disk, folder, true);
    assert.ok(other, moment);
    const theirs = other;
    let first = '';
    meanwhile = () => {
      first = theirs.forWriting('billing', '2026-11-22').id;
    };
    const key = own.forWriting('billing', '2026-11-22');
    assert.equal(key.id, first, moment);
    assert.deepEqual(KeysFolder.open(nodeDisk, folder, false).forReading(first), key.secret);
    assert.deepEqual(fs.readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.draft')), []);
  }
});

test('a draft that a crash left is a second name of the key, and goes with the next start', (t) => {
  const folder = folderFor(t);
  KeysFolder.open(nodeDisk, folder, true);
  fs.linkSync(join(folder, 'sealing.kek'), join(folder, 'sealing.kek.0123456789ab.draft'));
  KeysFolder.open(nodeDisk, folder, true);
  assert.deepEqual(fs.readdirSync(folder), ['sealing.kek']);
});

test('a file system without second names takes keys all the same', (t) => {
  const folder = folderFor(t);
  const disk: Disk = { ...nodeDisk, link: () => { throw Object.assign(new Error('EPERM'), { code: 'EPERM' }); } };
  const key = KeysFolder.open(disk, folder, true).forWriting('billing', '2026-11-22');
  assert.deepEqual(KeysFolder.open(disk, folder, true).forReading(key.id), key.secret);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['sealing', 'sealing.kek']);
  assert.deepEqual(fs.readdirSync(join(folder, 'sealing/billing')), ['2026-11-22.key']);
});
