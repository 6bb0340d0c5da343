import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type * as http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { SOON_MS, until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { http2Client } from './http2-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

let people: HttpPeople;
let scene: HttpScene;
before(async () => {
  people = await startHttpPeople();
  scene = await startHttpScene({
    policies: [
      {
        name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'unknown'],
        rules: [{ name: 'deletes', match: { verbs: ['delete'] }, effect: 'require_approval', reason: 'what is deleted is gone', approval: PATIENT }],
      },
      { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'] },
    ],
    control: people.control,
  });
  scene.target.handler = (request, response) => {
    request.resume();
    if (request.url?.startsWith('/events') !== true) {
      request.once('end', () => response.end('ok\n'));
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const more = setInterval(() => response.write('data: 1\n\n'), 20);
    response.once('close', () => clearInterval(more));
  };
  scene.target.upgrade = (request, socket) => {
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on('error', () => {});
    const more = setInterval(() => socket.write('\x81\x02hi', 'latin1'), 20);
    socket.once('close', () => clearInterval(more));
  };
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

test('an identity that is revoked loses at once its streams of HTTP/2, its WebSockets and what waits for people; others on the same connection lose nothing', { timeout: 60_000 }, async () => {
  const writer = `Bearer ${await scene.token('writer')}`;
  const session = http2Client(scene);
  const listen = async (authorization: string): Promise<{ readonly bytes: () => number; readonly over: () => number | undefined; readonly looksWhole: () => boolean; readonly stream: http2.ClientHttp2Stream }> => {
    const stream = session.request({ ':path': '/events', authorization });
    let bytes = 0;
    let over: number | undefined;
    let whole = false;
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
    stream.once('end', () => (whole = stream.rstCode === 0 && !stream.aborted));
    stream.once('close', () => (over = performance.now()));
    await until(() => bytes > 0, 20_000, 'events');
    return { bytes: () => bytes, over: () => over, looksWhole: () => whole && stream.rstCode === 0, stream };
  };
  const own = await listen(writer);
  const others = await listen(`Bearer ${await scene.token('reader')}`);

  const socket = await scene.dial();
  let said = '';
  let socketOver: number | undefined;
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
  socket.once('close', () => (socketOver = performance.now()));
  socket.write(`GET /live HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${writer}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`);
  await until(() => said.includes('hi'), 20_000, `a WebSocket: ${said}`);

  const held = scene.ask('writer', '/held', { method: 'DELETE' });
  const { id } = await people.request(scene);

  const revoked = scene.gateway.cli('identities', 'revoke', 'writer', '--config', scene.gateway.configFile).then((ran) => ({ ran, at: performance.now() }));
  const refused = await held;
  const heldOver = performance.now();
  assert.deepEqual([refused.status, refused.problem['code']], [403, 'revoked']);
  await until(() => own.over() !== undefined && socketOver !== undefined, 20_000, 'the end of streams');
  const { ran, at } = await revoked;
  assert.equal(ran.code, 0, ran.stderr);
  for (const [what, over] of Object.entries({ heldOver, stream: own.over(), socketOver })) assert.ok(Number(over) - at < SOON_MS, `${what} ended ${Number(over) - at} ms after the word was given`);
  assert.ok(!own.looksWhole(), 'the stream looks whole');

  // Who is not revoked goes on.
  const before = others.bytes();
  await until(() => others.bytes() > before);
  assert.equal(others.over(), undefined);
  others.stream.close();
  session.close();

  // What people approve afterwards finds nobody, and nothing has reached the target.
  assert.equal((await people.show(scene, id)).waiting, 0);
  await people.approve(scene, id);
  assert.equal((await scene.ask('writer', '/held', { method: 'DELETE' })).status, 403);
  assert.ok(!scene.target.requests.some(({ url }) => url === '/held'));
  for (const mark of ['/live', '/events']) assert.equal(await until(async () => (await recorded(scene, mark))[0]?.end), 'aborted', mark);
});

test('the log verifies', () => stopAndVerify(scene));
