import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { until } from '../../../test/kit/until.ts';
import type { Disk } from '../disk.ts';
import type { EvidenceRecord } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import { openEvidenceLog, type EvidenceAlert, type EvidenceLogOptions } from '../open.ts';
import { parseLeaf, readLog } from '../read.ts';
import { verify } from '../verify/verify.ts';

const place = (t: TestContext): EvidenceLogOptions => {
  const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-duties-'));
  t.after(() => fs.rmSync(base, { recursive: true, force: true }));
  return { folder: join(base, 'evidence'), keysFolder: join(base, 'keys'), instance: 'gw-1', build: 'build', config: 'config', segmentBytes: 256 * 1024 };
};

const recordsOf = async (folder: string): Promise<EvidenceRecord[]> => {
  const records: EvidenceRecord[] = [];
  for await (const item of readLog(folder)) if (item.type === 'leaf') records.push(parseLeaf(item).record);
  return records;
};

/** A clock that runs, and that the test moves on. */
const movable = (): { wall: () => number; monotonic: () => number; pass: (seconds: number) => void; set: (seconds: number) => void } => {
  let passed = 0;
  let set = 0;
  return {
    wall: () => Date.now() + passed * 1000 + set * 1000,
    monotonic: () => Math.floor((performance.now() + passed * 1000) * 1000),
    pass: (seconds) => void (passed += seconds),
    set: (seconds) => void (set += seconds),
  };
};

test('each minute a heartbeat and a sample; after two the whole log, once a day; each result is a record', async (t) => {
  const options = place(t);
  const clock = movable();
  const log = await openEvidenceLog({ ...options, clock });
  t.after(() => log.close());
  const count = async (kind: string, scope?: string): Promise<number> => (await recordsOf(options.folder)).filter((record) => record.kind === kind && (scope === undefined || (record.kind === 'self_check' && record.scope === scope))).length;
  clock.pass(61);
  await until(async () => (await count('heartbeat')) === 1 && (await count('self_check', 'sample')) === 1, 30_000, 'a heartbeat and a sample');
  clock.pass(61);
  await until(async () => (await count('heartbeat')) === 2 && (await count('self_check', 'full')) === 1, 30_000, 'a check of the whole log');
  clock.pass(61);
  await until(async () => (await count('heartbeat')) === 3 && (await count('self_check', 'sample')) >= 2, 30_000, 'another sample');
  assert.equal(await count('self_check', 'full'), 1);
  await log.close();
  const records = await recordsOf(options.folder);
  for (const record of records) if (record.kind === 'self_check') assert.ok(record.ok && record.found === undefined, JSON.stringify(record));
  const beat = records.findLast(({ kind }) => kind === 'heartbeat');
  assert.ok(beat?.kind === 'heartbeat' && beat.sessions === 0 && (beat.size ?? 0) > 2 && (beat.age ?? 99) <= 70, JSON.stringify(beat));
  const again = await openEvidenceLog({ ...options, clock });
  t.after(() => again.close());
  clock.pass(130);
  await until(async () => (await count('heartbeat')) === 4, 30_000, 'a heartbeat of the next run');
  assert.equal(await count('self_check', 'full'), 1, 'checked again within a day');
});

test('a clock that is set is recorded and told, and signing goes on', async (t) => {
  const options = place(t);
  const clock = movable();
  const alerts: EvidenceAlert[] = [];
  const log = await openEvidenceLog({ ...options, clock, onAlert: (alert) => void alerts.push(alert) });
  t.after(() => log.close());
  clock.set(-365 * 86_400);
  await until(() => alerts.some(({ kind }) => kind === 'clock'), 30_000, 'the alert');
  const size = (): number => log.tree.latest()?.size ?? 0;
  const before = size();
  await until(() => size() > before, 30_000, 'a checkpoint over it');
  await log.close();
  const told = (await recordsOf(options.folder)).filter((record) => record.kind === 'clock');
  assert.equal(told.length, 1);
  assert.ok(Math.abs((told[0]?.by ?? 0) + 365 * 86_400_000) < 5000);
  const { integrity, clock: seen } = await verify(options.folder);
  assert.equal(integrity.ok, true, JSON.stringify(integrity));
  assert.ok(seen.setBack >= 1);
});

test('a log that was altered while it runs is found by the check, recorded, and told', async (t) => {
  const options = place(t);
  const clock = movable();
  const alerts: EvidenceAlert[] = [];
  const log = await openEvidenceLog({ ...options, clock, onAlert: (alert) => void alerts.push(alert) });
  t.after(() => log.close());
  for (let i = 0; i < 100; i += 1) log.append({ kind: 'revocation', identity: `identity-${i}`, by: 'somebody' });
  await until(() => (log.tree.latest()?.size ?? 0) > 100, 30_000, 'a checkpoint');
  const path = join(options.folder, '00000000.seg');
  const file = fs.openSync(path, 'r+');
  const at = fs.readFileSync(path).indexOf('identity-50');
  fs.writeSync(file, Buffer.from('identity-99'), 0, 11, at);
  fs.closeSync(file);
  clock.pass(61);
  await until(() => alerts.some(({ kind }) => kind === 'self_check'), 30_000, 'the alert');
  await log.close();
  assert.deepEqual((await verify(options.folder)).integrity.ok, false);
});

test('a keys folder that takes no checkpoint is told; when it does, what was missed is signed', async (t) => {
  const options = place(t);
  const clock = movable();
  const alerts: EvidenceAlert[] = [];
  let full = false;
  const disk: Disk = {
    ...nodeDisk,
    open: (path, how) => {
      if (full && how === 'write' && path.includes('checkpoint-lock')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      return nodeDisk.open(path, how);
    },
  };
  const log = await openEvidenceLog({ ...options, disk, clock, onAlert: (alert) => void alerts.push(alert) });
  t.after(() => log.close());
  full = true;
  log.append({ kind: 'revocation', identity: 'one', by: 'somebody' });
  await until(() => log.tree.problem !== undefined, 30_000, 'the problem');
  assert.match(log.tree.problem ?? '', /no checkpoint could be signed: the disk is full/);
  assert.equal(log.unavailable, undefined);
  const told = (): boolean => {
    clock.pass(1);
    return alerts.some(({ kind }) => kind === 'checkpoint');
  };
  await until(told, 30_000, 'the alert');
  full = false;
  await until(() => log.tree.problem === undefined && log.tree.latest()?.size === log.tree.size, 30_000, 'the checkpoint');
});
