import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { loadParser } from '../parse.ts';
import { boundedCount } from './bounded.ts';
import { changeOf } from './testdata/scene.ts';

before(loadParser);

const why = (sql: string): string | undefined => {
  const { change } = changeOf(sql);
  return change === undefined ? 'none' : change.countable ? undefined : change.why;
};
function countOf(sql: string, limit = 100): ReturnType<typeof boundedCount> {
  const { change } = changeOf(sql);
  assert.ok(change?.countable && change.kind !== 'insert', `${sql}: ${JSON.stringify(change)}`);
  return boundedCount(Buffer.from(sql), change.count, limit);
}

test('DELETE and UPDATE with a predicate are counted by a query of the same tables and the same predicate', () => {
  const cases: readonly (readonly [sql: string, count: string, parameters?: readonly number[]])[] = [
    ['DELETE FROM t WHERE id = 5', 'SELECT 1 FROM "t" WHERE id = 5'],
    ['delete from only public.t as x where x.id = 5 returning *', 'SELECT 1 FROM ONLY "public"."t" AS "x" WHERE x.id = 5'],
    [';; DELETE FROM t * WHERE id = 5 ; ;', 'SELECT 1 FROM "t" WHERE id = 5'],
    ['DELETE FROM "Odd ""name""" AS "wh""ere" WHERE "wh""ere".a = 1', 'SELECT 1 FROM "Odd ""name""" AS "wh""ere" WHERE "wh""ere".a = 1'],
    ['DELETE FROM t WHERE /* b */ a = 1 -- c\n AND b = 2 -- d', 'SELECT 1 FROM "t" WHERE a = 1 -- c\n AND b = 2'],
    ["DELETE FROM t WHERE a::text = 'x''y'\n 'z) LIMIT 0 --' AND b = 2", "SELECT 1 FROM \"t\" WHERE a::text = 'x''y'\n 'z) LIMIT 0 --' AND b = 2"],
    ['UPDATE t SET a = $1, b = b IS DISTINCT FROM $2 WHERE id = $4 AND b < $3 RETURNING old.id', 'SELECT 1 FROM "t" WHERE id = $4 AND b < $3', [3, 4]],
    ['UPDATE t AS set SET a = (SELECT max(a) FROM u WHERE u.id = set.id) WHERE id = 5', 'SELECT 1 FROM "t" AS "set" WHERE id = 5'],
    ['UPDATE t SET a = gen_random_uuid()::text::int WHERE id = 5', 'SELECT 1 FROM "t" WHERE id = 5'],
    ['DELETE FROM t USING u WHERE t.id = u.id', 'SELECT 1 FROM "t" WHERE EXISTS (SELECT 1 FROM u WHERE t.id = u.id )'],
    ['DELETE FROM t USING u x JOIN u y USING (id), (SELECT 1 AS k) z WHERE t.id = x.id AND z.k = $2', 'SELECT 1 FROM "t" WHERE EXISTS (SELECT 1 FROM u x JOIN u y USING (id), (SELECT 1 AS k) z WHERE t.id = x.id AND z.k = $2 )', [2]],
    ['UPDATE t SET a = u.a IS NOT DISTINCT FROM 1 FROM u WHERE t.id = u.id', 'SELECT 1 FROM "t" WHERE EXISTS (SELECT 1 FROM u WHERE t.id = u.id )'],
    ['WITH delete AS (SELECT id FROM u WHERE a = $1) DELETE FROM t WHERE id IN (SELECT id FROM delete)', 'WITH delete AS (SELECT id FROM u WHERE a = $1) SELECT 1 FROM "t" WHERE id IN (SELECT id FROM delete)', [1]],
    ['WITH RECURSIVE update(id) AS NOT MATERIALIZED (SELECT 1) UPDATE t SET a = 1 FROM update x WHERE t.id = x.id', 'WITH RECURSIVE update(id) AS NOT MATERIALIZED (SELECT 1) SELECT 1 FROM "t" WHERE EXISTS (SELECT 1 FROM update x WHERE t.id = x.id )'],
    ['DELETE FROM t WHERE ctid IN (SELECT ctid FROM t ORDER BY id LIMIT 10)', 'SELECT 1 FROM "t" WHERE ctid IN (SELECT ctid FROM t ORDER BY id LIMIT 10)'],
    ['DELETE FROM parts WHERE a = 1', 'SELECT 1 FROM "parts" WHERE a = 1'],
    ['DELETE FROM t WHERE similarity(a::text, $1) > 0.5 AND b < extract(epoch FROM now())', 'SELECT 1 FROM "t" WHERE similarity(a::text, $1) > 0.5 AND b < extract(epoch FROM now())', [1]],
    ['UPDATE referenced SET a = 1 WHERE id = 5', 'SELECT 1 FROM "referenced" WHERE id = 5'],
    ['DELETE FROM t USING v WHERE t.id = v.id', 'SELECT 1 FROM "t" WHERE EXISTS (SELECT 1 FROM v WHERE t.id = v.id )'],
  ];
  for (const [sql, expected, parameters = []] of cases) {
    assert.deepEqual(countOf(sql), { sql: `SELECT pg_catalog.count(*) FROM (${expected} LIMIT 101) AS counted`, parameters }, sql);
  }
});

