import * as grpc from '@grpc/grpc-js';
import { startHttpScene } from '../../e2e/http-scene.ts';
import type { Soak } from '../soak.ts';
import { atATime } from './at-a-time.ts';
import { echoClient, startEchoServer, type EchoClient } from './grpc-echo.ts';

const CLIENTS = 4;
const AT_A_TIME = 25;
const CALLS = 240;
const MESSAGES = 20;

/** Services that call one another: in one go and in streams of all kinds, of which some fail, some are cancelled, and some come to the end of their time. */
export const soak: Soak = {
  name: 'grpc-calls',
  async start(nodeArgs) {
    const server = await startEchoServer();
    const scene = await startHttpScene({
      nodeArgs,
      connectionsAt: () => [{ name: 'api', protocol: 'http', target: { host: 'localhost', port: server.port, tls: 'verify-full', ca: server.ca }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, http: { sessionIdle: '2s' } }],
      policies: [{ name: 'echoes', identities: ['writer'], connections: ['*'], rules: [{ name: 'echo', match: { request: { grpc: ['soak.Echo/*'] } }, effect: 'allow' }] }],
    });
    return {
      gateway: scene.gateway,
      async round() {
        await Promise.all(Array.from({ length: CLIENTS }, async () => {
          const client = echoClient(`localhost:${scene.gateway.port()}`, scene.ca);
          const metadata = new grpc.Metadata();
          metadata.set('authorization', `Bearer ${await scene.issuer.token({ claims: { job: 'writer' } })}`);
          await atATime(AT_A_TIME, CALLS, (nth) => (KINDS[nth % KINDS.length] as Kind)(client, metadata));
          client.close();
        }));
        return CLIENTS * CALLS;
      },
      [Symbol.asyncDispose]: async () => {
        await scene[Symbol.asyncDispose]();
        server.stop();
      },
    };
  },
};

type Kind = (client: EchoClient, metadata: grpc.Metadata) => Promise<void>;

const unary = (text: string, expected: grpc.status, options: () => grpc.CallOptions = () => ({})): Kind => (client, metadata) => new Promise((resolve, reject) => {
  client.unary(Buffer.from(text), metadata, options(), (error, answer) => {
    if ((error?.code ?? grpc.status.OK) !== expected || (!error && answer?.toString() !== text)) reject(new Error(`${text}: ${error?.message ?? answer?.toString()}`));
    else resolve();
  });
});

const ended = async (call: { on(event: 'status', then: (status: grpc.StatusObject) => void): unknown; on(event: 'error', then: () => void): unknown }, expected: grpc.status): Promise<void> => {
  const { code, details } = await new Promise<grpc.StatusObject>((resolve) => (call.on('status', resolve), call.on('error', () => {})));
  if (code !== expected) throw new Error(`a stream ended with ${code}: ${details}`);
};

const upload: Kind = (client, metadata) => new Promise((resolve, reject) => {
  const stream = client.upload(metadata, (error, answer) => (answer?.toString() === String(MESSAGES * 10_000) ? resolve() : reject(new Error('an upload failed', { cause: error ?? answer?.toString() }))));
  for (let n = 0; n < MESSAGES; n++) stream.write(Buffer.alloc(10_000, 'u'));
  stream.end();
});

const download: Kind = async (client, metadata) => {
  const stream = client.download(Buffer.from(String(MESSAGES)), metadata);
  let came = 0;
  stream.on('data', (message: Buffer) => (came += message.length));
  await ended(stream, grpc.status.OK);
  if (came !== MESSAGES * 10_000) throw new Error(`${came} bytes of a download`);
};

/** Each message is the answer to the one before. */
const chat = (most: number, expected: grpc.status): Kind => async (client, metadata) => {
  const stream = client.chat(metadata);
  let heard = 0;
  stream.on('data', () => {
    heard += 1;
    if (heard < most) stream.write(Buffer.from(`${heard}`));
    else if (expected === grpc.status.OK) stream.end();
    else stream.cancel();
  });
  stream.write(Buffer.from('first'));
  await ended(stream, expected);
};

const hello = unary('hello', grpc.status.OK);
const KINDS: readonly Kind[] = [
  hello, hello, hello, unary('fail', grpc.status.FAILED_PRECONDITION), upload, hello, download, hello, chat(MESSAGES, grpc.status.OK), chat(3, grpc.status.CANCELLED),
  hello, unary('never', grpc.status.DEADLINE_EXCEEDED, () => ({ deadline: Date.now() + 50 })),
];
