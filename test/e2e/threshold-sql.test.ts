import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { catalogVersionQuery } from '../../src/protocols/postgres/catalog-queries.ts';
import { loadCatalog } from '../../src/protocols/postgres/catalog.ts';
import type { Catalog } from '../../src/sql/catalog.ts';
import { boundedCount, forCount } from '../../src/sql/postgres/threshold/bounded.ts';
import { messageRowChange } from '../../src/sql/postgres/threshold/message.ts';
import { setReturning } from '../../src/sql/postgres/threshold/set-returning.ts';
import { createPostgresUnderstander } from '../../src/sql/postgres/understand.ts';
import type { Understander } from '../../src/sql/understand.ts';
import { postgresVersions, startPostgres } from '../kit/postgres.ts';
import type { Postgres } from '../kit/postgres.ts';
import { directWire, plain, say } from './wire.ts';
import type { Wire } from './wire.ts';

/*
 * The count that is asked before a statement runs, held against what real servers then say of the statement itself: the same rows, up to
 * the bound, with the client's own parameters, in a read-only transaction.
 */
const SCHEMA = `
  CREATE TABLE items (id int PRIMARY KEY, a int, b bigint, s text);
  CREATE TABLE others (id int, item int, s text);
  CREATE TABLE parts (id int, a int) PARTITION BY RANGE (id);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
  CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (1000);
  CREATE TABLE base (id int); CREATE TABLE child () INHERITS (base);
  CREATE TABLE "Odd ""table" ("Odd ""column" int, "where" int);
  CREATE SCHEMA "S"; CREATE TABLE "S".items (id int);
  CREATE VIEW few AS SELECT id FROM items WHERE id <= 7;
  INSERT INTO items SELECT n, n % 10, n % 7, CASE WHEN n % 11 > 0 THEN 'x' || n % 5 END FROM generate_series(1, 300) n;
  INSERT INTO others SELECT n, n % 50, 'x' || n % 3 FROM generate_series(1, 200) n;
  INSERT INTO parts SELECT n, n % 3 FROM generate_series(1, 200) n;
  INSERT INTO base SELECT generate_series(1, 20); INSERT INTO child SELECT generate_series(1, 30);
  INSERT INTO "Odd ""table" SELECT n, n % 2 FROM generate_series(1, 40) n;
  INSERT INTO "S".items SELECT generate_series(1, 5);
  ANALYZE;`;

