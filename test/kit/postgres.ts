import { appendFileSync, chmodSync, existsSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { certificateAuthority, type Issued } from './certificates.ts';
import { freePort, releasePort } from './ports.ts';
import { postgresBin, postgresTemplate, SUPERUSER, type PostgresVersion } from './postgres-binaries.ts';
import { run, runOk, startService, unprivileged, type Service } from './run.ts';
import { tempFolder } from './temp.ts';
import { Fatal, until } from './until.ts';

export { postgresVersions, SUPERUSER, type PostgresVersion } from './postgres-binaries.ts';

export interface PostgresUser {
  readonly name: string;
  readonly password?: string;
  /** How the password is stored, and so which login is possible. Default scram-sha-256. */
  readonly encryption?: 'scram-sha-256' | 'md5';
  /** As in CREATE ROLE: `SUPERUSER`, `CREATEDB CREATEROLE`, `CONNECTION LIMIT 3`. */
  readonly attributes?: string;
}

/** A server's certificate, the CA that vouches for it, and the CA whose clients it accepts (when it asks for certificates). */
export interface ServerTls { readonly server: Issued; readonly caPem: string; readonly clientCaPem?: string }

export interface PostgresOptions {
  /** Default 18. */
  readonly version?: PostgresVersion;
  /** Settings of postgresql.conf, as `{ log_statement: 'all' }`. Values are quoted for you. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
  readonly users?: readonly PostgresUser[];
  /** Databases to create, each owned by the superuser. `postgres` is always there. */
  readonly databases?: readonly string[];
  /** Lines of pg_hba.conf in front of the default ones (local: trust; host 127.0.0.1: scram-sha-256). */
  readonly hba?: readonly string[];
  /** TLS. true: a certificate for localhost and 127.0.0.1 of a new CA. */
  readonly tls?: boolean | ServerTls;
  /** Statements run by the superuser in database postgres, before the call returns. */
  readonly setup?: string;
}

export type Row = Record<string, unknown>;

/** A PostgreSQL server of our own, on 127.0.0.1 and a Unix socket. */
export interface Postgres {
  readonly version: PostgresVersion;
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Folder of the Unix socket, where every local user is trusted. */
  readonly socketDir: string;
  readonly dataDir: string;
  readonly superuser: { readonly name: string; readonly password: string };
  /** What libpq programs need to be the superuser over TCP. */
  readonly psqlEnv: Readonly<Record<string, string>>;
  /** CA of its certificate; only with TLS. */
  readonly caPem: string | undefined;
  readonly caFile: string | undefined;
  /** Runs SQL as the superuser over the socket, with a connection of its own. With many statements: the rows of the last. */
  query(sql: string, values?: readonly unknown[], database?: string): Promise<Row[]>;
  /** How many rows there are in `table`, or in `table WHERE condition`. */
  count(from: string): Promise<number>;
  /** A connected client of `pg`; yours to end. As the superuser over the socket unless told otherwise. */
  client(options?: pg.ClientConfig): Promise<pg.Client>;
  /** The server's log so far. */
  log(): string;
  /** Fast shutdown; then everything is removed. Can be called again. */
  stop(): Promise<void>;
  /** kill -9 of the server and all its processes. The data stays for `restart`. */
  kill9(): Promise<void>;
  /** Shuts down when it runs, adds settings, starts again on the same port and data. */
  restart(config?: PostgresOptions['config']): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts one and returns when it answers. It ends with the test process at the latest. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const version = options.version ?? 18;
  const bin = await postgresBin(version);
  const template = await postgresTemplate(version);
  const account = unprivileged();
  const folder = tempFolder(`pg${version}`, account);
  const dataDir = folder.file('data');
  const socketDir = folder.file('socket');
  const logFile = folder.file('log');
  const port = await freePort();
  await runOk('cp', ['-a', '--reflink=auto', template, dataDir]);
  mkdirSync(socketDir, { mode: 0o700 });
  const owned = (path: string, mode: number): void => {
    chmodSync(path, mode);
    if (account !== undefined) chownSync(path, account.uid, account.gid);
  };
  owned(socketDir, 0o700);
  const confFile = join(dataDir, 'postgresql.conf');
  const configure = (config: NonNullable<PostgresOptions['config']>): void => {
    appendFileSync(confFile, Object.entries(config).map(([key, value]) => `${key} = '${String(value).replaceAll("'", "''")}'\n`).join(''));
  };
  configure({
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: socketDir,
    shared_buffers: '32MB',
    logging_collector: 'off',
    log_line_prefix: '%m [%p] %q%u@%d/%a ',
    password_encryption: 'scram-sha-256',
  });

  let caPem: string | undefined;
  let caFile: string | undefined;
  if (options.tls !== undefined && options.tls !== false) {
    const material = options.tls === true ? await ownCertificate() : options.tls;
    caPem = material.caPem;
    caFile = folder.file('ca.pem');
    writeFileSync(caFile, caPem);
    owned(caFile, 0o644);
    const put = (name: string, text: string): string => {
      const path = folder.file(name);
      writeFileSync(path, text, { mode: 0o600 });
      owned(path, 0o600);
      return path;
    };
    configure({ ssl: 'on', ssl_cert_file: put('server.crt', material.server.certPem), ssl_key_file: put('server.key', material.server.keyPem) });
    if (material.clientCaPem !== undefined) configure({ ssl_ca_file: put('client-ca.crt', material.clientCaPem) });
  }
  configure(options.config ?? {});
  if (options.hba !== undefined) {
    const hbaFile = join(dataDir, 'pg_hba.conf');
    writeFileSync(hbaFile, `${options.hba.join('\n')}\n${readFileSync(hbaFile, 'utf8')}`);
  }

  const client = async (config: pg.ClientConfig = {}): Promise<pg.Client> => {
    const connection = new pg.Client({ host: socketDir, port, user: SUPERUSER.name, database: 'postgres', ...config });
    await connection.connect();
    return connection;
  };
  const query: Postgres['query'] = async (sql, values, database = 'postgres') => {
    const connection = await client({ database });
    try {
      // With many statements pg gives a list of results, which its types do not say.
      const result = (values === undefined ? await connection.query(sql) : await connection.query(sql, [...values])) as pg.QueryResult<Row> | pg.QueryResult<Row>[];
      return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? [];
    } finally {
      await connection.end();
    }
  };

  let service: Service | undefined;
  let stopped = false;
  const start = async (): Promise<void> => {
    // After kill -9 the old processes may hold their shared memory for a moment; until they are gone a new server refuses to start.
    service = await until(async () => {
      const from = existsSync(logFile) ? readFileSync(logFile, 'utf8').length : 0;
      const tried = await startService(join(bin, 'postgres'), ['-D', dataDir], { account, cwd: dataDir, logFile, reapBy: 'QUIT' });
      await until(async () => tried.ended() !== undefined || (await query('SELECT 1')), 60_000, 'an answer of PostgreSQL');
      if (tried.ended() === undefined) return tried;
      const said = tried.log().slice(from);
      if (said.includes('shared memory block')) return undefined;
      throw new Fatal(`PostgreSQL ${version} ended at start:\n${said}`);
    }, 20_000, `start of PostgreSQL ${version}`);
  };
  const shutDown = async (signal: 'SIGINT' | 'SIGQUIT'): Promise<void> => {
    service?.signal(signal);
    await service?.wait();
    service = undefined;
  };
  const kill9 = async (): Promise<void> => {
    if (service === undefined) return;
    const family = [service.pid, ...childrenOf(service.pid)];
    for (const pid of family) kill(pid);
    await service.wait();
    service = undefined;
  };
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    if (service === undefined) await removeSharedMemory(dataDir);
    await shutDown('SIGINT');
    releasePort(port);
    folder.remove();
  };

  try {
    await start();
    for (const user of options.users ?? []) {
      const password = user.password === undefined ? '' : ` PASSWORD ${literal(user.password)}`;
      await query(`SET password_encryption = '${user.encryption ?? 'scram-sha-256'}'; CREATE ROLE ${identifier(user.name)} LOGIN ${user.attributes ?? ''}${password}`);
    }
    for (const database of options.databases ?? []) await query(`CREATE DATABASE ${identifier(database)}`);
    if (options.setup !== undefined) await query(options.setup);
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    version, host: '127.0.0.1', port, socketDir, dataDir, superuser: SUPERUSER, caPem, caFile, query, client, stop, kill9,
    count: async (from) => Number((await query(`SELECT count(*)::int AS n FROM ${from}`))[0]?.['n']),
    psqlEnv: { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: SUPERUSER.name, PGPASSWORD: SUPERUSER.password, PGDATABASE: 'postgres' },
    log: () => readFileSync(logFile, 'utf8'),
    async restart(config = {}) {
      if (service !== undefined) await shutDown('SIGINT');
      configure(config);
      await start();
    },
    [Symbol.asyncDispose]: stop,
  };
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`;

async function ownCertificate(): Promise<ServerTls> {
  const authority = await certificateAuthority();
  return { server: await authority.issue(['localhost', '127.0.0.1']), caPem: authority.certPem };
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // "pid (name) state ppid ..."; the name may hold spaces and parentheses.
        return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was faster.
  }
}

/** A server that was killed leaves a System V segment, which outlives its folder; line 7 of its pid file names it. */
async function removeSharedMemory(dataDir: string): Promise<void> {
  let id: string | undefined;
  try {
    id = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/)[1];
  } catch {
    return;
  }
  if (id !== undefined) await run('ipcrm', ['-m', id]);
}
