import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { loadParser, parseDefinition } from '../parse.ts';
import { shapeOf } from '../shape.ts';
import { createPostgresUnderstander } from '../understand.ts';
import { boundedCount } from './bounded.ts';
import { messageRowChange } from './message.ts';
import { countsThis, ONE_ROW } from './select.ts';
import { catalog, changeOf } from './testdata/scene.ts';

before(loadParser);

/** A tree without the places of its nodes, by other means than the code under test. */
const bare = (tree: unknown): unknown => JSON.parse(JSON.stringify([tree], (key, value: unknown) => (/location$|list_(start|end)$/.test(key) ? undefined : value)));

/** What stands in a tree at a path of fields and positions. */
const at = (tree: unknown, ...path: readonly (string | number)[]): unknown => path.reduce((inside: unknown, step) => (inside as Readonly<Record<string | number, unknown>> | undefined)?.[step], tree);

test('a count made from facts of one text reads, for every other text of the shape, the tables and the predicate of that text', () => {
  const names = fc.constantFrom('t', 'public.t', 'only t', 't as "A b"', 'u as set', 'parts p');
  const number = fc.nat().map(String);
  const string = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', "'", '"', '$', '-', '/', '*', '(', ')', ';', ' ', '\n', 'é', '😀', '\\', 'WHERE', 'LIMIT') }).map((value) => `'${value.replaceAll("'", "''")}'`),
    fc.string({ unit: fc.constantFrom('a', "'", ')', ' ', 'RETURNING', '--') }).map((value) => `$q$${value}$q$`),
  );
  /** For each of two texts of one shape: of the same kind. */
  const literal = fc.oneof({ weight: 1, arbitrary: fc.tuple(number, number) }, { weight: 2, arbitrary: fc.tuple(string, string) });
  const filler = fc.constantFrom(' ', '\n', ' -- WHERE true)\n', ' /* ) LIMIT 0 /* ; */ */ ', '\t\r\n');
  const body = fc.constantFrom(
    ['DELETE FROM', 0, 'WHERE a =', 1, 'AND b::text =', 1], ['DELETE FROM', 0, 'USING u z, (SELECT', 1, 'AS k) y WHERE z.id =', 1, 'OR y.k >', 1, 'RETURNING *,', 1],
    ['UPDATE', 0, 'SET a =', 1, ', b = a IS DISTINCT FROM', 1, 'FROM u z JOIN u y USING (id) WHERE z.a =', 1], ['WITH delete AS (SELECT', 1, 'AS k) DELETE FROM', 0, 'WHERE a IN (SELECT k FROM delete) AND b::text <>', 1, ';'],
    ['UPDATE', 0, 'SET a =', 1, 'WHERE CASE WHEN a =', 1, 'THEN b::text LIKE', 1, 'END'],
  );
  fc.assert(
    fc.property(body, names, fc.array(literal, { minLength: 4, maxLength: 4 }), fc.array(filler, { minLength: 1, maxLength: 8 }), fc.array(filler, { minLength: 1, maxLength: 8 }), (parts, name, literals, blanks, otherBlanks) => {
      // Two texts of one shape: as many literals, of the same kinds.
      const write = (which: 0 | 1, between: readonly string[]): string => {
        let used = 0;
        return parts.map((part, place) => (part === 0 ? name : part === 1 ? literals[used++ % 4]![which] : String(part)) + between[place % between.length]).join('');
      };
      const [one, other] = [write(0, blanks), write(1, otherBlanks)];
      assert.equal(shapeOf(Buffer.from(one), '')?.key, shapeOf(Buffer.from(other), '')?.key);
      const { change, exact } = changeOf(one);
      if (!change?.countable || change.kind === 'insert' || exact) return assert.fail(`${one}: ${JSON.stringify(change)}`);
      const { sql } = boundedCount(Buffer.from(other), change.count, 7);
      const [count] = parseDefinition(sql);
      const fields = Object.values(parseDefinition(other)[0]!)[0];
      const inside = at(count, 'SelectStmt', 'fromClause', 0, 'RangeSubselect', 'subquery', 'SelectStmt');
      const same = (counted: unknown, own: unknown): void => assert.deepEqual(bare(counted), bare(own), sql);
      same(at(inside, 'fromClause'), [{ RangeVar: at(fields, 'relation') }]);
      same(at(inside, 'withClause'), at(fields, 'withClause'));
      const others = at(fields, 'usingClause') ?? at(fields, 'fromClause');
      const select = others ? at(inside, 'whereClause', 'SubLink', 'subselect', 'SelectStmt') : inside;
      if (others) same(at(select, 'fromClause'), others);
      assert.ok(at(select, 'whereClause'));
      same(at(select, 'whereClause'), at(fields, 'whereClause'));
      same(at(inside, 'limitCount'), { A_Const: { ival: { ival: 8 } } });
    }),
    { numRuns: 300 },
  );
});

