import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { missingLogs, predecessors } from './deployment.ts';
import { parseVkey } from './note.ts';
import { checkpointOf, checkpointText, makeKey, makeLog, rotationNote, storeCheckpoints, type MadeLog, type MadeRecord, type NoteKey } from './testdata/made-log.ts';
import { verify, type Verdict } from './verify.ts';

const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-timeline-'));
after(() => fs.rmSync(base, { recursive: true, force: true }));

const LOG = 'prod/gw-1/00c0ffee';
const NOON = Date.UTC(2026, 10, 3, 12);
const key = makeKey(LOG);
const start = { kind: 'instance', event: 'start', instance: 'gw-1', build: 'b', config: 'c' };
const stop = { ...start, event: 'stop' };
const first = { kind: 'key_event', event: 'first', vkey: key.vkey };
const beat = { kind: 'heartbeat', sessions: 0 };

/** A record so many seconds after noon by the wall and by the run's clock. */
const at = (record: MadeRecord['record'], wall: number, mono = wall): MadeRecord => ({ record, wall: NOON + wall * 1000, mono: mono * 1_000_000 });

let made = 0;
const logOf = (records: readonly MadeRecord[], signedBy: readonly NoteKey[] = [key], name = LOG): { readonly folder: string; readonly log: MadeLog } => {
  const folder = join(base, String((made += 1)));
  const log = makeLog(folder, name, records);
  if (signedBy.length > 0) storeCheckpoints(folder, [{ note: checkpointOf(log, records.length, ...signedBy), wall: NOON }]);
  return { folder, log };
};
const verdictOf = async (records: readonly MadeRecord[], signedBy?: readonly NoteKey[]): Promise<Verdict> => verify(logOf(records, signedBy).folder);
const gapsOf = (verdict: Verdict): string => verdict.completeness.gaps.map(({ what }) => what).join('\n');

test('a run that goes silent for more than three minutes is named, with the time', async () => {
  assert.equal(gapsOf(await verdictOf([at(start, 0), at(first, 0), at(beat, 60), at(beat, 230), at(stop, 300)])), '');
  const silent = await verdictOf([at(start, 0), at(first, 0), at(beat, 60), at(beat, 900), at(stop, 901)]);
  assert.equal(silent.completeness.verdict, 'incomplete');
  assert.match(gapsOf(silent), /wrote nothing, not even a heartbeat, for 14 min: from 2026-11-03T12:01:00\.000Z to 2026-11-03T12:15:00\.000Z/);
  assert.equal(silent.completeness.gaps[0]?.sequence, 3);
  assert.match(gapsOf(await verdictOf([at(start, 0), at(first, 0), at(stop, 200)])), /for 200 s/, 'also before the first heartbeat');
});

test('between two runs, and in logs from before there were heartbeats, silence is nothing', async () => {
  assert.equal(gapsOf(await verdictOf([at(start, 0), at(first, 0), at(stop, 1), at(start, 9000, 0), at(stop, 9001, 1)])), '');
  assert.equal(gapsOf(await verdictOf([at(start, 0), at(first, 0), at(start, 9000, 0), at(stop, 9001, 1)])), '', 'killed, and started again later');
  assert.equal(gapsOf(await verdictOf([at(start, 0), at(stop, 9000)], [])), '');
});

test('a clock that is set is told, and is no silence', async () => {
  const year = 365 * 86_400;
  const back = await verdictOf([at(start, 0), at(first, 0), at(beat, 60), at(beat, 120 - year, 120), at(beat, 180 - year, 180), at(stop, 190 - year, 190)]);
  assert.equal(back.completeness.verdict, 'complete');
  assert.deepEqual(back.clock, { setBack: 1, stepCount: 1, steps: [{ sequence: 3, by: (60 - year) * 1000, from: '2026-11-03T12:01:00.000Z', to: '2025-11-03T12:02:00.000Z' }] });
  const forth = await verdictOf([at(start, 0), at(first, 0), at(beat, 3600, 60), at(stop, 3610, 70)]);
  assert.deepEqual([forth.completeness.verdict, forth.clock.setBack, forth.clock.steps[0]?.by], ['complete', 0, 3_540_000]);
  const between = await verdictOf([at(start, 0), at(first, 0), at(stop, 10), at(start, -500, 0), at(stop, -490, 10)]);
  assert.deepEqual([between.clock.setBack, between.clock.steps[0]?.sequence], [1, 3]);
});

