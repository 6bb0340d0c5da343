import pg from 'pg';
import { psql } from '../kit/clients.ts';
import { startGateway, type Gateway, type GatewayOptions } from '../kit/gateway.ts';
import { startIssuer, type Issuer } from '../kit/issuer.ts';
import { startPostgres, type Postgres, type PostgresOptions } from '../kit/postgres.ts';
import type { Ran } from '../kit/run.ts';
import { DEFAULT_POLICIES, TABLES, TARGET_PASSWORD, type Role } from './scene.ts';

/** A target and an issuer that outlive several gateways, each of which may have a folder, flags and a fate of its own. */
export interface Surroundings {
  readonly target: Postgres;
  readonly issuer: Issuer;
  [Symbol.asyncDispose](): Promise<void>;
}

export const startSurroundings = async (postgres: PostgresOptions = {}): Promise<Surroundings> => {
  const target = await startPostgres({ users: [{ name: 'app', password: TARGET_PASSWORD }], setup: TABLES, ...postgres });
  try {
    const issuer = await startIssuer();
    return {
      target,
      issuer,
      [Symbol.asyncDispose]: async () => {
        await issuer.stop();
        await target.stop();
      },
    };
  } catch (error) {
    await target.stop();
    throw error;
  }
};

export type Config = Readonly<Record<string, unknown>> & { readonly connections?: readonly Readonly<Record<string, unknown>>[] };

/** A connection without TLS on either side, so that what passes can be seen from outside. */
export const plainConnection = (name: string, { target }: Pick<Surroundings, 'target'>, more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  name,
  protocol: 'postgres',
  plaintext: true,
  target: { host: '127.0.0.1', port: target.port, database: 'postgres', tls: 'disable' },
  credential: { username: 'app', password: 'env:TARGET_PASSWORD' },
  ...more,
});

/** The configuration of the scenes, with one plain connection `shop` unless `more` says otherwise. */
export const plainConfig = (around: Surroundings, more: Config = {}, provider: Readonly<Record<string, unknown>> = {}): Config => ({
  gateway: { names: ['localhost', '127.0.0.1'] },
  identityProviders: [{ name: 'ci', issuer: around.issuer.issuer, audience: 'wicketgate', allowPrivate: true, ...provider }],
  identities: ['reader', 'writer', 'migrator'].map((name) => ({ name, owner: { contact: `${name}s@acme.example` }, provider: 'ci', claims: { job: name } })),
  connections: [plainConnection('shop', around)],
  policies: DEFAULT_POLICIES,
  ...more,
});

export const startPlainGateway = (config: Config, options: GatewayOptions = {}): Promise<Gateway> =>
  startGateway(config, { ...options, env: { TARGET_PASSWORD, ...options.env } });

/** Environment of libpq programs that log in as this role, by the connection's own port. */
export const plainEnv = async ({ issuer }: Pick<Surroundings, 'issuer'>, gateway: Gateway, role: Role, connection?: string): Promise<Record<string, string>> => ({
  PGHOST: '127.0.0.1',
  PGPORT: String(gateway.port(connection)),
  PGDATABASE: 'postgres',
  PGUSER: role,
  PGPASSWORD: await issuer.token({ claims: { job: role } }),
  PGSSLMODE: 'disable',
  PGGSSENCMODE: 'disable',
});

export const plainPsql = async (around: Pick<Surroundings, 'issuer'>, gateway: Gateway, role: Role, ...args: readonly string[]): Promise<Ran> =>
  psql(args, await plainEnv(around, gateway, role));

/** A connected client; errors that end its connection do not end the test, its queries tell. */
export const plainClient = async (around: Pick<Surroundings, 'issuer'>, gateway: Gateway, role: Role, connection?: string): Promise<pg.Client> => {
  const env = await plainEnv(around, gateway, role, connection);
  const client = new pg.Client({ host: env['PGHOST'], port: Number(env['PGPORT']), database: env['PGDATABASE'], user: role, password: env['PGPASSWORD'] });
  client.on('error', () => {});
  await client.connect();
  return client;
};