test('a count of other tables, by another predicate, or with anything more is not taken for the same', () => {
  const tree = { ...ONE_ROW, fromClause: [{ RangeVar: { relname: 't', inh: true, relpersistence: 'p' } }], whereClause: at(parseDefinition('DELETE FROM t WHERE a = 1 AND b = 2'), 0, 'DeleteStmt', 'whereClause') };
  const counts = (inside: string): boolean => countsThis(parseDefinition(`SELECT pg_catalog.count(*) FROM (${inside}) AS counted`)[0], tree);
  assert.equal(counts('SELECT 1 FROM t WHERE a = 1 AND b = 2 LIMIT 1'), true);
  assert.equal(counts('SELECT 1  FROM "t" WHERE (a = 1) /* x */ AND b = 2 LIMIT 1'), true);
  for (const inside of [
    'SELECT 1 FROM t WHERE a = 1 AND b = 3 LIMIT 1', 'SELECT 1 FROM t WHERE a = 1 LIMIT 1', 'SELECT 1 FROM ONLY t WHERE a = 1 AND b = 2 LIMIT 1', 'SELECT 1 FROM u WHERE a = 1 AND b = 2 LIMIT 1', 'SELECT 1 FROM t x WHERE a = 1 AND b = 2 LIMIT 1',
    'SELECT 1 FROM t, u WHERE a = 1 AND b = 2 LIMIT 1', 'SELECT DISTINCT 1 FROM t WHERE a = 1 AND b = 2 LIMIT 1', 'SELECT 1 FROM t WHERE a = 1 AND b = 2 GROUP BY a LIMIT 1', 'SELECT 1 FROM t WHERE a = 1 AND b = 2 LIMIT 1 OFFSET 1',
    'SELECT 1 FROM t WHERE a = 1 AND b = 2', 'SELECT 1 FROM t WHERE a = 1 AND b = 2 LIMIT 1 FOR UPDATE', 'WITH u AS (SELECT 1) SELECT 1 FROM t WHERE a = 1 AND b = 2 LIMIT 1', 'SELECT 1 FROM t WHERE a = 1 AND b = 2 UNION ALL SELECT 1 LIMIT 1',
  ]) assert.equal(counts(inside), false, inside);
});

test('through the cache: texts of one shape share facts, texts whose literals decide do not', async () => {
  const understander = createPostgresUnderstander({ timeout: 60_000 });
  try {
    const understood = async (sql: string) => await understander.understand(Buffer.from(sql), catalog, { searchPath: ['public'] }, { id: '', signatures: [] });
    const [one, other] = [await understood('DELETE FROM t WHERE a = 1'), await understood('DELETE  FROM t WHERE a = 22')];
    assert.equal(one.statements[0]?.facts, other.statements[0]?.facts);
    const change = messageRowChange(other);
    assert.ok(change.countable && change.kind === 'delete');
    assert.deepEqual(change.relation, { oid: 100, schema: 'public', name: 't' });
    assert.match(boundedCount(Buffer.from('DELETE  FROM t WHERE a = 22'), change.count, 3).sql, /WHERE a = 22 LIMIT 4/);
    assert.equal(messageRowChange(await understood('DELETE FROM t WHERE 1 = 2')).countable, true);
    assert.equal(messageRowChange(await understood('DELETE FROM t WHERE 1 = 1')).countable, false);
    assert.equal(messageRowChange(await understood('DELETE FROM t WHERE 2 = 2')).countable, false);
    const reason = async (sql: string): Promise<string> => {
      const found = messageRowChange(await understood(sql));
      return found.countable ? 'counted' : found.why;
    };
    assert.match(await reason('DELETE FROM t WHERE id = 1; SELECT 1'), /more than one/);
    assert.match(await reason('BEGIN; DELETE FROM t WHERE id = 1; COMMIT'), /more than one/);
    assert.match(await reason('EXPLAIN ANALYZE DELETE FROM t WHERE id = 1'), /EXPLAIN/);
    assert.match(await reason('PREPARE p AS DELETE FROM t WHERE id = 1'), /only prepared/);
    assert.match(await reason('EXECUTE p'), /PREPARE/);
    assert.match(await reason('COPY t FROM STDIN'), /COPY/);
    assert.match(await reason('TRUNCATE t'), /TRUNCATE/);
    assert.match(await reason('WITH d AS (DELETE FROM t WHERE id = 1) SELECT 1'), /inside/);
    assert.match(await reason('DROP TABLE t'), /cannot be counted/);
    assert.match(await reason('DELETE FROM'), /parsed/);
    assert.match(await reason(''), /more than one|cannot/);
  } finally {
    await understander.close();
  }
});
