import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SLACK_CHANNEL } from '../../../test/kit/slack.ts';
import { PYTHON } from '../../../test/kit/present.ts';
import { run } from '../../../test/kit/run.ts';
import { until } from '../../../test/kit/until.ts';
import { startWebhook } from '../../../test/kit/webhook.ts';
import { approve, deny } from '../testdata/steps.ts';
import { person } from '../testdata/scene.ts';
import { HOOK_SECRET, Stage } from './testdata/stage.ts';

const types = ({ hook }: Stage): string[] => hook.taken.map(({ body }) => body.type);
const faultOf = ({ channels }: Stage, name: string): string | undefined => channels.status.find((one) => one.name === name)?.fault?.why;
/** Request and state of all messages but the first ones, in an order of their own. */
const since = ({ hook }: Stage, count: number): string[] => hook.taken.slice(count).map(({ body }) => `${String(body.data['request'])} ${String(body.data['state'])}`).toSorted((one, other) => (one < other ? -1 : 1));
const sorted = (...words: string[]): string[] => words.toSorted((one, other) => (one < other ? -1 : 1));
const idle = ({ channels }: Stage): boolean => channels.status.every(({ waiting, fault }) => waiting === 0 && fault === undefined);

test('a request is told to both channels, its message in Slack changes with it, and its end is told', async () => {
  await using stage = await Stage.start();
  const { slack, hook, scene } = stage;
  const request = stage.ask({ text: 'DROP TABLE orders /* secret plan */', requester: 'eve-gh', owner: 'okta/payments', count: 2 });
  await until(() => slack.messages().length === 1 && hook.taken.length === 1);
  const [told] = hook.taken;
  assert.ok(told?.verified);
  assert.equal(told.body.type, 'wicketgate.approval.pending');
  const { data } = told.body;
  const view = scene.approvals.get(request);
  assert.deepEqual(
    { request: data['request'], identity: data['identity'], requester: data['requester'], owner: data['owner'], connection: data['connection'], reason: data['reason'], digest: data['digest'], url: data['url'], rules: data['rules'] },
    { request, identity: 'migrations', requester: 'eve-gh', owner: { group: 'okta/payments' }, connection: 'db', reason: 'tables are dropped by two', digest: view?.digest, url: `https://wicketgate.example/approvals/${request}`, rules: [{ rule: 'jobs/drops', groups: ['okta/dba'], count: 2, approved: 0 }] },
  );
  assert.equal(told.raw.includes('secret plan'), false, 'without includeStatement no text leaves');
  const first = slack.messages()[0];
  const posted = JSON.stringify(first?.body);
  for (const part of ['migrations', 'eve-gh', 'okta/payments', 'drop table:public.orders', 'jobs/drops: 0 of 2 of okta/dba', 'tables are dropped by two', 'secret plan', String(view?.digest.slice(0, 16)), 'wicketgate_approve']) assert.ok(posted.includes(part), part);
  assert.deepEqual([first?.body['unfurl_links'], first?.body['unfurl_media'], first?.body['link_names'], first?.body['parse'], first?.body['channel']], [false, false, false, 'none', SLACK_CHANNEL]);

  await approve(scene, request);
  await until(() => slack.messages()[0]?.changes === 1 && hook.taken.length === 2);
  assert.match(JSON.stringify(slack.messages()[0]?.body), /1 of 2 of okta\/dba.*Approved by: .*ada \(okta\) through terminal: as planned/);
  await deny(scene, request, person('bob'));
  await until(() => slack.messages()[0]?.changes === 2 && hook.taken.length === 3);
  const last = JSON.stringify(slack.messages()[0]?.body);
  assert.match(last, /Denied: drop on db/);
  assert.doesNotMatch(last, /wicketgate_approve/);
  assert.deepEqual(types(stage), ['wicketgate.approval.pending', 'wicketgate.approval.pending', 'wicketgate.approval.denied']);
  assert.equal(new Set(hook.taken.map(({ headers }) => headers['webhook-id'])).size, 3);
  assert.equal(slack.messages().length, 1);
  assert.deepEqual(slack.wrong, []);
});