/** Statements with the values of their parameters. */
const STATEMENTS: readonly (readonly [sql: string, values?: readonly (string | null)[]])[] = [
  ['DELETE FROM items WHERE a = 3'],
  ['DELETE FROM items WHERE a = 3 AND false'],
  ["DELETE FROM ONLY (public.items) WHERE s = 'x1'"],
  ['DELETE FROM items * AS i WHERE i.a = $1 RETURNING i.*', ['4']],
  ['UPDATE items SET s = $1, a = $2 WHERE b = $3 AND id > $4', ['new', '7', '2', '100']],
  ['UPDATE items SET a = $1 WHERE b = $1', ['3']],
  ['UPDATE items SET (a, b) = (SELECT 1, 2) WHERE id = ANY ($1)', ['{1,2,3,400}']],
  ['DELETE FROM items WHERE a = $1 OR $1 IS NULL', [null]],
  ['DELETE FROM items WHERE a = $1 OR $1 IS NULL', ['5']],
  ['DELETE FROM items USING others WHERE items.id = others.item'],
  ['DELETE FROM items i USING others o JOIN others p USING (s), (VALUES (1), (2)) v(n) WHERE i.id = o.item AND i.a > v.n'],
  ['UPDATE items SET s = o.s FROM others o WHERE o.item = items.id AND o.s = $1', ['x1']],
  ['UPDATE items AS i SET a = (i.a IS NOT DISTINCT FROM 4)::int, s = i.a IS DISTINCT FROM 4 FROM others o LEFT JOIN parts p ON p.id = o.id WHERE o.item = i.id AND p.a IS NOT DISTINCT FROM 1'],
  ['DELETE FROM items USING few WHERE items.id = few.id'],
  ['DELETE FROM items USING generate_series(1, 9) g WHERE items.id = g'],
  ['WITH w AS (SELECT item FROM others WHERE s = $1) DELETE FROM items WHERE id IN (SELECT item FROM w)', ['x2']],
  ['WITH RECURSIVE w(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM w WHERE n < 25), delete AS MATERIALIZED (SELECT n FROM w) UPDATE items SET a = 0 FROM delete WHERE id = delete.n'],
  ['DELETE FROM items WHERE ctid IN (SELECT ctid FROM items ORDER BY id LIMIT 13)'],
  ['DELETE FROM items i WHERE EXISTS (SELECT FROM others o WHERE o.item = i.id) AND NOT EXISTS (SELECT FROM parts p WHERE p.id = i.id AND p.a = 1)'],
  ['DELETE FROM parts WHERE a = 1'],
  ['UPDATE parts SET id = id + 50 WHERE id BETWEEN 80 AND 120'],
  ['DELETE FROM parts USING others WHERE parts.id = others.item'],
  ['DELETE FROM base WHERE id > 5'],
  ['DELETE FROM ONLY base WHERE id > 5'],
  ['DELETE FROM "Odd ""table" AS "wh""ere" WHERE "wh""ere"."Odd ""column" > 3 AND "wh""ere".where = 1'],
  ['DELETE FROM "S".items WHERE id > 2'],
  ["DELETE FROM items -- all of them WHERE true\n /* USING others */ WHERE s LIKE 'x''%'\n '' -- LIMIT 1\n OR s = E'x\\x31' OR s = $q$x2) LIMIT 0; --$q$ -- end"],
  ['DELETE FROM items WHERE CASE WHEN a > 5 THEN b > 3 ELSE s IS NULL END'],
  ["DELETE FROM items WHERE (a, b) IN ((1, 2), (3, 4)) OR substring(s FROM 2 FOR 1) = '4' AND extract(epoch FROM now()) > 0"],
  ['DELETE FROM items WHERE items IS NOT NULL AND (items).a = 2'],
];

/** As above, with the first version that has what they use. */
const MERGES: readonly (readonly [sql: string, values?: readonly (string | null)[], since?: number])[] = [
  ['MERGE INTO items USING (SELECT DISTINCT item FROM others) o ON o.item = items.id WHEN MATCHED THEN DELETE'],
  ['MERGE INTO items AS i USING (SELECT item, max(id) AS most FROM others GROUP BY item) AS o ON o.item = i.id AND i.a > 1 WHEN MATCHED AND o.most > 170 AND i.b < 5 THEN UPDATE SET a = CASE WHEN i.a > 3 THEN 1 ELSE 2 END WHEN MATCHED AND i.b = 5 THEN DO NOTHING WHEN MATCHED THEN DELETE'],
  ['MERGE INTO items i USING generate_series(290, 310) AS g(n) ON CASE WHEN g.n > 0 THEN g.n = i.id END WHEN NOT MATCHED AND g.n <> $1 THEN INSERT (id, a) VALUES (g.n, 1) WHEN MATCHED AND CASE WHEN i.a > 3 THEN true ELSE i.b = 1 END THEN UPDATE SET s = $2', ['305', 'x']],
  ['MERGE INTO items i USING others ON false WHEN NOT MATCHED AND others.id > 190 THEN INSERT (id) VALUES (others.id + 1000)'],
  ['WITH merge(n) AS (SELECT generate_series(5, 15)) MERGE INTO items USING merge ON merge.n = items.id WHEN MATCHED THEN UPDATE SET a = n'],
  ['MERGE INTO parts p USING few ON few.id = p.id WHEN MATCHED THEN UPDATE SET id = p.id + 150 WHEN NOT MATCHED THEN INSERT VALUES (few.id, 1)'],
  ['MERGE INTO items i USING few ON few.id = i.id WHEN MATCHED AND i.id > 3 THEN DELETE WHEN NOT MATCHED BY SOURCE AND i.a = 2 THEN UPDATE SET a = 3 WHEN NOT MATCHED BY SOURCE AND i.a < 4 THEN DO NOTHING WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING merge_action()', [], 17],
];

const asText = { getTypeParser: () => (value: string) => value };

interface Stage {
  readonly wire: Wire;
  readonly catalog: Catalog;
  readonly understander: Understander;
}