test('MERGE is counted by the ways in which target and source meet, the first WHEN that fits deciding', () => {
  const on = 'x.id = u.id AND u.a = $2';
  assert.deepEqual(countOf(`MERGE INTO t x USING u ON ${on} WHEN MATCHED AND x.a = CASE WHEN u.b = 1 THEN 2 ELSE 3 END AND true THEN DELETE WHEN MATCHED THEN UPDATE SET a = CASE WHEN u.a = 1 THEN $1 END`), {
    sql: `SELECT pg_catalog.count(*) FROM (SELECT 1 FROM "t" AS "x" JOIN u ON ${on} WHERE CASE WHEN x.a = CASE WHEN u.b = 1 THEN 2 ELSE 3 END AND true THEN true WHEN true THEN true ELSE false END LIMIT 101) AS counted`,
    parameters: [2],
  });
  assert.equal(
    countOf(`MERGE INTO t x USING u ON ${on} WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED BY SOURCE AND x.b > 1 THEN DELETE WHEN NOT MATCHED BY TARGET AND u.b = $3 THEN DO NOTHING WHEN NOT MATCHED THEN INSERT VALUES (u.id)`, 0).sql,
    `SELECT pg_catalog.count(*) FROM (SELECT 1 FROM "t" AS "x" WHERE NOT EXISTS (SELECT 1 FROM u WHERE ${on} ) AND CASE WHEN x.b > 1 THEN true ELSE false END ` +
      `UNION ALL SELECT 1 FROM u WHERE NOT EXISTS (SELECT 1 FROM "t" AS "x" WHERE ${on} ) AND CASE WHEN u.b = $3 THEN false WHEN true THEN true ELSE false END LIMIT 1) AS counted`,
  );
});

test('a count is made from another text of the same shape, with its own literals', () => {
  const { change } = changeOf('DELETE FROM t WHERE a = 1 AND b::text = $$x$$');
  assert.ok(change?.countable && change.kind === 'delete');
  const other = Buffer.from("DELETE  FROM t\n WHERE a = 123456789 AND b::text = $wh$é ' $$ LIMIT 5$wh$");
  assert.equal(boundedCount(other, change.count, 0).sql, 'SELECT pg_catalog.count(*) FROM (SELECT 1 FROM "t" WHERE a = 123456789 AND b::text = $wh$é \' $$ LIMIT 5$wh$ LIMIT 1) AS counted');
  for (const limit of [-1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER]) assert.throws(() => boundedCount(other, change.count, limit), RangeError);
});

test('a WHERE that every row passes, or that looks at none, is not counted', () => {
  const all: readonly string[] = [
    'true', '1 = 1', "'a' = 'a'", "'a' <> 'b'", 'NOT false', 'NOT (1 = 2)', 'id = id', 't.id = id', 'public.t.a >= t.a', 'id <= id', 'a = 5 OR true', 'a = 5 OR 1=1', 'a = 5 OR id = id', 'id IN (5, id)',
    'id = ANY (ARRAY[1, id])', 'id BETWEEN id AND id', 'id IS NOT DISTINCT FROM id', 'a::text LIKE a::text', 'NOT (id = 5 AND false)', '(1 = 1) IS TRUE', 'NULL IS NULL', 'true::bool', 'COALESCE(true, a = 1)',
    'CASE WHEN a = 1 THEN true ELSE 1 = 1 END', 'EXISTS (SELECT 1)', '(SELECT true)', 'false IS NOT TRUE', 'true AND id = id', 'NULL IS NOT TRUE',
  ];
  for (const where of all) assert.equal(why(`DELETE FROM t WHERE ${where}`), 'a WHERE that is true for all rows', where);
  const none: readonly string[] = ['$1', '$1 = 5', "'a' < 'b'", 'now() > current_date', "current_user = 'x'", "a = 5 OR 'x' LIKE '%'", "NOT ('x' LIKE 'y')", "length('x') = 1", "'t'::bool", '$1 IS NULL', '2 > 1', "id = id AND 'x' < 'y'"];
  for (const where of none) assert.equal(why(`UPDATE t SET a = 1 WHERE ${where}`), 'a WHERE that looks at no row', where);
  const some: readonly string[] = [
    'false', '1 = 2', 'NULL', 'a = 5 AND true', 'a = 5 OR $1 IS NULL', 'a = $1 OR $1 = 0', 'id IS NOT NULL', 'id <> id', 'a = b', 'NOT (a = 5)', "a = 5 AND 'x' < 'y'", 'a IN (1, 2)', 'EXISTS (SELECT 1 FROM u WHERE u.id = t.id)',
    'CASE WHEN a = 1 THEN true END', '(a = 1) IS NOT TRUE', 'id IN (NULL) AND (1 != 1)', 'a = a + 0', 'NOT NULL OR a = 5', 'id = (SELECT max(id) FROM u)',
  ];
  for (const where of some) assert.equal(why(`DELETE FROM t WHERE ${where}`), undefined, where);
  // With a second table in sight the same column name may be another column.
  assert.equal(why('DELETE FROM t USING u WHERE t.id = u.id'), undefined);
  assert.equal(why('DELETE FROM t USING u WHERE t.id = t.id'), 'a WHERE that is true for all rows');
});

