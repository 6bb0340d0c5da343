import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answerOk } from '../kit/http-target.ts';
import { until } from '../kit/until.ts';
import { ask2, http2Client } from './http2-scene.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

let scene: HttpScene;
before(async () => {
  scene = await startHttpScene({ http: { answerWithin: '5s', prefix: '/api' } });
});
after(() => scene?.[Symbol.asyncDispose]());

const bearer = async (role: 'reader' | 'writer' | 'stranger'): Promise<{ authorization: string }> => ({ authorization: `Bearer ${await scene.token(role)}` });

test('several identities ask on one connection, each by its own token, and share no connection to the target', async () => {
  const client = http2Client(scene);
  scene.target.clear();
  const answers = await Promise.all((['reader', 'writer', 'reader', 'writer'] as const).map(async (role) => ask2(client, { ':path': `/api/of-${role}`, ...(await bearer(role)) })));
  assert.deepEqual(answers.map(({ status, text }) => [status, text]), answers.map(() => [200, 'ok\n']));
  const by = (role: string): Set<number> => new Set(scene.target.requests.filter(({ url }) => url.endsWith(role)).map(({ connection }) => connection));
  assert.ok([...by('reader')].every((connection) => !by('writer').has(connection)));
  assert.ok(scene.target.requests.every((request) => scene.target.header(request, 'authorization') === `Bearer ${TARGET_TOKEN}`));
  assert.ok(!scene.target.raw().includes(await scene.token('reader')));
  assert.equal((await ask2(client, { ':path': '/api/x' })).status, 401);
  assert.equal((await ask2(client, { ':path': '/api/x', ...(await bearer('stranger')) })).status, 403);
  const refused = await ask2(client, { ':path': '/api/x', ':method': 'POST', ...(await bearer('reader')) }, '{}');
  assert.equal(refused.status, 403);
  assert.equal(refused.problem['code'], 'denied');
  // The connection goes on.
  assert.equal((await ask2(client, { ':path': '/api/x', ...(await bearer('reader')) })).status, 200);
  client.close();
});

test('bodies go both ways as they are, cookies in crumbs arrive as one field, an answer without a body ends with its head', async () => {
  const client = http2Client(scene);
  scene.target.clear();
  const large = Buffer.alloc(3_000_000, 'abcdefgh');
  scene.target.handler = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => (request.url === '/204' ? response.writeHead(204).end() : response.end(Buffer.concat(chunks))));
  };
  const echoed = await ask2(client, { ':path': '/api/echo', ':method': 'POST', cookie: ['a=1', 'b=2'], ...(await bearer('writer')) }, large);
  assert.equal(echoed.status, 200);
  assert.equal(echoed.text.length, large.length);
  assert.ok(echoed.text === large.toString());
  const [arrived] = scene.target.requests;
  assert.ok(arrived);
  assert.equal(scene.target.header(arrived, 'cookie'), 'a=1; b=2');
  assert.equal(scene.target.header(arrived, 'transfer-encoding'), 'chunked');
  assert.equal((await ask2(client, { ':path': '/api/204', ...(await bearer('reader')) })).status, 204);
  assert.equal((await ask2(client, { ':path': '/api/x', ':method': 'HEAD', ...(await bearer('reader')) })).status, 200);
  const asked = client.request({ ':path': '/api/echo', ':method': 'POST', expect: '100-continue', ...(await bearer('writer')) });
  await new Promise((resolve) => asked.once('continue', resolve));
  asked.end('after');
  let text = '';
  asked.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await until(() => text === 'after');
  client.close();
  scene.target.handler = answerOk;
});

test('a request that is reset in the middle of its body never looks whole to the target', async () => {
  for (const code of [0, 8]) {
    scene.target.clear();
    const client = http2Client(scene);
    const stream = client.request({ ':path': `/api/half-${code}`, ':method': 'POST', ...(await bearer('writer')) });
    stream.on('error', () => {});
    stream.write('half');
    await until(() => scene.target.requests[0]?.bytes === 4);
    // As Node's own `close` would send the end of the body first: without one.
    stream.destroy(code === 0 ? undefined : new Error('reset'));
    assert.equal(await until(async () => (await recorded(scene, `/half-${code}`)).at(-1)?.end), 'indeterminate');
    assert.equal(scene.target.requests[0]?.complete, false);
    client.destroy();
  }
});

test('a target that breaks off, or goes on for ever, leaves no answer that looks whole', async () => {
  const client = http2Client(scene);
  scene.target.handler = (request, response) => {
    request.resume();
    response.writeHead(200);
    response.write('half');
    setTimeout(() => request.socket.destroy(), 50);
  };
  const reset = await ask2(client, { ':path': '/api/breaks', ...(await bearer('reader')) }).then(({ text }) => text, () => 'reset');
  assert.equal(reset, 'reset');
  scene.target.handler = (request) => void request.resume();
  assert.equal((await ask2(client, { ':path': '/api/hangs', ...(await bearer('reader')) })).status, 504);
  scene.target.handler = answerOk;
  client.close();
});

test('events leave as they come, and the client may leave', async () => {
  let send: (text: string) => void = () => {};
  scene.target.handler = (request, response) => {
    request.resume();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    send = (text) => void response.write(`data: ${text}\n\n`);
  };
  const client = http2Client(scene);
  const stream = client.request({ ':path': '/api/events', ...(await bearer('reader')) });
  stream.on('error', () => {});
  let text = '';
  await new Promise((resolve) => stream.once('response', resolve));
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  send('one');
  await until(() => text === 'data: one\n\n');
  send('two');
  await until(() => text.endsWith('data: two\n\n'));
  stream.close(8);
  assert.equal(await until(async () => (await recorded(scene, '/events')).at(-1)?.end), 'aborted');
  client.close();
  scene.target.handler = answerOk;
});

test('one client by another name, by another host than that of TLS, and in forms that have no place here', async () => {
  const client = http2Client(scene);
  const auth = await bearer('reader');
  const port = scene.gateway.port();
  scene.target.clear();
  assert.equal((await ask2(client, { ':path': '/api/x', ':authority': `other.example:${port}`, ...auth })).status, 421);
  assert.equal((await ask2(client, { ':path': '/api/x', host: 'other.example', ...auth })).status, 421);
  assert.equal((await ask2(client, { ':path': '/api/x', ':authority': `localhost:${port}`, host: 'other.example', ...auth })).status, 400);
  assert.equal((await ask2(client, { ':path': '/api/x', ':scheme': 'http', ...auth })).status, 400);
  assert.equal((await ask2(client, { ':path': '*', ':method': 'OPTIONS', ...auth })).status, 400);
  assert.equal((await ask2(client, { ':path': '/api/%2e%2e/x', ...auth })).status, 400);
  const tunnel = client.request({ ':method': 'CONNECT', ':authority': 'localhost:1', ...auth });
  assert.equal(await new Promise((resolve) => tunnel.once('response', (head) => resolve(head[':status']))), 501);
  assert.equal(scene.target.requests.length, 0);
  client.destroy();
});

test('everything of it is in the log, which verifies', async () => {
  await stopAndVerify(scene);
  const [large] = await recorded(scene, '/echo');
  assert.equal(large?.end, 'ok');
  await scene.gateway.start();
});
