import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SlackMessage } from '../../../../test/kit/slack.ts';
import { until } from '../../../../test/kit/until.ts';
import { ADA, Stage } from '../testdata/stage.ts';

type View = Readonly<Record<string, unknown>>;

/** A held command whose message stands in Slack. */
const asked = async (stage: Stage, what: Parameters<Stage['ask']>[0] = {}): Promise<{ readonly request: string; readonly message: SlackMessage }> => {
  const request = stage.ask(what);
  const message = await until(() => stage.slack.messages().find(({ body }) => JSON.stringify(body).includes(request)));
  return { request, message };
};

/** Presses a button; the window that opens. */
const press = async (stage: Stage, message: SlackMessage, verdict: 'approve' | 'deny', user = ADA, more: View = {}): Promise<View> => {
  const before = stage.slack.views.length;
  assert.deepEqual(await stage.handle(stage.slack.press(message, `wicketgate_${verdict}`, user, more)), { status: 200, body: '' });
  assert.equal(stage.slack.views.length, before + 1);
  return stage.slack.views.at(-1) ?? {};
};

const answers = ({ scene }: Stage, request: string): unknown => scene.approvals.get(request)?.answers.map(({ by, verdict, reason, channel, provider }) => ({ by, verdict, reason, channel, provider }));
const stateOf = ({ scene }: Stage, request: string): unknown => scene.approvals.get(request)?.state;
const errorIn = ({ body }: { readonly body: string }): string => (JSON.parse(body) as { errors: { reason: string } }).errors.reason;
const CLEARED = { status: 200, body: JSON.stringify({ response_action: 'clear' }) };

test('approve: the window shows the command and asks for a reason; the answer is that of the person who logged in', async () => {
  await using stage = await Stage.start();
  stage.proves('ada', ADA);
  const { request, message } = await asked(stage, { text: 'DROP TABLE orders' });
  const view = await press(stage, message, 'approve');
  assert.match(JSON.stringify(view), /DROP TABLE orders.*"min_length":1/);
  assert.equal(stateOf(stage, request), 'pending', 'pressing decides nothing');
  assert.deepEqual(await stage.handle(stage.slack.submit(view, '  ticket 7  ', ADA)), CLEARED);
  assert.equal(stateOf(stage, request), 'approved');
  assert.deepEqual(answers(stage, request), [{ by: 'ada', verdict: 'approve', reason: 'ticket 7', channel: 'oncall', provider: 'okta' }]);
  await until(() => stage.slack.messages()[0]?.changes === 1);
});

test('deny, with the reason that reaches the client', async () => {
  await using stage = await Stage.start();
  stage.proves('ada', ADA);
  const { request, message } = await asked(stage);
  assert.deepEqual(await stage.handle(stage.slack.submit(await press(stage, message, 'deny'), 'not on a Friday', ADA)), CLEARED);
  assert.equal(stateOf(stage, request), 'denied');
  assert.deepEqual(answers(stage, request), [{ by: 'ada', verdict: 'deny', reason: 'not on a Friday', channel: 'oncall', provider: 'okta' }]);
});

test('forged, altered, old, future, unsigned and replayed requests are refused, and nothing follows', async () => {
  await using stage = await Stage.start();
  stage.proves('ada', ADA);
  const { slack } = stage;
  const { request, message } = await asked(stage);
  const view = await press(stage, message, 'approve');
  const good = slack.submit(view, 'ticket 7', ADA);
  const { 'x-slack-signature': signature = '', 'x-slack-request-timestamp': timestamp = '' } = good.headers;
  const minutes = (count: number): number => stage.scene.clock.now + count * 60_000;
  const payload: unknown = JSON.parse(new URLSearchParams(good.body).get('payload') ?? '');
  const cases: [string, Parameters<Stage['handle']>[0]][] = [
    ['another secret', { ...good, headers: { ...good.headers, 'x-slack-signature': `v0=${'0'.repeat(64)}` } }],
    ['altered body', { ...good, body: `${good.body}&x=1` }],
    ['altered reason', { ...good, body: good.body.replace('ticket', 'other.') }],
    ['altered time', { ...good, headers: { ...good.headers, 'x-slack-request-timestamp': String(Number(timestamp) + 1) } }],
    ['old', slack.sign(payload, minutes(-5.1))],
    ['future', slack.sign(payload, minutes(5.1))],
    ['no signature', { ...good, headers: { 'x-slack-request-timestamp': timestamp } }],
    ['no time', { ...good, headers: { 'x-slack-signature': signature } }],
    ['another version', { ...good, headers: { ...good.headers, 'x-slack-signature': signature.replace('v0=', 'v1=') } }],
    ['capital letters', { ...good, headers: { ...good.headers, 'x-slack-signature': `v0=${signature.slice(3).toUpperCase()}` } }],
    ['short', { ...good, headers: { ...good.headers, 'x-slack-signature': signature.slice(0, -2) } }],
    ['time that is no number', { ...good, headers: { ...good.headers, 'x-slack-request-timestamp': `${timestamp}.0` } }],
  ];
  for (const [name, forged] of cases) assert.deepEqual(await stage.handle(forged), { status: 401, body: '' }, name);
  assert.equal(stateOf(stage, request), 'pending');

  assert.deepEqual(await stage.handle(good), CLEARED);
  assert.equal((await stage.handle(good)).status, 409, 'replayed');
  await stage.restart();
  assert.equal((await stage.handle(good)).status, 409, 'replayed after a restart');
  assert.equal((await stage.handle(slack.sign(payload, minutes(-4.9)))).status, 200, 'within five minutes');
  assert.equal((answers(stage, request) as unknown[]).length, 1);
  assert.equal(stage.said().includes(signature), false);
});

