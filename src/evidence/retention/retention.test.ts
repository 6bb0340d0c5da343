import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { RetentionConfig } from '../../config/resolved.ts';
import type { AppendLog } from '../append-log.ts';
import type { EvidenceClock } from '../clock.ts';
import type { Disk } from '../disk.ts';
import { KeysFolder } from '../keys.ts';
import type { EvidenceRecord } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import { openEvidenceLog } from '../open.ts';
import { parseLeaf, readLog } from '../read.ts';
import { sessionTimeline } from '../sessions.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../testdata/records.ts';
import { SimDisk } from '../testdata/sim-disk.ts';
import { openBodies } from '../unseal.ts';
import { verify } from '../verify/verify.ts';
import { planPurge } from './plan.ts';
import { purgeKeys } from './purge.ts';
import { Steward } from './steward.ts';
import { survey } from './survey.ts';
import { surveyInThread } from './survey-thread.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-22T12:00:00Z');
const origin = { file: 'wicketgate.yaml', line: 1 };
const retention: readonly RetentionConfig[] = [
  { connections: ['billing'], recordings: 30 * DAY, origin },
  { connections: ['*'], recordings: 400 * DAY, origin },
];

/** A clock that stands at `at.wall`. */
const clockAt = (at: { wall: number }): EvidenceClock => ({ wall: () => at.wall, monotonic: () => Math.floor(performance.now() * 1000) });

interface Place {
  readonly folder: string;
  readonly keys: string;
  readonly at: { wall: number };
  readonly open: () => Promise<AppendLog>;
}

const place = (t: TestContext): Place => {
  const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-retention-'));
  const logs: AppendLog[] = [];
  t.after(async () => {
    for (const log of logs) await log.close();
    fs.rmSync(base, { recursive: true, force: true });
  });
  const [folder, keys, at] = [join(base, 'data', 'evidence'), join(base, 'keys'), { wall: NOW }];
  const open = async (): Promise<AppendLog> => {
    const log = await openEvidenceLog({ folder, keysFolder: keys, instance: 'gw', build: 'b', config: 'c', segmentBytes: 256 * 1024, clock: clockAt(at) });
    logs.push(log);
    return log;
  };
  return { folder, keys, at, open };
};

/** One session of one command on a connection, some days before NOW. */
const record = async (log: AppendLog, at: { wall: number }, session: string, connection: string, daysAgo: number): Promise<void> => {
  at.wall = NOW - daysAgo * DAY;
  log.append({ ...sessionOpen(session), connection } as EvidenceRecord);
  log.append({ ...intent(session, 1), connection } as EvidenceRecord, [statement(`select 'text of ${session}'`, connection)]);
  log.append(outcome(session, 1));
  assert.equal(await durable(log.append(sessionClose(session, 1))), undefined);
  at.wall = NOW;
};

const stewardOf = (log: AppendLog, folder: string, more: Partial<ConstructorParameters<typeof Steward>[0]> = {}): Steward => new Steward({ log, retention: () => retention, survey: () => survey(folder), now: () => NOW, ...more });

const records = async (folder: string, disk: Disk = nodeDisk): Promise<EvidenceRecord[]> => {
  const found: EvidenceRecord[] = [];
  for await (const item of readLog(folder, { disk })) if (item.type === 'leaf') found.push(parseLeaf(item).record);
  return found;
};

/** Texts of a session: opened, or why not. */
const textsOf = async (folder: string, session: string, keys: string): Promise<string[]> =>
  ((await sessionTimeline(folder, session, openBodies(keys))) ?? []).flatMap(({ bodies }) => bodies.map((body) => ('absent' in body ? body.absent : body.bytes.toString('utf8'))));

const scene = async (t: TestContext): Promise<Place & { readonly log: AppendLog; readonly steward: Steward }> => {
  const here = place(t);
  const log = await here.open();
  await record(log, here.at, 'old', 'billing', 40);
  await record(log, here.at, 'older', 'billing', 41);
  await record(log, here.at, 'other', 'ledger', 40);
  await record(log, here.at, 'young', 'billing', 10);
  await record(log, here.at, 'today', 'billing', 0);
  return { ...here, log, steward: stewardOf(log, here.folder) };
};