test('only comparisons of two literals tie the answer to one text', () => {
  assert.equal(changeOf('DELETE FROM t WHERE a = 5 AND 1 = 1').exact, true);
  assert.equal(changeOf("DELETE FROM t WHERE a = 5 OR b::text LIKE 'x'").exact, false);
});

test('what a count says nothing about goes to people at once', () => {
  const cases: readonly (readonly [sql: string, why: RegExp | 'none'])[] = [
    ['DELETE FROM t', /^no WHERE$/],
    ['UPDATE t SET a = 1 RETURNING *', /^no WHERE$/],
    ['DELETE FROM t WHERE CURRENT OF k', /^WHERE CURRENT OF$/],
    ['DELETE FROM triggered WHERE id = 1', /has triggers/],
    ['DELETE FROM ruled WHERE id = 1', /has rules/],
    ['DELETE FROM remote WHERE id = 1', /foreign table/],
    ['DELETE FROM referenced WHERE id = 1', /foreign keys/],
    ['DELETE FROM selfish WHERE id = 1', /foreign keys/],
    ['DELETE FROM putoff WHERE id = 1', /only at commit/],
    ['UPDATE computed SET id = 1 WHERE id = 2', /computed defaults/],
    ['DELETE FROM guarded WHERE id = 2', /nobody vouched for/],
    ['DELETE FROM mixed WHERE id = 1', /partition or child of the table has triggers/],
    ['DELETE FROM far WHERE id = 1', /partition or child of the table is a foreign table/],
    ['UPDATE linked SET a = 1 WHERE id = 1', /foreign keys/],
    ['DELETE FROM v WHERE id = 1', /^a view$/],
    ['DELETE FROM nowhere WHERE id = 1', /not in the catalog/],
    ['DELETE FROM pg_catalog.pg_class WHERE relname = $1', /table of the system/],
    ['DELETE FROM t WHERE f(id) = 1', /nobody vouched for/],
    ['DELETE FROM t WHERE a = 1 AND random() < 0.5', /another each time/],
    ['DELETE FROM t WHERE a < pg_catalog.clock_timestamp()', /another each time/],
    ['DELETE FROM t WHERE uuid_generate_v4() IS NOT NULL AND a = 1', /another each time/],
    ['DELETE FROM t WHERE a === 1', /operator outside/],
    ["DELETE FROM t WHERE a = nextval('s')", /more than change rows/],
    ["UPDATE t SET a = nextval('s') WHERE id = 1", /more than change rows/],
    ['DELETE FROM t WHERE pg_sleep(1) IS NULL AND a = 1', /more than change rows/],
    ['DELETE FROM t USING u TABLESAMPLE system (10) WHERE t.id = u.id', /random sample/],
    ['DELETE FROM t WHERE id IN (SELECT id FROM u FOR UPDATE)', /locks rows/],
    ['DELETE FROM t WHERE id IN (SELECT id FROM remote)', /rollback/],
    ['WITH d AS (DELETE FROM t WHERE id = 1 RETURNING id) DELETE FROM t WHERE id IN (SELECT id FROM d)', /WITH that changes rows/],
    ['WITH d AS (INSERT INTO u VALUES (1) RETURNING id) UPDATE t SET a = 1 WHERE id = 1', /WITH that changes rows/],
    ['WITH t AS (SELECT 1 AS id) DELETE FROM t WHERE id = 1', /name of the table/],
    ['WITH RECURSIVE w AS (SELECT 1 AS id UNION ALL SELECT id FROM w) CYCLE id SET c USING p DELETE FROM t WHERE id IN (SELECT id FROM w)', /SEARCH or CYCLE/],
    ['DELETE FROM t WHERE id = 1; SELECT 1', 'none'],
    ['SELECT 1; DELETE FROM t WHERE id = 1', 'none'],
    ['EXPLAIN ANALYZE DELETE FROM t WHERE id = 1', 'none'],
    ['PREPARE p AS DELETE FROM t WHERE id = 1', 'none'],
    ['WITH d AS (DELETE FROM t WHERE id = 1 RETURNING *) SELECT * FROM d', 'none'],
    ['COPY (DELETE FROM t WHERE id = 1 RETURNING *) TO STDOUT', 'none'],
    ['TRUNCATE t', 'none'],
    ['MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE', /true for all rows/],
    ["MERGE INTO t USING u ON 'x' < $1 WHEN MATCHED THEN DELETE", /looks at no row/],
    ['MERGE INTO t USING u ON t.id = u.id WHEN MATCHED AND random() < 0.5 THEN DELETE', /another each time/],
    ['MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED THEN INSERT VALUES (f(1))', /nobody vouched for/],
    ['MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DO NOTHING', /more than change/],
    ['MERGE INTO t USING u JOIN parts ON u.id = parts.id ON t.id = u.id WHEN MATCHED THEN DELETE', /told apart/],
    ['MERGE INTO referenced r USING u ON r.id = u.id WHEN MATCHED THEN DELETE', /foreign keys/],
    ['MERGE INTO putoff p USING u ON p.id = u.id WHEN NOT MATCHED THEN INSERT VALUES (u.id)', /only at commit/],
    ['MERGE INTO v USING u ON v.id = u.id WHEN MATCHED THEN DELETE', /a view/],
    ['WITH d AS (DELETE FROM u RETURNING id) MERGE INTO t USING d ON t.id = d.id WHEN MATCHED THEN DELETE', /WITH that changes rows/],
    [`DELETE FROM t WHERE a IN (${'1234567, '.repeat(40_000)}1)`, /too long/],
  ];
  for (const [sql, expected] of cases) {
    const got = why(sql);
    if (expected === 'none') assert.equal(got, 'none', sql);
    else assert.match(got ?? 'counted', expected, sql.slice(0, 100));
  }
});

