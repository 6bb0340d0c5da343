import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import * as https from 'node:https';
import type { ClientHttp2Session } from 'node:http2';
import { after, before, test } from 'node:test';
import { freePort, releasePort } from '../kit/ports.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { ask2, http2Client } from './http2-scene.ts';
import { HTTP_POLICIES, startHttpScene, type HttpRole, type HttpScene } from './http-scene.ts';
import { servedAreRecorded, stopAndVerify } from './whole-evidence.ts';

/*
 * A client that asks for several addresses in turn, with the same header fields, has those read once, and addresses that come again are known. Whatever else the answer depends
 * on is looked at each time: each case changes one such thing, in the middle of a connection that is kept, and asks for the same addresses again.
 */

const SECRETS = ['the-first-credential-of-the-target', 'the-second-credential-of-the-target'] as const;
const ADDRESSES = ['/left/a', '/left/a?x=one', '/right/a', '/left/b%2Dc?x=%7e', '/right/'];
/** As the target gets them: without the prefixes, under their bases, in one spelling. */
const ARRIVED = ['/l/a', '/l/a?x=one', '/r/a', '/l/b-c?x=~', '/r/'];
const folder = tempFolder('http-same-fields');
const secret = folder.file('token');
const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
let port: number;
let scene: HttpScene;
let second: ClientHttp2Session | undefined;
/** Requests that the target answered. */
let served = 0;
before(async () => {
  port = await freePort();
  writeFileSync(secret, SECRETS[0], { mode: 0o600 });
  const connection = (name: string, target: number, basePath: string, place: Readonly<Record<string, unknown>> = { listen: `127.0.0.1:${port}` }): Record<string, unknown> => ({
    name, protocol: 'http', ...place, target: { host: '127.0.0.1', port: target, tls: 'disable' }, credential: { type: 'bearer', token: `file:${secret}` }, http: { prefix: `/${name}`, basePath },
  });
  scene = await startHttpScene({ connectionsAt: (target) => [connection('left', target, '/l'), connection('right', target, '/r'), connection('elsewhere', target, '/e', {})], provider: { clockSkew: '1s' } });
  scene.target.handler = (request, response) => {
    served += 1;
    request.resume();
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ ssn: '078-05-1120', url: request.url }));
  };
});
after(async () => {
  agent.destroy();
  second?.close();
  await scene?.[Symbol.asyncDispose]();
  releasePort(port);
  folder.remove();
});

interface Said {
  readonly status: number;
  readonly text: string;
}

const asked: Readonly<Record<string, (role: HttpRole, path: string, method?: string) => Promise<Said>>> = {
  'HTTP/1.1': (role, path, method = 'GET') => scene.ask(role, path, { method, agent, port, headers: { Connection: 'keep-alive' } }),
  'HTTP/2': async (role, path, method = 'GET') => ask2(connected(), { ':path': path, ':method': method, authorization: `Bearer ${await scene.token(role)}` }),
};
/** Opened when it is asked for first: who shows no token for long is shown the door. */
const connected = (): ClientHttp2Session => (second ??= http2Client(scene, port));
/** All addresses, one after another, so often. */
const inTurn = async (ask: (path: string) => Promise<Said>, times = 1): Promise<readonly Said[]> => {
  const said: Said[] = [];
  for (let time = 0; time < times; time += 1) for (const path of ADDRESSES) said.push(await ask(path));
  return said;
};
const statuses = (said: readonly Said[]): readonly number[] => [...new Set(said.map(({ status }) => status))];
const urls = (): readonly string[] => scene.target.requests.map(({ url }) => url);

const reload = (more: Readonly<Record<string, unknown>>): Promise<void> => scene.gateway.reloaded({ ...scene.config, ...more });
const [reading = {}, writing = {}] = HTTP_POLICIES;

