import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { AnswerReader } from './h1-answer.ts';
import { Http1Server } from './h1-server.ts';
import { StreamBody } from './h2-body.ts';
import { wireOf } from './testdata/node-server.ts';

/*
 * Whoever sends a body in chunks or frames of one byte pays six or ten bytes for each. What is done for a piece on its way (recorded, permitted, written) would cost
 * many times that, so pieces that come together are put together.
 */

const BYTES = Array.from({ length: 5_000 }, (_, n) => String(n % 10));
const EXPECTED = BYTES.join('');

/** A frame of HTTP/2 on the first stream, or on none. */
const frame = (type: number, flags: number, payload: Uint8Array = new Uint8Array(0), stream = 1): Buffer => Buffer.concat([Buffer.from([0, payload.length >> 8, payload.length & 0xff, type, flags, 0, 0, 0, stream]), payload]);
const [DATA, HEADERS, RST_STREAM, SETTINGS] = [0, 1, 3, 4];
const [END_STREAM, END_HEADERS] = [1, 4];
const HEAD = Buffer.concat([[':method', 'POST'], [':scheme', 'http'], [':authority', 'a'], [':path', '/']].map(([name = '', value = '']) => Buffer.from(`\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`)));
/** What a client says up to the body of its first request. */
const BEGUN = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, undefined, 0), frame(HEADERS, END_HEADERS, HEAD)]);

test('a request in HTTP/1.1', async () => {
  const pieces: Buffer[] = [];
  const whole = Promise.withResolvers<void>();
  const server = new Http1Server({
    headMs: () => 60_000,
    connect: () => {},
    malformed: () => {},
    serve: ({ client }) => {
      client.body?.on('data', (piece: Buffer) => pieces.push(piece));
      client.body?.once('end', () => whole.resolve());
    },
  });
  const wire = wireOf([Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${BYTES.map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`)]) as unknown as Socket;
  const { connection } = server.serve(wire, wire, { tls: false });
  await whole.promise;
  assert.equal(Buffer.concat(pieces).toString(), EXPECTED);
  assert.ok(pieces.length <= 2, String(pieces.length));
  connection.socket.destroy();
  server.close();
});

test('an answer in HTTP/1.1', () => {
  const reader = new AnswerReader(false);
  reader.push(Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${BYTES.map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`));
  assert.deepEqual(reader.take().map(String), [EXPECTED]);
});

test('a body in HTTP/2, whose first frame waits for nothing', async () => {
  const server = http2.createServer();
  const pieces: Buffer[] = [];
  const whole = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  server.on('stream', (stream) => {
    const body = new StreamBody(stream);
    body.on('data', (piece: Buffer) => {
      pieces.push(piece);
      began.resolve();
    });
    body.once('end', () => whole.resolve());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [first = '', ...rest] = BYTES;
  socket.write(Buffer.concat([BEGUN, frame(DATA, 0, Buffer.from(first))]));
  await began.promise;
  assert.deepEqual(pieces.map(String), [first]);
  socket.write(Buffer.concat([...rest.map((byte) => frame(DATA, 0, Buffer.from(byte))), frame(DATA, END_STREAM)]));
  await whole.promise;
  assert.equal(Buffer.concat(pieces).toString(), EXPECTED);
  assert.ok(pieces.length <= 50, String(pieces.length));
  socket.destroy();
  server.close();
});

test('and one that is broken off ends with what came of it, and not as a whole', async () => {
  const server = http2.createServer();
  let came = '';
  const broken = Promise.withResolvers<boolean>();
  server.on('stream', (stream) => {
    const body = new StreamBody(stream);
    stream.on('error', () => {});
    body.on('data', (piece: Buffer) => (came += String(piece)));
    body.once('close', () => broken.resolve(body.readableEnded));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(Buffer.concat([BEGUN, frame(DATA, 0, Buffer.from('ab')), frame(DATA, 0, Buffer.from('cd')), frame(RST_STREAM, 0, Buffer.from([0, 0, 0, 8]))]));
  assert.equal(await broken.promise, false);
  assert.equal('abcd'.startsWith(came), true);
  socket.destroy();
  server.close();
});
