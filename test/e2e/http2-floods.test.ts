import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { ask2, block, frame, http2Client, rawHttp2, uint32, type RawHttp2 } from './http2-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

let scene: HttpScene;
before(async () => {
  scene = await startHttpScene();
});
after(() => scene?.[Symbol.asyncDispose]());

const END_STREAM = 1;
const END_HEADERS = 4;

type Field = readonly [name: string, value: string];

const head = async (path: string, more: readonly Field[] = [], role: 'reader' | 'writer' = 'reader'): Promise<Buffer> =>
  block([[':method', 'GET'], [':scheme', 'https'], [':authority', 'localhost'], [':path', path], ['authorization', `Bearer ${await scene.token(role)}`], ...more]);

/** A connection that has shown a token that is good, so that what a stranger may do is not what bounds it. */
const known = async (): Promise<RawHttp2> => {
  const raw = await rawHttp2(scene);
  raw.socket.write(frame('headers', END_STREAM | END_HEADERS, 1, await head('/known')));
  await until(() => raw.came.some(({ type, stream }) => type === 1 && stream === 1));
  return raw;
};

/** Status of a stream's answer; 0 when it was reset or its connection closed instead. */
const status = async (raw: RawHttp2, stream: number): Promise<number> =>
  until(() => {
    const answer = raw.came.find((came) => came.type === 1 && came.stream === stream);
    if (answer) return { status: statusIn(answer.payload) };
    return raw.closed || raw.came.some(({ type, stream: of }) => (type === 3 && of === stream) || type === 7) ? { status: 0 } : undefined;
  }).then((found) => found.status);

/** The first field of a head is its status: one byte for the common ones, otherwise by its name in the static table. */
const statusIn = (payload: Buffer): number => ({ 0x88: 200, 0x89: 204, 0x8c: 400, 0x8d: 404, 0x8e: 500 })[payload[0] as number] ?? -1;

const others = async (): Promise<void> => {
  const client = http2Client(scene);
  assert.equal((await ask2(client, { ':path': '/others', authorization: `Bearer ${await scene.token('reader')}` })).status, 200);
  client.close();
};

test('rapid reset: requests that are broken off as they are made end the connection, and what reaches the target is bounded', async () => {
  const raw = await known();
  scene.target.clear();
  const asked = await head('/reset');
  let sent = 0;
  for (; sent < 20_000 && !raw.closed; sent += 1) {
    const id = 3 + 2 * sent;
    raw.socket.write(Buffer.concat([frame('headers', END_STREAM | END_HEADERS, id, asked), frame('rst', 0, id, uint32(8))]));
    if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => raw.closed);
  assert.ok(scene.target.requests.length <= 500, `${scene.target.requests.length} requests reached the target`);
  await others();
});

test('resets that the client makes the gateway do count as well', async () => {
  const raw = await known();
  const asked = await head('/reset');
  for (let sent = 0; sent < 5_000 && !raw.closed; sent += 1) {
    const id = 3 + 2 * sent;
    // A window of nothing breaks a rule of the stream.
    raw.socket.write(Buffer.concat([frame('headers', END_HEADERS, id, asked), frame('windowUpdate', 0, id, uint32(0))]));
    if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => raw.closed);
  await others();
});

for (const [what, made] of [
  ['PING', () => frame('ping', 0, 0, Buffer.alloc(8))],
  ['SETTINGS', () => frame('settings', 0, 0)],
] as const) {
  test(`a flood of ${what} frames ends the connection`, async () => {
    const raw = await known();
    const many = Buffer.concat(Array.from({ length: 100 }, made));
    for (let sent = 0; sent < 1_000 && !raw.closed; sent += 1) {
      raw.socket.write(many);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => raw.closed);
    await others();
  });
}

test('a head that never ends, and frames of nothing, end the connection', async () => {
  const endless = await known();
  endless.socket.write(frame('headers', END_STREAM, 3, await head('/endless')));
  for (let sent = 0; sent < 2_000 && !endless.closed; sent += 1) {
    endless.socket.write(frame('continuation', 0, 3, block([['x-filler', 'x'.repeat(1000)]])));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => endless.closed);

  const empty = await known();
  empty.socket.write(frame('headers', END_HEADERS, 3, block([[':method', 'POST'], [':scheme', 'https'], [':authority', 'localhost'], [':path', '/empty'], ['authorization', `Bearer ${await scene.token('writer')}`]])));
  const nothing = Buffer.concat(Array.from({ length: 200 }, () => frame('data', 0, 3)));
  for (let sent = 0; sent < 200 && !empty.closed; sent += 1) {
    empty.socket.write(nothing);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => empty.closed);
  await others();
});

