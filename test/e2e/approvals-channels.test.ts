import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ApprovalView } from '../../src/approvals/approvals.ts';
import { filesBelow } from '../kit/files.ts';
import { SLACK_CHANNEL, startSlack, type SlackFixture, type SlackMessage, type SlackRequest } from '../kit/slack.ts';
import { until } from '../kit/until.ts';
import { startWebhook, type WebhookReceiverFixture } from '../kit/webhook.ts';
import { startApprovalScene, type ApprovalScene } from './approvals-scene.ts';
import { readEvidence } from './recorded-evidence.ts';
import { stopAndVerify } from './whole-evidence.ts';

const HOOK_SECRET = 'whsec_c2VjcmV0LW9mLXRoZS1ob29rLTEyMzQ1Njc4OTA=';
const ALICE = 'U0ALICE01';
const MALLORY = 'U0MALLORY';

suite('approvals through channels', () => {
  let slack: SlackFixture;
  let hook: WebhookReceiverFixture;
  let scene: ApprovalScene;

  before(async () => {
    slack = await startSlack();
    hook = await startWebhook(HOOK_SECRET);
    scene = await startApprovalScene({
      env: { SLACK: slack.token, SIGNING: slack.signingSecret, HOOK: HOOK_SECRET },
      control: {
        channels: [
          { name: 'oncall', type: 'slack', token: 'env:SLACK', signingSecret: 'env:SIGNING', channel: SLACK_CHANNEL, api: slack.api, includeStatement: true, people: { login: 'okta', userClaim: 'slack_id' } },
          { name: 'hook', type: 'webhook', url: hook.url, secret: 'env:HOOK' },
        ],
      },
    });
  });
  after(async () => {
    await scene[Symbol.asyncDispose]();
    await slack[Symbol.asyncDispose]();
    await hook[Symbol.asyncDispose]();
  });

  /** Somebody proves themselves at the terminal; what they say there is about nothing. */
  const logIn = async (subject: string, groups: readonly string[], slackId: string): Promise<void> => {
    const idToken = await scene.idToken(subject, groups, { claims: { slack_id: slackId } });
    const answer = await scene.answer('nothing', 'deny', { idToken, digest: '0'.repeat(64) });
    assert.match(JSON.stringify(answer), /there is no such request/);
  };
  const post = async ({ headers, body }: SlackRequest, channel = 'oncall'): Promise<{ readonly status: number; readonly text: string }> => {
    const response = await fetch(`${scene.gateway.control}/channels/slack/${channel}`, { method: 'POST', headers, body });
    return { status: response.status, text: await response.text() };
  };
  const messageOf = ({ id }: ApprovalView): Promise<SlackMessage> => until(() => slack.messages().find(({ body }) => JSON.stringify(body).includes(id)));
  const press = async (request: ApprovalView, verdict: string, user: string): Promise<Readonly<Record<string, unknown>>> => {
    const before = slack.views.length;
    assert.deepEqual(await post(slack.press(await messageOf(request), `wicketgate_${verdict}`, user)), { status: 200, text: '' });
    return until(() => slack.views[before]);
  };
  const table = async (name: string): Promise<void> => assert.equal((await scene.psql('migrator', '-c', `CREATE TABLE ${name} (id int)`)).code, 0);
  const exists = async (name: string): Promise<boolean> => (await scene.target.query(`SELECT to_regclass('public.${name}') IS NOT NULL AS there`))[0]?.['there'] === true;

  test('a DROP held on psql is approved in Slack by a person who has logged in, and runs', async () => {
    await table('by_slack');
    const job = scene.psql('migrator', '-c', 'DROP TABLE by_slack');
    const request = await scene.request();
    const refused = await press(request, 'approve', ALICE);
    assert.match(JSON.stringify(refused), /Nobody who has logged in with okta has your Slack account/);
    await logIn('mallory', ['engineering'], MALLORY);
    const not = await post(slack.submit(await press(request, 'approve', MALLORY), 'please', MALLORY));
    assert.match(not.text, /you are not an approver of this request/);
    assert.equal(await exists('by_slack'), true);
    await logIn('alice', ['dba'], ALICE);
    const sent = slack.submit(await press(request, 'approve', ALICE), 'ticket 42', ALICE);
    assert.deepEqual(await post({ ...sent, body: sent.body.replace('ticket', 'forged') }), { status: 401, text: '' });
    assert.deepEqual(await post(sent), { status: 200, text: '{"response_action":"clear"}' });
    const ran = await job;
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(await exists('by_slack'), false);
    const { state, answers } = await scene.show(request.id);
    assert.deepEqual([state, answers.map(({ by, verdict, reason, channel }) => ({ by, verdict, reason, channel }))], ['used', [{ by: 'alice', verdict: 'approve', reason: 'ticket 42', channel: 'oncall' }]]);
    assert.equal((await post(sent)).status, 409, 'replayed');
    await until(() => JSON.stringify(slack.messages()[0]?.body).includes('Approved and let through'));
    await until(() => hook.taken.some(({ body }) => body.type === 'wicketgate.approval.used'));
    assert.ok(hook.taken.every(({ verified, raw }) => verified && !raw.includes('DROP TABLE')));
  });

  test('evidence names the channel that a statement left by, and the one that the answer came by', async () => {
    const { leaves } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
    const records = leaves.map(({ record }) => record);
    const [shown] = records.filter((record) => record.kind === 'access' && record.by === 'channel oncall');
    const [answered] = records.filter((record) => record.kind === 'approval' && record.event === 'answered');
    assert.ok(shown?.kind === 'access' && answered?.kind === 'approval' && answered.event === 'answered');
    assert.deepEqual([shown.act, shown.recording, shown.count, answered.channel, answered.groups], ['show', answered.session, 1, 'oncall', ['okta/dba']]);
  });

  test('a denial in Slack reaches the client with its reason', async () => {
    await table('denied_there');
    const job = scene.psql('migrator', '-c', 'DROP TABLE denied_there');
    const request = await scene.request();
    assert.equal((await post(slack.submit(await press(request, 'deny', ALICE), 'ask the owner first', ALICE))).status, 200);
    const denied = await job;
    assert.equal(denied.code, 1);
    assert.match(denied.stderr, /an approver denied this command: ask the owner first/);
    assert.equal(await exists('denied_there'), true);
  });

  test('the door takes what Slack signed and nothing else', async () => {
    assert.equal((await post(slack.sign({ type: 'view_closed' }), 'hook')).status, 404);
    assert.equal((await post(slack.sign({ type: 'view_closed' }), 'nobody')).status, 404);
    assert.equal((await post(slack.sign({ type: 'view_closed' }))).status, 200);
    assert.equal((await post({ headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'payload={}' })).status, 401);
    const json = slack.sign({ type: 'view_closed' });
    assert.equal((await post({ ...json, headers: { ...json.headers, 'content-type': 'application/json' } })).status, 415);
    assert.equal((await post({ ...json, body: 'x'.repeat(300_000) })).status, 413);
    assert.equal((await fetch(`${scene.gateway.control}/channels/slack/oncall`)).status >= 400, true);
  });

  test('channels that are down hold nothing up, show in readiness and metrics, and catch up after the gateway was killed', async () => {
    const control = async (path: string): Promise<string> => (await fetch(`${scene.gateway.control}${path}`)).text();
    // A receiver that goes in the middle of a message gets it once more.
    await until(async () => /wicketgate_channel_waiting\{channel="hook"\} 0/.test(await control('/metrics')));
    await hook.down();
    slack.trouble({ error: 'channel_not_found' });
    await table('while_down');
    const job = scene.psql('migrator', '-c', 'DROP TABLE while_down');
    const request = await scene.request();
    await until(async () => /oncall takes no messages for \d+ s \(chat\.\w+: channel_not_found\).*hook takes no messages .*ECONNREFUSED/.test(await control('/ready')));
    assert.match(await control('/metrics'), /wicketgate_channel_failing\{channel="hook"\} 1/);
    assert.match(await control('/metrics'), /wicketgate_channel_waiting\{channel="oncall"\} [1-9]/);
    assert.equal((await fetch(`${scene.gateway.control}/ready`)).status, 200, 'the gateway serves on');
    await scene.gateway.kill9();
    assert.notEqual((await job).code, 0);
    await scene.gateway.start();
    const at = hook.taken.length;
    await hook.up();
    slack.trouble(undefined);
    await until(() => hook.taken.slice(at).some(({ body }) => body.data['request'] === request.id && body.type === 'wicketgate.approval.pending'), 30_000);
    await messageOf(request);
    assert.equal(new Set(hook.taken.map(({ headers }) => headers['webhook-id'])).size, hook.taken.length, 'nothing arrives twice');
    assert.equal(await exists('while_down'), true);
    await until(async () => /wicketgate_channel_failing\{channel="hook"\} 0/.test(await control('/metrics')));
  });

  test('no secret of a channel is in the log, in a file, or in what is shown', async () => {
    const secrets = [slack.token, slack.signingSecret, HOOK_SECRET, ALICE];
    const shown = `${scene.gateway.log()}${await (await fetch(`${scene.gateway.control}/metrics`)).text()}`;
    for (const secret of secrets) assert.equal(shown.includes(secret), false);
    const files = filesBelow(scene.gateway.folder);
    assert.ok(files.length > 5);
    for (const { path, bytes } of files) for (const secret of secrets) assert.equal(bytes.includes(secret), false, `${path} holds ${secret}`);
  });

  test('the gateway stops as it should, and its log verifies', () => stopAndVerify(scene));
});