test('an INSERT is known by the rows that its text lists', () => {
  const rows = (sql: string): number | string | undefined => {
    const { change } = changeOf(sql);
    return change === undefined ? undefined : !change.countable ? change.why : change.kind === 'insert' ? change.rows : undefined;
  };
  assert.equal(rows('INSERT INTO t VALUES (1, 2), (3, 4), ($1, $2)'), 3);
  assert.equal(rows('INSERT INTO t (id) VALUES (lower($1)::int) ON CONFLICT (id) DO UPDATE SET a = excluded.a RETURNING id'), 1);
  assert.equal(rows('INSERT INTO t DEFAULT VALUES'), 1);
  assert.equal(rows('INSERT INTO putoff VALUES (1)'), 1);
  assert.equal(rows("INSERT INTO t VALUES (nextval('s'), (SELECT count(*) FROM generate_series(1, 5)))"), 1);
  const unknown = 'how many rows it inserts is not in its text';
  for (const sql of [
    'INSERT INTO t VALUES (generate_series(1, 1000))', 'INSERT INTO t VALUES (1 + pg_catalog.generate_series(1, 1000))', 'INSERT INTO t VALUES (unnest($1::int[]))', "INSERT INTO t VALUES (skeys('a=>1')::int)",
    'INSERT INTO t SELECT * FROM u', 'INSERT INTO t TABLE u', 'INSERT INTO t VALUES (1) UNION ALL SELECT a FROM u', 'INSERT INTO t VALUES (1), (2) LIMIT 1', 'INSERT INTO t (WITH x AS (SELECT 1) VALUES (1))', 'INSERT INTO t VALUES ((ROW(1, 2)).f)',
  ]) assert.equal(rows(sql), unknown, sql);
  assert.match(String(rows('INSERT INTO triggered VALUES (1)')), /triggers/);
  assert.match(String(rows('INSERT INTO mixed VALUES (1)')), /triggers/);
  assert.match(String(rows('INSERT INTO ruled VALUES (1)')), /rules/);
  assert.match(String(rows('INSERT INTO v VALUES (1)')), /view/);
  assert.match(String(rows('INSERT INTO t VALUES (f(1)), (2)')), /vouched/);
  assert.match(String(rows('WITH d AS (DELETE FROM u RETURNING id) INSERT INTO t VALUES (1)')), /WITH/);
});