test('used, expired and withdrawn are told as well', async () => {
  await using stage = await Stage.start();
  const { scene, hook } = stage;
  const used = scene.ask();
  const withdrawn = scene.ask({ text: 'DROP TABLE a' });
  assert.ok(used.kind === 'held' && withdrawn.kind === 'held');
  const { waiter } = used;
  await until(() => hook.taken.length === 2);
  withdrawn.waiter.leave('cancelled');
  await approve(scene, waiter.request);
  assert.equal(scene.ask({ waiter }).kind, 'approved');
  await until(() => types(stage).includes('wicketgate.approval.withdrawn') && types(stage).includes('wicketgate.approval.used'));
  const late = scene.ask({ text: 'DROP TABLE b' });
  assert.ok(late.kind === 'held');
  await until(() => types(stage).filter((type) => type === 'wicketgate.approval.pending').length === 3);
  late.waiter.leave('client_left');
  scene.clock.pass(16 * 60_000);
  await until(() => types(stage).includes('wicketgate.approval.expired'));
});

test('a receiver that is down for long is told each request once, as it stands then; what came and went meanwhile is left out', async () => {
  await using stage = await Stage.start();
  const { hook, scene } = stage;
  const known = stage.ask({ text: 'DROP TABLE known' });
  await until(() => hook.taken.length === 1);
  await hook.down();
  const over = stage.ask({ text: 'DROP TABLE over' });
  const open = stage.ask({ text: 'DROP TABLE open', count: 2 });
  await until(() => faultOf(stage, 'hook') === '127.0.0.1:' + new URL(hook.url).port + ': ECONNREFUSED');
  await deny(scene, over);
  await approve(scene, open);
  await deny(scene, known);
  assert.match(stage.channels.late.join(), /hook takes no messages for \d+ s .*ECONNREFUSED\), \d requests? wait/);
  await hook.up();
  await until(() => idle(stage));
  assert.deepEqual(since(stage, 1), sorted(`${known} denied`, `${open} pending`));
  assert.match(hook.taken.find(({ body }) => body.data['request'] === open)?.raw ?? '', /"answers":\[\{"by":"ada"[^[]*\}\]/);
  assert.equal(stage.channels.status.find(({ name }) => name === 'hook')?.skipped, 1);
  assert.deepEqual(stage.channels.late, []);
});

test('a receiver that is down for an hour is tried now and then, seldom mentioned, shown all the while, and then told what is still of use', async () => {
  // An hour goes by in four seconds; pauses and what is said are those of a real gateway.
  await using stage = await Stage.start(900);
  const { hook, slack, scene } = stage;
  await hook.down();
  const lapsed = stage.ask({ text: 'DROP TABLE lapsed' });
  await until(() => slack.messages().length === 1);
  await until(() => (stage.channels.status.find(({ name }) => name === 'hook')?.fault?.since ?? 0) >= 3600, 60_000);
  assert.match(stage.channels.late.join(), /hook takes no messages for \d{4} s .*ECONNREFUSED\), (?:1 request waits|0 requests wait)/, 'on a busy machine it has lapsed by then');
  const { failures = 0, delivered, fault } = stage.channels.status.find(({ name }) => name === 'hook') ?? {};
  const seconds = fault?.since ?? 0;
  // Pauses grow to a minute, and none is shorter than half of what it could be. What a busy machine takes of an hour of four seconds, it takes of the tries.
  assert.ok(failures >= 10 && failures <= seconds / 30 + 20, `${failures} in ${seconds} s`);
  assert.equal(delivered, 0);
  const said = scene.lines.all.filter(({ message }) => message === 'a channel does not take messages; they are tried again').length;
  assert.ok(said >= 3 && said <= seconds / 300 + 3, `${said} lines in ${seconds} s`);
  // People were not kept from anything: one answered in Slack's place, one lapsed.
  scene.clock.pass(3_600_000);
  const open = stage.ask({ text: 'DROP TABLE open' });
  await until(() => slack.messages().length === 2);
  await hook.up();
  await until(() => idle(stage), 30_000);
  assert.deepEqual(since(stage, 0), [`${open} pending`], `${lapsed} has come and gone`);
  assert.equal(scene.lines.all.filter(({ message }) => message === 'a channel takes messages again').length, 1);
  assert.deepEqual(stage.channels.late, []);
});

test('a message keeps its id over tries and restarts; garbage in a 2xx is an answer; a redirect is a failure and is not followed', async () => {
  await using stage = await Stage.start();
  const { hook } = stage;
  await using elsewhere = await startWebhook('x');
  hook.set({ do: 'answer', status: 307, headers: { location: elsewhere.url } });
  stage.ask();
  await until(() => hook.seen.length >= 2);
  assert.equal(faultOf(stage, 'hook')?.endsWith('answered 307: redirects are not followed'), true);
  hook.set({ do: 'answer', status: 503 });
  await until(() => faultOf(stage, 'hook')?.endsWith('answered 503'));
  await stage.restart();
  hook.set({ do: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: `<html>${'garbage'.repeat(1000)}` });
  await until(() => hook.taken.length === 1);
  await until(() => idle(stage));
  assert.equal(new Set(hook.seen.map(({ headers }) => headers['webhook-id'])).size, 1);
  assert.equal(hook.taken.length, 1);
  assert.equal(elsewhere.seen.length, 0);
});

