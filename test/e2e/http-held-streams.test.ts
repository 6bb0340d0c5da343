import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type * as http2 from 'node:http2';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { http2Client } from './http2-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * Requests whose bodies come after they were approved, or while people think.
 */

const WHOLE = 64 * 1024;
let people: HttpPeople;
let scene: HttpScene;
before(async () => {
  people = await startHttpPeople();
  scene = await startHttpScene({
    http: { wholeBody: '64KiB' },
    policies: [
      { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'live', match: { verbs: ['websocket'], classes: ['unknown'] }, effect: 'require_approval', reason: 'what is said is not read', approval: PATIENT }, { name: 'live-retry', match: { verbs: ['websocket'], classes: ['unknown'], request: { paths: ['/live/retry'] } }, effect: 'require_approval', approval: { ...PATIENT, hold: '1s' } }, { name: 'puts', match: { verbs: ['put'] }, effect: 'require_approval', reason: 'what is put stays', approval: PATIENT }] },
    ],
    control: people.control,
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

for (const version of ['HTTP/1.1', 'HTTP/2'] as const) {
  test(`${version}: a body that waits for 100 (Continue) is sent whole once people have approved it`, { timeout: 60_000 }, async () => {
    scene.target.clear();
    const size = 40 * WHOLE;
    const authorization = `Bearer ${await scene.token('writer')}`;
    let status = 0;
    let continued = 0;
    const body = Buffer.alloc(size, 'b');
    if (version === 'HTTP/2') {
      const session = http2Client(scene);
      const stream = session.request({ ':method': 'PUT', ':path': '/large', authorization, expect: '100-continue', 'content-length': size }, { endStream: false });
      stream.on('error', () => {});
      stream.once('continue', () => {
        continued += 1;
        stream.end(body);
      });
      stream.once('response', (head: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader) => (status = head[':status'] ?? 0));
      stream.resume();
      stream.once('close', () => session.close());
    } else {
      const socket = await scene.dial();
      let text = '';
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (continued === 0 && text.startsWith('HTTP/1.1 100 ')) {
          continued += 1;
          socket.write(body);
        }
        status = Number(/HTTP\/1\.1 ([2-5]\d\d) /.exec(text)?.[1] ?? 0);
      });
      socket.write(`PUT /large HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nExpect: 100-continue\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`);
    }
    const request = await people.request(scene);
    assert.match(request.notCovered ?? '', /body/);
    assert.equal(continued, 0);
    assert.equal(scene.target.requests.length, 0);
    await people.approve(scene, request.id);
    await until(() => status !== 0, 30_000, 'the answer');
    assert.equal(status, 200);
    assert.equal(scene.target.requests[0]?.bytes, size);
  });
}

/** A request for a WebSocket on a connection of its own. */
const upgrade = async (path: string): Promise<{ readonly socket: Socket; readonly text: () => string; readonly closed: () => boolean }> => {
  const socket = await scene.dial();
  let text = '';
  let closed = false;
  socket.on('error', () => {});
  socket.once('close', () => (closed = true));
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('writer')}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`);
  return { socket, text: () => text, closed: () => closed };
};
const openAtTarget = (): void => {
  scene.target.upgrade = (request, socket) => {
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => socket.write(chunk));
  };
};

test('a WebSocket is held, and opened once people have approved it', async () => {
  openAtTarget();
  const live = await upgrade('/live');
  const request = await people.request(scene);
  assert.equal(scene.target.raw().includes('/live'), false);
  await people.approve(scene, request.id);
  await until(() => live.text().startsWith('HTTP/1.1 101 '));
  live.socket.write('\x81\x00');
  await until(() => live.text().endsWith('\x81\x00') || live.text().length > 0 && live.text().split('\r\n\r\n')[1] !== '');
  live.socket.destroy();
});

for (const [how, early] of [['in order', 0], ['at once', 0], ['in order, after it has said something', 1_000], ['at once, after it has said something', 1_000], ['at once, after it has said much', 1_000_000]] as const) {
  test(`a client that leaves ${how} while it waits for a WebSocket is seen, and nothing is opened when people approve`, async () => {
    scene.target.clear();
    const live = await upgrade(`/live/left-${how.length}`);
    const request = await people.request(scene);
    assert.equal(request.waiting, 1);
    if (early > 0) await new Promise<unknown>((resolve) => live.socket.write(Buffer.alloc(early, 'e'), resolve));
    if (how.startsWith('in order')) live.socket.end();
    else live.socket.destroy();
    await until(async () => (await people.show(scene, request.id)).waiting === 0, 20_000, 'that it has left');
    await people.approve(scene, request.id);
    assert.equal(scene.target.raw(), '');
  });
}

test('a client that sends a large request behind one that is held is not waited with: that it leaves could not be seen', async () => {
  scene.target.clear();
  const socket = await scene.dial();
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const head = `Host: localhost\r\nAuthorization: Bearer ${await scene.token('writer')}\r\n`;
  socket.write(`PUT /behind HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nfirstPOST /large HTTP/1.1\r\n${head}Content-Length: 1000000\r\n\r\n${'x'.repeat(900_000)}`);
  await until(() => text.includes('"approval_required"'));
  const request = await people.request(scene);
  assert.equal(request.waiting, 0);
  assert.match(text, /^HTTP\/1\.1 403 [^]*"approval":"/);
  socket.destroy();
  await people.approve(scene, request.id);
  assert.ok(!scene.target.requests.some(({ url }) => url === '/behind'));
  // It is there for its next try.
  assert.equal((await scene.ask('writer', '/behind', { method: 'PUT', body: 'first' })).status, 200);
});

test('a WebSocket that was approved after its client was told to come again is opened at the next try, which has another key', async () => {
  const first = await upgrade('/live/retry');
  await until(() => first.closed());
  assert.match(first.text(), /^HTTP\/1.1 403 /);
  await people.approve(scene, (await people.request(scene)).id);
  const second = await upgrade('/live/retry');
  await until(() => second.text().startsWith('HTTP/1.1 101 ') || second.closed(), 20_000, second.text());
  assert.match(second.text(), /^HTTP\/1.1 101 /);
  const third = await upgrade('/live/retry');
  await until(() => third.closed());
  assert.match(third.text(), /^HTTP\/1.1 403 /);
  second.socket.destroy();
  for (const { id } of await people.pending(scene)) await people.deny(scene, id);
});

test('the log verifies', () => stopAndVerify(scene));
