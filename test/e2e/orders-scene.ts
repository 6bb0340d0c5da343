import type pg from 'pg';
import type { PostgresVersion } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import type { Script } from './orders-script.ts';
import type { Player } from './orders-statements.ts';
import { startScene, TARGET_PASSWORD, type Scene } from './scene.ts';
import { directWire, gatewayWire, type Wire } from './wire.ts';

/* Where orders of messages are played: one target that logs all that it is sent, and a gateway with four identities and two connections. */

/** Values that no client with masks may see, also in capitals. */
export const RAW: readonly string[] = ['ssn-of-ada', 'ssn-of-bob', 'ada@raw.example', 'bob@raw.example', 'SSN-OF-ADA', 'SSN-OF-BOB'];
const MASKED = '***';

const SETUP = `
CREATE TABLE t(id int, v text); ALTER TABLE t OWNER TO app;
CREATE TABLE forbidden(id int); ALTER TABLE forbidden OWNER TO app;
CREATE TABLE people(id int, ssn text, mail text); ALTER TABLE people OWNER TO app;`;
const RESET = `TRUNCATE t, forbidden, people; INSERT INTO t SELECT n, 'v' || n FROM generate_series(1, 4) n; INSERT INTO forbidden VALUES (1);
INSERT INTO people VALUES (1, '${RAW[0]}', '${RAW[2]}'), (2, '${RAW[1]}', '${RAW[3]}')`;
const SESSIONS = "SELECT FROM pg_stat_activity WHERE application_name LIKE 'wg:____________:%'";
const LEFT = 'SELECT (SELECT json_agg(t ORDER BY id, v) FROM t)::text AS t, (SELECT json_agg(f) FROM forbidden f)::text AS f, (SELECT json_agg(p ORDER BY id, ssn) FROM people p)::text AS p';

const rules = [{ name: 'no', match: { objects: ['forbidden'] }, effect: 'deny', reason: 'not for jobs' }];
const policy = (name: Player, allow: readonly string[], more: object = {}): Record<string, unknown> => ({ name, identities: [name], connections: ['*'], allow, rules, ...more });
const POLICIES = [
  policy('writer', ['read', 'write', 'schema', 'session']),
  policy('reader', ['read', 'session']),
  policy('migrator', ['read', 'write', 'session'], { mask: [{ columns: ['people.ssn'], transform: 'redact' }, { columns: ['people.mail'], mode: 'display', transform: 'redact' }] }),
  policy('stranger', ['read', 'write', 'session'], { limits: { rowsPerCommand: 2 } }),
];

/** A script that was played, and the marks of its statements. */
export interface PlayedScript {
  readonly script: Script;
  readonly marks: readonly string[];
  readonly refused: readonly string[];
}

export interface Orders {
  readonly scene: Scene;
  readonly scripts: PlayedScript[];
  /** What the gateway refuses in its own way, and how often. */
  readonly ownWays: Map<string, number>;
  reset(): Promise<void>;
  left(): Promise<unknown>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const startOrders = async (version: PostgresVersion): Promise<Orders> => {
  const scene = await startScene({
    postgres: { version, users: [{ name: 'app', password: TARGET_PASSWORD }], setup: SETUP, config: { log_statement: 'all', fsync: 'off' } },
    identities: [{ name: 'stranger', owner: { contact: 'strangers@acme.example' }, provider: 'ci', claims: { job: 'stranger' } }],
    policies: POLICIES,
    connectionsAt: (port) =>
      (['shop', 'sure'] as const).map((name) => ({
        name,
        protocol: 'postgres',
        target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' },
        credential: { username: 'app', password: 'env:TARGET_PASSWORD' },
        ...(name === 'sure' ? { evidence: { mode: 'strict' } } : {}),
      })),
  });
  const own: pg.Client = await scene.target.client();
  return {
    scene,
    scripts: [],
    ownWays: new Map(),
    reset: async () => {
      // A session that was cut off may still be at its last statement.
      await until(async () => (await own.query(SESSIONS)).rowCount === 0, 20_000, 'the end of the sessions before');
      await own.query(RESET);
    },
    left: async () => (await own.query(LEFT)).rows as unknown,
    [Symbol.asyncDispose]: async () => {
      await own.end();
      await scene[Symbol.asyncDispose]();
    },
  };
};

export const gatewayPlayer = ({ scene }: Orders, { player, connection, minor }: Script): Promise<Wire> => gatewayWire(scene, player, { connection, database: connection, minor });
export const directPlayer = ({ scene }: Orders): Promise<Wire> => directWire(scene.target, 'app');

/** What this player would be shown of an answer. */
export const shown = (player: Player, text: string): string => (player === 'migrator' ? RAW.reduce((so, raw) => so.replaceAll(raw, MASKED), text) : text);
