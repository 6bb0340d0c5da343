import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ApprovalRecord, EvidenceRecord } from '../log.ts';
import { intent, outcome, sessionClose, sessionOpen } from '../testdata/records.ts';
import { makeLog, type MadeRecord } from './testdata/made-log.ts';
import { verify } from './verify.ts';

/* Logs whose chain, checksums and numbers fit, written as an adversary would who may write everything: what the approvals themselves tell. */

const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-approvals-'));
after(() => fs.rmSync(base, { recursive: true, force: true }));

type Base = 'kind' | 'request' | 'session' | 'connection' | 'identity' | 'digest';
type Without<R> = R extends ApprovalRecord ? Omit<R, Base> : never;
const approval = (request: string, event: Without<ApprovalRecord>): EvidenceRecord => ({ kind: 'approval', request, session: 's', connection: 'billing', identity: 'billing-migrations', digest: 'd'.repeat(64), ...event });
const steps = [{ rule: 'p/owners', groups: ['okta/owners'], count: 1 }, { rule: 'p/big', groups: ['okta/dba', 'okta/oncall'], count: 2 }];
const requested = (request: string): EvidenceRecord => approval(request, { event: 'requested', steps, expires: '2026-11-03T10:00:00.000Z' });
const answered = (request: string, groups: readonly string[], verdict: 'approve' | 'deny' | 'force' = 'approve'): EvidenceRecord => approval(request, { event: 'answered', verdict, provider: 'okta', groups, channel: 'terminal' });
const approved = (request: string): EvidenceRecord => approval(request, { event: 'approved', steps });
const asking = { effect: 'require_approval', rules: ['p/owners', 'p/big'], policy: 'p'.repeat(64) };
const ran = (command: number, request?: string): EvidenceRecord[] => [{ ...(intent('s', command) as Extract<EvidenceRecord, { kind: 'intent' }>), decision: asking, ...(request === undefined ? {} : { approval: request }) }, outcome('s', command)];
const start: EvidenceRecord = { kind: 'instance', event: 'start', instance: 'gw-1', build: 'b', config: 'c' };

let folders = 0;
const gapsOf = async (records: readonly EvidenceRecord[], first: EvidenceRecord = start): Promise<string[]> => {
  folders += 1;
  const folder = join(base, String(folders));
  const commands = records.filter(({ kind }) => kind === 'intent').length;
  const all = [first, sessionOpen('s'), ...records, sessionClose('s', commands), { ...start, event: 'stop' }];
  makeLog(folder, 'd/gw-1/00c0ffee', all.map((record, i): MadeRecord => ({ record, wall: Date.UTC(2026, 10, 3) + i, mono: i * 1000 })));
  const { integrity, completeness } = await verify(folder);
  assert.equal(integrity.ok, true);
  assert.equal(completeness.gapCount, completeness.gaps.length);
  // Nothing here is signed: that is said of every log without checkpoints.
  return completeness.gaps.map(({ what }) => what).filter((what) => !what.includes('checkpoint'));
};

const given = [requested('r1'), answered('r1', ['okta/dba']), answered('r1', ['okta/owners', 'okta/dba']), approved('r1')];

test('what was asked, answered, forced and let through is counted', async () => {
  folders += 1;
  const folder = join(base, String(folders));
  const forced = [requested('r2'), answered('r2', ['okta/breakglass'], 'force'), approved('r2')];
  const again = approval('r3', { event: 'requested', steps, expires: '2026-11-03T10:00:00.000Z', again: true });
  const records = [start, sessionOpen('s'), ...given, ...ran(1, 'r1'), ...forced, requested('r3'), again, answered('r3', ['okta/dba'], 'deny'), approval('r3', { event: 'denied' }), sessionClose('s', 1), { ...start, event: 'stop' } as EvidenceRecord];
  makeLog(folder, 'd/gw-1/00c0ffee', records.map((record, i): MadeRecord => ({ record, wall: Date.UTC(2026, 10, 3) + i, mono: i * 1000 })));
  assert.deepEqual((await verify(folder)).counts.approvals, { requests: 3, answers: 4, forced: 1, used: 1 });
});

test('one person counts for several steps; the approval lets one command through', async () => {
  assert.deepEqual(await gapsOf([...given, ...ran(1, 'r1')]), []);
});

test('unused, denied, expired, withdrawn, forced and asked for anew: nothing is missing', async () => {
  assert.deepEqual(await gapsOf([
    ...given,
    requested('r2'), answered('r2', ['okta/dba'], 'deny'), approval('r2', { event: 'denied' }),
    requested('r3'), approval('r3', { event: 'expired', state: 'pending' }),
    requested('r4'), approval('r4', { event: 'withdrawn' }),
    requested('r5'), answered('r5', ['okta/breakglass'], 'force'), approved('r5'), ...ran(1, 'r5'),
    requested('r1'), answered('r1', ['okta/oncall']), approved('r1'), ...ran(2, 'r1'),
  ]), []);
});

test('an answer that is taken out is missed', async () => {
  for (const at of [1, 2]) {
    assert.match((await gapsOf([...given.filter((_, i) => i !== at), ...ran(1, 'r1')])).join('; '), /request r1 is approved, and of the [12] answers that p\/(?:big|owners) takes [01] (?:is|are) there/);
  }
});

