import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ApprovalRecord, Body, EvidenceRecord } from '../log.ts';
import { openEvidenceLog } from '../open.ts';
import { durable, intent, outcome, sessionClose, sessionOpen } from '../testdata/records.ts';
import { check, filesOf, FROM, makePack, packAgain, TO } from './testdata/packs.ts';

const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-pack-approvals-'));
after(() => fs.rmSync(base, { recursive: true, force: true }));
const out = join(base, 'pack.zip');

type Base = 'kind' | 'request' | 'session' | 'connection' | 'identity' | 'digest';
type Without<R> = R extends ApprovalRecord ? Omit<R, Base> : never;
const approval = (request: string, event: Without<ApprovalRecord>): EvidenceRecord => ({ kind: 'approval', request, session: 's', connection: 'billing', identity: 'billing-migrations', digest: 'd'.repeat(64), ...event });
const steps = [{ rule: 'p/big', groups: ['okta/dba'], count: 2 }, { rule: 'p/owner', groups: ['okta/owners'], count: 1 }];
const asked = (request: string): EvidenceRecord => approval(request, { event: 'requested', steps, expires: '2026-11-02T10:00:00.000Z' });
const detail = (name: string): Body => ({ part: 'detail', connection: 'billing', bytes: Buffer.from(JSON.stringify({ name, issuer: 'https://okta.example', subject: 's', reason: 'ticket 7' })) });
const says = (request: string, verdict: 'approve' | 'deny' | 'force', ...groups: readonly string[]): EvidenceRecord => approval(request, { event: 'answered', verdict, provider: 'okta', groups, channel: 'page' });
const yes = (request: string): EvidenceRecord => approval(request, { event: 'approved', steps });
const ran = (command: number, request: string): EvidenceRecord[] => [
  { ...(intent('s', command) as Extract<EvidenceRecord, { kind: 'intent' }>), decision: { effect: 'require_approval', rules: ['p/big', 'p/owner'], policy: 'p'.repeat(64) }, approval: request },
  outcome('s', command),
];

/** A log that begins the day before the period: hours are those of the test's own clock. */
const pack = async (name: string, earlier: readonly EvidenceRecord[], within: readonly EvidenceRecord[]): Promise<Buffer<ArrayBuffer>> => {
  const [folder, keys] = [join(base, name, 'evidence'), join(base, name, 'keys')];
  let now = Date.parse(FROM) - 3_600_000;
  const begun = now;
  const log = await openEvidenceLog({ folder, keysFolder: keys, instance: 'gw-1', build: 'b', config: 'c', clock: { wall: () => now, monotonic: () => (now - begun) * 1000 } });
  const sign = async (): Promise<void> => {
    await durable(log.append({ kind: 'heartbeat', sessions: 1 }));
    await log.tree.sign();
  };
  log.append(sessionOpen('s'));
  for (const record of earlier) log.append(record);
  await sign();
  while (now < Date.parse(FROM) + 3_600_000) {
    now += 120_000;
    log.append({ kind: 'heartbeat', sessions: 1 });
  }
  for (const record of within) log.append(record, record.kind === 'approval' && record.event === 'answered' ? [detail(`Ann ${record.request}`)] : []);
  await sign();
  while (now < Date.parse(TO) + 3_600_000) {
    now += 120_000;
    log.append({ kind: 'heartbeat', sessions: 1 });
  }
  log.append(sessionClose('s', [...earlier, ...within].filter(({ kind }) => kind === 'intent').length));
  await sign();
  await log.close();
  fs.rmSync(out, { force: true });
  await makePack({ folder, keys, vkey: '' }, out);
  return fs.readFileSync(out);
};

let whole: Buffer<ArrayBuffer>;
let files: Map<string, Buffer>;
const rowsOf = (table: string): Record<string, unknown>[] => JSON.parse(files.get(`logs/0/populations/${table}.json`)?.toString() ?? '') as Record<string, unknown>[];

before(async () => {
  whole = await pack('whole', [asked('early'), says('early', 'approve', 'okta/dba')], [
    asked('used'), says('used', 'approve', 'okta/dba'), says('used', 'approve', 'okta/dba', 'okta/owners'), yes('used'), ...ran(1, 'used'),
    says('early', 'approve', 'okta/dba', 'okta/owners'), yes('early'), ...ran(2, 'early'),
    asked('no'), says('no', 'deny', 'okta/dba'), approval('no', { event: 'denied' }),
    asked('forced'), says('forced', 'force', 'okta/breakglass'), yes('forced'), ...ran(3, 'forced'),
    asked('late'), says('late', 'approve', 'okta/dba'), approval('late', { event: 'expired', state: 'pending' }),
    asked('gone'), approval('gone', { event: 'withdrawn' }),
    asked('waits'), says('waits', 'approve', 'okta/dba'),
  ]);
  files = await filesOf(whole);
});

