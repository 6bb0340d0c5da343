import { createConnection } from 'node:net';
import { freePort, releasePort } from './ports.ts';
import { CLI } from './gateway.ts';
import { runOk, startService, type Service } from './run.ts';
import { tempFolder } from './temp.ts';
import { until } from './until.ts';

/** `wicketgate witness`, run as a user runs it: a process of its own with a folder. */
export interface WitnessProcess {
  /** Its public key. */
  readonly key: string;
  /** Submission and monitoring prefix. */
  readonly url: string;
  readonly folder: string;
  log(): string;
  logLines(): Record<string, unknown>[];
  signal(signal: NodeJS.Signals): void;
  kill9(): Promise<void>;
  terminate(): Promise<number | null>;
  /** Again, on the same folder and port, with these logs. */
  start(logs: readonly string[]): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface WitnessOptions {
  readonly name?: string;
  /** More of the command line. */
  readonly args?: readonly string[];
  /** Flags for node. */
  readonly nodeArgs?: readonly string[];
  /** Runs it under another program, which must keep the process id: `['strace', '-D', ...]`. */
  readonly under?: readonly string[];
}

/** Makes the folder and the key; not running yet, because a witness needs the keys of its logs, and gateways need its key. */
export async function witnessProcess({ name = 'witness.example/kit', args = [], nodeArgs = [], under = [] }: WitnessOptions = {}): Promise<WitnessProcess> {
  const folder = tempFolder('witness');
  const port = await freePort();
  const logFile = folder.file('witness.log');
  const data = folder.file('data');
  const key = (await runOk(process.execPath, [CLI, 'witness', '--data', data, '--name', name, '--show-key'])).trim();
  let service: Service | undefined;
  const running = (): Service => {
    if (service === undefined) throw new Error('the witness is not running');
    return service;
  };
  const lines = (): Record<string, unknown>[] => running().log().split('\n').filter((line) => line.startsWith('{') && line.endsWith('}')).map((line) => JSON.parse(line) as Record<string, unknown>);
  const kill9 = async (): Promise<void> => {
    running().signal('SIGKILL');
    await running().wait();
  };
  const tls = args.includes('--cert');
  return {
    key,
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    folder: data,
    kill9,
    log: () => service?.log() ?? '',
    logLines: lines,
    signal: (signal) => running().signal(signal),
    async terminate() {
      running().signal('SIGTERM');
      return (await running().wait()).code;
    },
    async start(logs) {
      const [command = process.execPath, ...rest] = [...under, process.execPath, ...nodeArgs, CLI, 'witness', '--data', data, '--listen', `127.0.0.1:${port}`, ...logs.flatMap((log) => ['--log', log]), ...args];
      const begun = await startService(command, rest, { logFile });
      const before = begun.log().length;
      service = begun;
      await until(() => begun.ended() !== undefined || lines().some((line) => line['msg'] === 'witnessing'), 60_000, 'the witness to run');
      if (begun.ended() !== undefined) throw new Error(`the witness ended at start:\n${begun.log().slice(before)}`);
      // A log of an earlier run has the line too; this one answers.
      await until(() => listening(port), 20_000, 'the witness to listen');
    },
    async [Symbol.asyncDispose]() {
      if (service !== undefined && service.ended() === undefined) await kill9();
      releasePort(port);
      folder.remove();
    },
  };
}

const listening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