test('the request, or its approval, taken out', async () => {
  assert.match((await gapsOf([...given.slice(1), ...ran(1, 'r1')])).join('; '), /request r1 is answered, and no record says that it was made.*command 1 was let through by the approval r1, which nobody gave/);
  assert.deepEqual(await gapsOf([...given.slice(0, 2), ...ran(1, 'r1')]), ['command 1 was let through by the approval r1, which was still waiting for answers']);
});

test('an approval that is used twice', async () => {
  assert.deepEqual(await gapsOf([...given, ...ran(1, 'r1'), ...ran(2, 'r1')]), ['command 2 was let through by the approval r1, which another command had used already']);
});

test('a command put in under an approval that was denied, that expired, or that nobody gave', async () => {
  const denied = [requested('r1'), answered('r1', ['okta/dba'], 'deny'), approval('r1', { event: 'denied' })];
  assert.deepEqual(await gapsOf([...denied, ...ran(1, 'r1')]), ['command 1 was let through by the approval r1, which was denied']);
  assert.deepEqual(await gapsOf([...given, approval('r1', { event: 'expired', state: 'approved' }), ...ran(1, 'r1')]), ['command 1 was let through by the approval r1, which was expired']);
  assert.deepEqual(await gapsOf([...ran(1, 'made-up')]), ['command 1 was let through by the approval made-up, which nobody gave']);
});

test('a command that needs an approval and names none', async () => {
  assert.deepEqual(await gapsOf(ran(1)), ['command 1 was let through without an approval, although its decision asks for one']);
});

test('an approval of another connection, or of something else than was asked', async () => {
  const [command, end] = ran(1, 'r1') as [EvidenceRecord, EvidenceRecord];
  assert.deepEqual(await gapsOf([...given, { ...command, connection: 'payroll' } as EvidenceRecord, end]), ['command 1 was let through by the approval r1, which is for another connection']);
  const swapped = { ...answered('r1', ['okta/owners', 'okta/dba']), digest: 'e'.repeat(64) } as EvidenceRecord;
  assert.deepEqual(await gapsOf([...given.slice(0, 2), swapped, approved('r1'), ...ran(1, 'r1')]), ['the approval request r1 is answered with another digest than it was made with']);
});

test('denied by nobody; answered when it is over; without a word on what it took', async () => {
  assert.deepEqual(await gapsOf([requested('r1'), approval('r1', { event: 'denied' })]), ['the approval request r1 is denied, and no answer denies it']);
  assert.deepEqual(await gapsOf([...given, ...ran(1, 'r1'), answered('r1', ['okta/dba'])]), ['the approval request r1 is answered after it was used']);
  assert.deepEqual(await gapsOf([requested('r1'), approval('r1', { event: 'approved', steps: [] })]), ['the approval request r1 is approved, and its record does not say what that took']);
});

test('a log that took the place of another: what was asked there is believed once', async () => {
  const follows: EvidenceRecord = { ...start, follows: { log: 'd/gw-1/00000001', size: 9, root: Buffer.alloc(32).toString('base64') } };
  assert.deepEqual(await gapsOf([answered('r0', ['okta/dba']), approved('r0'), ...ran(1, 'r0')], follows), []);
  assert.deepEqual(await gapsOf(ran(1, 'r0'), follows), []);
  assert.deepEqual(await gapsOf([...ran(1, 'r0'), ...ran(2, 'r0')], follows), ['command 2 was let through by the approval r0, which another command had used already']);
});

/** The run was killed, and the next one goes on. */
const crash: EvidenceRecord[] = [start, { kind: 'recovery', what: 'session_lost', session: 's' }, sessionOpen('s')];

test('a crash can take the request or the word that it was approved, but no answer', async () => {
  assert.deepEqual(await gapsOf([...given.slice(0, 3), ...crash, ...ran(1, 'r1')]), []);
  assert.deepEqual(await gapsOf([...crash, ...given.slice(1), ...ran(1, 'r1')]), []);
  assert.deepEqual(await gapsOf([...crash, ...given.slice(1, 3), ...ran(1, 'r1')]), []);
  assert.deepEqual(await gapsOf([...given.slice(0, 2), ...crash, ...ran(1, 'r1')]), ['command 1 was let through by the approval r1, which was still waiting for answers']);
  assert.deepEqual(await gapsOf([...crash, ...ran(1, 'r1')]), ['command 1 was let through by the approval r1, which nobody gave']);
  assert.match((await gapsOf([...crash, given[1] as EvidenceRecord, approved('r1')])).join('; '), /of the 1 answers that p\/owners takes 0 are there/);
});

test('records that the gateway says it could not write are believed once', async () => {
  const unrecorded: EvidenceRecord = { kind: 'recovery', what: 'unrecorded', of: 'approval', count: 2 };
  assert.deepEqual(await gapsOf([...given.slice(0, 1), unrecorded, ...ran(1, 'r1')]), []);
  assert.deepEqual(await gapsOf([...given.slice(0, 1), unrecorded, ...ran(1, 'r1'), ...ran(2, 'r1')]), ['command 2 was let through by the approval r1, which another command had used already']);
});

test('more requests than a gateway holds, and hostile forms: bounded, and said once', async () => {
  const many = Array.from({ length: (1 << 15) + 20 }, (_, i) => requested(`r${i}`));
  assert.deepEqual(await gapsOf([...many, ...ran(1, `r${many.length - 1}`)]), ['more than 32768 approval requests stand open: the others are not followed']);
  const odd = { kind: 'approval', event: 'x'.repeat(9_000), request: { a: 1 }, steps: 'no' } as unknown as EvidenceRecord;
  assert.ok((await gapsOf([odd])).every((what) => what.length < 500));
});