for (const [version, ask] of Object.entries(asked)) {
  test(`${version}: each address is the one that is asked for, by the connection that it means`, async () => {
    scene.target.clear();
    assert.deepEqual(statuses(await inTurn((path) => ask('reader', path), 4)), [200]);
    assert.deepEqual(urls(), [...ARRIVED, ...ARRIVED, ...ARRIVED, ...ARRIVED]);
    const [first, ...others] = scene.target.requests.map((one) => one.rawHeaders.filter((_, index) => one.rawHeaders[index - 1] !== 'X-Wicketgate-Session'));
    for (const other of others) assert.deepEqual(other, first);
  });

  test(`${version}: the same address by another method is another request`, async () => {
    scene.target.clear();
    const methods = ['GET', 'DELETE', 'HEAD', 'POST', 'OPTIONS'];
    for (let time = 0; time < 3; time += 1) for (const method of methods) assert.equal((await ask('reader', '/left/a', method)).status, method === 'DELETE' || method === 'POST' ? 403 : 200, method);
    const arrived = ['GET', 'HEAD', 'OPTIONS'];
    assert.deepEqual(scene.target.requests.map(({ method }) => method), [...arrived, ...arrived, ...arrived]);
  });

  test(`${version}: an address that holds the token is refused, also between others that do not, and again`, async () => {
    const token = await scene.token('reader');
    scene.target.clear();
    for (let time = 0; time < 3; time += 1) {
      assert.equal((await ask('reader', '/left/a')).status, 200);
      for (const path of [`/left/a?token=${token}`, `/left/${token.replaceAll('.', '%2E')}`]) assert.equal((await ask('reader', path)).status, 400);
    }
    assert.deepEqual(urls(), ['/l/a', '/l/a', '/l/a']);
  });

  test(`${version}: what is not an address, or one that nobody is meant by, does not become one by coming again`, async () => {
    for (let time = 0; time < 3; time += 1) {
      for (const [path, status] of [['/left/../a', 400], ['/left/a%2fb', 400], ['/left//a', 400], ['/other', 404], ['/leftover', 404], ['/left/a', 200]] as const) assert.equal((await ask('reader', path)).status, status, path);
    }
  });

  test(`${version}: the token of somebody else on the same connection is somebody else, at each address`, async () => {
    scene.target.clear();
    for (let time = 0; time < 3; time += 1) {
      assert.deepEqual(statuses(await inTurn((path) => ask('writer', path, 'DELETE'))), [200]);
      assert.deepEqual(statuses(await inTurn((path) => ask('reader', path, 'DELETE'))), [403]);
      assert.deepEqual(statuses(await inTurn((path) => ask('reader', path, 'GET'))), [200]);
    }
    assert.equal(scene.target.requests.length, 6 * ADDRESSES.length);
  });

  test(`${version}: a credential that was changed since goes with the next, to each address`, async () => {
    writeFileSync(secret, SECRETS[0], { mode: 0o600 });
    await inTurn((path) => ask('reader', path), 2);
    scene.target.clear();
    writeFileSync(secret, SECRETS[1], { mode: 0o600 });
    await inTurn((path) => ask('reader', path));
    assert.deepEqual(new Set(scene.target.requests.map((one) => scene.target.header(one, 'authorization'))), new Set([`Bearer ${SECRETS[1]}`]));
  });

  test(`${version}: a mask, a rule for one address and a limit that are configured since hold for the next`, async () => {
    await inTurn((path) => ask('reader', path), 2);
    await reload({ policies: [{ ...reading, mask: [{ name: 'ssn', fields: ['ssn'], transform: { partial: 4 } }] }, writing] });
    for (const { status, text } of await inTurn((path) => ask('reader', path), 2)) {
      assert.equal(status, 200);
      assert.doesNotMatch(text, /078-05/);
    }
    await reload({ policies: [{ ...reading, rules: [{ name: 'not-this', match: { request: { paths: ['/a'], query: { x: ['one'] } } }, effect: 'deny', reason: 'no more' }] }, writing] });
    for (let time = 0; time < 3; time += 1) for (const path of ADDRESSES) assert.equal((await ask('reader', path)).status, path === '/left/a?x=one' ? 403 : 200, path);
    await reload({ policies: [{ ...reading, limits: { commandsPerMinute: 7 } }, writing] });
    const said = await inTurn((path) => ask('reader', path), 4);
    assert.ok(said.filter(({ status }) => status === 200).length <= 2 * 7 && said.some(({ status }) => status === 429), String(said.map(({ status }) => status)));
    await reload({});
    assert.deepEqual(statuses(await inTurn((path) => ask('reader', path))), [200]);
  });
}

test('more addresses than are kept are each the one that is asked for', async () => {
  scene.target.clear();
  const asks = Array.from({ length: 120 }, (_, n) => `a?n=${n % 40}`);
  for (const path of asks) assert.equal((await scene.ask('reader', `/left/${path}`, { agent, port, headers: { Connection: 'keep-alive' } })).status, 200);
  assert.deepEqual(urls(), asks.map((path) => `/l/${path}`));
});

test('what a connection leads to since is where the next goes', async () => {
  const [left, ...others] = scene.config['connections'] as readonly Record<string, unknown>[];
  for (const ask of Object.values(asked)) {
    scene.target.clear();
    await reload({ connections: [{ ...left, http: { prefix: '/left', basePath: '/elsewhere' } }, ...others] });
    await inTurn((path) => ask('reader', path));
    assert.deepEqual(urls(), ARRIVED.map((url) => url.replace(/^\/l\//, '/elsewhere/')));
    await reload({});
    scene.target.clear();
    await inTurn((path) => ask('reader', path));
    assert.deepEqual(urls(), ARRIVED);
  }
});

test('a token that has expired is refused at each address', async () => {
  const token = await scene.issuer.token({ claims: { job: 'reader' }, expiresIn: 6 });
  const ask = async (path: string): Promise<Said> => ask2(connected(), { ':path': path, authorization: `Bearer ${token}` });
  assert.deepEqual(statuses(await inTurn(ask, 2)), [200]);
  await until(async () => (await ask('/left/a')).status === 401, 20_000, 'the end of the token');
  assert.deepEqual(statuses(await inTurn(ask, 2)), [401]);
});

test('an identity that is revoked is refused at each address', async () => {
  for (const ask of Object.values(asked)) assert.deepEqual(statuses(await inTurn((path) => ask('reader', path))), [200]);
  const { code, stderr } = await scene.gateway.cli('identities', 'revoke', 'reader', '--config', scene.gateway.configFile);
  assert.equal(code, 0, stderr);
  for (const ask of Object.values(asked)) {
    await until(async () => (await ask('reader', '/left/a')).status === 403, 20_000, 'the revocation');
    assert.deepEqual(statuses(await inTurn((path) => ask('reader', path))), [403]);
  }
});

test('each has a record of its own, with its own address', async () => {
  await stopAndVerify(scene);
  const ran = await servedAreRecorded(scene, ' /', served, 2);
  assert.deepEqual(new Set(ran.map(({ statement }) => /^\S+ (\S+)/.exec(statement ?? '')?.[1]).filter((path) => path?.includes('?n=') !== true)), new Set(['/a', '/a?x=one', '/b-c?x=~', '/']));
});