test('a plan says what goes and why the rest stays; the most exact retention counts', async (t) => {
  const { log, steward, folder } = await scene(t);
  const plan = await steward.plan();
  const said = (lines: typeof plan.goes): string[] => lines.map(({ connection, day, bodies, why }) => `${connection} ${day} ${bodies} ${why}`);
  assert.deepEqual(said(plan.goes), ['billing 2026-10-12 1 older than its retention', 'billing 2026-10-13 1 older than its retention']);
  assert.deepEqual(said(plan.stays), ['billing 2026-11-12 1 too young until 2026-12-13', 'billing 2026-11-22 1 its day is not over', 'ledger 2026-10-13 1 too young until 2027-11-18']);
  assert.ok(plan.goes.every(({ bytes }) => bytes > 50));
  assert.equal((await stewardOf(log, folder, { retention: () => [] }).plan()).goes.length, 0, 'what no retention names is kept');
  // A sink that has taken the records of the one day and not of the other.
  const next = (await survey(folder)).keys.find(({ id }) => id.startsWith('billing/2026-10-13/'))?.until ?? 0;
  const behind = await stewardOf(log, folder, { sinks: () => [{ name: 'siem', next }] }).plan();
  assert.deepEqual(said(behind.stays).filter((line) => line.includes('siem')), ['billing 2026-10-12 1 not taken yet by siem']);
  assert.deepEqual(said(behind.goes), ['billing 2026-10-13 1 older than its retention']);
  assert.deepEqual(await surveyInThread(folder), await survey(folder), 'the thread reads the same');
  await log.close();
});

test('the day has to be over, and then the whole time of retention', async (t) => {
  const here = place(t);
  const log = await here.open();
  await record(log, here.at, 'one', 'billing', 40);
  const found = await survey(here.folder);
  const present = log.keys.list();
  const goesAt = (now: string): number => planPurge({ survey: found, present, retention, now: Date.parse(now), sinks: [] }).goes.length;
  assert.equal(goesAt('2026-11-12T23:59:59.999Z'), 0, 'the last moment of 2026-10-13 is not yet 30 days ago');
  assert.equal(goesAt('2026-11-13T00:00:00.000Z'), 1);
  assert.equal(goesAt('1999-01-01T00:00:00.000Z'), 0, 'a clock that was set back lets nothing go');
  await log.close();
});

test('a purge destroys the keys it named and no other, is told in the log, and the log still verifies', async (t) => {
  const { log, steward, folder, keys } = await scene(t);
  const { digest, goes } = await steward.plan();
  await assert.rejects(steward.purge({ digest: `${digest.slice(0, 15)}0`.replace(digest.slice(0, 16), 'ffffffffffffffff'), by: 'ops' }), /is not what plan .* said any more/);
  await assert.rejects(steward.purge({ digest: 'ab', by: 'ops' }), /at least 12 characters/);
  assert.equal(log.keys.list().length, 5, 'a refused purge destroys nothing');
  const purged = await steward.purge({ digest: digest.slice(0, 16), by: 'ops' });
  assert.deepEqual({ keys: purged.keys, destroyed: purged.destroyed }, { keys: 2, destroyed: 2 });
  assert.deepEqual(await textsOf(folder, 'old', keys), ['key_destroyed']);
  assert.deepEqual(await textsOf(folder, 'young', keys), ["select 'text of young'"]);
  const told = (await records(folder)).filter((one) => one.kind === 'purge');
  assert.deepEqual(told.map(({ event, keys: ids, by }) => [event, ids, by]), [['begin', goes.map(({ key }) => key), 'ops'], ['done', [], 'ops']]);
  const after = await steward.plan();
  assert.deepEqual(after.gone.map(({ key, record: of }) => [key, of]), goes.map(({ key }) => [key, purged.record]));
  assert.deepEqual([after.goes.length, after.missing.length], [0, 0]);
  await assert.rejects(steward.purge({ digest: after.digest, by: 'ops' }), /nothing would go/);
  await log.close();
  const verdict = await verify(folder, { keys });
  assert.deepEqual(verdict.integrity, { ok: true });
  assert.equal(verdict.completeness.verdict, 'complete');
  assert.equal(verdict.bodies.withoutKey, 2);
  assert.deepEqual(verdict.purges, { purged: [{ record: purged.record, keys: 2, frames: 2 }], unexplained: { frames: 0, keys: [], keyCount: 0 }, thereAgain: [] });
});