test('heads that are too large, have too many fields, or hold what has no place in HTTP/2, reach no target', async () => {
  scene.target.clear();
  const cases: readonly (readonly [string, readonly Field[]])[] = [
    ['large', [['x-large', 'x'.repeat(70_000)]]],
    ['many', Array.from({ length: 600 }, (_, index): Field => [`x-${index}`, '1'])],
    ['upper', [['X-Upper', '1']]],
    ['connection', [['connection', 'close']]],
    ['coding', [['transfer-encoding', 'chunked']]],
    ['keep-alive', [['keep-alive', 'timeout=5']]],
    ['upgrade', [['upgrade', 'websocket']]],
    ['te', [['te', 'gzip']]],
    ['late pseudo', [[':path', '/other']]],
    ['unknown pseudo', [[':unknown', '1']]],
    ['protocol', [[':protocol', 'websocket']]],
    ['length', [['content-length', '5']]],
    ['two lengths', [['content-length', '0'], ['content-length', '0']]],
    ['other host', [['host', 'other.example']]],
    ['underscore', [['transfer_encoding', 'chunked']]],
    ['override', [['x-http-method-override', 'DELETE']]],
  ];
  for (const [name, more] of cases) {
    const raw = await rawHttp2(scene);
    const payload = await head(`/case-${name.replaceAll(' ', '-')}`, more);
    const pieces: Buffer[] = [];
    for (let at = 0; at < payload.length; at += 16_000) {
      const last = at + 16_000 >= payload.length;
      pieces.push(frame(at === 0 ? 'headers' : 'continuation', (at === 0 ? END_STREAM : 0) | (last ? END_HEADERS : 0), 1, payload.subarray(at, at + 16_000)));
    }
    raw.socket.write(Buffer.concat(pieces));
    const said = await status(raw, 1);
    assert.notEqual(said, 200, name);
    raw.socket.destroy();
  }
  assert.deepEqual(scene.target.requests.map(({ url }) => url), []);
  await others();
});

test('a value that holds the end of a line is left out by the parser: it is neither judged nor sent', async () => {
  for (const value of ['a\r\nx-injected: 1', 'a\nx-injected: 1', 'a\0b']) {
    scene.target.clear();
    const raw = await rawHttp2(scene);
    raw.socket.write(frame('headers', END_STREAM | END_HEADERS, 1, await head('/value', [['x-smuggled', value]])));
    await status(raw, 1);
    raw.socket.destroy();
    assert.ok(!/x-injected|x-smuggled/i.test(scene.target.raw()), JSON.stringify(value));
  }
});

test('a body that is longer or shorter than its length reaches no target as a whole', async () => {
  for (const body of ['four', 'more than that']) {
    scene.target.clear();
    const raw = await rawHttp2(scene);
    const fields = block([[':method', 'POST'], [':scheme', 'https'], [':authority', 'localhost'], [':path', '/length'], ['authorization', `Bearer ${await scene.token('writer')}`], ['content-length', '8']]);
    raw.socket.write(Buffer.concat([frame('headers', END_HEADERS, 1, fields), frame('data', END_STREAM, 1, Buffer.from(body))]));
    assert.equal(await status(raw, 1), 0);
    assert.ok(scene.target.requests.every(({ complete }) => !complete));
    raw.socket.destroy();
  }
});

test('strangers get so many streams and no more, and no more time than the deadline', async () => {
  const raw = await rawHttp2(scene);
  const asked = block([[':method', 'GET'], [':scheme', 'https'], [':authority', 'localhost'], [':path', '/'], ['authorization', 'Bearer nobody']]);
  for (let id = 1; id < 1_000 && !raw.closed; id += 2) {
    raw.socket.write(frame('headers', END_STREAM | END_HEADERS, id, asked));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => raw.closed);
  const silent = await rawHttp2(scene);
  await until(() => silent.closed, 30_000);
});

test('everything of it is in the log, which verifies', async () => {
  await stopAndVerify(scene);
  await scene.gateway.start();
});
