import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { answerOk } from '../kit/http-target.ts';
import { HTTP_POLICIES, startHttpScene, type HttpScene } from './http-scene.ts';
import { closeReasons, recorded, stopAndVerify } from './whole-evidence.ts';

const [READING = {}, WRITING = {}] = HTTP_POLICIES;
const POLICIES = [READING, { ...WRITING, limits: { sessionAge: '3s' } }];

let scene: HttpScene;
/** Sends one more event on each stream that is open at the target. */
let send: (text: string) => void;
before(async () => {
  scene = await startHttpScene({ policies: POLICIES, gateway: { limits: { preAuth: { seconds: 2 } } }, provider: { clockSkew: '1s' } });
  const streams = new Set<(text: string) => void>();
  send = (text) => streams.forEach((one) => one(text));
  scene.target.handler = (request, response, socket) => {
    if (!request.url?.startsWith('/events')) {
      answerOk(request, response, socket);
      return;
    }
    request.resume();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    const one = (text: string): void => void response.write(`data: ${text}\n\n`);
    streams.add(one);
    response.once('close', () => streams.delete(one));
  };
});
after(() => scene?.[Symbol.asyncDispose]());

interface Stream {
  readonly text: () => string;
  readonly over: () => boolean;
  readonly leave: () => void;
}

/** A stream of events that has begun. */
const listen = async (path: string, token: string): Promise<Stream> => {
  const socket = await scene.dial();
  let text = '';
  let over = false;
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.once('close', () => (over = true));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await until(() => over || text.includes('text/event-stream'));
  assert.match(text, /^HTTP\/1\.1 200 /);
  return { text: () => text, over: () => over, leave: () => void socket.destroy() };
};
const looksWhole = (stream: Stream): boolean => /(?:^|\r\n)0\r\n\r\n$/.test(stream.text());
const outcomeOf = async (mark: string): Promise<string | undefined> => (await recorded(scene, mark)).at(-1)?.end;

test('a stream goes on when its token expires; the next request of that token needs another, and opens a session of its own', async () => {
  const token = await scene.issuer.token({ claims: { job: 'reader' }, expiresIn: 3 });
  const expires = (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number }).exp * 1000;
  const stream = await listen('/events-expiring', token);
  send('before');
  await until(() => stream.text().includes('data: before'));
  // What comes within the skew that is allowed belongs to the same session.
  await until(() => Date.now() > expires + 100, 10_000, 'the time that the token says');
  const sessions = (): number => scene.gateway.logLines().filter(({ msg }) => msg === 'session opened').length;
  const opened = sessions();
  const inTime = await scene.ask(undefined, '/in-time', { headers: { Authorization: `Bearer ${token}` } });
  if (Date.now() < expires + 1_000) assert.deepEqual([inTime.status, sessions()], [200, opened]);
  await until(() => Date.now() > expires + 1_000, 10_000, 'the end of the token');
  const late = await scene.ask(undefined, '/late', { headers: { Authorization: `Bearer ${token}` } });
  assert.deepEqual([late.status, late.problem['code']], [401, 'unauthenticated']);
  send('after');
  await until(() => stream.text().includes('data: after'));
  assert.ok(!stream.over());
  assert.equal((await scene.ask('reader', '/renewed')).status, 200);
  assert.equal(scene.target.requests.filter(({ url }) => url === '/late').length, 0);
  stream.leave();
  assert.equal(await until(() => outcomeOf('/events-expiring')), 'aborted');
  assert.ok(await until(async () => (await closeReasons(scene)).includes('token expired')));
});

test('limits.sessionAge cuts a stream, so that nobody takes it for whole', async () => {
  const began = performance.now();
  const stream = await listen('/events-aging', await scene.token('writer'));
  await until(() => stream.over(), 20_000, 'the end of the stream');
  assert.ok(performance.now() - began >= 2_500);
  assert.ok(!looksWhole(stream));
  assert.equal(await until(() => outcomeOf('/events-aging')), 'aborted');
  // The token is still good, and opens the next session.
  assert.equal((await scene.ask('writer', '/next')).status, 200);
});

test('a reload that takes the grant away cuts what runs, and one that only changes rules does not', async () => {
  const stream = await listen('/events-granted', await scene.token('reader'));
  const reload = (policies: readonly Record<string, unknown>[]): Promise<void> => scene.gateway.reloaded({ ...scene.config, policies });
  await reload([{ ...READING, rules: [{ name: 'nothing-secret', match: { request: { paths: ['/secret'] } }, effect: 'deny', reason: 'secret' }] }, POLICIES[1] ?? {}]);
  send('still');
  await until(() => stream.text().includes('data: still'));
  assert.equal((await scene.ask('reader', '/secret')).status, 403);
  await reload([POLICIES[1] ?? {}]);
  await until(() => stream.over(), 20_000, 'the end of the stream');
  assert.ok(!looksWhole(stream));
  const refused = await scene.ask('reader', '/afterwards');
  assert.equal(refused.status, 403, refused.text);
  assert.equal(await until(() => outcomeOf('/events-granted')), 'aborted');
  await reload(POLICIES);
  assert.equal((await scene.ask('reader', '/again')).status, 200);
});

test('a client that leaves in the middle of an upload: the target sees it break off', async () => {
  scene.target.clear();
  const socket = await scene.dial();
  socket.on('error', () => {});
  // A session of its own: the one of the token that others show may come of age in the middle.
  const token = await scene.issuer.token({ claims: { job: 'writer' } });
  socket.write(`PUT /upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(500)}`);
  await until(() => scene.target.requests[0]?.bytes === 500);
  const open = scene.target.open;
  socket.destroy();
  await until(() => scene.target.open < open, 20_000, 'the end of the upstream connection');
  assert.equal(scene.target.requests[0]?.complete, false);
  assert.equal(await until(() => outcomeOf('/upload')), 'indeterminate');
});

test('a gateway that stops lets a stream go on', async () => {
  const stream = await listen('/events-stopping', await scene.token('reader'));
  scene.gateway.signal('SIGTERM');
  await until(() => scene.gateway.log().includes('"stopping"'));
  send('still');
  await until(() => stream.text().includes('data: still'));
  stream.leave();
  await until(() => scene.gateway.ended(), 20_000, 'the end of the gateway');
  assert.deepEqual(scene.gateway.ended(), { code: 0, signal: null });
  await scene.gateway.start();
  await stopAndVerify(scene);
  await scene.gateway.start();
});