test('a hold beats a purge, by connection, by days, by session, and says its name; its end is a record too', async (t) => {
  const { log, steward, folder } = await scene(t);
  const whys = async (): Promise<string[]> => (await steward.plan()).stays.filter(({ stays }) => stays === 'hold').map(({ day, why }) => `${day} ${why}`);
  await steward.hold({ event: 'add', name: 'case-7', by: 'ops', reason: 'Acme v. Example', sessions: ['old'] });
  assert.deepEqual(await whys(), ['2026-10-13 legal hold case-7'], 'of its connection only');
  const held = await steward.plan();
  await steward.hold({ event: 'add', name: 'audit', by: 'ops', reason: 'audit of October', from: '2026-10-01', to: '2026-10-31' });
  assert.deepEqual(await whys(), ['2026-10-12 legal hold audit', '2026-10-13 legal hold case-7, audit', '2026-10-13 legal hold audit']);
  await assert.rejects(steward.purge({ digest: held.digest, by: 'ops' }), /is not what plan/, 'a plan from before the hold');
  assert.equal((await steward.plan()).goes.length, 0);
  await assert.rejects(steward.hold({ event: 'add', name: 'audit', by: 'ops', reason: 'again' }), /there is a hold audit already/);
  await assert.rejects(steward.hold({ event: 'remove', name: 'nobody', by: 'ops', reason: 'x' }), /there is no hold nobody/);
  // Together: whichever is taken first, the key of a held day is never gone.
  await steward.hold({ event: 'remove', name: 'audit', by: 'ops', reason: 'over' });
  const { digest } = await steward.plan();
  const [added, purged] = await Promise.allSettled([steward.hold({ event: 'add', name: 'late', by: 'ops', reason: 'just in time', connections: ['billing'] }), steward.purge({ digest, by: 'ops' })]);
  assert.equal(added.status, 'fulfilled');
  assert.equal(purged.status, 'rejected');
  assert.equal(log.keys.list().length, 5);
  await log.close();
  assert.deepEqual((await survey(folder)).holds.map(({ name }) => name), ['case-7', 'late'], 'the list follows from the log alone');
});

test('a session that is still open holds its connection from its first day on', async (t) => {
  const here = place(t);
  const log = await here.open();
  here.at.wall = NOW - 40 * DAY;
  log.append(sessionOpen('long'));
  await record(log, here.at, 'later', 'billing', 35);
  await record(log, here.at, 'earlier', 'billing', 45);
  const steward = stewardOf(log, here.folder);
  await steward.hold({ event: 'add', name: 'h', by: 'ops', reason: 'r', sessions: ['long'] });
  const { goes, stays } = await steward.plan();
  assert.deepEqual([goes.map(({ day }) => day), stays.map(({ day }) => day)], [['2026-10-08'], ['2026-10-18']]);
  await log.close();
});

test('a restored older data folder stays sealed; a restored older keys folder is found and purged again', async (t) => {
  const { log, steward, folder, keys, open } = await scene(t);
  const copy = join(folder, '..', '..', 'backup');
  fs.cpSync(folder, join(copy, 'evidence'), { recursive: true });
  fs.cpSync(keys, join(copy, 'keys'), { recursive: true });
  assert.deepEqual(await textsOf(join(copy, 'evidence'), 'old', keys), ["select 'text of old'"]);
  await steward.purge({ digest: (await steward.plan()).digest, by: 'ops' });
  await log.close();
  assert.deepEqual(await textsOf(join(copy, 'evidence'), 'old', keys), ['key_destroyed']);
  assert.deepEqual((await verify(join(copy, 'evidence'), { keys })).integrity, { ok: true });
  // The keys of before the purge come back: their backup was kept too long.
  fs.cpSync(join(copy, 'keys', 'sealing'), join(keys, 'sealing'), { recursive: true });
  assert.equal((await verify(folder, { keys })).purges.thereAgain.length, 2, 'verification names them as well');
  const again = await open();
  const plan = await stewardOf(again, folder).plan();
  assert.deepEqual(plan.goes.map(({ why }) => why.replace(/\d+/, 'N')), Array.from({ length: 2 }, () => 'purged before, in record N, and there again'));
  await stewardOf(again, folder).purge({ digest: plan.digest, by: 'ops' });
  assert.deepEqual(await textsOf(folder, 'old', keys), ['key_destroyed']);
  await again.close();
});

test('a key that is gone without a purge record is named as missing', async (t) => {
  const { log, steward, folder, keys } = await scene(t);
  fs.rmSync(join(keys, 'sealing', 'billing', '2026-10-12.key'));
  const { missing, gone } = await steward.plan();
  assert.match(missing.join(), /^billing\/2026-10-12\/[0-9a-f]{8}$/);
  assert.deepEqual(gone, []);
  assert.deepEqual((await verify(folder, { keys })).purges, { purged: [], unexplained: { frames: 1, keys: missing, keyCount: 1 }, thereAgain: [] });
  await log.close();
});

