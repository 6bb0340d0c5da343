import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { openBodies } from '../../../src/evidence/unseal.ts';
import { logName, readLog } from '../../../src/evidence/read.ts';
import { startGateway, type Gateway } from '../../kit/gateway.ts';
import { startIssuer, type Issuer } from '../../kit/issuer.ts';
import { startPostgres, type Postgres, type PostgresVersion } from '../../kit/postgres.ts';
import { RawClient } from './raw-client.ts';

const PASSWORD = 'only-the-gateway-knows-this-7c1';

/** The schema that every case of the corpora meets. */
const BASE = `
CREATE TABLE customers(id int primary key, name text, email text unique, ssn text, salary numeric, born date, data jsonb);
INSERT INTO customers VALUES
 (1,'Ada','ada@example.com','123-45-6789',100000,'1990-01-02','{"ssn":"123-45-6789"}'),
 (2,'Bob','bob@example.com','987-65-4321',90000,'1985-05-06','{"ssn":"987-65-4321"}');
CREATE TABLE orders(id int, customer_id int, note text); INSERT INTO orders VALUES (1,1,'ssn 123-45-6789'),(2,2,'ok');
CREATE TABLE audit(id int, note text, at timestamptz default '2025-01-01'); INSERT INTO audit VALUES (1,'n1'),(2,'n2');
ANALYZE;`;

/** The values of protected columns, and forms in which an expression could carry them out. */
const TEXTS: readonly Buffer[] = [
  '123-45-6789', '987-65-4321', 'ada@example.com', 'bob@example.com', '1990-01-02', '1985-05-06',
  // Digits alone, reversed, the domain alone, hex and base64 of the start.
  '123456789', '987654321', '9876-54-321', '1234-56-789', '123x45', '123X45', '@example.com', 'ADA@', '3132332d34352d', '3938372d36352d', 'MTIzLTQ1LTY3ODk', 'OTg3LTY1LTQzMjE', 'YWRhQGV4YW1wbGU',
].map((value) => Buffer.from(value));

/** Of fewer bytes than these something occurs by chance in what is sealed or hashed. */
const TELLING = 8;

/** The protected numbers: so short that counts and times hold them too, so they are looked for in answers only. */
const NUMBERS = [Buffer.from('100000'), Buffer.from('90000')];

/** Who asks. Each is granted what its name says, on the same connection. */
export const POLICIES = [
  { name: 'ro', identities: ['ro'], connections: ['*'], allow: ['read'], rules: [{ name: 'no-bulk', match: { verbs: ['copy'] }, effect: 'deny' }] },
  // What needs approval in the corpora is denied here, as a gateway without approvals must.
  { name: 'dml', identities: ['dml'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'emptying-is-held', match: { verbs: ['truncate'] }, effect: 'deny' }] },
  {
    name: 'masked',
    identities: ['masked'],
    connections: ['*'],
    allow: ['read', 'write', 'schema', 'session'],
    mask: [{ columns: ['ssn', 'email', 'salary', 'born', 'data'].map((column) => `public.customers.${column}`), mode: 'strict', transform: 'redact' }, { detect: ['us_ssn'] }],
  },
  { name: 'keeper', identities: ['keeper'], connections: ['*'], allow: ['read', 'schema'] },
] as const;
export type Role = (typeof POLICIES)[number]['name'];

