import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { KeysUnusable } from '../keys.ts';
import { FolderTaken } from '../lock.ts';
import { nodeDisk } from '../node-disk.ts';
import { openEvidenceLog } from '../open.ts';
import { durable, sessionOpen } from '../testdata/records.ts';
import { verify } from '../verify/verify.ts';
import { restartLog } from './restart-log.ts';
import { LogForked } from './restore.ts';
import { append, copy, entriesOf, leavesIn, noteIn, place, shown } from './testdata/logs.ts';

test('an older copy of the log is refused and left as it is; restart-log begins a new one that names it', async (t) => {
  const options = place(t);
  await append(options, 300);
  const older = join(options.base, 'older');
  copy(options.folder, older);
  await append(options, 300, 'later');
  const { size, root, origin } = shown(options.folder);
  fs.rmSync(options.folder, { recursive: true });
  copy(older, options.folder);
  const before = fs.readFileSync(join(options.folder, '00000000.seg'));
  await assert.rejects(openEvidenceLog(options), (error: Error) => error instanceof LogForked && /ends after \d+ records, but a checkpoint over \d+ records was signed.*restart-log/s.test(error.message));
  assert.ok(fs.readFileSync(join(options.folder, '00000000.seg')).equals(before));
  const restarted = await restartLog(nodeDisk, options.base, options.keysFolder);
  assert.equal(restarted.ended, origin);
  assert.equal(restarted.signed, size);
  assert.ok(fs.readFileSync(join(restarted.aside, '00000000.seg')).equals(before));
  await append(options, 3, 'new');
  await append(options, 3, 'again');
  const leaves = await leavesIn(options.folder);
  const starts = leaves.map(({ record }) => record).filter((record) => record.kind === 'instance' && record.event === 'start');
  assert.deepEqual(starts[0]?.kind === 'instance' && starts[0].follows, { log: origin, size, root: root.toString('base64') });
  assert.deepEqual(starts[0]?.kind === 'instance' && starts[0].roster, [origin, restarted.log].sort());
  assert.ok(starts[1]?.kind === 'instance' && starts[1].follows === undefined);
});

