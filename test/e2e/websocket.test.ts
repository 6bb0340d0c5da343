import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { answerOk } from '../kit/http-target.ts';
import { SOON_MS, until } from '../kit/until.ts';
import { acceptFor, frame, framesIn, OPCODE, readFrames } from '../kit/websocket.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

const POLICIES = (paths: readonly string[]): readonly Record<string, unknown>[] => [
  { name: 'reading', identities: ['reader', 'writer'], connections: ['api'], allow: ['read', 'write'] },
  { name: 'sockets', identities: ['writer'], connections: ['api'], rules: [{ name: 'live', match: { verbs: ['websocket'], classes: ['unknown'], request: { paths } }, effect: 'allow' }] },
  { name: 'masked', identities: ['stranger'], connections: ['api'], allow: ['read', 'unknown'], mask: [{ name: 'ssn', fields: ['ssn'], transform: 'null' }] },
];

let scene: HttpScene;
before(async () => {
  scene = await startHttpScene({ policies: POLICIES(['/live', '/live/**']), more: { identities: (['reader', 'writer', 'stranger'] as const).map((name) => ({ name, owner: { contact: `${name}s@acme.example` }, provider: 'ci', claims: { job: name } })) } });
  scene.target.upgrade = serve;
});
after(() => scene?.[Symbol.asyncDispose]());

