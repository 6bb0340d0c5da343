import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ApprovalRecord, Body, EvidenceRecord } from '../evidence/log.ts';
import { openEvidenceLog } from '../evidence/open.ts';
import { sessionTimeline } from '../evidence/sessions.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../evidence/testdata/records.ts';
import { openBodies } from '../evidence/unseal.ts';
import { answerText, approversIn } from './approval-words.ts';
import { describeEntry } from './sessions-show.ts';

const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-approval-words-'));
const [folder, keys] = [join(base, 'evidence'), join(base, 'keys')];
after(() => fs.rmSync(base, { recursive: true, force: true }));

type Without<R> = R extends ApprovalRecord ? Omit<R, 'kind' | 'request' | 'session' | 'connection' | 'identity' | 'digest'> : never;
const approval = (request: string, session: string, event: Without<ApprovalRecord>): EvidenceRecord => ({ kind: 'approval', request, session, connection: 'billing', identity: 'billing-migrations', digest: 'd'.repeat(64), ...event });
const steps = [{ rule: 'migrations/drops', groups: ['okta/dba', 'okta/oncall'], count: 2 }];
const detail = (name: string, reason: string): Body => ({ part: 'detail', connection: 'billing', bytes: Buffer.from(JSON.stringify({ name, issuer: 'https://okta.example', subject: `sub-${name}`, reason })) });
const asks = { effect: 'require_approval', rules: ['migrations/drops'], policy: 'p' };

before(async () => {
  const log = await openEvidenceLog({ folder, keysFolder: keys, instance: 'gw', build: 'b', config: 'c', segmentBytes: 256 * 1024 });
  log.append(sessionOpen('first-try'));
  log.append(approval('req-1', 'first-try', { event: 'requested', steps, expires: '2026-11-03T10:00:00.000Z' }), [statement('drop table old')]);
  log.append({ kind: 'refusal', session: 'first-try', command: 1, code: 'approval_required', verb: 'drop_table', decision: asks, approval: 'req-1' }, [statement('drop table old')]);
  log.append(sessionClose('first-try', 1));
  log.append(approval('other', 'first-try', { event: 'withdrawn' }));
  log.append(approval('req-1', 'first-try', { event: 'answered', verdict: 'approve', provider: 'okta', groups: ['okta/dba'], channel: 'terminal' }), [detail('Ann Example', 'ticket 7')]);
  log.append(approval('req-1', 'first-try', { event: 'answered', verdict: 'force', provider: 'okta', groups: ['okta/breakglass'], channel: 'page' }), [detail('Bob \u001b[2J', 'outage\u202e')]);
  log.append(approval('req-1', 'first-try', { event: 'approved', steps }));
  log.append(sessionOpen('second-try'));
  log.append({ ...(intent('second-try', 1) as Extract<EvidenceRecord, { kind: 'intent' }>), verb: 'drop_table', decision: asks, approval: 'req-1' }, [statement('drop table old')]);
  log.append(outcome('second-try', 1));
  await durable(log.append(sessionClose('second-try', 1)));
  await log.close();
});

const shown = async (session: string, opened = true): Promise<string> => {
  const entries = (await sessionTimeline(folder, session, opened ? openBodies(keys) : undefined)) ?? [];
  const approvers = approversIn(entries);
  return entries.map((entry) => describeEntry(entry, approvers)).join('');
};

test('the session that ran it shows who approved, although another session asked', async () => {
  const text = await shown('second-try');
  assert.match(text, /#1 drop_table: require_approval by migrations\/drops, approved: request req-1 by Ann Example of okta, Bob \\u\{1b\}\[2J of okta \(forced\)\n {4}drop table old\n/);
  assert.match(text, /approval asked for: request req-1, 2 of okta\/dba, okta\/oncall for migrations\/drops, until 2026-11-03T10:00:00\.000Z\n {4}drop table old\n/);
  assert.match(text, /request req-1: approve by a person of okta in okta\/dba, through terminal\n {4}Ann Example \(sub-Ann Example of https:\/\/okta\.example\): ticket 7\n/);
  assert.match(text, /request req-1: FORCED \(break-glass\) by a person of okta in okta\/breakglass, through page\n {4}Bob \\u\{1b\}\[2J .*: outage\\u\{202e\}\n/);
  assert.ok(text.indexOf('asked for') < text.indexOf('session opened'), 'in the order of the log');
  assert.ok(!text.includes('other') && !text.includes('\u001b'));
});

test('the session that asked shows its refusal with the request', async () => {
  assert.match(await shown('first-try'), /#1 drop_table: REFUSED approval_required by migrations\/drops, request req-1\n/);
});

test('without keys the names stay sealed, and the line says what the record says', async () => {
  const text = await shown('second-try', false);
  assert.match(text, /approved: request req-1 by somebody of okta, somebody of okta \(forced\)\n/);
  assert.ok(!text.includes('Ann'));
});

test('a body of another form is shown as it is', () => {
  assert.equal(answerText(Buffer.from('no JSON')), 'detail: no JSON');
  assert.equal(answerText(Buffer.from('null')), 'detail: null');
});