test('restart-log that was killed between its two renames: no log is begun that does not name the one before', async (t) => {
  const options = place(t);
  await append(options, 3);
  const { size, origin } = shown(options.folder);
  const rename = (from: string, to: string): void => {
    if (from.endsWith('evidence.new')) throw new Error('killed');
    nodeDisk.rename(from, to);
  };
  await assert.rejects(restartLog({ ...nodeDisk, rename }, options.base, options.keysFolder), /killed/);
  await assert.rejects(openEvidenceLog(options), /restart-log" left when it was interrupted: run it again/);
  assert.equal(fs.existsSync(options.folder), false);
  // Whoever made it in the meantime did not begin a log.
  fs.mkdirSync(options.folder);
  const restarted = await restartLog(nodeDisk, options.base, options.keysFolder);
  assert.deepEqual([restarted.ended, restarted.signed], [origin, size]);
  await append(options, 1);
  const [first] = await leavesIn(options.folder);
  assert.ok(first?.record.kind === 'instance' && first.record.follows?.log === origin);
});

test('a copy that went another way is refused', async (t) => {
  const options = place(t);
  await append(options, 300);
  const other = join(options.base, 'other');
  copy(options.folder, other);
  const keys = join(options.base, 'keys-then');
  copy(options.keysFolder, keys);
  await append(options, 10, 'here');
  await append({ ...options, folder: other, keysFolder: keys }, 400, 'there');
  fs.rmSync(options.folder, { recursive: true });
  fs.renameSync(other, options.folder);
  await assert.rejects(openEvidenceLog(options), (error: Error) => error instanceof LogForked && /are not those that were signed/.test(error.message));
});

test('two gateways on copies of one folder: the second does not start while the first runs', async (t) => {
  const options = place(t);
  await append(options, 10);
  const other = join(options.base, 'other');
  copy(options.folder, other);
  const log = await openEvidenceLog(options);
  t.after(() => log.close());
  await assert.rejects(openEvidenceLog({ ...options, folder: other }), (error: Error) => error instanceof FolderTaken && /a copy of this log/.test(error.message));
});

test('a checkpoint that this process did not sign stops it: nothing more is signed or admitted', async (t) => {
  const options = place(t);
  await append(options, 10);
  const keys = join(options.base, 'keys-then');
  const other = join(options.base, 'other');
  copy(options.keysFolder, keys);
  copy(options.folder, other);
  await append({ ...options, folder: other, keysFolder: keys }, 20, 'there');
  const log = await openEvidenceLog(options);
  // Another machine on a shared keys folder, whose process lock this machine does not see.
  for (const name of fs.readdirSync(join(keys, 'checkpoint-lock'))) for (const file of ['0', '1']) fs.copyFileSync(join(keys, 'checkpoint-lock', name, file), join(options.keysFolder, 'checkpoint-lock', name, file));
  const held = noteIn(options.folder);
  assert.equal(await durable(log.append(sessionOpen('one'))), undefined);
  await assert.rejects(log.tree.sign());
  assert.match(log.unavailable ?? '', /did not sign: two gateways write to copies of the log/);
  assert.match((await durable(log.append(sessionOpen('two')))) ?? '', /two gateways/);
  await log.close();
  assert.equal(noteIn(options.folder), held);
  await assert.rejects(openEvidenceLog(options), LogForked);
});

test('the keys folder must be the one that belongs to the log', async (t) => {
  const options = place(t);
  await append(options, 10);
  await assert.rejects(openEvidenceLog({ ...options, keysFolder: join(options.base, 'others') }), (error: Error) => error instanceof KeysUnusable && /knows of none of/.test(error.message));
  const [name = ''] = fs.readdirSync(join(options.keysFolder, 'signing'));
  const key = join(options.keysFolder, 'signing', name, 'current.skey');
  fs.chmodSync(key, 0o644);
  await assert.rejects(openEvidenceLog(options), /can be read by others/);
  fs.rmSync(key);
  await assert.rejects(openEvidenceLog(options), (error: Error) => error instanceof KeysUnusable && /restore/.test(error.message));
  for (const file of ['0', '1']) fs.writeFileSync(join(options.keysFolder, 'checkpoint-lock', name, file), 'x'.repeat(4096));
  await assert.rejects(openEvidenceLog(options), /cannot be read: restore the keys folder/);
});

test('one place of the lock torn: the other one counts', async (t) => {
  const options = place(t);
  await append(options, 10);
  const [name = ''] = fs.readdirSync(join(options.keysFolder, 'checkpoint-lock'));
  const places = ['0', '1'].map((file) => join(options.keysFolder, 'checkpoint-lock', name, file));
  const newest = places.toSorted((a, b) => Number(fs.readFileSync(b, 'utf8').split('\n')[1]) - Number(fs.readFileSync(a, 'utf8').split('\n')[1]))[0] as string;
  const bytes = fs.readFileSync(newest);
  bytes[200] = (bytes[200] as number) ^ 1;
  fs.writeFileSync(newest, bytes);
  await append(options, 10, 'again');
  assert.equal(shown(options.folder).size, (await entriesOf(options.folder)).length);
});

test('an older keys folder with the newer log: the log contains what it knows, so it goes on', async (t) => {
  const options = place(t);
  await append(options, 300);
  const older = join(options.base, 'older-keys');
  copy(options.keysFolder, older);
  await append(options, 300, 'later');
  fs.rmSync(options.keysFolder, { recursive: true });
  copy(older, options.keysFolder);
  await append(options, 10, 'again');
  assert.equal(shown(options.folder).size, (await leavesIn(options.folder)).length);
  const { integrity } = await verify(options.folder);
  assert.equal(integrity.ok, true, JSON.stringify(integrity));
});

test('another log on the same keys folder is in the roster, also when its folder is gone', async (t) => {
  const options = place(t);
  await append(options, 5);
  const [first] = await leavesIn(options.folder);
  fs.rmSync(options.folder, { recursive: true });
  await append({ ...options, folder: join(options.base, 'another') }, 5);
  const [start] = await leavesIn(join(options.base, 'another'));
  assert.ok(start?.record.kind === 'instance');
  assert.deepEqual(start.record.roster, [first?.log ?? '', start.log].sort());
});