test('a receiver that never answers keeps nobody waiting: neither other channels nor people', async () => {
  await using stage = await Stage.start();
  const { hook, slack, scene } = stage;
  hook.set({ do: 'hang' });
  const request = stage.ask();
  await until(() => hook.seen.length === 1 && slack.messages().length === 1);
  await approve(scene, request);
  await until(() => slack.messages()[0]?.changes === 1);
  hook.set({ do: 'take' });
  await until(() => hook.taken.length === 1, 30_000);
  assert.equal(hook.taken[0]?.body.type, 'wicketgate.approval.approved');
});

test('restart: what was not told is told, and what was told is not told again', async () => {
  await using stage = await Stage.start();
  const { hook, slack, scene } = stage;
  const first = stage.ask({ text: 'DROP TABLE first' });
  await until(() => hook.taken.length === 1 && slack.messages().length === 1);
  await until(() => idle(stage));
  hook.set({ do: 'reset' });
  slack.trouble({ error: 'internal_error' });
  const second = stage.ask({ text: 'DROP TABLE second' });
  await until(() => faultOf(stage, 'hook') !== undefined && faultOf(stage, 'oncall') === 'chat.postMessage: internal_error');
  await deny(scene, first);
  await stage.restart();
  hook.set({ do: 'take' });
  slack.trouble(undefined);
  await until(() => idle(stage) && slack.messages().length === 2 && slack.messages()[0]?.changes === 1);
  assert.deepEqual(since(stage, 1), sorted(`${first} denied`, `${second} pending`));
  await stage.restart();
  await until(() => idle(stage));
  assert.deepEqual([hook.taken.length, slack.messages().length], [3, 2]);
});

test('Retry-After of Slack is honoured; a deleted message of an open request is posted again', async () => {
  await using stage = await Stage.start();
  const { slack, scene } = stage;
  slack.trouble({ ratelimited: 2 });
  const request = stage.ask({ count: 2 });
  const began = performance.now();
  await until(() => faultOf(stage, 'oncall')?.includes('answered 429'));
  slack.trouble(undefined);
  await until(() => slack.messages().length === 1);
  assert.ok(performance.now() - began >= 1_900, 'it was asked to wait two seconds');
  assert.deepEqual(slack.calls, ['chat.postMessage', 'chat.postMessage']);
  slack.deleteMessages();
  await approve(scene, request);
  await until(() => slack.messages().length === 1);
  assert.match(JSON.stringify(slack.messages()[0]?.body), /1 of 2/);
});

test('what a client does over and over does not flood a channel; a client that waits notices nothing of channels', async () => {
  await using stage = await Stage.start();
  const { hook, scene } = stage;
  const waiters = Array.from({ length: 20 }, () => scene.ask({ session: 'same' }));
  await until(() => hook.taken.length === 1);
  for (let round = 0; round < 20; round += 1) {
    scene.clock.pass(500);
    scene.ask({ session: 'same' });
  }
  await until(() => idle(stage));
  assert.equal(hook.taken.length, 1);
  assert.ok(waiters.every(({ kind }) => kind === 'held'));
});

test('that a statement leaves is recorded before it does, once; what cannot be recorded is not sent', async () => {
  await using stage = await Stage.start();
  const { slack, hook, scene } = stage;
  stage.unrecordable = new Error('disk full');
  const request = stage.ask({ count: 2 });
  await until(() => faultOf(stage, 'oncall') === 'not sent, because it cannot be recorded that the statement is shown');
  await until(() => hook.taken.length === 1);
  assert.deepEqual([slack.calls, stage.disclosed], [[], []]);
  stage.unrecordable = undefined;
  await until(() => slack.messages().length === 1);
  await approve(scene, request);
  await until(() => slack.messages()[0]?.changes === 1);
  assert.deepEqual(stage.disclosed, [`oncall ${request}`], 'a channel without statements discloses none');
});

