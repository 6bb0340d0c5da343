import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startGateway, type Gateway } from '../../kit/gateway.ts';
import { startIssuer, type Issuer } from '../../kit/issuer.ts';
import { startPostgres, type Postgres, type PostgresVersion } from '../../kit/postgres.ts';
import { TARGET_PASSWORD } from '../scene.ts';

export type Env = Readonly<Record<string, string>>;

/** Databases of the target, each a connection of its name: one for looking, others that tools fill from nothing. */
const DATABASES = ['shop', 'restored', 'restored2', 'django', 'alembic', 'migrated', 'bench'] as const;
export type Database = (typeof DATABASES)[number];

/** `tool` and `asking` have every class but unknown and admin; `vouched` has unknown as well. Only what `tool` sends is counted. */
export const JOBS = ['tool', 'asking', 'vouched'] as const;
export type Job = (typeof JOBS)[number];

/** A target with an application's schema, and a gateway in front of it without masks. */
export interface ToolScene {
  readonly target: Postgres;
  readonly gateway: Gateway;
  /** What libpq programs need, with a token as password, verifying the gateway. */
  through(database: Database, job?: Job): Promise<Env>;
  /** The same for the target itself, as the user that the gateway has there. */
  direct(database: Database): Env;
  [Symbol.asyncDispose](): Promise<void>;
}

const ALLOW = ['read', 'write', 'schema', 'session'];

/** What migrations need besides classes: leave to attach code of their own, which `docs/reference/policy.md` explains. */
const CODE = {
  name: 'code-of-migrations',
  match: { classes: ['unknown'], verbs: ['create'], objects: ['function', 'procedure', 'trigger', 'aggregate', 'operator'] },
  effect: 'allow',
};

/** What the sample policy says: all four classes, leave to define code, no mask. */
const TOOL_POLICIES = [
  { name: 'tools', identities: ['tool', 'asking'], connections: ['*'], allow: ALLOW, rules: [CODE] },
  { name: 'vouching', identities: ['vouched'], connections: ['*'], allow: [...ALLOW, 'unknown'] },
];

export const startToolScene = async (version: PostgresVersion): Promise<ToolScene> => {
  const target = await startPostgres({
    version,
    users: [{ name: 'app', password: TARGET_PASSWORD }],
    databases: DATABASES,
    config: { log_statement: 'all', log_line_prefix: '%a|' },
  });
  let issuer: Issuer | undefined;
  try {
    for (const database of DATABASES) await target.query(`ALTER DATABASE ${database} OWNER TO app`);
    await target.query(readFileSync(new URL('schema.sql', import.meta.url), 'utf8'), undefined, 'shop');
    issuer = await startIssuer();
    const known = issuer;
    const gateway = await startGateway(
      {
        gateway: { names: ['localhost', '127.0.0.1'] },
        identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', allowPrivate: true }],
        identities: JOBS.map((name) => ({ name, owner: { contact: `${name}@acme.example` }, provider: 'ci', claims: { job: name } })),
        connections: DATABASES.map((name) => ({
          name,
          protocol: 'postgres',
          target: { host: '127.0.0.1', port: target.port, database: name, tls: 'disable' },
          credential: { username: 'app', password: 'env:TARGET_PASSWORD' },
        })),
        policies: TOOL_POLICIES,
      },
      { env: { TARGET_PASSWORD } },
    );
    return {
      target,
      gateway,
      through: async (database, job = 'tool') => ({
        PGHOST: 'localhost',
        PGPORT: String(gateway.port(database)),
        PGDATABASE: database,
        PGUSER: job,
        PGPASSWORD: await known.token({ claims: { job } }),
        PGSSLMODE: 'verify-full',
        PGSSLROOTCERT: join(gateway.dataDir, 'ca.pem'),
      }),
      direct: (database) => ({ PGHOST: '127.0.0.1', PGPORT: String(target.port), PGDATABASE: database, PGUSER: 'app', PGPASSWORD: TARGET_PASSWORD, PGSSLMODE: 'disable' }),
      [Symbol.asyncDispose]: async () => {
        await gateway.stop();
        await known.stop();
        await target.stop();
      },
    };
  } catch (error) {
    await issuer?.stop();
    await target.stop();
    throw error;
  }
};
