import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import type * as http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { http2Client, startHttp2Target, type Http2Target } from './http2-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * Calls of gRPC that wait for people: of one message, and of many that come while nobody has answered yet and afterwards.
 */

let people: HttpPeople;
let target: Http2Target;
let scene: HttpScene;
/** Bytes that the target got, by call. */
const got = new Map<string, number>();
before(async () => {
  people = await startHttpPeople();
  target = await startHttp2Target((stream, headers) => {
    const path = String(headers[':path']);
    got.set(path, 0);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('data', (chunk: Buffer) => void got.set(path, (got.get(path) ?? 0) + chunk.length));
    stream.once('end', () => stream.end(message(2)));
  });
  scene = await startHttpScene({
    connectionsAt: () => [{ name: 'api', protocol: 'http', target: { host: '127.0.0.1', port: target.port, tls: 'verify-full', ca: target.ca }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, http: { wholeBody: '64KiB' } }],
    policies: [{ name: 'calls', identities: ['writer', 'reader'], connections: ['*'], rules: [
      { name: 'asked', match: { request: { grpc: ['test.Held/*'] } }, effect: 'require_approval', reason: 'calls are looked at', approval: PATIENT },
      { name: 'briefly', match: { request: { grpc: ['test.Held/Brief'] } }, effect: 'require_approval', approval: { ...PATIENT, hold: '1s' } },
    ] }],
    control: people.control,
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await target?.stop();
  people?.stop();
});

const message = (bytes: number): Buffer => {
  const framed = Buffer.alloc(5 + bytes, 'm');
  framed[0] = 0;
  framed.writeUInt32BE(bytes, 1);
  return framed;
};

interface Call {
  readonly stream: http2.ClientHttp2Stream;
  readonly status: () => string | undefined;
}
const call = async (session: http2.ClientHttp2Session, method: string, more: http2.OutgoingHttpHeaders = {}, role: 'writer' | 'reader' = 'writer'): Promise<Call> => {
  const stream = session.request({ ':method': 'POST', ':path': `/test.Held/${method}`, authorization: `Bearer ${await scene.token(role)}`, 'content-type': 'application/grpc', te: 'trailers', ...more }, { endStream: false });
  let status: string | undefined;
  const note = (headers: http2.IncomingHttpHeaders): void => {
    if (headers['grpc-status'] !== undefined) status = String(headers['grpc-status']);
  };
  stream.on('response', note).on('trailers', note).on('error', () => {}).resume();
  return { stream, status: () => status };
};

test('a call of one message is held, and runs once; its message belongs to what people approve', async () => {
  const session = http2Client(scene);
  const { stream, status } = await call(session, 'Unary');
  stream.end(message(100));
  const request = await people.request(scene);
  assert.equal(request.notCovered, undefined);
  assert.deepEqual(request.data, { bytes: 105, sha256: hash('sha256', message(100)) });
  assert.equal(got.has('/test.Held/Unary'), false);
  await people.approve(scene, request.id);
  await until(() => status() !== undefined);
  assert.deepEqual([status(), got.get('/test.Held/Unary')], ['0', 105]);
  session.close();
});

test('a call of many messages, which people are told are not covered, is sent whole when it is approved while they come', { timeout: 60_000 }, async () => {
  const session = http2Client(scene);
  const { stream, status } = await call(session, 'Many');
  for (let count = 0; count < 3; count += 1) stream.write(message(1_000));
  const request = await people.request(scene);
  assert.match(request.notCovered ?? '', /body/);
  assert.equal(request.data, undefined);
  await people.approve(scene, request.id);
  const size = 100 * 40_005;
  for (let count = 0; count < 100; count += 1) stream.write(message(40_000));
  stream.end();
  await until(() => status() !== undefined, 30_000, 'the end of the call');
  assert.deepEqual([status(), got.get('/test.Held/Many')], ['0', 3 * 1_005 + size]);
  session.close();
});

test('a call whose messages end while people think runs by the approval that they gave for it', async () => {
  const session = http2Client(scene);
  const { stream, status } = await call(session, 'Ends');
  stream.write(message(10));
  const request = await people.request(scene);
  assert.match(request.notCovered ?? '', /body/);
  stream.end(message(20));
  const other = session.request({ ':method': 'GET', ':path': '/x' });
  // Behind its end on the same connection, and answered.
  await new Promise((resolve) => other.once('close', resolve).resume());
  await people.approve(scene, request.id);
  await until(() => status() !== undefined);
  assert.deepEqual([status(), got.get('/test.Held/Ends')], ['0', 40]);
  assert.deepEqual(await people.pending(scene), []);
  session.close();
});

test('one that sends more than is kept while people think is told to come again; one whose client leaves runs for nobody', async () => {
  const session = http2Client(scene);
  const much = await call(session, 'Much');
  for (let count = 0; count < 4; count += 1) much.stream.write(message(40_000));
  await until(() => much.status() !== undefined);
  assert.equal(much.status(), '7');
  const asked = await people.request(scene);
  assert.equal(asked.waiting, 0);
  await people.deny(scene, asked.id);

  const left = await call(session, 'Left');
  left.stream.write(message(10));
  const request = await people.request(scene);
  left.stream.close(8);
  await until(async () => (await people.show(scene, request.id)).waiting === 0, 20_000, 'that it has left');
  await people.approve(scene, request.id);
  assert.equal(got.has('/test.Held/Much'), false);
  assert.equal(got.has('/test.Held/Left'), false);
  session.close();
});

test('what was approved is for the method, its metadata and its message, whatever time is left; not for another, nor for another identity', async () => {
  const session = http2Client(scene);
  const tried = async (method: string, more: http2.OutgoingHttpHeaders, role: 'writer' | 'reader' = 'writer', bytes = 1): Promise<string | undefined> => {
    const { stream, status } = await call(session, method, more, role);
    stream.end(message(bytes));
    await until(() => status() !== undefined);
    return status();
  };
  assert.equal(await tried('Brief', { 'x-tenant': 'a', 'grpc-timeout': '20000m' }), '7');
  await people.approve(scene, (await people.request(scene)).id);
  const others = await Promise.all([tried('Brief', { 'x-tenant': 'b' }), tried('Brief', {}), tried('Brief', { 'x-tenant': 'a' }, 'reader'), tried('Brief', { 'x-tenant': 'a' }, 'writer', 2)]);
  assert.deepEqual(others, ['7', '7', '7', '7']);
  assert.equal(got.has('/test.Held/Brief'), false);
  assert.equal(await tried('Brief', { 'x-tenant': 'a', 'grpc-timeout': '19000m' }), '0');
  assert.equal(await tried('Brief', { 'x-tenant': 'a' }), '7');
  for (const { id } of await people.pending(scene)) await people.deny(scene, id);
  session.close();
});

test('the log verifies', () => stopAndVerify(scene));
