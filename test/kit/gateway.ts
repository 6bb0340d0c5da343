import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { canariesIn, secretCanary } from './canaries.ts';
import { freePort, releasePort } from './ports.ts';
import { run, startService, type Ran, type Service } from './run.ts';
import { tempFolder } from './temp.ts';
import { until } from './until.ts';

/** `src/cli/main.ts`: what `bin/wicketgate.js` runs. */
export const CLI = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'cli', 'main.ts');

type Env = Readonly<Record<string, string | undefined>>;

/**
 * A configuration as in docs/configuration. As an object, what is left out is filled in: version, `gateway.data` and `gateway.keys` in
 * the folder of this gateway, `control.listen`, and `listen` of each connection, on ports of its own. As text it is used as it is.
 */
export type GatewayConfig = string | { readonly [key: string]: unknown; readonly connections?: readonly Readonly<Record<string, unknown>>[] };

/** A gateway, run as a user runs it: a process of its own with a configuration file. */
export interface Gateway {
  /** Its folder: `wicketgate.yaml`, `data`, `keys`. */
  readonly folder: string;
  readonly configFile: string;
  readonly dataDir: string;
  /** The CA of `tls: auto`, for `sslrootcert`. */
  readonly caFile: string;
  readonly pid: number;
  /** Port of a connection by its name (configurations given as objects only). Without a name: of the first. */
  port(connection?: string): number;
  /** Address of health, readiness and metrics, `http://127.0.0.1:N` (configurations given as objects only). */
  readonly control: string;
  /** Everything it logged. */
  log(): string;
  /** The log's lines that are JSON objects. */
  logLines(): Record<string, unknown>[];
  /** Writes another configuration, with the same ports and folders filled in, and sends SIGHUP. The log tells what came of it. */
  reload(config: GatewayConfig): Promise<void>;
  /** The same, and waits until it is in force. */
  reloaded(config: GatewayConfig): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** undefined while it runs. */
  ended(): { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined;
  /** SIGTERM, waits for the end, leaves the folder. Resolves with the exit code. */
  terminate(timeoutMs?: number): Promise<number | null>;
  /** kill -9, leaves the folder. */
  kill9(): Promise<void>;
  /** Starts it again on the same folder and ports, after `terminate` or `kill9`. */
  start(env?: Env): Promise<void>;
  /** Runs another command of the CLI in its folder, with its environment: `cli('evidence', 'verify', ...)`. */
  cli(...args: readonly string[]): Promise<Ran>;
  /** terminate, and removes the folder. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface GatewayOptions {
  readonly env?: Env;
  /** Flags for node, as `--max-old-space-size=256`. */
  readonly nodeArgs?: readonly string[];
  /** What node runs, before the path of the configuration. Default: the command line's `start`. */
  readonly program?: readonly string[];
  /** Further files, by name relative to the folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** Runs it under another program: `['strace', '-D', '-f', '-o', file]`. That must keep the process id (as -D does), or signals miss the gateway. */
  readonly under?: readonly string[];
}

/** Starts one and returns when it is ready. Rejects with its log when it ends instead. */
export async function startGateway(config: GatewayConfig, options: GatewayOptions = {}): Promise<Gateway> {
  const folder = tempFolder('gateway');
  const configFile = folder.file('wicketgate.yaml');
  const ports = new Map<string, number>();
  for (const [name, text] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(folder.file(name)), { recursive: true });
    writeFileSync(folder.file(name), text);
  }
  const write = async (wanted: GatewayConfig): Promise<void> => {
    writeFileSync(configFile, typeof wanted === 'string' ? wanted : stringify(await complete(wanted, ports)));
  };
  await write(config);
  const controlPort = ports.get(CONTROL);
  const control = controlPort === undefined ? '' : `http://127.0.0.1:${controlPort}`;
  const logFile = folder.file('gateway.log');
  let env = options.env ?? {};
  let service: Service | undefined;
  const running = (): Service => {
    if (service === undefined) throw new Error('the gateway is not running');
    return service;
  };
  const readLog = (): string => (service === undefined ? '' : service.log());
  const start = async (): Promise<void> => {
    for (const [name, value] of Object.entries(env)) if (value !== undefined && /PASSWORD|SECRET|TOKEN|KEY/i.test(name)) secretCanary(value);
    const own = [...(options.nodeArgs ?? []), ...(options.program ?? [CLI, 'start', '--config']), configFile];
    const [command = process.execPath, ...args] = options.under === undefined ? [process.execPath, ...own] : [...options.under, process.execPath, ...own];
    const before = existsSync(logFile) ? readLog().length : 0;
    const begun = await startService(command, args, { env, cwd: folder.path, logFile });
    service = begun;
    await until(() => begun.ended() !== undefined || jsonLines(begun.log().slice(before)).some((line) => line['msg'] === 'ready'), 60_000, 'the gateway\'s ready line');
    if (begun.ended() !== undefined) throw new Error(`the gateway ended at start:\n${begun.log().slice(before)}`);
    if (control !== '') await until(async () => (await fetch(`${control}/ready`, { headers: { connection: 'close' } })).ok, 20_000, 'readiness of the gateway');
  };
  const terminate = async (timeoutMs?: number): Promise<number | null> => {
    running().signal('SIGTERM');
    return (await running().wait(timeoutMs)).code;
  };
  const reload = async (wanted: GatewayConfig): Promise<void> => {
    await write(wanted);
    running().signal('SIGHUP');
  };
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    try {
      if (service !== undefined && service.ended() === undefined) await terminate();
      const leaked = canariesIn(folder.file('data'), folder.file('keys'), logFile);
      if (leaked.length > 0) throw new Error(`the gateway wrote down what it must not: ${leaked.join('; ')}`);
    } finally {
      for (const port of ports.values()) releasePort(port);
      folder.remove();
    }
  };
  try {
    await start();
  } catch (error) {
    service?.signal('SIGKILL');
    await stop();
    throw error;
  }
  return {
    folder: folder.path, configFile, control, terminate, stop,
    dataDir: folder.file('data'),
    caFile: folder.file('data', 'ca.pem'),
    get pid() { return running().pid; },
    port(connection) {
      const port = connection === undefined ? [...ports].find(([name]) => name !== CONTROL)?.[1] : ports.get(connection);
      if (port === undefined) throw new Error(`no port of connection ${connection ?? '(any)'} was chosen by the kit`);
      return port;
    },
    log: readLog,
    logLines: () => jsonLines(readLog()),
    reload,
    async reloaded(wanted) {
      const inForce = (): number => jsonLines(readLog()).filter(({ msg }) => msg === 'configuration in force').length;
      const before = inForce();
      await reload(wanted);
      await until(() => inForce() > before, 20_000, 'the configuration in force');
    },
    signal: (signal) => { running().signal(signal); },
    ended: () => service?.ended(),
    async kill9() {
      running().signal('SIGKILL');
      await running().wait();
    },
    async start(next) {
      env = next ?? env;
      await start();
    },
    cli: (...args) => run(process.execPath, [CLI, ...args], { env, cwd: folder.path }),
    [Symbol.asyncDispose]: stop,
  };
}