test('a log that signs but whose checkpoints are gone, or that goes on without any', async () => {
  assert.match(gapsOf(await verdictOf([at(start, 0), at(first, 0), at(beat, 60), at(beat, 120), at(beat, 180), at(stop, 200)], [])), /signed since record 1, but no checkpoint covers records 0 to 5/);
  const records = [at(start, 0), at(first, 0), at(beat, 60), at(beat, 120), at(beat, 180), at(beat, 240), at(stop, 260)];
  const { folder, log } = logOf(records, []);
  storeCheckpoints(folder, [{ note: checkpointOf(log, 2, key), wall: NOON }]);
  assert.match(gapsOf(await verify(folder)), /no checkpoint covers records 2 to 6, written over 3 min/);
  assert.equal(gapsOf(await verdictOf([at(start, 0), at(first, 0), at(beat, 60)], [])), '', 'a crash before the first checkpoint');
});

test('a key that was rotated: each checkpoint by the key of its time, and the auditor may know either', async () => {
  const next = makeKey(LOG);
  const rotated = { kind: 'key_event', event: 'rotated', vkey: next.vkey, note: rotationNote(LOG, key, next) };
  const { folder, log } = logOf([at(start, 0), at(first, 0), at(beat, 60), at(rotated, 61), at(beat, 120), at(stop, 121)], []);
  const store = (...notes: readonly string[]): void => {
    fs.rmSync(join(folder, 'tlog'), { recursive: true, force: true });
    storeCheckpoints(folder, notes.map((note) => ({ note, wall: NOON })));
  };
  store(checkpointOf(log, 3, key), checkpointOf(log, 4, key, next), checkpointOf(log, 6, next));
  for (const trusted of [key, next]) {
    const verdict = await verify(folder, { trust: { keys: [parseVkey(trusted.vkey)], policy: undefined } });
    assert.deepEqual([verdict.integrity.ok, verdict.completeness.verdict, verdict.checkpoints.key, verdict.checkpoints.rotations, verdict.checkpoints.vkey], [true, 'complete', 'given', 1, next.vkey]);
  }
  store(checkpointOf(log, 3, key), checkpointOf(log, 6, key));
  assert.match((await verify(folder)).integrity.fault?.what ?? '', /tlog\/checkpoint is not signed by the key that the log had then/);
  const forged = logOf([at(start, 0), at(first, 0), at({ ...rotated, note: rotationNote(LOG, next, next) }, 1), at(stop, 2)], [next]);
  assert.match((await verify(forged.folder)).integrity.fault?.what ?? '', /the key before did not sign the rotation/);
});

test('logs that the rosters name, and the log whose place one took', async () => {
  const others = ['prod/gw-2/0badcafe', 'prod/gw-3'];
  const here = await verdictOf([at({ ...start, roster: [LOG, ...others] }, 0), at(first, 0), at(stop, 1)]);
  assert.deepEqual(missingLogs([here]), others.map((log) => ({ log, namedBy: LOG })));
  const named = (log: string): Verdict => ({ ...here, log, roster: [] });
  assert.deepEqual(missingLogs([here, named('prod/gw-2/0badcafe'), named('prod/gw-3/12345678')]), []);
  assert.equal(missingLogs([here, named('prod/gw-2/00000000'), named('prod/gw-33/12345678')]).length, 2);

  const before = logOf([at(start, 0), at(first, 0), at(beat, 60), at(stop, 61)]);
  const follows = (size: number): string => logOf([at({ ...start, follows: { log: LOG, size, root: checkpointText(before.log, Math.min(size, 4)).split('\n')[2] } }, 100, 0), at(stop, 101, 1)], [], 'prod/gw-1/11111111').folder;
  assert.deepEqual(missingLogs([await verify(follows(3))]), [{ log: LOG, namedBy: 'prod/gw-1/11111111' }]);
  assert.equal((await verify(before.folder, { kept: predecessors([before.folder, follows(3)]) })).checkpoints.kept, 1);
  assert.match(gapsOf(await verify(before.folder, { kept: predecessors([follows(9)]) })), /the tail is missing: the first record of prod\/gw-1\/11111111, which took its place covers 9 records, the log has 4/);
});