/** Says everything back. */
function serve(request: { readonly headers: Record<string, unknown>; readonly url?: string | undefined }, socket: Socket): void {
  const key = String(request.headers['sec-websocket-key']);
  const accept = request.url?.endsWith('/wrong') === true ? acceptFor('another key') : acceptFor(key);
  const chosen = request.url?.endsWith('/protocol') === true ? 'Sec-WebSocket-Protocol: never-offered\r\n' : request.url?.endsWith('/extension') === true ? 'Sec-WebSocket-Extensions: permessage-deflate\r\n' : request.headers['sec-websocket-protocol'] === undefined ? '' : 'Sec-WebSocket-Protocol: chat\r\n';
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen}X-Target: here\r\n\r\n`);
  readFrames(socket, ({ opcode, payload }) => {
    socket.write(frame(opcode === OPCODE.close ? 'close' : 'text', payload, false));
    if (opcode === OPCODE.close) socket.end();
  });
}

interface Opened {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly messages: string[];
  readonly closed: boolean;
  say(text: string): void;
  close(): void;
  readonly socket: Socket;
}

const open = async (role: 'reader' | 'writer' | 'stranger', path: string, more: readonly string[] = [], without: readonly string[] = []): Promise<Opened> => {
  const socket = await scene.dial();
  const key = randomBytes(16).toString('base64');
  const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13'].filter((line) => !without.some((start) => line.startsWith(start)));
  let bytes: Buffer = Buffer.alloc(0);
  let head = '';
  let closed = false;
  const messages: string[] = [];
  socket.on('error', () => {});
  socket.once('close', () => (closed = true));
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (head === '') {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      head = bytes.toString('latin1', 0, end + 4);
      bytes = bytes.subarray(end + 4);
    }
    if (!head.startsWith('HTTP/1.1 101')) return;
    const { frames, rest } = framesIn(bytes);
    bytes = rest;
    for (const { opcode, payload } of frames) if (opcode === OPCODE.text) messages.push(payload.toString());
  });
  socket.write([`GET ${path} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${await scene.token(role)}`, ...lines, ...more, '', ''].join('\r\n'));
  await until(() => head !== '' || closed);
  const status = Number(head.slice(9, 12));
  if (status === 101) assert.match(head, new RegExp(`\r\nSec-WebSocket-Accept: ${acceptFor(key).replaceAll('+', '\\+')}\r\n`));
  return {
    status, head, messages, socket,
    get body() { return bytes.toString('utf8'); },
    get closed() { return closed; },
    say: (text) => void socket.write(frame('text', Buffer.from(text), true)),
    close: () => void socket.write(frame('close', Buffer.alloc(0), true)),
  };
};

test('where policy names it, a WebSocket goes both ways, with the credential of the gateway', async () => {
  scene.target.clear();
  const opened = await open('writer', '/live/feed', ['Sec-WebSocket-Protocol: other, chat']);
  assert.equal(opened.status, 101, opened.head + opened.body);
  assert.match(opened.head, /\r\nSec-WebSocket-Protocol: chat\r\n/);
  assert.match(opened.head, /\r\nX-Target: here\r\n/);
  opened.say('hello');
  await until(() => opened.messages.includes('hello'));
  const large = 'x'.repeat(500_000);
  opened.say(large);
  await until(() => opened.messages.at(-1) === large);
  assert.ok(new RegExp(`\r\nauthorization: Bearer ${TARGET_TOKEN}\r\n`, 'i').test(scene.target.raw()), 'the credential of the gateway');
  assert.ok(!scene.target.raw().includes(await scene.token('writer')));
  const [running] = (await recorded(scene, '/live/feed')).slice(-1);
  assert.equal(running?.end, undefined);
  opened.close();
  await until(() => opened.closed);
  assert.equal(await until(async () => (await recorded(scene, '/live/feed')).at(-1)?.end), 'ok');
});

test('what is said stays readable: no extension is offered to the target, which compresses nothing then', async () => {
  scene.target.clear();
  const opened = await open('writer', '/live/feed', ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits', 'sec-websocket-extensions: x-other']);
  assert.equal(opened.status, 101);
  assert.doesNotMatch(scene.target.raw(), /sec-websocket-extensions/i);
  assert.doesNotMatch(opened.head, /sec-websocket-extensions/i);
  opened.say(`echo ${TARGET_TOKEN}`);
  await until(() => opened.messages.length > 0);
  assert.equal(opened.messages[0], `echo ${'*'.repeat(TARGET_TOKEN.length)}`);
  opened.close();
  await until(() => opened.closed);
});

test('what does not name it does not open it, and the target hears nothing', async () => {
  scene.target.clear();
  const reader = await open('reader', '/live/feed');
  assert.equal(reader.status, 403);
  await until(() => reader.body.includes('"code":"not_understood"'));
  assert.equal((await open('writer', '/elsewhere')).status, 403);
  const masked = await open('stranger', '/live/feed');
  assert.equal(masked.status, 403);
  await until(() => masked.body.includes('masking is demanded'));
  await until(() => masked.closed);
  assert.equal(scene.target.raw(), '');
});

test('a handshake that is none is refused', async () => {
  scene.target.clear();
  const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  for (const [more, without] of [
    [['Sec-WebSocket-Version: 8'], ['Sec-WebSocket-Version']],
    [[], ['Sec-WebSocket-Key']],
    [['Sec-WebSocket-Key: short'], ['Sec-WebSocket-Key']],
    [[key, key], ['Sec-WebSocket-Key']],
    [['Content-Length: 3'], []],
    [['Transfer-Encoding: chunked'], []],
  ] as const) {
    assert.equal((await open('writer', '/live/feed', more, without)).status, 400, JSON.stringify([more, without]));
  }
  assert.equal((await open('writer', '/live/feed', ['Upgrade: other'], ['Upgrade'])).status, 501);
  assert.equal(scene.target.raw(), '');
});

test('a target that does not answer for the key, or chooses what was not offered, opens nothing; one that says no is heard', async () => {
  assert.equal((await open('writer', '/live/wrong')).status, 502);
  assert.equal((await open('writer', '/live/protocol')).status, 502);
  assert.equal((await open('writer', '/live/extension', ['Sec-WebSocket-Extensions: permessage-deflate'])).status, 502);
  scene.target.upgrade = undefined;
  scene.target.handler = answerOk;
  const refused = await open('writer', '/live/feed');
  assert.equal(refused.status, 200);
  await until(() => refused.body.includes('ok'));
  scene.target.upgrade = serve;
});

test('a client that leaves takes it down at the target', async () => {
  const open0 = scene.target.open;
  const opened = await open('writer', '/live/left');
  opened.say('x');
  await until(() => opened.messages.length === 1);
  opened.socket.destroy();
  await until(() => scene.target.open <= open0);
  assert.equal(await until(async () => (await recorded(scene, '/live/left')).at(-1)?.end), 'aborted');
});

test('a change of policy cuts it at once', async () => {
  const opened = await open('writer', '/live/cut');
  opened.say('x');
  await until(() => opened.messages.length === 1);
  await scene.gateway.reload({ ...scene.config, policies: POLICIES(['/other']) });
  const reloaded = performance.now();
  await until(() => opened.closed);
  assert.ok(performance.now() - reloaded < SOON_MS);
  assert.equal((await open('writer', '/live/cut')).status, 403);
});

test('everything of it is in the log, which verifies', async () => {
  await stopAndVerify(scene);
  await scene.gateway.start();
});