test('requests with what became of them, answers, and the exception that break-glass is', async () => {
  const requests = rowsOf('approvals').map(({ request, state, approvals, denials, forced, used_session: session, used_command: command }) => [request, state, approvals, denials, forced, session, command]);
  assert.deepEqual(requests, [
    ['used', 'used', 2, 0, false, 's', 1],
    // Asked for, and once answered, before the period.
    ['early', 'used', 1, 0, false, 's', 2],
    ['no', 'denied', 0, 1, false, null, null],
    ['forced', 'used', 1, 0, true, 's', 3],
    ['late', 'expired', 1, 0, false, null, null],
    ['gone', 'withdrawn', 0, 0, false, null, null],
    ['waits', 'pending', 1, 0, false, null, null],
  ]);
  const [used, early] = rowsOf('approvals');
  assert.deepEqual([used?.['identity'], used?.['connection'], used?.['rules'], used?.['digest'], early?.['requested']], ['billing-migrations', 'billing', 'p/big, p/owner', 'd'.repeat(64), null]);
  const answers = rowsOf('answers');
  assert.equal(answers.length, 7);
  assert.deepEqual(answers.filter(({ exception }) => exception === true).map(({ request, verdict, provider, groups, channel }) => [request, verdict, provider, groups, channel]), [['forced', 'force', 'okta', 'okta/breakglass', 'page']]);
  const { integrity, completeness, logs } = await check(whole);
  assert.deepEqual([integrity.faults, completeness.gaps], [[], []]);
  assert.deepEqual([logs[0]?.rows['approvals'], logs[0]?.rows['answers']], [7, 7]);
  assert.deepEqual(logs[0]?.coverage.exceptions.filter(({ looked }) => looked.includes('break-glass')).map(({ found }) => found), [1]);
});

test('a sampled command has the records about its approval with it, with proofs and the texts of who answered', async () => {
  const { logs } = await check(whole);
  const sample = logs[0]?.samples.find(({ row }) => row['command'] === 1);
  assert.equal(sample?.records.length, 2 + 4);
  assert.deepEqual(sample?.texts.filter(({ part }) => part === 'detail').map(({ text }) => /"name":"([^"]*)"/.exec(text ?? '')?.[1]), ['Ann used', 'Ann used']);
  const text = [...files].find(([path, bytes]) => path.includes('/samples/') && bytes.includes('Ann used'))?.[0] ?? '';
  const { integrity } = await check(packAgain(new Map([...files, [text, Buffer.from('{"name":"Eve"}')]]), join(base, 'again.zip')));
  assert.match(integrity.faults[0]?.what ?? '', /it is not the detail that record \d+ commits to/);
});

test('a row changed, taken out or put in is found, in each form', async () => {
  for (const [name, from, to] of [['approvals.csv', 'false,', 'true,'], ['approvals.json', '"forced":true', '"forced":false'], ['answers.csv', /[^\n]*okta\/breakglass[^\n]*\n/, ''], ['answers.json', '"exception":true', '"exception":false']] as const) {
    const path = `logs/0/populations/${name}`;
    const text = files.get(path)?.toString() ?? '';
    const changed = text.replace(from, to);
    assert.notEqual(changed, text);
    const { integrity } = await check(packAgain(new Map([...files, [path, Buffer.from(changed)]]), join(base, 'again.zip')));
    assert.equal(integrity.faults[0]?.file, path, name);
  }
});

test('what a gateway wrote that used an approval twice, or one that nobody gave, is named', async () => {
  const twice = await check(await pack('twice', [], [asked('r'), says('r', 'force', 'okta/breakglass'), yes('r'), ...ran(1, 'r'), ...ran(2, 'r')]));
  assert.equal(twice.integrity.ok, true);
  assert.deepEqual(twice.completeness.gaps.map(({ what }) => what), ['command 2 was let through by the approval r, which another command had used already']);
  const few = await check(await pack('few', [], [asked('r'), says('r', 'approve', 'okta/dba'), yes('r'), ...ran(1, 'r')]));
  assert.deepEqual(few.completeness.gaps.map(({ what }) => what), ['the approval request r is approved, and of the 2 answers that p/big takes 1 is there', 'the approval request r is approved, and of the 1 answers that p/owner takes 0 are there']);
});
