import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { certificateAuthority } from '../kit/certificates.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

const bytes = (value: Buffer): Buffer => value;
const method = (name: string, requestStream: boolean, responseStream: boolean): grpc.MethodDefinition<Buffer, Buffer> => ({
  path: `/test.Echo/${name}`, requestStream, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
});
const Echo = {
  unary: method('Unary', false, false),
  upload: method('Upload', true, false),
  download: method('Download', false, true),
  chat: method('Chat', true, true),
  forbidden: method('Forbidden', false, false),
  secret: method('Secret', false, false),
} satisfies grpc.ServiceDefinition;
const EchoClient = grpc.makeGenericClientConstructor(Echo, 'Echo');

interface Calls {
  unary(message: Buffer, metadata: grpc.Metadata, options: grpc.CallOptions, done: (error: grpc.ServiceError | null, answer?: Buffer) => void): grpc.ClientUnaryCall;
  forbidden: Calls['unary'];
  secret: Calls['unary'];
  upload(metadata: grpc.Metadata, done: (error: grpc.ServiceError | null, answer?: Buffer) => void): grpc.ClientWritableStream<Buffer>;
  download(message: Buffer, metadata: grpc.Metadata): grpc.ClientReadableStream<Buffer>;
  chat(metadata: grpc.Metadata): grpc.ClientDuplexStream<Buffer, Buffer>;
  close(): void;
}

let scene: HttpScene;
let server: grpc.Server;
let calls: Calls;
let config: HttpScene['config'];
/** Metadata that the target got with the last call. */
let arrived: grpc.Metadata | undefined;
/** Those that run at the target. */
const chats = new Set<unknown>();
let reached: string[] = [];

const POLICIES = (services: readonly string[]): readonly Record<string, unknown>[] => [
  { name: 'echoes', identities: ['writer'], connections: ['*'], rules: [{ name: 'echo', match: { request: { grpc: services } }, effect: 'allow' }] },
  { name: 'masked', identities: ['reader'], connections: ['api'], allow: ['read', 'write'], mask: [{ name: 'ssn', fields: ['ssn'], transform: 'null' }] },
];

before(async () => {
  const authority = await certificateAuthority();
  const { certPem, keyPem } = await authority.issue(['localhost', '127.0.0.1']);
  const ca = join(tempFolder('grpc').path, 'ca.pem');
  writeFileSync(ca, authority.certPem);
  server = new grpc.Server();
  const unary = (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>): void => {
    arrived = call.metadata;
    reached.push(call.getPath());
    const text = call.request.toString();
    if (text === 'fail') {
      const trailers = new grpc.Metadata();
      trailers.set('why', 'it was asked for');
      done({ code: grpc.status.FAILED_PRECONDITION, details: 'as asked: 100% äh', metadata: trailers });
    } else if (text !== 'never') done(null, call.request);
  };
  server.addService(Echo, {
    unary, forbidden: unary, secret: unary,
    upload: (call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
      let size = 0;
      call.on('data', (message: Buffer) => (size += message.length));
      call.on('end', () => done(null, Buffer.from(String(size))));
    },
    download: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      const count = Number(call.request.toString());
      const message = Buffer.alloc(100_000, 'd');
      let sent = 0;
      const more = (): void => {
        while (sent < count) {
          sent += 1;
          if (!call.write(message)) {
            call.once('drain', more);
            return;
          }
        }
        call.end();
      };
      more();
    },
    chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      chats.add(call);
      call.on('data', (message: Buffer) => call.write(Buffer.from(`you said ${message.toString()}`)));
      call.on('end', () => call.end());
      call.on('error', () => {});
      for (const over of ['end', 'close', 'cancelled'] as const) call.once(over, () => chats.delete(call));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(certPem), private_key: Buffer.from(keyPem) }]), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  scene = await startHttpScene({
    connectionsAt: () => {
      const connection = { protocol: 'http', target: { host: 'localhost', port, tls: 'verify-full', ca }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' } };
      // grpc-js takes no proxy that speaks TLS.
      return [{ ...connection, name: 'api' }, { ...connection, name: 'proxied', plaintext: true, http: { proxy: true, hosts: ['echo.example'] } }];
    },
    policies: POLICIES(['test.Echo/Unary', 'test.Echo/Upload', 'test.Echo/Download', 'test.Echo/Chat']),
  });
  config = scene.config;
  calls = new EchoClient(`localhost:${scene.gateway.port()}`, grpc.credentials.createSsl(readFileSync(scene.gateway.caFile))) as unknown as Calls;
});
after(async () => {
  calls?.close();
  await scene?.[Symbol.asyncDispose]();
  server?.forceShutdown();
});