const withStage = async (version: Postgres['version'], use: (stage: Stage, target: Postgres) => Promise<void>): Promise<void> => {
  await using target = await startPostgres({ version, setup: SCHEMA });
  const client = await target.client();
  const understander = createPostgresUnderstander();
  using wire = await directWire(target, target.superuser.name);
  try {
    const catalog = await loadCatalog(async (text) => (await client.query({ text, rowMode: 'array', types: asText })).rows as (string | null)[][]);
    await use({ wire, catalog, understander }, target);
  } finally {
    await understander.close();
    await client.end();
  }
};

const bytes = (values: readonly (string | null)[]): (Buffer | null)[] => values.map((value) => (value === null ? null : Buffer.from(value)));

/** What the count says, and how many rows the statement itself then changes; undefined where the server refuses the statement. */
async function both({ wire, catalog, understander }: Stage, sql: string, values: readonly (string | null)[], limit: number): Promise<{ readonly count: number; readonly changed: number } | undefined> {
  const text = Buffer.from(sql);
  const change = messageRowChange(await understander.understand(text, catalog, { searchPath: ['public'] }, { id: '', signatures: [] }));
  assert.ok(change.countable && change.kind !== 'insert', `${sql}: ${JSON.stringify(change)}`);
  wire.send(say.parse('', sql), say.describe('statement', ''), say.sync);
  const described = await wire.until('ReadyForQuery');
  const types = described.find((each) => each.kind === 'ParameterDescription')?.types;
  if (types === undefined) return undefined;

  const { sql: count, parameters } = boundedCount(text, change.count, limit);
  await wire.query('BEGIN READ ONLY');
  wire.send(say.parse('', count, forCount(parameters, types, 25)), say.bind('', '', [], bytes(forCount(parameters, values, null))), say.execute(''), say.sync);
  const counted = plain(await wire.until('ReadyForQuery'));
  await wire.query('ROLLBACK');
  assert.match(counted.join(' '), /^ParseComplete BindComplete \(\d+\) SELECT 1 ZT$/, `${count}\n${counted.join(' ')}`);

  await wire.query('BEGIN');
  wire.send(say.parse('', sql), say.bind('', '', [], bytes(values)), say.execute(''), say.sync);
  const ran = plain(await wire.until('ReadyForQuery'));
  await wire.query('ROLLBACK');
  const changed = ran.map((each) => /^(?:DELETE|UPDATE|MERGE) (\d+)$/.exec(each)?.[1]).find((each) => each !== undefined);
  assert.ok(changed !== undefined, `${sql}: ${ran.join(' ')}`);
  return { count: Number(/\((\d+)\)/.exec(counted.join(' '))?.[1]), changed: Number(changed) };
}

