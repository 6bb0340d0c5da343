import assert from 'node:assert/strict';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import type { PostgresVersion } from '../kit/postgres.ts';
import { PATIENT, startApprovalScene, type ApprovalScene, type ApprovalSceneOptions } from './approvals-scene.ts';
import { plain } from './wire.ts';

/** Rows that may change without people. */
export const FREE = 10;

/** Changes of more than FREE rows wait for people; `writer` may change at most 50 rows whatever people say, and is never asked. */
export const POLICIES: readonly Record<string, unknown>[] = [
  {
    name: 'migrating',
    identities: ['migrator'],
    connections: ['*'],
    allow: ['read', 'write', 'schema', 'session'],
    rules: [{ name: 'many', match: { verbs: ['delete', 'update', 'insert'], rows: `> ${FREE}` }, effect: 'require_approval', reason: 'many rows at once', approval: PATIENT }],
    mask: [{ columns: ['customers.ssn'], mode: 'display', transform: 'redact' }],
  },
  { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], limits: { rowsPerCommand: 50 } },
  { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read', 'write', 'session'] },
];

export interface ThresholdScene extends ApprovalScene {
  /** A table with so many rows: `id` from 1, `v` the text of it, `u` a uuid. Its own for each test: what was changed in the last hour counts. */
  table(name: string, rows: number, more?: string): Promise<void>;
  /** Denies whatever waits. */
  denyAll(): Promise<void>;
  /** Statements that the target has logged and that count rows of this table. */
  counts(table: string): number;
}

export const startThresholdScene = async (version: PostgresVersion, options: Omit<ApprovalSceneOptions, 'postgres'> = {}): Promise<ThresholdScene> => {
  const scene = await startApprovalScene({
    policies: POLICIES,
    ...options,
    postgres: {
      version,
      users: [{ name: 'app', password: 'only-the-gateway-knows-this-9f2' }],
      config: { log_statement: 'all', log_line_prefix: '%a|' },
      setup: `CREATE TABLE customers(id int, ssn text); INSERT INTO customers SELECT n, 'ssn' || n FROM generate_series(1, 20) n; ALTER TABLE customers OWNER TO app;
        GRANT CREATE ON SCHEMA public TO app; GRANT TEMP ON DATABASE postgres TO app;`,
    },
  });
  return {
    ...scene,
    table: async (name, rows, more = '') => {
      await scene.target.query(`CREATE TABLE ${name}(id int PRIMARY KEY, v text, u uuid); INSERT INTO ${name} SELECT n, n::text, ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, ${rows}) n; ALTER TABLE ${name} OWNER TO app; ${more}`);
    },
    denyAll: async () => {
      for (const { id } of await scene.requests('pending')) assert.ok((await scene.answer(id, 'deny')).ok);
    },
    counts: (table) => scene.target.log().split('\n').filter((line) => line.includes('SELECT pg_catalog.count(*)') && line.includes(table)).length,
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  };
};

/** SQLSTATE and words of the only error, or what else came. */
export const refusedWith = (messages: readonly BackendMessage[]): string => {
  const error = messages.find((message) => message.kind === 'ErrorResponse');
  return error?.kind === 'ErrorResponse' ? error.fields.filter(({ code }) => code === 'C' || code === 'M').map(({ value }) => value).join(' ') : `no error: ${plain(messages).join(' ')}`;
};