const as = async (role: 'reader' | 'writer' | 'stranger'): Promise<grpc.Metadata> => {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${await scene.token(role)}`);
  return metadata;
};

type Outcome = { readonly code: number; readonly details: string; readonly text: string; readonly metadata?: grpc.Metadata };
const unary = (name: 'unary' | 'forbidden' | 'secret', text: string, metadata: grpc.Metadata, options: grpc.CallOptions = {}): Promise<Outcome> =>
  new Promise((resolve) => {
    calls[name](Buffer.from(text), metadata, options, (error, answer) => resolve(error ? { code: error.code, details: error.details, text: '', metadata: error.metadata } : { code: 0, details: '', text: (answer ?? Buffer.alloc(0)).toString() }));
  });

test('a call passes with the credential of the gateway, and its status and what stands behind it come back', async () => {
  assert.deepEqual(await unary('unary', 'hello', await as('writer')), { code: 0, details: '', text: 'hello' });
  assert.deepEqual(arrived?.get('authorization'), [`Bearer ${TARGET_TOKEN}`]);
  assert.deepEqual(arrived?.get('x-wicketgate-token'), []);
  const failed = await unary('unary', 'fail', await as('writer'));
  assert.deepEqual([failed.code, failed.details, failed.metadata?.get('why')], [grpc.status.FAILED_PRECONDITION, 'as asked: 100% äh', ['it was asked for']]);
});

test('refusals are statuses of gRPC, and the target hears nothing', async () => {
  reached = [];
  const denied = await unary('forbidden', 'x', await as('writer'));
  assert.equal(denied.code, grpc.status.PERMISSION_DENIED);
  assert.match(denied.details, /^wicketgate: .*session [0-9a-z]{26}/);
  assert.equal((await unary('unary', 'x', await as('stranger'))).code, grpc.status.PERMISSION_DENIED);
  assert.equal((await unary('unary', 'x', new grpc.Metadata())).code, grpc.status.UNAUTHENTICATED);
  const masked = await unary('secret', 'x', await as('reader'));
  assert.equal(masked.code, grpc.status.PERMISSION_DENIED);
  assert.match(masked.details, /masking is demanded/);
  assert.deepEqual(reached, []);
});

test('a client streams up, a target streams down, with backpressure and to the end', async () => {
  const metadata = await as('writer');
  const size = await new Promise<string>((resolve, reject) => {
    const stream = calls.upload(metadata, (error, answer) => (error ? reject(error) : resolve((answer as Buffer).toString())));
    let sent = 0;
    const more = (): void => {
      while (sent < 60) {
        sent += 1;
        if (!stream.write(Buffer.alloc(100_000, 'u'))) {
          stream.once('drain', more);
          return;
        }
      }
      stream.end();
    };
    more();
  });
  assert.equal(size, '6000000');
  let received = 0;
  const down = calls.download(Buffer.from('60'), await as('writer'));
  down.on('data', (message: Buffer) => (received += message.length));
  const status = await new Promise<grpc.StatusObject>((resolve) => down.on('status', resolve).on('error', () => {}));
  assert.deepEqual([status.code, received], [0, 6_000_000]);
});

test('both sides talk at once; the intent is written before, and the end of the call only when its outcome is', async () => {
  const chat = calls.chat(await as('writer'));
  const heard: string[] = [];
  chat.on('data', (message: Buffer) => heard.push(message.toString()));
  for (const word of ['one', 'two', 'three']) {
    chat.write(Buffer.from(word));
    await until(() => heard.at(-1) === `you said ${word}`);
    const [running] = (await recorded(scene, '/test.Echo/Chat')).slice(-1);
    assert.ok(running, 'the intent is written while the call runs');
    assert.equal(running.end, undefined);
  }
  const status = new Promise<grpc.StatusObject>((resolve) => chat.on('status', resolve));
  chat.end();
  assert.equal((await status).code, 0);
  assert.equal((await recorded(scene, '/test.Echo/Chat')).at(-1)?.end, 'ok');
});

for (const variable of ['https_proxy', 'grpc_proxy']) test(`through the forward proxy, as grpc-js takes it from ${variable}: a call, a refusal, a stream`, async () => {
  process.env[variable] = `http://job:${await scene.token('writer')}@localhost:${scene.gateway.port('proxied')}`;
  const proxied = new EchoClient('echo.example:443', grpc.credentials.createSsl(readFileSync(`${scene.gateway.dataDir}/interception-ca.pem`))) as unknown as Calls;
  delete process.env[variable];
  const own = new grpc.Metadata();
  own.set('authorization', 'Bearer of-the-client');
  const call = (name: 'unary' | 'forbidden'): Promise<number> => new Promise((resolve) => proxied[name](Buffer.from('x'), own, {}, (error) => resolve(error?.code ?? 0)));
  assert.equal(await call('unary'), 0);
  assert.deepEqual(arrived?.get('authorization'), [`Bearer ${TARGET_TOKEN}`]);
  assert.equal(await call('forbidden'), grpc.status.PERMISSION_DENIED);
  const chat = proxied.chat(own);
  let heard = '';
  chat.on('data', (message: Buffer) => (heard += message.toString()));
  const status = new Promise<grpc.StatusObject>((resolve) => chat.on('status', resolve).on('error', () => {}));
  chat.write(Buffer.from('one'));
  await until(() => heard === 'you said one');
  chat.end();
  assert.equal((await status).code, 0);
  proxied.close();
});

