import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { secretCanary } from '../kit/canaries.ts';
import { psql } from '../kit/clients.ts';
import { startGateway, type Gateway } from '../kit/gateway.ts';
import { startIssuer, type Issuer } from '../kit/issuer.ts';
import { startPostgres, type Postgres, type PostgresOptions } from '../kit/postgres.ts';
import type { Ran } from '../kit/run.ts';

/** Tables that the scenes use; the same as in the corpora of evasions, and one for changes. */
export const TABLES = `
CREATE TABLE customers(id int primary key, name text, email text unique, ssn text, salary numeric, born date, data jsonb);
INSERT INTO customers VALUES
 (1,'Ada','ada@example.com','123-45-6789',100000,'1990-01-02','{"ssn":"123-45-6789"}'),
 (2,'Bob','bob@example.com','987-65-4321',90000,'1985-05-06','{"ssn":"987-65-4321"}');
CREATE TABLE orders(id int, customer_id int, note text); INSERT INTO orders VALUES (1,1,'ssn 123-45-6789'),(2,2,'ok');
CREATE TABLE audit(id int, note text, at timestamptz default now()); INSERT INTO audit VALUES (1,'n1'),(2,'n2');
ALTER TABLE customers OWNER TO app; ALTER TABLE orders OWNER TO app; ALTER TABLE audit OWNER TO app;
GRANT CREATE ON SCHEMA public TO app; GRANT CREATE, TEMP ON DATABASE postgres TO app;
ANALYZE;`;

/** Values of these rows: in no file of any gateway in clear, masked or not. */
for (const value of ['123-45-6789', '987-65-4321']) secretCanary(value);

export const TARGET_PASSWORD = 'only-the-gateway-knows-this-9f2';

export interface SceneOptions {
  readonly postgres?: PostgresOptions;
  /** Policies; default: readers read, writers read and write, migrators all but admin. */
  readonly policies?: readonly Record<string, unknown>[];
  readonly connection?: Readonly<Record<string, unknown>>;
  readonly connections?: readonly Record<string, unknown>[];
  /** Connections that need to know the port of the target. */
  readonly connectionsAt?: (port: number) => readonly Record<string, unknown>[];
  readonly gateway?: Readonly<Record<string, unknown>>;
  readonly control?: Readonly<Record<string, unknown>>;
  readonly provider?: Readonly<Record<string, unknown>>;
  /** Further identity providers and identities. */
  readonly providers?: readonly Record<string, unknown>[];
  readonly identities?: readonly Record<string, unknown>[];
  /** More of the configuration, at its top. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly under?: readonly string[];
  /** Flags for node, and more of the environment of the gateway. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A target, an issuer and a gateway between them: what every story starts from. */
export interface Scene {
  readonly target: Postgres;
  readonly issuer: Issuer;
  readonly gateway: Gateway;
  /** The configuration in force, to change and reload. */
  readonly config: Readonly<Record<string, unknown>>;
  token(role: Role): Promise<string>;
  /** Environment of libpq programs that log in as this role, verifying the gateway. */
  env(role: Role): Promise<Record<string, string>>;
  psql(role: Role, ...args: readonly string[]): Promise<Ran>;
  /** A connected client of `pg`. */
  client(role: Role, options?: pg.ClientConfig): Promise<pg.Client>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const ROLES = ['reader', 'writer', 'migrator', 'stranger'] as const;
export type Role = (typeof ROLES)[number];

export const DEFAULT_POLICIES: readonly Record<string, unknown>[] = [
  { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'] },
  { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'] },
  {
    name: 'migrating',
    identities: ['migrator'],
    connections: ['*'],
    allow: ['read', 'write', 'schema', 'session'],
    rules: [{ name: 'never-drop-customers', match: { verbs: ['drop'], objects: ['customers'] }, effect: 'deny', reason: 'customers are kept' }],
  },
];

export const startScene = async (options: SceneOptions = {}): Promise<Scene> => {
  const target = await startPostgres({
    users: [{ name: 'app', password: TARGET_PASSWORD }],
    setup: TABLES,
    ...options.postgres,
  });
  const issuer = await startIssuer();
  const identity = (name: Role): Record<string, unknown> => ({ name, owner: { contact: `${name}s@acme.example` }, provider: 'ci', claims: { job: name } });
  const connection = {
    name: 'shop',
    protocol: 'postgres',
    target: { host: '127.0.0.1', port: target.port, database: 'postgres', tls: 'disable' },
    credential: { username: 'app', password: 'env:TARGET_PASSWORD' },
    ...options.connection,
  };
  const config = {
    gateway: { names: ['localhost', '127.0.0.1'], ...options.gateway },
    ...(options.control ? { control: options.control } : {}),
    identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', allowPrivate: true, ...options.provider }, ...(options.providers ?? [])],
    identities: [identity('reader'), identity('writer'), identity('migrator'), ...(options.identities ?? [])],
    connections: options.connectionsAt?.(target.port) ?? options.connections ?? [connection],
    policies: options.policies ?? DEFAULT_POLICIES,
    ...options.more,
  };
  const gateway = await startGateway(config, { env: { TARGET_PASSWORD, ...options.env }, ...(options.under ? { under: options.under } : {}), ...(options.nodeArgs ? { nodeArgs: options.nodeArgs } : {}) });
  const caFile = join(gateway.dataDir, 'ca.pem');
  const token = (role: Role): Promise<string> => issuer.token({ claims: { job: role } });
  const env = async (role: Role): Promise<Record<string, string>> => ({
    PGHOST: 'localhost',
    PGPORT: String(gateway.port()),
    PGDATABASE: 'shop',
    PGUSER: role,
    PGPASSWORD: await token(role),
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: caFile,
  });
  return {
    target,
    issuer,
    gateway,
    config,
    token,
    env,
    psql: async (role, ...args) => psql(args, await env(role)),
    client: async (role, more = {}) => {
      const client = new pg.Client({
        host: 'localhost',
        port: gateway.port(),
        database: 'shop',
        user: role,
        password: await token(role),
        ssl: { ca: readFileSync(caFile, 'utf8') },
        ...more,
      });
      await client.connect();
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      await gateway.stop();
      await issuer.stop();
      await target.stop();
    },
  };
};