test('who is not known, logged in too long ago, or cannot be told from another, is sent to the page', async () => {
  await using stage = await Stage.start();
  const { scene } = stage;
  const { request, message } = await asked(stage);
  const words = async (user = ADA): Promise<string> => JSON.stringify(await press(stage, message, 'approve', user));
  assert.match(await words(), /Nobody who has logged in with okta has your Slack account.*https:\/\/wicketgate\.example\/approvals\//);

  stage.proves('ada', ADA);
  assert.match(await words(), /plain_text_input/);
  assert.match(await words('U0SOMEONE'), /Nobody who has logged in/);

  stage.proves('mallory', ADA);
  assert.match(await words(), /Two people/);
  stage.proves('mallory', undefined);
  assert.match(await words(), /plain_text_input/);

  const window = await press(stage, message, 'approve');
  scene.clock.now += stage.login.sessionAge;
  const late = stage.slack.sign(JSON.parse(new URLSearchParams(stage.slack.submit(window, 'x', ADA).body).get('payload') ?? ''), scene.clock.now);
  assert.match(errorIn(await stage.handle(late)), /Your last login with okta is too long ago\. Log in again on the page/);
  assert.deepEqual(answers(stage, request), []);
});

test('the groups are those of the newest login, and decide', async () => {
  await using stage = await Stage.start();
  const { request, message } = await asked(stage, { requester: 'eve' });
  const now = stage.scene.clock.now / 1_000;
  const answer = async (): Promise<string> => errorIn(await stage.handle(stage.slack.submit(await press(stage, message, 'approve'), 'ticket', ADA)));
  stage.proves('ada', ADA, { groups: ['okta/engineering'], iat: now - 60 });
  assert.match(await answer(), /not an approver/);
  stage.proves('ada', ADA, { groups: ['okta/dba'], iat: now - 120 });
  assert.match(await answer(), /not an approver/, 'an older token that is shown later gives nothing back');
  stage.proves('ada', ADA, { groups: ['okta/dba'], accounts: { github: 'eve' } });
  assert.match(await answer(), /yourself|on whose behalf|requester|asked/i);
  assert.equal(stateOf(stage, request), 'pending');
  stage.proves('ada', ADA);
  assert.deepEqual(await stage.handle(stage.slack.submit(await press(stage, message, 'approve'), 'ticket', ADA)), CLEARED);
});

test('a login with another issuer, client or claim of groups knows nobody', async () => {
  await using stage = await Stage.start();
  stage.proves('ada', ADA);
  const { message } = await asked(stage);
  const { login } = stage;
  for (const other of [{ ...login, issuer: 'https://other.example' }, { ...login, clientId: 'd' }, { ...login, groupsClaim: 'roles' }, { ...login, accounts: {} }]) {
    stage.login = other;
    assert.match(JSON.stringify(await press(stage, message, 'approve')), /Nobody who has logged in/);
  }
  stage.login = login;
  assert.match(JSON.stringify(await press(stage, message, 'approve')), /plain_text_input/);
});

test('another workspace, another channel, another command, a request that is over: words instead of a window', async () => {
  await using stage = await Stage.start();
  stage.proves('ada', ADA);
  const { request, message } = await asked(stage);
  const as = { user: { id: ADA, team_id: 'T0OTHER01' } };
  assert.match(JSON.stringify(await press(stage, message, 'approve', ADA, as)), /another workspace/);
  const elsewhere = { container: { type: 'message', message_ts: message.ts, channel_id: 'C0OTHER01' } };
  assert.match(JSON.stringify(await press(stage, message, 'approve', ADA, elsewhere)), /Nobody is asked in this channel/);
  const action = { actions: [{ type: 'button', action_id: 'wicketgate_approve', value: `${request} ${'0'.repeat(64)}` }] };
  assert.match(JSON.stringify(await press(stage, message, 'approve', ADA, action)), /not the command that you were shown/);
  const gone = { actions: [{ type: 'button', action_id: 'wicketgate_approve', value: `nothing ${'0'.repeat(64)}` }] };
  assert.match(JSON.stringify(await press(stage, message, 'approve', ADA, gone)), /no such request/);

  const view = await press(stage, message, 'approve');
  const twice = await press(stage, message, 'deny');
  assert.deepEqual(await stage.handle(stage.slack.submit(twice, 'no', ADA)), CLEARED);
  assert.match(errorIn(await stage.handle(stage.slack.submit(view, 'yes', ADA))), /over: denied/);
  assert.match(JSON.stringify(await press(stage, message, 'approve')), /over: denied/);
});

test('a reason is needed, in one line; a window that is not ours, and what is no payload, are nothing', async () => {
  await using stage = await Stage.start();
  stage.proves('ada', ADA);
  const { slack } = stage;
  const { request, message } = await asked(stage);
  const view = await press(stage, message, 'approve');
  for (const [reason, word] of [['', /reason is needed/], ['   ', /reason is needed/], ['a\nb', /one line/], ['a\u202eb', /invisible/], ['x'.repeat(501), /at most 500/]] as const) {
    assert.match(errorIn(await stage.handle(slack.submit(view, reason, ADA))), word);
  }
  const metadata = String(view['private_metadata']);
  const bad: [string, unknown][] = [
    ['another window', { type: 'view_submission', user: { id: ADA, team_id: 'T0ACME001' }, view: { ...view, callback_id: 'other' } }],
    ['force', { type: 'view_submission', user: { id: ADA, team_id: 'T0ACME001' }, view: { ...view, private_metadata: metadata.replace('approve', 'force') } }],
    ['no user', { type: 'view_submission', view }],
    ['no team', { type: 'view_submission', user: { id: ADA }, view }],
    ['shortcut', { type: 'shortcut', user: { id: ADA, team_id: 'T0ACME001' } }],
    ['list', []],
    ['null', null],
    ['another button', { type: 'block_actions', user: { id: ADA, team_id: 'T0ACME001' }, actions: [{ action_id: 'other' }] }],
    ['no actions', { type: 'block_actions', user: { id: ADA, team_id: 'T0ACME001' } }],
  ];
  for (const [name, payload] of bad) assert.deepEqual(await stage.handle(slack.sign(payload)), { status: 400, body: '' }, name);
  assert.deepEqual(await stage.handle(slack.sign({ type: 'view_closed' })), { status: 200, body: '' });
  assert.deepEqual(await stage.handle(slack.press(message, 'wicketgate_open', ADA)), { status: 200, body: '' });
  assert.equal((await stage.handle({ ...slack.sign({}), body: 'x'.repeat(300_000) })).status, 413);
  assert.equal((await stage.handle(slack.submit(view, 'x', ADA), 'hook')).status, 404, 'a webhook has no buttons');
  assert.equal((await stage.handle(slack.submit(view, 'x', ADA), 'nobody')).status, 404);
  assert.deepEqual(answers(stage, request), []);
});

test('what fails on the way is told below the field, and decides nothing: Slack is silent, evidence cannot be written', async () => {
  await using stage = await Stage.start();
  stage.proves('ada', ADA);
  const { slack, scene } = stage;
  const { request, message } = await asked(stage);
  const view = await press(stage, message, 'approve');
  slack.trouble({ error: 'internal_error' });
  assert.deepEqual(await stage.handle(slack.press(message, 'wicketgate_approve', ADA)), { status: 503, body: '' });
  slack.trouble(undefined);
  scene.records.mode = 'fail';
  assert.match(errorIn(await stage.handle(slack.submit(view, 'ticket', ADA))), /could not be recorded, so it has no effect/);
  scene.records.mode = 'wait';
  const pending = await stage.handle(slack.submit(view, 'ticket 2', ADA));
  assert.match(errorIn(pending), /longer than usual/);
  assert.equal(stateOf(stage, request), 'pending');
  scene.records.sync();
  await until(() => stateOf(stage, request) === 'approved');
  delete stage.env['SIGNING'];
  assert.equal((await stage.handle(slack.submit(view, 'x', ADA))).status, 503);
});

test('without people in the configuration, messages have no buttons that answer', async () => {
  await using stage = await Stage.start();
  const [oncall] = stage.configured;
  assert.ok(oncall?.type === 'slack');
  const { people: _people, ...without } = oncall;
  stage.configured = [without];
  stage.channels.replace();
  stage.proves('ada', ADA);
  const { request, message } = await asked(stage);
  assert.doesNotMatch(JSON.stringify(message.body), /wicketgate_approve/);
  assert.match(JSON.stringify(message.body), /wicketgate_open/);
  const action = { actions: [{ type: 'button', action_id: 'wicketgate_approve', value: `${request} ${stage.scene.approvals.get(request)?.digest}` }] };
  assert.equal((await stage.handle(stage.slack.press(message, 'wicketgate_open', ADA, action))).status, 200);
  assert.match(JSON.stringify(stage.slack.views.at(-1)), /Nobody can answer in Slack here/);
});
