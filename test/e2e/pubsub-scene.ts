import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startGoogleTokens } from '../kit/google-tokens.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { startPubSub, type PubSubEmulator } from '../kit/pubsub.ts';
import { release, takeProcess } from '../kit/reaper.ts';
import { environment } from '../kit/run.ts';
import { makeServiceAccount } from '../kit/service-account.ts';
import { tempFolder } from '../kit/temp.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpRole, type HttpScene } from './http-scene.ts';
import type { Task, Told } from './pubsub-job.ts';

/** How a client reaches the gateway. */
export type Mode = 'reverse proxy' | 'forward proxy';

/** A program with Google's client. */
export interface Job {
  /** Rejects with what the client threw: `code` is a status of gRPC. */
  perform(task: Task): Promise<string>;
  /** What came of what it listens to, in order. */
  readonly heard: readonly Told[];
  /** Everything it printed. */
  printed(): string;
  leave(): Promise<void>;
}

/** A failure as the client threw it. */
export class Failure extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The Pub/Sub emulator behind a gateway that is reached in both ways, with people who approve what `reader` publishes. */
export interface PubSubScene extends AsyncDisposable {
  readonly scene: HttpScene;
  readonly people: HttpPeople;
  readonly emulator: PubSubEmulator;
  /** Access tokens that the gateway asked Google for. */
  readonly tokensGiven: () => number;
  /** @param brief by the connection where approvals are waited for only for a second */
  job(role: HttpRole, mode: Mode, brief?: boolean): Promise<Job>;
}

const PROGRAM = join(import.meta.dirname, 'pubsub-job.ts');

const startJob = async (env: Readonly<Record<string, string>>): Promise<Job> => {
  const child = fork(PROGRAM, [], { env: environment(env), execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const { pid } = child;
  if (pid === undefined) throw new Error('the job did not start');
  takeProcess(pid, 'KILL');
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const heard: Told[] = [];
  const waiting = new Map<number, { readonly resolve: (value: string) => void; readonly reject: (error: Error) => void }>();
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      release(pid);
      for (const { reject } of waiting.values()) reject(new Error(`the job has ended: ${printed}`));
      resolve();
    });
  });
  child.on('message', (message) => {
    const told = message as Told;
    if (told.kind === 'message' || told.kind === 'over') {
      heard.push(told);
      return;
    }
    const task = waiting.get(told.id);
    waiting.delete(told.id);
    if (told.kind === 'done') task?.resolve(told.value);
    else task?.reject(new Failure(told.code, told.message));
  });
  let next = 0;
  return {
    heard,
    printed: () => printed,
    perform: (task) =>
      new Promise((resolve, reject) => {
        next += 1;
        waiting.set(next, { resolve, reject });
        child.send({ id: next, task });
      }),
    leave: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
};

export const startPubSubScene = async (): Promise<PubSubScene> => {
  // What has started ends again when something behind it does not start.
  await using started = new AsyncDisposableStack();
  const folder = tempFolder('pubsub-scene');
  started.defer(() => folder.remove());
  const google = started.use(await startGoogleTokens());
  const emulator = started.use(await startPubSub());
  const people = started.adopt(await startHttpPeople(), (one) => one.stop());
  const [proxyPort, briefPort] = [await freePort(), await freePort()];
  started.defer(() => [proxyPort, briefPort].forEach(releasePort));
  writeFileSync(folder.file('key.json'), google.account.json(), { mode: 0o600 });
  // Google's client wants some credential before it asks: this one is nobody's, and the gateway drops what is signed with it.
  writeFileSync(folder.file('nobody.json'), makeServiceAccount().json(), { mode: 0o600 });
  const connection = {
    protocol: 'http',
    target: { host: '127.0.0.1', port: emulator.port, tls: 'disable' },
    credential: { type: 'google', key: `file:${folder.file('key.json')}`, tokenUrl: google.tokenUrl, allowPrivate: true },
  };
  const http = { apis: ['pubsub'], host: 'pubsub.googleapis.com' };
  const proxied = { ...connection, plaintext: true, http: { ...http, proxy: true, hosts: ['pubsub.googleapis.com'] } };
  const publishing = (hold: string): readonly Record<string, unknown>[] => [
    { name: 'publishing', match: { request: { grpc: ['google.pubsub.v1.Publisher/Publish'] } }, effect: 'require_approval', reason: 'others act on what is published', approval: { ...PATIENT, hold } },
  ];
  const scene = await startHttpScene({
    connectionsAt: () => [
      { ...connection, name: 'pubsub', http },
      { ...connection, name: 'brief', http },
      { ...proxied, name: 'pubsub-proxied', listen: `127.0.0.1:${proxyPort}` },
      { ...proxied, name: 'brief-proxied', listen: `127.0.0.1:${briefPort}` },
    ],
    policies: [
      {
        // As in docs/tutorials/gcp-from-ci.md.
        name: 'owning', identities: ['writer'], connections: ['*'],
        rules: [
          { name: 'publish', match: { request: { grpc: ['google.pubsub.v1.Publisher/Publish'] } }, effect: 'allow' },
          { name: 'take', match: { request: { grpc: ['google.pubsub.v1.Subscriber/StreamingPull', 'google.pubsub.v1.Subscriber/Acknowledge', 'google.pubsub.v1.Subscriber/ModifyAckDeadline'] } }, effect: 'allow' },
          { name: 'no-delete', match: { request: { grpc: ['google.pubsub.v1.Publisher/DeleteTopic'] } }, effect: 'deny', reason: 'topics stay' },
          // What is said in a message of gRPC is not read, so creating is taken for more than it may be.
          { name: 'create', match: { request: { grpc: ['google.pubsub.v1.Publisher/CreateTopic', 'google.pubsub.v1.Subscriber/CreateSubscription'] }, classes: ['schema', 'admin'] }, effect: 'allow' },
        ],
      },
      { name: 'asking', identities: ['reader'], connections: ['pubsub', 'pubsub-proxied'], allow: ['read'], rules: publishing('5m') },
      { name: 'asking-briefly', identities: ['reader'], connections: ['brief', 'brief-proxied'], allow: ['read'], rules: publishing('1s') },
    ],
    control: people.control,
  });
  started.use(scene);
  const { gateway } = scene;
  const ending = started.move();
  return {
    scene, people, emulator,
    tokensGiven: () => google.tokens.given,
    job: async (role, mode, brief = false) => {
      const own = folder.file(`account-${role}.json`);
      writeFileSync(folder.file(role), await scene.token(role));
      const port = gateway.port(brief ? 'brief' : 'pubsub');
      writeFileSync(own, JSON.stringify({
        type: 'external_account', audience: '//iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/none/providers/none', subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `https://localhost:${port}/v1/token`, credential_source: { file: folder.file(role) },
      }));
      const job = await startJob(
        mode === 'reverse proxy'
          ? { NODE_EXTRA_CA_CERTS: gateway.caFile, GOOGLE_APPLICATION_CREDENTIALS: own, OPTIONS: JSON.stringify({ apiEndpoint: `localhost:${port}`, emulatorMode: false }) }
          : { NODE_EXTRA_CA_CERTS: `${gateway.dataDir}/interception-ca.pem`, GOOGLE_APPLICATION_CREDENTIALS: folder.file('nobody.json'), https_proxy: `http://job:${await scene.token(role)}@localhost:${brief ? briefPort : proxyPort}` },
      );
      ending.defer(() => job.leave());
      return job;
    },
    [Symbol.asyncDispose]: () => ending.disposeAsync(),
  };
};