for (const version of postgresVersions()) {
  test(`PostgreSQL ${version}: a count says what the statement then does`, { timeout: 120_000 }, () =>
    withStage(version, async (stage) => {
      let most = 0;
      for (const [sql, values = []] of STATEMENTS) {
        for (const limit of [0, 10, 1000]) {
          const found = await both(stage, sql, values, limit);
          assert.ok(found, sql);
          assert.equal(found.count, Math.min(found.changed, limit + 1), `${sql}: ${found.changed} with limit ${limit}`);
          most = Math.max(most, found.changed);
        }
      }
      assert.equal(most, 300);
      for (const [sql, values = [], since = 15] of MERGES) {
        if (since > version) continue;
        for (const limit of [0, 4, 1000]) {
          const found = await both(stage, sql, values, limit);
          assert.ok(found && found.changed > 4, `${sql}: ${found?.changed}`);
          assert.equal(found.count, Math.min(found.changed, limit + 1), `${sql}: ${found.changed} with limit ${limit}`);
        }
      }
    }),
  );

  test(`PostgreSQL ${version}: every built-in function that returns sets is known`, async () => {
    await using target = await startPostgres({ version });
    const rows = await target.query(`SELECT DISTINCT proname FROM pg_proc WHERE proretset AND pronamespace = 'pg_catalog'::regnamespace`);
    assert.deepEqual(rows.map((row) => String(row['proname'])).filter((name) => !setReturning.has(name)), []);
  });

  test(`PostgreSQL ${version}: constraints that can be put off are in the catalog, and move its version`, () =>
    withStage(version, async ({ understander }, target) => {
      await target.query(`
        CREATE TABLE unique_later (id int UNIQUE DEFERRABLE); CREATE TABLE referenced_later (id int PRIMARY KEY); CREATE TABLE referencing_later (id int REFERENCES referenced_later DEFERRABLE INITIALLY DEFERRED);
        CREATE TABLE plain (id int PRIMARY KEY); CREATE TABLE at_once (id int REFERENCES plain);`);
      const client = await target.client();
      try {
        const run = async (text: string): Promise<(string | null)[][]> => (await client.query({ text, rowMode: 'array', types: asText })).rows as (string | null)[][];
        const catalog = await loadCatalog(run);
        assert.deepEqual(catalog.relations.filter((each) => each.deferrable).map((each) => each.name).toSorted(), ['referenced_later', 'referencing_later', 'unique_later']);
        const changeOf = async (sql: string): Promise<boolean> => messageRowChange(await understander.understand(Buffer.from(sql), catalog, { searchPath: ['public'] }, { id: '', signatures: [] })).countable;
        assert.equal(await changeOf('DELETE FROM unique_later WHERE id = 1'), false);
        assert.equal(await changeOf('DELETE FROM plain WHERE id = 1'), true);
        for (const sql of ['ALTER TABLE plain ADD UNIQUE (id) DEFERRABLE', 'ALTER TABLE at_once ALTER CONSTRAINT at_once_id_fkey DEFERRABLE']) {
          const before = JSON.stringify(await run(catalogVersionQuery));
          await run(sql);
          assert.notEqual(JSON.stringify(await run(catalogVersionQuery)), before, sql);
        }
        assert.ok((await loadCatalog(run)).relations.find((each) => each.name === 'plain')?.deferrable);
      } finally {
        await client.end();
      }
    }),
  );
}

const column = fc.constantFrom('items.a', 'items.b', 'items.id');
const operand = fc.oneof(column, fc.constantFrom('1', '3', '7', '$1', 'NULL', 'items.a + items.b'));
const atom = fc.oneof(
  fc.tuple(column, fc.constantFrom('=', '<', '>=', '<>', 'IS DISTINCT FROM'), operand).map((parts) => parts.join(' ')),
  fc.constantFrom("s LIKE 'x%'", 'items.s IS NULL', 'items.id IN (SELECT item FROM others)', 'EXISTS (SELECT 1 FROM others o WHERE o.item = items.id AND o.s = items.s)', 'items.a BETWEEN 2 AND items.b', '(items.a > 3) IS TRUE', 'CASE WHEN items.a > items.b THEN items.id < 50 END', 'items.a = ANY (ARRAY[1, 2, 9])'),
);
const { predicate } = fc.letrec<{ predicate: string }>((tie) => ({
  predicate: fc.oneof({ depthSize: 'small' }, atom, fc.tuple(tie('predicate'), fc.constantFrom('AND', 'OR'), tie('predicate')).map(([a, of, b]) => `(${a}) ${of} (${b})`), tie('predicate').map((each) => `NOT (${each})`)),
}));
const statement = fc.tuple(fc.constantFrom('DELETE FROM items', 'UPDATE items SET b = items.a'), fc.constantFrom('', 'others o', 'others o JOIN few USING (id)', '(SELECT item FROM others) o'), predicate, fc.constantFrom('', ' RETURNING items.id')).map(
  ([head, from, where, returning]) => `${head}${from === '' ? '' : ` ${head.startsWith('DELETE') ? 'USING' : 'FROM'} ${from}`} WHERE ${from === '' ? '' : 'o.item >= items.a AND '}(${where}) AND items.id < 250${returning}`,
);

test('whatever the predicate, the count and the statement agree', { timeout: 120_000 }, () =>
  withStage(18, async (stage) => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(statement, fc.nat(300), async (sql, limit) => {
        // `s` is in two tables.
        const found = await both(stage, sql, sql.includes('$1') ? ['3'] : [], limit);
        if (found === undefined) return;
        compared++;
        assert.equal(found.count, Math.min(found.changed, limit + 1), sql);
      }),
      { numRuns: 150 },
    );
    assert.ok(compared > 50, `${compared}`);
  }),
);