export const gatewayConfig = (issuer: string, port: number): { readonly connections: readonly Record<string, unknown>[]; readonly policies: typeof POLICIES; readonly [key: string]: unknown } => ({
  gateway: { names: ['localhost'] },
  identityProviders: [{ name: 'ci', issuer, audience: 'wicketgate', allowPrivate: true }],
  identities: POLICIES.map(({ name }) => ({ name, owner: { contact: `${name}@acme.example` }, provider: 'ci', claims: { job: name } })),
  connections: [
    { name: 'shop', protocol: 'postgres', plaintext: true, target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' } },
  ],
  policies: POLICIES,
});

/** A target that is as it was before each case, and a gateway in front of it. */
export class Stage {
  readonly target: Postgres;
  readonly gateway: Gateway;
  readonly #issuer: Issuer;
  readonly #admin: pg.Client;
  readonly #owner: string;
  #keeper: RawClient | undefined;
  /** Fingerprint of the base schema; undefined while the target may be in any state. */
  #base: string | undefined;

  constructor(target: Postgres, gateway: Gateway, issuer: Issuer, admin: pg.Client, owner: string) {
    this.target = target;
    this.gateway = gateway;
    this.#issuer = issuer;
    this.#admin = admin;
    this.#owner = owner;
  }

  /** `superuser`: the gateway's user at the target may do everything there, so that only the gateway stands in the way. */
  static async start(version: PostgresVersion, { superuser }: { readonly superuser: boolean }): Promise<Stage> {
    const target = await startPostgres({
      version,
      users: [{ name: 'app', password: PASSWORD, attributes: superuser ? 'SUPERUSER' : '' }, { name: 'analyst' }],
      setup: 'ALTER DATABASE postgres OWNER TO app',
      config: { fsync: 'off', synchronous_commit: 'off' },
    });
    const issuer = await startIssuer();
    const gateway = await startGateway(gatewayConfig(issuer.issuer, target.port), { env: { TARGET_PASSWORD: PASSWORD } });
    return new Stage(target, gateway, issuer, await target.client(), 'app');
  }

  /** Brings the base schema back if anything differs from it, then runs the setup of a case as the owner. */
  async reset(setup: readonly string[] = []): Promise<void> {
    await this.#admin.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'wg:%' AND application_name NOT LIKE 'wg:%:keeper%'`);
    const clean = this.#base !== undefined && (await this.fingerprint()) === this.#base;
    if (!clean) {
      await this.#admin.query(`
        SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
        DO $$ DECLARE s text; BEGIN
          FOR s IN SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$' LOOP EXECUTE s; END LOOP;
          FOR s IN SELECT format('DROP PUBLICATION %I', pubname) FROM pg_publication LOOP EXECUTE s; END LOOP;
        END $$;
        ALTER ROLE ${this.#owner} RESET ALL;
        CREATE SCHEMA public AUTHORIZATION ${this.#owner}; GRANT USAGE ON SCHEMA public TO PUBLIC;
        SET ROLE ${this.#owner}; ${BASE} RESET ROLE;`);
      this.#base = await this.fingerprint();
    }
    if (setup.length > 0) await this.#admin.query(`SET ROLE ${this.#owner}; ${setup.join(';\n')}; RESET ROLE`);
    if (!clean || setup.length > 0) await this.announceChange();
  }

  /** Lets the gateway know that the schema is another one, as any migration through it would, instead of waiting until it asks by itself. */
  async announceChange(): Promise<void> {
    this.#keeper ??= await this.client('keeper');
    await this.#keeper.query('CREATE SCHEMA passing');
    await this.#keeper.query('DROP SCHEMA passing');
  }

  /** Runs statements at the target, past the gateway, as the owner. */
  async direct(sql: string): Promise<void> {
    await this.#admin.query(`SET ROLE ${this.#owner}; ${sql}; RESET ROLE`);
  }

  /** The rows of statements run at the target, all results one after the other, cells as text; undone afterwards. */
  async rows(sql: string): Promise<(string | null)[][]> {
    await this.#admin.query('BEGIN');
    try {
      // With many statements pg gives a list of results, which its types do not say.
      const found = (await this.#admin.query<(string | null)[]>({ text: sql, rowMode: 'array', types: { getTypeParser: () => (value: unknown) => value } })) as pg.QueryArrayResult<(string | null)[]> | pg.QueryArrayResult<(string | null)[]>[];
      return (Array.isArray(found) ? found : [found]).flatMap(({ rows }) => rows);
    } finally {
      await this.#admin.query('ROLLBACK; CLOSE ALL; DEALLOCATE ALL');
    }
  }

  /** Hash of all rows, definitions, roles, settings and large objects of the target. */
  async fingerprint(): Promise<string> {
    const { rows } = await this.#admin.query<{ hash: string }>(`
      SELECT md5(string_agg(line, chr(10) ORDER BY line)) AS hash FROM (
        SELECT format('%s.%s %s', nspname, relname, query_to_xml(format('SELECT * FROM %I.%I', nspname, relname), true, true, '')) AS line
          FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'm', 'S') AND nspname !~ '^pg_|^information_schema$'
        UNION ALL SELECT format('%s %s %s %s %s', relkind, nspname, relname, relowner, relacl) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^pg_|^information_schema$'
        UNION ALL SELECT format('%s %s %s %s', attrelid::regclass, attname, atttypid, attnum) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^pg_|^information_schema$' AND attnum > 0
        UNION ALL SELECT format('%s %s', proname, prosrc) FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT typname::text FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname !~ '^pg_|^information_schema$'
        UNION ALL SELECT format('schema %s', nspname) FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast_temp)_'
        UNION ALL SELECT format('%s %s %s %s', rolname, rolsuper, rolpassword, rolcanlogin) FROM pg_authid
        UNION ALL SELECT format('%s %s', setrole, setconfig) FROM pg_db_role_setting
        UNION ALL SELECT pubname::text FROM pg_publication
        UNION ALL SELECT format('lo %s', oid) FROM pg_largeobject_metadata
        UNION ALL SELECT format('%s %s', tgname, tgrelid::regclass) FROM pg_trigger
      ) all_there_is`);
    return rows[0]?.hash ?? '';
  }

  /** A fresh token of this identity. */
  token(role: Role): Promise<string> {
    return this.#issuer.token({ claims: { job: role } });
  }

  async client(role: Role): Promise<RawClient> {
    const client = await RawClient.login(this.gateway.port(), await this.token(role), [['user', role], ['database', 'postgres']]);
    if (client.closed) throw new Error(`login as ${role} failed: ${client.received.toString('latin1')}\n${this.gateway.log().slice(-2000)}`);
    return client;
  }

  /** Ends the gateway and gives the secrets found in any file that it wrote, as it stands there. Short ones are looked for in what was recorded, unsealed. */
  async secretsLeftBehind(): Promise<readonly string[]> {
    await this.#keeper?.end();
    await this.gateway.terminate();
    const found: string[] = [];
    for (const entry of readdirSync(this.gateway.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const bytes = readFileSync(path);
      for (const secret of textsIn(bytes)) if (secret.length >= TELLING) found.push(`${path}: ${secret}`);
    }
    return found;
  }

  /** What the gateway recorded, unsealed. Call after `secretsLeftBehind`. */
  async *recorded(): AsyncGenerator<{ readonly part: string; readonly bytes: Buffer }> {
    const folder = join(this.gateway.dataDir, 'evidence');
    const log = logName(folder);
    const opener = openBodies(join(this.gateway.folder, 'keys'));
    for await (const item of readLog(folder, { from: 0 })) {
      if (item.type === 'body') yield* opener.open(log, item.ordinal, item.bytes) ?? [];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.end();
    await this.gateway.stop();
    await this.#issuer.stop();
    await this.target.stop();
  }
}

/** The protected texts, in any of their forms, that occur in these bytes. */
export const textsIn = (bytes: Buffer): string[] => TEXTS.filter((secret) => bytes.includes(secret)).map((secret) => secret.toString());

/** The protected values, numbers too, that occur in these bytes of an answer. */
export const secretsIn = (bytes: Buffer): string[] => [...textsIn(bytes), ...NUMBERS.filter((secret) => bytes.includes(secret)).map((secret) => secret.toString())];
