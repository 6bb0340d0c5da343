import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import * as https from 'node:https';
import type { ClientHttp2Session } from 'node:http2';
import { after, before, test } from 'node:test';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { ask2, http2Client } from './http2-scene.ts';
import { HTTP_POLICIES, startHttpScene, type HttpRole, type HttpScene } from './http-scene.ts';
import { servedAreRecorded, stopAndVerify } from './whole-evidence.ts';

/*
 * A client that sends the same head again on its connection is not read again. Whatever else the answer depends on is looked at each time: each case changes one such
 * thing, in the middle of a connection that is kept, and sends the same bytes.
 */

const SECRETS = ['the-first-credential-of-the-target', 'the-second-credential-of-the-target'] as const;
const folder = tempFolder('http-same-head');
const secret = folder.file('token');
/** One kept connection of each version. */
const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
let scene: HttpScene;
let second: ClientHttp2Session;
/** Requests that the target answered. */
let served = 0;
before(async () => {
  writeFileSync(secret, SECRETS[0], { mode: 0o600 });
  scene = await startHttpScene({ connection: { credential: { type: 'bearer', token: `file:${secret}` } } });
  // Its answer tells which credential it got, and has a field for a mask.
  scene.target.handler = (request, response) => {
    served += 1;
    request.resume();
    response.setHeader('Content-Type', 'application/json');
    response.setHeader('X-Got', request.headers.authorization ?? '');
    response.end(JSON.stringify({ ssn: '078-05-1120', got: request.headers.authorization }));
  };
  second = http2Client(scene);
});
after(async () => {
  agent.destroy();
  second?.close();
  await scene?.[Symbol.asyncDispose]();
  folder.remove();
});

interface Said {
  readonly status: number;
  readonly text: string;
}

const ask1 = async (role: HttpRole, method = 'GET'): Promise<Said> => scene.ask(role, '/same', { method, agent, headers: { Connection: 'keep-alive' } });
const askBoth = async (role: HttpRole): Promise<readonly Said[]> => [await ask1(role), await ask2(second, { ':path': '/same', authorization: `Bearer ${await scene.token(role)}` })];
const statuses = (said: readonly Said[]): readonly number[] => said.map(({ status }) => status);
const arrived = (): number => scene.target.requests.length;
const credentials = (): readonly (string | undefined)[] => scene.target.requests.map((one) => scene.target.header(one, 'authorization'));

const reload = (more: Readonly<Record<string, unknown>>): Promise<void> => scene.gateway.reloaded({ ...scene.config, ...more });

test('each one reaches the target, with the same head', async () => {
  for (let time = 0; time < 3; time += 1) assert.deepEqual(statuses(await askBoth('reader')), [200, 200]);
  assert.equal(arrived(), 6);
  const [first, , third] = scene.target.requests;
  assert.deepEqual(third?.rawHeaders, first?.rawHeaders);
});

test('a credential that was changed since goes with the next, and neither comes back', async () => {
  scene.target.clear();
  await askBoth('reader');
  writeFileSync(secret, SECRETS[1], { mode: 0o600 });
  const said = await askBoth('reader');
  assert.deepEqual(credentials(), [SECRETS[0], SECRETS[0], SECRETS[1], SECRETS[1]].map((token) => `Bearer ${token}`));
  for (const { text } of said) {
    assert.ok(!text.includes(SECRETS[1]));
    assert.ok(text.includes('*'.repeat(SECRETS[1].length)));
  }
});

test('the token of somebody else on the same connection is somebody else', async () => {
  scene.target.clear();
  assert.equal((await ask1('writer', 'DELETE')).status, 200);
  assert.equal((await ask1('reader', 'DELETE')).status, 403);
  assert.equal((await ask1('writer', 'DELETE')).status, 200);
  assert.equal(arrived(), 2);
});

test('a mask that is configured since masks the next, and a policy that allows it no more refuses it', async () => {
  for (const { text } of await askBoth('reader')) assert.match(text, /078-05-1120/);
  const [reading = {}, writing = {}] = HTTP_POLICIES;
  await reload({ policies: [{ ...reading, mask: [{ name: 'ssn', fields: ['ssn'], transform: { partial: 4 } }] }, writing] });
  for (const { status, text } of await askBoth('reader')) {
    assert.equal(status, 200);
    assert.doesNotMatch(text, /078-05/);
  }
  scene.target.clear();
  await reload({ policies: [{ ...reading, rules: [{ name: 'not-this', match: { request: { paths: ['/same'] } }, effect: 'deny', reason: 'no more' }] }, writing] });
  assert.deepEqual(statuses(await askBoth('reader')), [403, 403]);
  assert.equal(arrived(), 0);
  await reload({});
  assert.deepEqual(statuses(await askBoth('reader')), [200, 200]);
});

test('where the connection leads since is where the next goes', async () => {
  const [connection] = scene.config['connections'] as readonly Record<string, unknown>[];
  scene.target.clear();
  await reload({ connections: [{ ...connection, http: { basePath: '/below' } }] });
  assert.deepEqual(statuses(await askBoth('reader')), [200, 200]);
  assert.deepEqual(scene.target.requests.map(({ url }) => url), ['/below/same', '/below/same']);
  await reload({});
});

test('an identity that is revoked is refused', async () => {
  assert.deepEqual(statuses(await askBoth('reader')), [200, 200]);
  const { code, stderr } = await scene.gateway.cli('identities', 'revoke', 'reader', '--config', scene.gateway.configFile);
  assert.equal(code, 0, stderr);
  await until(async () => (await ask1('reader')).status === 403, 20_000, 'the revocation');
  assert.deepEqual(statuses(await askBoth('reader')), [403, 403]);
});

test('each has a record of its own', async () => {
  await stopAndVerify(scene);
  await servedAreRecorded(scene, '/same', served, 1);
});