/** Key of the control port among the ports; a connection cannot be called that. */
const CONTROL = '/control';

async function complete(config: Exclude<GatewayConfig, string>, ports: Map<string, number>): Promise<Record<string, unknown>> {
  const port = async (name: string): Promise<number> => {
    const known = ports.get(name);
    if (known !== undefined) return known;
    const chosen = await freePort();
    ports.set(name, chosen);
    return chosen;
  };
  const connections = [];
  for (const connection of config.connections ?? []) {
    connections.push('listen' in connection ? connection : { ...connection, listen: `127.0.0.1:${await port(String(connection['name']))}` });
  }
  const control = config['control'] as Readonly<Record<string, unknown>> | undefined;
  return {
    version: 1,
    ...config,
    gateway: { data: './data', keys: './keys', ...(config['gateway'] as object | undefined) },
    control: control !== undefined && 'listen' in control ? control : { ...control, listen: `127.0.0.1:${await port(CONTROL)}` },
    connections,
  };
}

/** The lines that are JSON objects; a line that is not finished yet is not one. */
function jsonLines(log: string): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  for (const line of log.split('\n')) {
    if (!line.startsWith('{')) continue;
    try {
      lines.push(JSON.parse(line) as Record<string, unknown>);
    } catch {
      // The last line may be half written.
    }
  }
  return lines;
}
