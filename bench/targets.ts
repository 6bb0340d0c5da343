import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startGateway, type Gateway } from '../test/kit/gateway.ts';
import { freePort } from '../test/kit/ports.ts';
import { startService } from '../test/kit/run.ts';
import { staticIssuer } from '../test/kit/static-issuer.ts';
import { startPgbouncer } from '../test/kit/pgbouncer.ts';
import { startPostgres, type Postgres } from '../test/kit/postgres.ts';
import { tempFolder } from '../test/kit/temp.ts';

export type Env = Readonly<Record<string, string>>;

const PASSWORD = 'bench-target-password';
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WITHOUT_EVIDENCE = join('bench', 'gateway-without-evidence.ts');
/** What people start. */
const COMMAND = join('bin', 'wicketgate.js');

/** Everything that is measured, up and ready. */
export interface Field {
  readonly target: Postgres;
  readonly direct: Env;
  readonly directTls: Env;
  readonly pgbouncer: Env;
  readonly pgbouncerTls: Env;
  /** Passes bytes and looks at none: what no gateway on the same runtime can be quicker than. */
  readonly forwarder: { readonly pid: number; readonly env: Env };
  /** A gateway for each way of keeping evidence; `tls` and `tlsNone` are encrypted on both sides. */
  readonly gateways: Gateways;
  /** Runs this while every gateway stands still but the one that `env` leads to, if any: what one still does for its last run would be another's cost. */
  readonly alone: <Result>(env: Env, work: () => Promise<Result>) => Promise<Result>;
  /** The same for each clone that was asked for. */
  readonly trees: readonly { readonly tree: string; readonly gateways: Gateways }[];
  stop(): Promise<void>;
}

type Gateways = Readonly<Record<GatewayKind, { readonly gateway: Gateway; readonly env: Env }>>;

export const GATEWAYS = ['none', 'records', 'answers', 'strict', 'tls', 'tlsNone', 'redact', 'keep', 'detect'] as const;
export type GatewayKind = (typeof GATEWAYS)[number];

/** Long-lived, because one run takes longer than a CI token lives. */
const TOKEN_SECONDS = 7200;

const MASKS: Partial<Record<GatewayKind, readonly Record<string, unknown>[]>> = {
  keep: [{ columns: ['bulk.ssn', 'bulk.phone'], transform: { partial: 4 } }],
  redact: [{ columns: ['bulk.ssn', 'bulk.phone'], transform: 'redact' }],
  detect: [{ detect: ['us_ssn', 'credit_card', 'email', 'phone', 'iban', 'ip', 'jwt', 'cloud_key', 'private_key'], transform: 'redact' }],
};

const EVIDENCE: Record<GatewayKind, Record<string, unknown>> = {
  none: { recordAnswers: 'off' },
  records: { recordAnswers: 'off' },
  answers: { recordAnswers: '1MiB' },
  strict: { mode: 'strict', recordAnswers: 'off' },
  tls: { recordAnswers: 'off' },
  tlsNone: { recordAnswers: 'off' },
  redact: { recordAnswers: '1MiB' },
  keep: { recordAnswers: '1MiB' },
  detect: { recordAnswers: '1MiB' },
};

const BULK = `
CREATE TABLE bulk AS SELECT n AS id, 'name ' || n AS name, 'row' || n || '@example.com' AS email,
  lpad((n % 899 + 100)::text, 3, '0') || '-' || lpad((n % 89 + 10)::text, 2, '0') || '-' || lpad((n % 8999 + 1000)::text, 4, '0') AS ssn,
  '+1 555 ' || lpad((n % 10000000)::text, 7, '0') AS phone, md5(n::text) AS note, n * 3 AS amount, repeat('x', 120) AS filler
  FROM generate_series(1, 900000) AS n;
ALTER TABLE bulk OWNER TO app;
GRANT SELECT ON bulk TO bulk;`;

const startForwarder = async (to: number): Promise<{ readonly pid: number; readonly port: number; readonly stop: () => Promise<void> }> => {
  const folder = tempFolder('forwarder');
  const port = await freePort();
  const service = await startService(process.execPath, [join(ROOT, 'bench', 'forwarder.ts'), String(port), String(to)], { cwd: folder.path, logFile: folder.file('log') });
  const stop = async (): Promise<void> => {
    service.signal('SIGTERM');
    await service.wait();
    folder.remove();
  };
  return { pid: service.pid, port, stop };
};