test('requests from elsewhere that make no sense are refused', async (t) => {
  const here = place(t);
  const log = await here.open();
  const steward = stewardOf(log, here.folder);
  const before = (await records(here.folder)).length;
  const good = { event: 'add', name: 'h', by: 'ops', reason: 'r' } as const;
  const bad: unknown[] = [
    undefined,
    {},
    { ...good, name: '../x' },
    { ...good, reason: 'two\nlines' },
    { ...good, reason: 'x'.repeat(201) },
    { ...good, by: 7 },
    { ...good, from: '2026-13-01' },
    { ...good, from: '2026-02-30' },
    { ...good, from: '2026-02-02', to: '2026-02-01' },
    { ...good, connections: [] },
    { ...good, connections: 'billing' },
    { ...good, sessions: [{}] },
    { ...good, event: 'forget' },
  ];
  for (const request of bad) await assert.rejects(steward.hold(request as never), JSON.stringify(request));
  for (const access of [undefined, { act: 'peek', by: 'ops', count: 1 }, { act: 'show', by: 'ops', count: -1 }, { act: 'show', by: 'ops', recording: 'a b', count: 1 }, { act: 'search', by: 'ops', filters: { 'a b': 'x' }, count: 0 }, { act: 'show', count: 1 }]) {
    await assert.rejects(steward.access(access as never), JSON.stringify(access));
  }
  assert.equal((await records(here.folder)).length, before);
  await log.close();
});

test('what was searched for is sealed, not in the leaf', async (t) => {
  const here = place(t);
  const log = await here.open();
  await stewardOf(log, here.folder).access({ act: 'search', by: 'ops', filters: { text: 'ssn 123-45-6789', identity: 'billing' }, count: 3 });
  await log.close();
  let sealed = 0;
  for await (const item of readLog(here.folder)) {
    assert.ok(!item.bytes.includes('123-45'));
    if (item.type === 'leaf' && parseLeaf(item).record.kind === 'access') {
      const { record: found, bodies } = parseLeaf(item);
      assert.deepEqual(found, { kind: 'access', act: 'search', by: 'ops', channel: 'command_line', filters: ['identity', 'text'], count: 3 });
      sealed += bodies?.length ?? 0;
    }
  }
  assert.equal(sealed, 1);
});

test('power cuts and errors at every operation of a purge: no key goes untold, and the next start completes what was begun', async () => {
  const [FOLDER, KEYS] = ['/data/evidence', '/keys'];
  const at = { wall: NOW };
  const openOn = (disk: Disk): Promise<AppendLog> => openEvidenceLog({ folder: FOLDER, keysFolder: KEYS, instance: 'gw', build: 'b', config: 'c', segmentBytes: 64 * 1024, disk, clock: clockAt(at) });
  const run = async (disk: SimDisk, from: { number: number }): Promise<void> => {
    const log = await openOn(disk);
    try {
      await record(log, at, 'one', 'billing', 40);
      await record(log, at, 'two', 'billing', 41);
      const goes = planPurge({ survey: await survey(FOLDER, disk), present: log.keys.list(), retention, now: NOW, sinks: [] }).goes.map(({ key }) => key);
      assert.equal(goes.length, 2);
      from.number = disk.operations;
      await purgeKeys(log, log.keys, 'p'.repeat(64), 'ops', goes).catch(() => undefined);
    } finally {
      await log.close().catch(() => undefined);
    }
  };
  const first = { number: 0 };
  const whole = new SimDisk();
  await run(whole, first);
  const start = first.number;
  let [cases, completed] = [0, 0];
  for (const fate of ['power', 'EIO', 'short'] as const) {
    for (let number = start; number <= whole.operations; number += 1) {
      const disk = new SimDisk({ fate: (operation) => (operation.number === number ? fate : 'ok') });
      await run(disk, { number: 0 });
      for (const keep of [() => false, () => true, (what: string) => what === 'sector', (what: string) => what === 'name']) {
        cases += 1;
        const after = disk.powerCycle(keep);
        const left = KeysFolder.open(after, KEYS, false).list().length;
        const untold = (await records(FOLDER, after)).every((one) => one.kind !== 'purge');
        if (untold) assert.equal(left, 2, `${fate} at ${number}: a key went before its record was durable`);
        const log = await openOn(after);
        const told = await records(FOLDER, after);
        const begun = told.filter((one) => one.kind === 'purge' && one.event === 'begin').length;
        const done = told.filter((one) => one.kind === 'purge' && one.event === 'done').length;
        assert.equal(done, begun, `${fate} at ${number}: what was begun is done after the next start`);
        assert.equal(log.keys.list().length, begun > 0 ? 0 : 2, `${fate} at ${number}`);
        if (begun > 0 && left > 0) completed += 1;
        await log.close();
      }
    }
  }
  assert.ok(cases > 60 && completed > 3, `${cases} cases, ${completed} completed by the next start`);
});