test('a client that cancels, and a deadline that is over, end the call at the target', async () => {
  const chat = calls.chat(await as('writer'));
  chat.on('error', () => {});
  let said = '';
  chat.on('data', (message: Buffer) => (said = message.toString()));
  chat.write(Buffer.from('x'));
  await until(() => said !== '');
  chat.cancel();
  await until(() => chats.size === 0);
  assert.equal(await until(async () => (await recorded(scene, '/test.Echo/Chat')).at(-1)?.end), 'aborted');
  const late = await unary('unary', 'never', await as('writer'), { deadline: Date.now() + 500 });
  assert.equal(late.code, grpc.status.DEADLINE_EXCEEDED);
});

test('a change of policy ends a call that runs, at once and with its status', async () => {
  const chat = calls.chat(await as('writer'));
  chat.on('error', () => {});
  let said = '';
  chat.on('data', (message: Buffer) => (said = message.toString()));
  const status = new Promise<grpc.StatusObject>((resolve) => chat.on('status', resolve));
  chat.write(Buffer.from('x'));
  await until(() => said !== '');
  const before = performance.now();
  await scene.gateway.reload({ ...config, policies: POLICIES(['test.Echo/Unary']) });
  const { code, details } = await status;
  const took = performance.now() - before;
  assert.equal(code, grpc.status.PERMISSION_DENIED, details);
  assert.match(details, /^wicketgate: policy no longer allows/);
  assert.ok(took < 10_000, `${took} ms, with the reload`);
  await until(() => chats.size === 0);
  assert.equal((await unary('unary', 'still', await as('writer'))).text, 'still');
});

test('everything of it is in the log, which verifies', async () => {
  await stopAndVerify(scene);
  await scene.gateway.start();
});