test('answers of Slack that are not Slack\'s, and a token that is refused, are faults with words of ours', async () => {
  await using stage = await Stage.start();
  const { slack } = stage;
  slack.trouble({ status: 200, body: '<html>hotel wifi</html>' });
  stage.ask();
  await until(() => faultOf(stage, 'oncall') === "chat.postMessage: the answer is not Slack's");
  slack.trouble({ error: 'Not <a word>' });
  await until(() => faultOf(stage, 'oncall') === 'chat.postMessage: refused without a reason');
  slack.trouble(undefined);
  const { SLACK = '' } = stage.env;
  for (const [token, fault] of [['xoxb-other', 'chat.postMessage: invalid_auth'], ['two\nlines', 'the token is not one of Slack'], ['', 'env:SLACK is empty']] as const) {
    stage.env['SLACK'] = token;
    stage.ask({ text: `DROP TABLE t${fault.length}` });
    await until(() => faultOf(stage, 'oncall') === fault);
    stage.env['SLACK'] = SLACK;
    await until(() => idle(stage));
  }
});

test('another configuration: a removed channel is told nothing more, a new one is told what is open', async () => {
  await using stage = await Stage.start();
  const { hook, slack } = stage;
  stage.ask({ text: 'DROP TABLE one' });
  await until(() => hook.taken.length === 1 && slack.messages().length === 1);
  const [oncall, webhook] = stage.configured;
  assert.ok(oncall && webhook);
  await until(() => idle(stage));
  stage.configured = [oncall, { ...webhook, name: 'other' }];
  stage.channels.replace();
  await until(() => hook.taken.length === 2);
  stage.ask({ text: 'DROP TABLE two' });
  await until(() => hook.taken.length === 3 && slack.messages().length === 2);
  await until(() => idle(stage));
  assert.deepEqual(stage.channels.status.map(({ name }) => name), ['oncall', 'other']);
  assert.equal(slack.calls.length, 2);
  await using moved = await startWebhook(HOOK_SECRET);
  assert.ok(webhook.type === 'webhook');
  stage.configured = [oncall, { ...webhook, name: 'other', url: moved.url }];
  stage.channels.replace();
  await until(() => moved.taken.length === 2);
  assert.equal(hook.taken.length, 3);
});

test('nothing that is secret, and nothing that a command says, is in the log, in status or in files', async () => {
  await using stage = await Stage.start();
  const { slack, hook, env } = stage;
  slack.trouble({ error: 'invalid_auth' });
  hook.set({ do: 'answer', status: 500, body: 'no' });
  stage.ask({ text: 'DROP TABLE zanzibar' });
  stage.proves('ada', 'U0ADAZZZ9');
  await until(() => faultOf(stage, 'oncall') !== undefined && faultOf(stage, 'hook') !== undefined);
  slack.trouble(undefined);
  hook.set({ do: 'take' });
  await until(() => idle(stage) && slack.messages().length === 1);
  const secrets = [...Object.values(env), 'zanzibar', 'U0ADAZZZ9'];
  const said = `${stage.said()}${JSON.stringify(stage.channels.status)}${stage.channels.late.join()}`;
  for (const secret of secrets) assert.equal(said.includes(secret), false);
  for (const file of readdirSync(stage.folder)) {
    const bytes = readFileSync(join(stage.folder, file));
    for (const secret of secrets) assert.equal(bytes.includes(secret), false, `${file} holds ${secret}`);
  }
});

test('the example of the tutorial verifies what is sent, and nothing else', async () => {
  const tutorial = readFileSync(new URL('../../../docs/tutorials/approvals.md', import.meta.url), 'utf8');
  const example = /```python\n([\s\S]*?)```/.exec(tutorial)?.[1];
  assert.ok(example);
  await using stage = await Stage.start();
  stage.ask();
  const { headers, raw } = await until(() => stage.hook.taken[0]);
  const verifies = async (secret: string, sent: object, body: string): Promise<string> => {
    const { code, stdout, stderr } = await run(PYTHON, ['-c', `${example}\nimport json, sys\nsecret, headers, body = json.load(sys.stdin)\nprint(verify(secret, headers, body.encode()))`], { input: JSON.stringify([secret, sent, body]) });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  assert.equal(await verifies(HOOK_SECRET, headers, raw), 'True');
  assert.equal(await verifies(`${HOOK_SECRET.slice(0, -8)}AAAAAAA=`, headers, raw), 'False');
  assert.equal(await verifies(HOOK_SECRET, headers, raw.replace('pending', 'denied')), 'False');
  assert.equal(await verifies(HOOK_SECRET, { ...headers, 'webhook-id': 'msg_other' }, raw), 'False');
  assert.equal(await verifies(HOOK_SECRET, { ...headers, 'webhook-timestamp': String(Math.floor(Date.now() / 1_000) - 400) }, raw), 'False');
});
