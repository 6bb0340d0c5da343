import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { ask2, http2Client, startHttp2Target, type Answer2, type Http2Target } from './http2-scene.ts';
import { readEvidence } from './recorded-evidence.ts';

/*
 * What a target of gRPC answers: to its end, and without the gateway's credential.
 */

const STARS = '*'.repeat(TARGET_TOKEN.length);
const message = (bytes: Uint8Array): Buffer => {
  const head = Buffer.alloc(5);
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
    connectionsAt: () => [{ name: 'api', protocol: 'http', target: { host: '127.0.0.1', port: target.port, tls: 'verify-full', ca: target.ca }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, evidence: { recordAnswers: '64KiB' } }],
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

test('an answer that says its length has its status behind it as any other', async () => {
  body = [message(Buffer.from('fine'))];
  head = { 'content-length': '9' };
  trailers = { 'grpc-status': '0' };
  const answer = await call('Length');
  head = {};
  assert.deepEqual([answer.text.slice(5), answer.trailers['grpc-status']], ['fine', '0']);
});
