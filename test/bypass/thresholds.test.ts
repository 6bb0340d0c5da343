import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadCatalog } from '../../src/protocols/postgres/catalog.ts';
import { messageRowChange } from '../../src/sql/postgres/threshold/message.ts';
import { createPostgresUnderstander } from '../../src/sql/postgres/understand.ts';
import { startPostgres } from '../kit/postgres.ts';

/*
 * The cases of the corpus that need approval, or pass a threshold: which of them may be counted, and why all others go to people at
 * once. Every case is listed: a new one has to be decided here.
 */
interface Case {
  readonly id: string;
  readonly setup?: readonly string[];
  readonly sql?: string;
  readonly steps?: readonly { readonly query?: string }[];
  readonly expected: { readonly dml: string };
}

const EXPECTED: Readonly<Record<string, RegExp | 'counted'>> = {
  'PG-131': 'counted',
  ...Object.fromEntries(['PG-001', 'PG-002', 'PG-004', 'PG-007', 'PG-010', 'PG-013', 'PG-038', 'PG-132', 'PG-161', 'PG-188'].map((id) => [id, /^no WHERE$/])),
  ...Object.fromEntries(['PG-005', 'PG-026', 'PG-029', 'PG-031'].map((id) => [id, /^more than one statement/])),
  'PG-014': /^more than one statement/,
  'PG-034': /cannot be counted/,
  ...Object.fromEntries(['PG-035', 'PG-036'].map((id) => [id, /changes rows inside/])),
  ...Object.fromEntries(['PG-044', 'PG-047', 'PG-048'].map((id) => [id, /EXPLAIN/])),
  'PG-054': /prepared with PREPARE/,
  'PG-055': /changes rows inside/,
  'PG-085': /COPY/,
  'PG-115': /TRUNCATE/,
  'PG-127': /^no WHERE$/,
  'PG-129': /^foreign keys of other tables/,
  'PG-155': /^WHERE CURRENT OF$/,
  'PG-158': /only prepared/,
  // The text that runs was prepared before; what the message at hand says is that it changes no rows that could be counted.
  'PG-189': /cannot be counted|inside/,
  ...Object.fromEntries(['PG-108', 'PG-109', 'PG-111', 'PG-112', 'PG-118', 'PG-119', 'PG-120', 'PG-121', 'PG-122', 'PG-124', 'PG-141'].map((id) => [id, /cannot be counted/])),
};

test('each case of the corpus that is to be held is counted or held as expected', async (t) => {
  const cases = (JSON.parse(readFileSync(new URL('sql-policy.json', import.meta.url), 'utf8')) as readonly Case[]).filter(({ expected: { dml } }) => dml === 'approve' || dml === 'threshold');
  await using target = await startPostgres({ version: 18 });
  const client = await target.client();
  const understander = createPostgresUnderstander();
  const wrong: string[] = [];
  try {
    for (const { id, setup = [], sql, steps } of cases) {
      await client.query(`ROLLBACK; DEALLOCATE ALL; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
        CREATE TABLE customers(id int primary key, name text, email text unique, ssn text, salary numeric, born date, data jsonb);
        CREATE TABLE orders(id int, customer_id int, note text); CREATE TABLE audit(id int, note text, at timestamptz default now());`);
      for (const each of setup) await client.query(each);
      const catalog = await loadCatalog(async (text) => (await client.query({ text, rowMode: 'array', types: { getTypeParser: () => (value: string) => value } })).rows as (string | null)[][]);
      const text = sql ?? steps?.map(({ query }) => query ?? '').find((query) => query.includes('DELETE')) ?? steps?.find(({ query }) => query !== undefined)?.query ?? '';
      const change = messageRowChange(await understander.understand(Buffer.from(text), catalog, { searchPath: ['public'] }, { id: '', signatures: [] }));
      const got = change.countable ? 'counted' : change.why;
      const expected = EXPECTED[id];
      if (expected === undefined || !(expected === 'counted' ? got === expected : expected.test(got))) wrong.push(`${id}: ${got}, expected ${expected}: ${text.slice(0, 100)}`);
    }
  } finally {
    await understander.close();
    await client.end();
  }
  t.diagnostic(`${cases.length} cases`);
  assert.deepEqual(wrong, []);
  assert.deepEqual(cases.map(({ id }) => id).toSorted(), Object.keys(EXPECTED).toSorted());
});
