import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { certificateAuthority } from './certificates.ts';
import { freePort, releasePort } from './ports.ts';
import { psql } from './clients.ts';
import { requireProgram } from './present.ts';
import { startService, unprivileged } from './run.ts';
import { tempFolder } from './temp.ts';
import { Fatal, until } from './until.ts';

export interface PgbouncerOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Who may log in, here and at the target, with this password. */
  readonly users: readonly { readonly name: string; readonly password: string }[];
  /** Default session, the only mode that compares to a gateway with one target connection a session. */
  readonly poolMode?: 'session' | 'transaction';
  /** TLS towards clients and towards the target. */
  readonly tls?: boolean;
  readonly config?: Readonly<Record<string, string | number>>;
}

/** A pgbouncer of our own, to compare with. */
export interface Pgbouncer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly psqlEnv: Readonly<Record<string, string>>;
  readonly caFile: string | undefined;
  log(): string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startPgbouncer(options: PgbouncerOptions): Promise<Pgbouncer> {
  const account = unprivileged();
  const folder = tempFolder('pgbouncer', account);
  const port = await freePort();
  const put = (name: string, text: string): string => {
    const path = folder.file(name);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    if (account !== undefined) chownSync(path, account.uid, account.gid);
    return path;
  };
  const settings: Record<string, string | number> = {
    listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '',
    auth_type: 'scram-sha-256', pool_mode: options.poolMode ?? 'session',
    auth_file: put('users.txt', options.users.map(({ name, password }) => `"${name}" "${password}"\n`).join('')),
    max_client_conn: 1000, default_pool_size: 200, ignore_startup_parameters: 'extra_float_digits,options',
  };
  let caFile: string | undefined;
  if (options.tls === true) {
    const authority = await certificateAuthority('pgbouncer test CA');
    const { certPem, keyPem } = await authority.issue(['localhost', '127.0.0.1']);
    caFile = put('ca.pem', authority.certPem);
    Object.assign(settings, { client_tls_sslmode: 'require', client_tls_cert_file: put('server.crt', certPem), client_tls_key_file: put('server.key', keyPem), server_tls_sslmode: 'require' });
  }
  Object.assign(settings, options.config);
  const ini = put('pgbouncer.ini', `[databases]\n* = host=${options.target.host} port=${options.target.port}\n[pgbouncer]\n${Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`).join('')}`);
  const logFile = folder.file('log');
  const service = await startService(requireProgram('pgbouncer'), [ini], { account, cwd: folder.path, logFile });
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    service.signal('SIGINT');
    // It waits for clients that are still there; nobody needs what they do.
    service.signal('SIGTERM');
    await service.wait();
    releasePort(port);
    folder.remove();
  };
  const first = options.users[0];
  const psqlEnv = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: first?.name ?? '', PGPASSWORD: first?.password ?? '', PGDATABASE: 'postgres', PGSSLMODE: options.tls === true ? 'require' : 'disable' };
  try {
    await until(async () => {
      const ended = service.ended();
      if (ended !== undefined) throw new Fatal(`pgbouncer ended:\n${service.log()}`);
      return (await psql(['-Atc', 'SELECT 1'], psqlEnv)).code === 0;
    }, 20_000, 'an answer of pgbouncer');
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: '127.0.0.1', port, psqlEnv, caFile, log: () => service.log(), stop, [Symbol.asyncDispose]: stop };
}
