import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { http2Client } from './http2-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * What one client may make the gateway keep, while others are served.
 */

const MIB = 1024 * 1024;
let people: HttpPeople;
let scene: HttpScene;
/** Bytes that the target could hand over of its endless answers. */
let given = 0;
before(async () => {
  people = await startHttpPeople();
  scene = await startHttpScene({
    http: { wholeBody: '1MiB' },
    policies: [
      { name: 'masked', identities: ['reader'], connections: ['*'], allow: ['read', 'write'], mask: [{ name: 'ssn', fields: ['ssn'], transform: 'redact' }] },
      {
        name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'unknown'],
        rules: [{ name: 'puts', match: { verbs: ['put'] }, effect: 'require_approval', reason: 'what is put stays', approval: PATIENT }, { name: 'fields', match: { verbs: ['patch'], request: { fields: { amount: ['1'] } } }, effect: 'deny' }],
      },
    ],
    control: people.control,
  });
  const record = Buffer.from(JSON.stringify({ ssn: '123-45-6789', name: 'n'.repeat(200) }));
  const piece = Buffer.concat(Array.from({ length: 500 }, () => Buffer.concat([record, Buffer.from(',')])));
  scene.target.handler = (request, response) => {
    request.resume();
    if (request.url?.startsWith('/endless') !== true) {
      request.once('end', () => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"ok":true}'));
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write('[');
    const more = (): void => {
      while (!response.destroyed) {
        given += piece.length;
        if (!response.write(piece)) {
          response.once('drain', more);
          return;
        }
      }
    };
    more();
  };
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

/** Memory of the gateway, in bytes. */
const memory = (): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${scene.gateway.pid}/status`, 'latin1'))?.[1]) * 1024;
/** Others get their answers, and soon. */
const others = async (): Promise<void> => {
  const from = performance.now();
  for (let count = 0; count < 3; count += 1) assert.equal((await scene.ask('writer', '/others')).status, 200);
  assert.ok(performance.now() - from < 10_000, 'others are hardly served');
};
/** Resolves when a number has stopped growing: nobody takes any more. */
const still = async (value: () => number): Promise<void> => {
  let last = -1;
  let same = 0;
  await until(() => {
    const now = value();
    same = now === last ? same + 1 : 0;
    last = now;
    return same > 10;
  }, 60_000, 'that nothing more is taken');
};

test('masked answers that nobody reads stay at the target, on many connections and on many streams of one', { timeout: 120_000 }, async () => {
  await others();
  const authorization = `Bearer ${await scene.token('reader')}`;
  const before = memory();
  const sockets = await Promise.all(Array.from({ length: 20 }, async () => {
    const socket = await scene.dial();
    socket.on('error', () => {});
    socket.pause();
    socket.write(`GET /endless HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n\r\n`);
    return socket;
  }));
  const session = http2Client(scene);
  const streams = Array.from({ length: 60 }, () => {
    const stream = session.request({ ':path': '/endless', authorization });
    stream.on('error', () => {});
    stream.pause();
    return stream;
  });
  await until(() => scene.target.requests.filter(({ url }) => url === '/endless').length === 80, 30_000, 'all of them at the target');
  await still(() => given);
  // 80 answers without end, each with what buffers of sockets and of one masker hold.
  const grown = memory() - before;
  assert.ok(grown < 200 * MIB, `${Math.round(grown / MIB)} MiB for 80 answers`);
  await others();
  for (const stream of streams) stream.destroy();
  session.destroy();
  for (const socket of sockets) socket.destroy();
  await until(() => scene.target.open < 20, 20_000, 'the end of the answers at the target');
});

test('bodies that unpack to much more are refused before they do', { timeout: 120_000 }, async () => {
  const zeros = Buffer.alloc(200 * MIB, '[');
  // A frame that asks for a window of 128 MiB, whatever it holds.
  const window = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00]);
  const bombs = [['gzip', gzipSync(zeros)], ['br', brotliCompressSync(zeros.subarray(0, 50 * MIB))], ['zstd', zstdCompressSync(zeros)], ['zstd', window]] as const;
  const before = memory();
  const reached = scene.target.requests.length;
  for (const [coding, body] of bombs) {
    const answers = await Promise.all(Array.from({ length: 12 }, () => scene.ask('reader', '/bomb', { method: 'POST', headers: { 'Content-Type': 'application/json', 'Content-Encoding': coding }, body })));
    for (const { status, text } of answers) assert.ok(status === 413 || status === 403, `${coding}: ${status} ${text}`);
  }
  assert.equal(scene.target.requests.length, reached);
  const grown = memory() - before;
  assert.ok(grown < 150 * MIB, `${Math.round(grown / MIB)} MiB`);
  await others();
});

test('JSON that is deep, or has a great many names, is refused by a rule about fields in little time', { timeout: 60_000 }, async () => {
  const bodies = ['['.repeat(500_000), `{"a":${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}}`, `{${Array.from({ length: 90_000 }, (_, at) => `"k${at}":1`).join(',')}}`, `[${'1,'.repeat(500_000)}1]`, `"${'\\u0061'.repeat(170_000)}"`];
  const from = performance.now();
  for (const body of bodies) assert.ok([200, 403].includes((await scene.ask('writer', '/deep', { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body })).status));
  assert.ok(performance.now() - from < 10_000);
  await others();
});

test('requests that wait for people are bounded by what is kept of their bodies, and leave room for others', { timeout: 120_000 }, async () => {
  const authorization = `Bearer ${await scene.token('writer')}`;
  const before = memory();
  // With so much to send, Node's client would refuse the answers.
  const sessions = [1, 2].map(() => connect(scene.url, { ca: scene.ca, maxSessionMemory: 1_000 }));
  const body = Buffer.alloc(900_000, 'k');
  const statuses: number[] = [];
  for (const [index, session] of sessions.entries()) {
    for (let count = 0; count < 60; count += 1) {
      const stream = session.request({ ':method': 'PUT', ':path': `/keep/${index}-${count}`, authorization, 'content-length': body.length }, { endStream: false });
      stream.on('error', () => {}).on('response', (head) => statuses.push(Number(head[':status']))).resume();
      stream.end(body);
    }
  }
  // 64 MiB for one identity on one connection: what comes beyond is told to come again.
  await until(() => statuses.length >= 45, 60_000, 'the refusals');
  assert.ok(statuses.every((status) => status === 503 || status === 403 || status === 429), String(statuses));
  const grown = memory() - before;
  assert.ok(grown < 300 * MIB, `${Math.round(grown / MIB)} MiB`);
  await others();
  await until(async () => statuses.length + (await people.pending(scene)).length === 120, 20_000, 'that each is held or told');
  for (const session of sessions) session.destroy();
  await until(async () => (await people.pending(scene)).every(({ waiting }) => waiting === 0), 20_000, 'that their clients have left');
  // What they took is free again.
  const again = scene.ask('writer', '/keep/again', { method: 'PUT', body });
  await until(async () => (await people.pending(scene)).some(({ waiting }) => waiting === 1), 20_000, 'room for another');
  for (const { id } of await people.pending(scene)) await people.deny(scene, id).catch(() => {});
  assert.equal((await again).status, 403);
});

test('a WebSocket whose other end reads nothing is not read either, whatever comes: frames of nothing, pings, fragments', { timeout: 120_000 }, async () => {
  let taken = 0;
  let deaf: Socket | undefined;
  scene.target.upgrade = (request, socket) => {
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on('error', () => {});
    deaf = socket.removeAllListeners('data').pause();
  };
  const before = memory();
  const socket = await scene.dial();
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.write(`GET /live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('writer')}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`);
  await until(() => text.startsWith('HTTP/1.1 101 ') && deaf !== undefined, 10_000, text);
  const frames = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.concat([Buffer.from([0x89, 0x80]), randomBytes(4), Buffer.from([0x01, 0x80]), randomBytes(4), Buffer.from([0x00, 0x80]), randomBytes(4)])));
  const flood = (): void => {
    if (socket.destroyed) return;
    taken += frames.length;
    if (taken < 1_000 * MIB && socket.write(frames)) setImmediate(flood);
    else socket.once('drain', flood);
  };
  flood();
  await still(() => taken);
  assert.ok(taken < 200 * MIB, `${Math.round(taken / MIB)} MiB were taken`);
  const grown = memory() - before;
  assert.ok(grown < 100 * MIB, `${Math.round(grown / MIB)} MiB`);
  await others();
  socket.destroy();
  deaf?.destroy();
});

test('the log verifies', () => stopAndVerify(scene));