/** Starts PostgreSQL, pgbouncer in session mode and the gateways, all on this machine. `trees`: clones of which the gateways are. */
export const startField = async (kinds: readonly GatewayKind[], bulk: boolean, connections = 200, trees: readonly string[] = [ROOT]): Promise<Field> => {
  const target = await startPostgres({
    version: 15,
    tls: true,
    // The client that throws rows away cannot do SCRAM; its direct reads are by a user of their own, who is let in without.
    users: [{ name: 'app', password: PASSWORD }, { name: 'bulk', password: PASSWORD }],
    hba: ['host all bulk 127.0.0.1/32 trust'],
    config: { shared_buffers: '1GB', max_connections: connections, jit: 'off', autovacuum: 'off', max_wal_size: '4GB' },
    setup: `GRANT CREATE ON SCHEMA public TO app;${bulk ? BULK : ''}`,
  });
  const issuer = await staticIssuer();
  const users = [{ name: 'app', password: PASSWORD }];
  const at = { host: '127.0.0.1', port: target.port };
  const pgbouncer = await startPgbouncer({ target: at, users });
  const pgbouncerTls = await startPgbouncer({ target: at, users, tls: true });
  const forwarder = await startForwarder(target.port);
  const token = await issuer.token({ claims: { job: 'bench' }, expiresIn: TOKEN_SECONDS });

  const start = async (tree: string, kind: GatewayKind): Promise<{ gateway: Gateway; env: Env }> => {
    const tls = kind === 'tls' || kind === 'tlsNone';
    const gateway = await startGateway(
      {
        gateway: { names: ['localhost', '127.0.0.1'] },
        identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', jwksFile: issuer.jwksFile, maxTokenAge: '2h' }],
        identities: [{ name: 'bench', owner: { contact: 'bench@acme.example' }, provider: 'ci', claims: { job: 'bench' } }],
        connections: [
          {
            name: 'bench',
            protocol: 'postgres',
            plaintext: !tls,
            target: { ...at, database: 'postgres', ...(tls ? { tls: 'verify-full', ca: target.caFile } : { tls: 'disable' }) },
            credential: { username: 'app', password: 'env:TARGET_PASSWORD' },
            evidence: EVIDENCE[kind],
          },
        ],
        policies: [{ name: 'bench', identities: ['bench'], connections: ['bench'], allow: ['read', 'write', 'schema', 'session'], ...(MASKS[kind] ? { mask: MASKS[kind] } : {}) }],
      },
      { env: { TARGET_PASSWORD: PASSWORD }, program: kind === 'none' || kind === 'tlsNone' ? [join(tree, WITHOUT_EVIDENCE)] : [join(tree, COMMAND), 'start', '--config'] },
    );
    const secure: Env = tls ? { PGSSLMODE: 'verify-full', PGSSLROOTCERT: join(gateway.dataDir, 'ca.pem') } : { PGSSLMODE: 'disable' };
    return { gateway, env: { PGHOST: tls ? 'localhost' : '127.0.0.1', PGPORT: String(gateway.port('bench')), PGDATABASE: 'bench', PGUSER: 'bench', PGPASSWORD: token, ...secure } };
  };
  const started: { tree: string; gateways: Gateways }[] = [];
  for (const tree of trees) {
    const gateways: Partial<Record<GatewayKind, { gateway: Gateway; env: Env }>> = {};
    for (const kind of kinds) gateways[kind] = await start(tree, kind);
    started.push({ tree, gateways: gateways as Gateways });
  }

  const base = { PGDATABASE: 'postgres', PGUSER: 'app', PGPASSWORD: PASSWORD };
  const direct = { ...base, PGHOST: '127.0.0.1', PGPORT: String(target.port) };
  return {
    target,
    direct: { ...direct, PGSSLMODE: 'disable' },
    directTls: { ...direct, PGSSLMODE: 'require' },
    pgbouncer: { ...base, PGHOST: '127.0.0.1', PGPORT: String(pgbouncer.port), PGSSLMODE: 'disable' },
    pgbouncerTls: { ...base, PGHOST: '127.0.0.1', PGPORT: String(pgbouncerTls.port), PGSSLMODE: 'require' },
    forwarder: { pid: forwarder.pid, env: { ...direct, PGSSLMODE: 'disable', PGPORT: String(forwarder.port) } },
    gateways: started[0]?.gateways as Gateways,
    trees: started,
    alone: async (measured, work) => {
      const others = started.flatMap(({ gateways }) => Object.values(gateways)).filter(({ env }) => env !== measured);
      for (const { gateway } of others) gateway.signal('SIGSTOP');
      try {
        return await work();
      } finally {
        for (const { gateway } of others) gateway.signal('SIGCONT');
      }
    },
    stop: async () => {
      for (const { gateways } of started) for (const one of Object.values(gateways)) await one.gateway.stop();
      await forwarder.stop();
      await pgbouncer.stop();
      await pgbouncerTls.stop();
      await target.stop();
    },
  };
};
