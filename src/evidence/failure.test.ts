import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EvidenceRecord } from './log.ts';
import { openEvidenceLog } from './open.ts';
import { parseLeaf, readLog } from './read.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from './testdata/records.ts';
import { SimDisk, type Fate, type Operation } from './testdata/sim-disk.ts';
import { verify } from './verify/verify.ts';

const about = { folder: '/data/evidence', keysFolder: '/keys', instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 64 * 1024 };

test('a failed sync poisons the log: pending and later tickets fail, and it comes back in a new segment with the same records', async () => {
  let fail = false;
  const fate = ({ kind, path }: Operation): Fate => (fail && kind === 'sync' && path.includes('00000000.seg') ? 'EIO' : 'ok');
  const disk = new SimDisk({ fate });
  const log = await openEvidenceLog({ ...about, disk });
  await durable(log.append(sessionOpen('s1')));
  fail = true;
  const lost = log.append(intent('s1', 1), [statement('select 1')]);
  assert.match((await durable(lost)) ?? 'durable', /could not be made durable: the disk reports an input\/output error; commands are refused/);
  assert.equal(lost.state, 'failed');
  assert.match(log.unavailable ?? '', /new segment, which is tried by itself/);
  assert.equal(log.append(intent('s1', 2)).state, 'failed');
  assert.equal(log.append(sessionClose('s1', 2)).state, 'failed');
  assert.equal(log.stats.poisoned, true);
  fail = false;
  assert.equal(await log.recover(), undefined);
  assert.equal(log.unavailable, undefined);
  await durable(log.append(sessionOpen('s2')));
  await log.close();
  const found = [...disk.files].find(([path]) => path.endsWith('00000001.seg'))?.[1].toString('latin1') ?? '';
  assert.ok(found.includes('"supersedes":'));
  for (const told of ['"kind":"intent"', '"what":"indeterminate"', '"what":"unrecorded"', '"what":"session_lost"']) assert.ok(found.includes(told), told);
});

test('below the reserve only closing records are taken, and the log says why', async () => {
  let full = false;
  const disk = new SimDisk({ fate: ({ kind }) => (full && kind === 'create' ? 'ENOSPC' : 'ok') });
  const alerts: unknown[] = [];
  const log = await openEvidenceLog({ ...about, disk, onAlert: (alert) => alerts.push(alert) });
  full = true;
  assert.equal(log.append(sessionOpen('s1')).state, 'queued');
  let command = 0;
  // Two segments there are; then the next cannot be made.
  for (; log.unavailable === undefined; command += 1) {
    log.append(intent('s1', command + 1));
    assert.equal(await durable(log.append(outcome('s1', command + 1))), undefined);
    assert.ok(command < 1000);
  }
  assert.match(log.unavailable, /down to its reserve \(the disk is full\): only closing records/);
  assert.equal(log.append(sessionOpen('s2')).state, 'failed');
  assert.equal(log.append(intent('s1', command + 1)).state, 'failed');
  let refusals = 0;
  for (; log.append({ kind: 'refusal', session: 's1', code: 'evidence_unavailable' }).state !== 'failed'; refusals += 1) assert.ok(refusals < 1000);
  assert.ok(refusals > 5);
  assert.equal(await durable(log.append(sessionClose('s1', command + 1))), undefined, 'refusals may not use up what closing needs');
  full = false;
  await log.prepare();
  assert.equal(log.unavailable, undefined);
  assert.equal(await durable(log.append(sessionOpen('s3'))), undefined);
  await log.close();
  assert.deepEqual(alerts, []);
});

/** Records of a disk's log, in order. */
const recordsOn = async (disk: SimDisk): Promise<EvidenceRecord[]> => {
  const records: EvidenceRecord[] = [];
  for await (const item of readLog(about.folder, { disk })) if (item.type === 'leaf') records.push(parseLeaf(item).record);
  return records;
};

test('what was refused or done while nothing could be recorded is counted afterwards, also without a session', async () => {
  let fail = false;
  const disk = new SimDisk({ fate: ({ kind, path }) => (fail && kind === 'sync' && path.includes('00000000.seg') ? 'EIO' : 'ok') });
  const log = await openEvidenceLog({ ...about, disk });
  fail = true;
  assert.notEqual(await durable(log.append(sessionOpen('s1'))), undefined);
  for (const count of [2, 3]) log.append({ kind: 'refusal', code: 'bad_token', network: '10.0.0.0/24', count });
  log.append({ kind: 'refusal', code: 'evidence_unavailable', connection: 'billing', identity: 'billing-migrations' });
  log.append(sessionOpen('s2'));
  log.append({ kind: 'revocation', identity: 'billing-migrations', by: 'root' });
  fail = false;
  assert.equal(await log.recover(), undefined);
  await log.close();
  const told = (await recordsOn(disk)).filter((record) => record.kind === 'recovery');
  assert.deepEqual(told, [
    { kind: 'recovery', what: 'session_lost', session: 's1' },
    { kind: 'recovery', what: 'unrecorded', of: 'refusal', count: 6 },
    { kind: 'recovery', what: 'unrecorded', of: 'session_open', count: 1 },
    { kind: 'recovery', what: 'unrecorded', of: 'revocation', count: 1 },
  ]);
});

