import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { until } from '../kit/until.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { ask2, http2Client, startHttp2Target, type Answer2, type Http2Target } from './http2-scene.ts';
import { readEvidence } from './recorded-evidence.ts';
import { recorded } from './whole-evidence.ts';

/*
 * What a target of gRPC answers: to its end, and without the gateway's credential.
 */

const STARS = '*'.repeat(TARGET_TOKEN.length);
const message = (bytes: Uint8Array, compressed = false): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

/** What the target answers the next call with. */
let body: readonly Buffer[] = [];
let head: Readonly<Record<string, string>> = {};
let trailers: Readonly<Record<string, string>> = {};
let target: Http2Target;
let scene: HttpScene;
before(async () => {
  target = await startHttp2Target((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...head }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.resume();
    for (const piece of body) stream.write(piece);
    stream.end();
  });
  scene = await startHttpScene({
    connectionsAt: (port) => {
      const connection = { protocol: 'http', credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, evidence: { recordAnswers: '64KiB' } };
      return [
        { ...connection, name: 'api', target: { host: '127.0.0.1', port: target.port, tls: 'verify-full', ca: target.ca } },
        { ...connection, name: 'web', target: { host: '127.0.0.1', port, tls: 'disable' } },
      ];
    },
    policies: [{ name: 'calls', identities: ['writer'], connections: ['*'], rules: [{ name: 'echo', match: { request: { grpc: ['test.Echo/*'] } }, effect: 'allow' }] }],
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await target?.stop();
});

const call = async (method: string): Promise<Answer2> => {
  const session = http2Client(scene);
  try {
    return await ask2(session, { ':method': 'POST', ':path': `/test.Echo/${method}`, authorization: `Bearer ${await scene.token('writer')}`, 'content-type': 'application/grpc', te: 'trailers' }, message(Buffer.from('x')));
  } finally {
    session.close();
  }
};

/** How often it came back, as the outcomes say. */
const counted = async (): Promise<readonly unknown[]> => {
  const { leaves } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
  return leaves.flatMap(({ record }) => (record.kind === 'outcome' ? [record.outcome.masked?.['gateway/credential'] ?? 0] : []));
};

test('behind the messages, in the words of the status: it becomes stars, which the outcome counts and the log tells', async () => {
  body = [message(Buffer.from('fine'))];
  trailers = { 'grpc-status': '16', 'grpc-message': `not good: Bearer ${TARGET_TOKEN}`, 'x-debug': TARGET_TOKEN };
  const { trailers: came } = await call('Trailers');
  assert.deepEqual([came['grpc-status'], came['grpc-message'], came['x-debug']], ['16', `not good: Bearer ${STARS}`, STARS]);
  assert.deepEqual(await until(async () => (await counted()).length === 1 && counted()), [2]);
  assert.ok(scene.gateway.log().includes("the gateway's own credential back"));
});

for (const [coding, pack] of [['gzip', gzipSync], ['deflate', deflateSync], ['zstd', zstdCompressSync]] as const) test(`in a message that is compressed (${coding}): the call is refused; in others beside those it becomes stars`, async () => {
  const one = message(pack(Buffer.from('one')), true);
  head = { 'grpc-encoding': coding };
  trailers = { 'grpc-status': '0' };
  body = [one, message(Buffer.from(`plain ${TARGET_TOKEN}`)), message(pack(Buffer.from('two')), true)];
  const before = await counted();
  const fine = await call('Fine');
  assert.equal(fine.text, Buffer.concat(body).toString('utf8').replace(TARGET_TOKEN, STARS));
  assert.equal(fine.trailers['grpc-status'], '0');
  body = [one, message(pack(Buffer.from(`${'x'.repeat(2_000)} Bearer ${TARGET_TOKEN}`)), true), message(Buffer.from('never'))];
  const refused = await call('Compressed');
  head = {};
  assert.deepEqual([refused.trailers['grpc-status'] ?? refused.headers['grpc-status'], refused.text.includes('never')], ['7', false]);
  assert.deepEqual(await until(async () => (await counted()).length === before.length + 2 && (await counted()).slice(-2)), [1, 1]);
  assert.equal((await recorded(scene, '/test.Echo/Compressed')).at(-1)?.end, 'withheld');
});

test('an answer that says its length has its status behind it as any other', async () => {
  body = [message(Buffer.from('fine'))];
  head = { 'content-length': '9' };
  trailers = { 'grpc-status': '0' };
  const answer = await call('Length');
  head = {};
  assert.deepEqual([answer.text.slice(5), answer.trailers['grpc-status']], ['fine', '0']);
});

test('of gRPC-Web, whose status stands in the body, the outcome is the one of HTTP; refusals are of its type', async () => {
  const type = { 'Content-Type': 'application/grpc-web+proto' };
  const ask = (method: string): ReturnType<HttpScene['ask']> => scene.ask('writer', `/test.${method}`, { port: scene.gateway.port('web'), method: 'POST', headers: type, body: message(Buffer.from('x')) });
  const status = message(Buffer.from('grpc-status: 0\r\n'));
  status[0] = 0x80;
  scene.target.handler = (request, response) => {
    request.resume();
    request.once('end', () => response.writeHead(200, type).end(Buffer.concat([message(Buffer.from('fine')), status])));
  };
  assert.equal((await ask('Echo/Web')).status, 200);
  assert.equal(await until(async () => (await recorded(scene, '/test.Echo/Web')).at(-1)?.end), 'ok');
  scene.target.handler = (request, response) => {
    request.resume();
    request.once('end', () => response.writeHead(200, { ...type, 'grpc-status': '5' }).end());
  };
  assert.equal((await ask('Echo/Missing')).headers['grpc-status'], '5');
  assert.equal(await until(async () => (await recorded(scene, '/test.Echo/Missing')).at(-1)?.end), 'error');
  const refused = await ask('Other/Web');
  assert.deepEqual([refused.status, refused.headers['content-type'], refused.headers['grpc-status']], [200, 'application/grpc-web', '7']);
});
