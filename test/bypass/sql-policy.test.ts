import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { loadCatalog } from '../../src/protocols/postgres/catalog.ts';
import type { Catalog } from '../../src/sql/catalog.ts';
import type { Effect } from '../../src/model/command.ts';
import type { Understander, Understood } from '../../src/sql/understand.ts';
import { createPostgresUnderstander } from '../../src/sql/postgres/understand.ts';
import { startPostgres } from '../kit/postgres.ts';
import type { Postgres } from '../kit/postgres.ts';

/*
 * The corpus of evasions, as far as it is about SQL: for each statement the facts must contain every effect that it has on
 * a real server, and a role that may only read, and one that may only change rows, must get the expected verdict.
 */
interface Case {
  readonly id: string;
  readonly category: string;
  readonly setup?: readonly string[];
  readonly sql?: string;
  readonly steps?: readonly { readonly fe: string; readonly query?: string }[];
  readonly expected: { readonly effects: readonly string[]; readonly ro: Verdict; readonly dml: Verdict };
}
type Verdict = 'allow' | 'deny' | 'approve' | 'threshold';

const SCHEMA = `
  CREATE TABLE customers(id int primary key, name text, email text unique, ssn text, salary numeric, born date, data jsonb);
  CREATE TABLE orders(id int, customer_id int, note text);
  CREATE TABLE audit(id int, note text, at timestamptz default now());`;

const cases = (JSON.parse(readFileSync(new URL('sql-policy.json', import.meta.url), 'utf8')) as readonly Case[]).filter(({ sql }) => sql !== undefined);

const shows: Readonly<Record<string, (effect: Effect, understood: Understood) => boolean>> = {
  read: ({ class: granted, verb, why }) => granted === 'read' || verb === 'select' || why?.includes('SQL') === true,
  insert: ({ verb }) => verb === 'insert',
  update: ({ verb }) => verb === 'update',
  delete: ({ verb, class: granted }) => verb === 'delete' || granted === 'unknown',
  truncate: ({ verb }) => verb === 'truncate',
  drop: ({ verb, class: granted }) => verb === 'drop' || granted === 'unknown',
  ddl: ({ class: granted }) => granted === 'schema' || granted === 'admin',
  dcl: ({ verb, object, class: granted }) => verb === 'grant' || object?.kind === 'role' || granted === 'admin' || object?.name === 'session_authorization',
  session: ({ class: granted, object }) => granted === 'session' || object?.kind === 'setting',
  txn: (_, { statements }) => statements.some(({ facts }) => facts.transaction !== 'none'),
  exec_opaque: ({ class: granted }, { statements }) => granted === 'unknown' || statements.some(({ facts }) => facts.named?.kind === 'execute'),
  func_call: ({ object, function: called }) => object?.kind === 'function' || called !== undefined || object?.kind === 'type' || object?.kind === 'setting',
  file: ({ class: granted }) => granted === 'admin',
  os: ({ class: granted }) => granted === 'admin',
  net: ({ class: granted }) => granted === 'admin' || granted === 'unknown',
  admin: ({ class: granted }) => granted === 'admin' || granted === 'schema',
  lock: ({ verb }) => verb === 'lock',
  notify: ({ verb }) => verb === 'notify',
  repl: ({ class: granted }) => granted === 'admin',
  copy_in: ({ verb }) => verb === 'copy',
  copy_out: ({ verb, class: granted }) => verb === 'copy' || granted === 'write',
  unparseable: (_, { unparsed }) => unparsed,
};

/** A role that may only read, and not in bulk. */
function readOnly(effects: readonly Effect[]): Verdict {
  return effects.every(({ class: granted, verb }) => granted === 'read' && verb !== 'copy') ? 'allow' : 'deny';
}

/** A role that may change rows; definitions, TRUNCATE and whatever a rule can name need approval; DELETE and UPDATE pass a threshold. */
function changesRows(effects: readonly Effect[]): Verdict {
  if (effects.some(({ class: granted }) => granted === 'unknown' || granted === 'admin' || granted === 'session')) return 'deny';
  if (effects.some(({ class: granted, verb }) => granted === 'schema' || verb === 'truncate')) return 'approve';
  return effects.some(({ verb }) => verb === 'delete' || verb === 'update') ? 'threshold' : 'allow';
}

/** Cases whose verdict the session gives: a name is looked up there, or the gateway holds the transaction. */
const BY_SESSION = new Set(['PG-047', 'PG-054', 'PG-055']);

let target: Postgres;
let client: pg.Client;
let understander: Understander;

before(async () => {
  target = await startPostgres({ version: 18 });
  client = await target.client();
  understander = createPostgresUnderstander();
});
after(async () => {
  await understander?.close();
  await client?.end();
  await target?.stop();
});

let plain: Catalog | undefined;

async function catalogAfter(setup: readonly string[] | undefined): Promise<Catalog> {
  if (plain && setup === undefined) return plain;
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public;');
  await client.query(SCHEMA);
  for (const each of setup ?? []) await client.query(each);
  const run = async (text: string): Promise<(string | null)[][]> =>
    (await client.query({ text, rowMode: 'array', types: { getTypeParser: () => (value: string) => value } })).rows as (string | null)[][];
  const catalog = await loadCatalog(run);
  await client.query('ROLLBACK; DEALLOCATE ALL');
  if (setup === undefined) plain = catalog;
  return catalog;
}

async function understand({ setup, sql }: Case): Promise<Understood> {
  return await understander.understand(Buffer.from(sql ?? ''), await catalogAfter(setup), { searchPath: ['public'] }, { id: '', signatures: [] });
}

test('no statement of the corpus passes a role that may not do what it does', async (t) => {
  const missed: string[] = [];
  const overDenied: string[] = [];
  const softer: string[] = [];
  const silent: string[] = [];
  for (const each of cases) {
    const understood = await understand(each);
    const effects = understood.statements.flatMap(({ facts }) => facts.effects);
    for (const expected of each.expected.effects) {
      if (!effects.some((effect) => shows[expected]?.(effect, understood) === true)) silent.push(`${each.id} ${expected}`);
    }
    if (BY_SESSION.has(each.id)) continue;
    for (const [role, got, expected] of [
      ['ro', readOnly(effects), each.expected.ro],
      ['dml', changesRows(effects), each.expected.dml],
    ] as const) {
      const line = `${each.id} ${role}: ${got}, expected ${expected}: ${each.sql?.slice(0, 60)}`;
      if (got === 'allow' && expected !== 'allow') missed.push(line);
      else if (got !== 'allow' && expected === 'allow') overDenied.push(line);
      else if (got !== expected) softer.push(line);
    }
  }
  t.diagnostic(`${cases.length} statements, ${missed.length} missed, ${overDenied.length} over-denied, ${softer.length} refused in another way, ${silent.length} effects not seen`);
  for (const line of softer) t.diagnostic(line);
  assert.deepEqual(missed, []);
  assert.deepEqual(silent, []);
  assert.deepEqual(overDenied, []);
});