test('the reason does not grow with each attempt to come back', async () => {
  let fail = false;
  const disk = new SimDisk({ fate: ({ kind }) => (fail && (kind === 'sync' || kind === 'create') ? 'EROFS' : 'ok') });
  const log = await openEvidenceLog({ ...about, disk });
  fail = true;
  assert.notEqual(await durable(log.append(sessionOpen('s1'))), undefined);
  const first = await log.recover();
  assert.match(first ?? '', /could not be made durable: the disk is read-only; commands are refused until .* tried by itself; coming back failed: the disk is read-only$/);
  assert.equal(await log.recover(), first);
  fail = false;
  assert.equal(await log.recover(), undefined);
  await log.close();
});

test('without the key of the day nothing is admitted, and it says why until the key can be had', async () => {
  let fail = false;
  const disk = new SimDisk({ fate: ({ kind, path }) => (fail && kind === 'create' && path.startsWith('/keys/') ? 'EROFS' : 'ok') });
  const log = await openEvidenceLog({ ...about, disk });
  await durable(log.append(sessionOpen('s1')));
  fail = true;
  assert.equal(log.unavailable, undefined, 'nobody has needed it yet');
  assert.equal(log.append(intent('s1', 1), [statement('select 1')]).state, 'failed');
  assert.match(log.unavailable ?? '', /the key that seals what is recorded cannot be had: the disk is read-only; commands are refused until it can/);
  assert.equal(log.append(intent('s1', 2)).state, 'failed');
  await log.prepare();
  assert.match(log.unavailable ?? '', /cannot be had/);
  fail = false;
  await log.prepare();
  assert.equal(log.unavailable, undefined);
  assert.equal(await durable(log.append(intent('s1', 3), [statement('select 3')])), undefined);
  await log.close();
  assert.ok((await recordsOn(disk)).some((record) => record.kind === 'recovery' && record.what === 'unrecorded' && record.command === 1 && record.count === 2));
});

test('free space below 20 % is told', async () => {
  const disk = new SimDisk();
  disk.space = () => Promise.resolve({ free: 19, total: 100 });
  const alerts: unknown[] = [];
  const log = await openEvidenceLog({ ...about, disk, onAlert: (alert) => alerts.push(alert) });
  assert.deepEqual(alerts, [{ kind: 'disk_space', free: 19, total: 100 }]);
  assert.equal(log.stats.free, 19);
  await log.close();
});

test('damage of what was durable, found while coming back, is not written over', async () => {
  let fail = false;
  const disk = new SimDisk({ fate: ({ kind, path }) => (fail && kind === 'sync' && path.includes('00000000.seg') ? 'EIO' : 'ok') });
  const log = await openEvidenceLog({ ...about, disk });
  await durable(log.append(sessionOpen('s1')));
  fail = true;
  await durable(log.append(sessionOpen('s2')));
  const bytes = disk.files.get('/data/evidence/00000000.seg') as Buffer;
  bytes[bytes.indexOf('"session":"s1"') + 12] = 0x7a;
  fail = false;
  assert.match((await log.recover()) ?? '', /cannot be read again as it was written: the disk is damaged/);
  assert.match(log.unavailable ?? '', /disk is damaged/);
  await log.close();
});

const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

test('a real disk that fills up', { skip: mayMount ? false : 'mounting a small file system needs root' }, async (t) => {
  const mount = fs.mkdtempSync(join(tmpdir(), 'wicketgate-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', mount], { stdio: 'pipe' });
  } catch (error) {
    fs.rmdirSync(mount);
    t.skip(`mount is not allowed here: ${(error as Error).message.split('\n')[0]}`);
    return;
  }
  const keysFolder = fs.mkdtempSync(join(tmpdir(), 'wicketgate-keys-'));
  t.after(() => {
    // Lazily: it goes even when the test failed with a file open there.
    execFileSync('umount', ['-l', mount]);
    fs.rmdirSync(mount);
    fs.rmSync(keysFolder, { recursive: true });
  });
  const folder = join(mount, 'log');
  const log = await openEvidenceLog({ ...about, folder, keysFolder, segmentBytes: 256 * 1024 });
  await durable(log.append(sessionOpen('s1')));
  fs.writeFileSync(join(mount, 'ballast'), Buffer.alloc(300 * 1024));
  let command = 0;
  while (log.unavailable === undefined) {
    command += 1;
    log.append(intent('s1', command), [statement(`select ${'x'.repeat(1000)}`)]);
    assert.equal(await durable(log.append(outcome('s1', command))), undefined);
    await log.prepare();
    assert.ok(command < 5000);
  }
  assert.match(log.unavailable, /the disk is full/);
  assert.equal(await durable(log.append(sessionClose('s1', command))), undefined);
  fs.rmSync(join(mount, 'ballast'));
  await log.prepare();
  assert.equal(log.unavailable, undefined);
  assert.equal(await durable(log.append(sessionOpen('s2'))), undefined);
  log.append(sessionClose('s2', 0));
  await log.close();
  const { integrity, completeness } = await verify(folder, { keys: keysFolder });
  assert.deepEqual(integrity, { ok: true });
  assert.equal(completeness.verdict, 'complete', JSON.stringify(completeness.gaps));
});
