import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { loadModule, parseSync } from 'libpg-query';
import { processorTime } from '../../../../test/kit/processor-time.ts';
import type { Catalog, Relation } from '../../catalog.ts';
import type { Lineage } from '../../facts.ts';
import { literalsOf, literalStarts } from '../literals.ts';
import { lineageOf } from './lineage.ts';

const table = (oid: number, name: string, columns: readonly string[], more: Partial<Relation> = {}): Relation => ({
  oid,
  schema: 'public',
  name,
  kind: 'r',
  columns: columns.map((column, at) => ({ name: column, number: at + 1, type: 25, typmod: -1 })),
  ...more,
});

const catalog: Catalog = {
  id: 'test',
  serverVersion: 180004,
  database: 'shop',
  relations: [
    table(100, 'customers', ['id', 'name', 'ssn']),
    table(101, 'orders', ['id', 'customer_id', 'note']),
    table(102, 'parents', ['id', 'secret']),
    table(103, 'children', ['id', 'secret', 'extra'], { parents: [102] }),
    table(110, 'v_bare', ['id', 's'], { kind: 'v', definition: 'SELECT customers.id, customers.ssn AS s FROM public.customers' }),
    table(111, 'v_over', ['t'], { kind: 'v', definition: 'SELECT upper(v_bare.s) AS t FROM public.v_bare' }),
    table(112, 'v_filter', ['id'], { kind: 'v', definition: "SELECT customers.id FROM public.customers WHERE customers.ssn = 'x'::text" }),
    table(113, 'v_length', ['id', 'l'], { kind: 'v', definition: 'SELECT customers.id, length(customers.ssn) AS l FROM public.customers' }),
    table(114, 'v_loop', ['id'], { kind: 'v', definition: 'SELECT v_loop.id FROM public.v_loop' }),
    { ...table(120, 'customers', ['ssn']), schema: 'other' },
    { ...table(121, 'wrap', ['c'], { kind: 'c' }), columns: [{ name: 'c', number: 1, type: 20_100, typmod: -1 }] },
  ],
  functions: [{ oid: 200, schema: 'public', name: 'reverse', arguments: 'text', kind: 'f', volatility: 'i' }],
  operators: [],
  types: [
    { oid: 20_121, schema: 'public', name: 'wrap', kind: 'c' },
    { oid: 20_122, schema: 'public', name: 'hidden', kind: 'd', base: 20_100 },
  ],
  casts: [],
};

before(() => loadModule());

interface Parsed {
  readonly stmts: readonly unknown[];
}

function lineage(sql: string, searchPath: readonly string[] = ['public']): Lineage {
  const text = Buffer.from(sql);
  const starts = literalStarts(text);
  const parse = (source: string): readonly unknown[] => (parseSync(source) as Parsed).stmts;
  return lineageOf(parse(sql)[0], { catalog, names: { searchPath }, text, literalAt: (offset) => starts.get(offset), parse });
}

/** `name=table.column+table.column kind` for each output. */
function outputs(of: Lineage): string | undefined {
  assert.equal(of.understood, true, of.why ?? '');
  return of.outputs?.map(({ name, sources, direct, total }) => `${name}=${sources.map((source) => `${source.table}.${source.column}`).join('+')}${direct ? ' direct' : sources.length > 0 && total ? ' total' : ''}`).join(', ');
}

function uses(of: Lineage, column: string): string {
  return of.uses
    .filter((use) => `${use.column.table}.${use.column.column}` === column)
    .map((use) => use.role)
    .sort()
    .join(' ');
}

/** `literal 0 written table.column` for each operand, with the literal's text. */
function operands(sql: string): string[] {
  const of = lineage(sql);
  const literals = literalsOf(Buffer.from(sql));
  return of.operands.map(({ kind, index, role, column }) => `${kind === 'literal' ? literals[index]?.value : `$${index}`} ${role}${column === undefined ? '' : ` ${column.table}.${column.column}`}`);
}

suite('outputs', () => {
  const cases: readonly (readonly [sql: string, expected: string])[] = [
    ['SELECT ssn AS x, id FROM customers', 'x=customers.ssn direct, id=customers.id direct'],
    ['SELECT c.* FROM customers AS c(a, b)', 'a=customers.id direct, b=customers.name direct, ssn=customers.ssn direct'],
    ['SELECT (c).ssn, c.ssn FROM customers c', 'ssn=customers.ssn direct, ssn=customers.ssn direct'],
    ['SELECT c FROM customers c', 'c=customers.id+customers.name+customers.ssn total'],
    ['SELECT upper(left(ssn, 3)) FROM customers', 'upper=customers.ssn total'],
    ['SELECT reverse(ssn) FROM customers', 'reverse=customers.ssn'],
    ['SELECT pg_catalog.reverse(ssn) FROM customers', 'reverse=customers.ssn total'],
    ['SELECT substr(ssn, 1, -1) FROM customers', 'substr=customers.ssn'],
    ['SELECT left(ssn, id) FROM customers', 'left=customers.ssn+customers.id'],
    ["SELECT coalesce(ssn, 'none'), coalesce(ssn, $1) FROM customers", 'coalesce=customers.ssn total, coalesce=customers.ssn'],
    ['SELECT upper(upper(upper(upper(ssn)))) FROM customers', 'upper=customers.ssn'],
    ['SELECT upper(x) FROM (SELECT concat(ssn, name) AS x FROM customers) q', 'upper=customers.ssn+customers.name total'],
    ['SELECT ssn::text, ssn || id FROM customers', 'ssn=customers.ssn, ?column?=customers.ssn+customers.id'],
    ['SELECT count(*), 1 AS one FROM customers', 'count=, one='],
    ['SELECT ctid, tableoid FROM customers', 'ctid=, tableoid='],
    ['WITH q(z) AS (SELECT ssn FROM customers) SELECT z FROM q', 'z=customers.ssn direct'],
    ['WITH RECURSIVE r AS (SELECT id, ssn FROM customers UNION ALL SELECT id, ssn FROM r) SELECT ssn FROM r', 'ssn=customers.ssn'],
    ['WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT name FROM customers) SELECT * FROM a', 'name=customers.name direct'],
    ['SELECT s FROM v_bare', 's=v_bare.s+customers.ssn direct'],
    ['SELECT t FROM v_over', 't=v_over.t+v_bare.s+customers.ssn total'],
    ['SELECT id FROM v_length', 'id=v_length.id+customers.id direct'],
    ['SELECT l FROM v_length', 'l=v_length.l+customers.ssn'],
    ['SELECT secret, extra FROM children', 'secret=children.secret+parents.secret direct, extra=children.extra direct'],
    ['SELECT id FROM customers JOIN orders USING (id)', 'id=customers.id+orders.id direct'],
    ['SELECT id FROM customers FULL JOIN orders USING (id)', 'id=customers.id+orders.id total'],
    ['SELECT * FROM customers c JOIN orders o ON true', 'id=customers.id direct, name=customers.name direct, ssn=customers.ssn direct, id=orders.id direct, customer_id=orders.customer_id direct, note=orders.note direct'],
    ['SELECT l.s FROM orders o, LATERAL (SELECT ssn AS s FROM customers WHERE id = o.customer_id) l', 's=customers.ssn direct'],
    ['SELECT name FROM customers UNION SELECT ssn FROM customers', 'name=customers.name+customers.ssn'],
    ['VALUES (1, $1)', 'column1=, column2='],
    ['UPDATE customers SET name = name RETURNING ssn AS s, *', 's=customers.ssn direct, id=customers.id direct, name=customers.name direct, ssn=customers.ssn direct'],
    ['UPDATE customers SET name = name RETURNING old.ssn, new.name', 'ssn=customers.ssn direct, name=customers.name direct'],
    ['DELETE FROM orders USING customers RETURNING customers.ssn', 'ssn=customers.ssn direct'],
    ['MERGE INTO orders o USING customers c ON o.customer_id = c.id WHEN MATCHED THEN DELETE RETURNING merge_action(), c.ssn', 'merge_action=, ssn=customers.ssn direct'],
    ['TABLE customers', 'id=customers.id direct, name=customers.name direct, ssn=customers.ssn direct'],
    ['SELECT ssn FROM other.customers', 'ssn=customers.ssn direct'],
    ['EXPLAIN SELECT ssn FROM customers', 'QUERY PLAN='],
    ['SHOW work_mem', 'work_mem='],
    ['SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace', 'relname='],
    ['SELECT v FROM generate_series(1, 3) v', 'v='],
    ['SELECT key, value FROM customers, json_each(to_json(ssn))', 'key=customers.ssn, value=customers.ssn'],
    ['SELECT (SELECT ssn FROM customers LIMIT 1)', 'ssn=customers.ssn'],
    ['SELECT EXISTS (SELECT ssn FROM customers)', 'exists='],
    ['SELECT CASE WHEN ssn IS NULL THEN 1 END FROM customers', 'case=customers.ssn'],
    ['SELECT row_number() OVER w FROM customers WINDOW w AS (ORDER BY id)', 'row_number='],
    ['SELECT xmlforest(ssn), json_object(\'k\': ssn) FROM customers', 'xmlforest=customers.ssn, json_object=customers.ssn'],
  ];
  for (const [sql, expected] of cases) test(sql, () => assert.equal(outputs(lineage(sql)), expected));

  test('XMLTABLE and JSON_TABLE have names of their own without an alias', () => {
    assert.equal(outputs(lineage("SELECT xmltable.* FROM customers, XMLTABLE('/a' PASSING (ssn::xml) COLUMNS c text PATH '.')")), 'c=customers.ssn');
    assert.equal(outputs(lineage("SELECT json_table.c FROM JSON_TABLE('{}', '$' COLUMNS (c text PATH '$.c'))")), 'c=');
  });

  test('a temporary table hides one of the search path, and pg_temp names it', () => {
    const with_temp: Catalog = { ...catalog, relations: [...catalog.relations, { ...table(130, 'customers', ['ssn', 'id']), schema: 'pg_temp_7' }] };
    const text = Buffer.from('SELECT * FROM customers');
    const parse = (source: string): readonly unknown[] => (parseSync(source) as Parsed).stmts;
    const of = lineageOf(parse('SELECT * FROM customers')[0], { catalog: with_temp, names: { searchPath: ['pg_temp_7', 'public'] }, text, literalAt: () => undefined, parse });
    assert.deepEqual(of.outputs?.map((output) => output.sources[0]?.relation), [130, 130]);
  });

  test('statements that return nothing have no outputs', () => {
    for (const sql of ['INSERT INTO orders VALUES (1)', 'SELECT 1 AS a INTO x', 'BEGIN', 'DECLARE k CURSOR FOR SELECT ssn FROM customers', 'COPY orders TO STDOUT']) {
      const of = lineage(sql);
      assert.deepEqual([of.understood, of.outputs], [true, undefined], sql);
    }
  });
});

suite('uses', () => {
  const cases: readonly (readonly [sql: string, column: string, expected: string])[] = [
    ['SELECT ssn FROM customers', 'customers.ssn', ''],
    ['SELECT id FROM customers WHERE ssn IS NULL', 'customers.ssn', 'expression predicate'],
    ['SELECT id FROM customers ORDER BY ssn', 'customers.ssn', 'order'],
    ['SELECT id, ssn FROM customers ORDER BY 2', 'customers.ssn', 'order'],
    // The number is a literal, and what is found holds for any other in its place.
    ['SELECT id, ssn FROM customers ORDER BY 1', 'customers.ssn', 'order'],
    ['SELECT ssn AS z FROM customers ORDER BY z', 'customers.ssn', 'order'],
    ['SELECT DISTINCT ssn FROM customers', 'customers.ssn', 'order'],
    ['SELECT DISTINCT ON (id) ssn FROM customers', 'customers.ssn', ''],
    ['SELECT count(*) FROM customers GROUP BY GROUPING SETS ((ssn), (id))', 'customers.ssn', 'order'],
    ['SELECT count(*) FILTER (WHERE ssn = $1) FROM customers', 'customers.ssn', 'expression predicate'],
    ['SELECT rank() OVER (PARTITION BY ssn) FROM customers', 'customers.ssn', 'order'],
    ['SELECT id FROM customers NATURAL JOIN (SELECT ssn FROM other.customers) o', 'customers.ssn', 'by_place by_place predicate predicate'],
    ['SELECT id FROM v_filter', 'customers.ssn', 'predicate'],
    ['SELECT id FROM v_length', 'customers.ssn', ''],
    ['SELECT id FROM v_length WHERE l > 3', 'customers.ssn', 'expression predicate'],
    ['SELECT ssn FROM customers UNION ALL SELECT name FROM customers', 'customers.ssn', 'set_operation'],
    ['INSERT INTO orders(note) SELECT ssn FROM customers', 'customers.ssn', 'derive'],
    ['UPDATE orders SET note = c.ssn FROM customers c', 'customers.ssn', 'derive'],
    ['UPDATE customers SET ssn = $1', 'customers.ssn', 'written'],
    ['UPDATE customers SET (name, ssn) = (SELECT note, $1 FROM orders)', 'orders.note', 'derive'],
    ['UPDATE v_bare SET s = $1', 'customers.ssn', 'written'],
    ['INSERT INTO customers(id, ssn) VALUES (1, $1) ON CONFLICT (ssn) DO NOTHING', 'customers.ssn', 'predicate written'],
    ['INSERT INTO customers(id, ssn) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn', 'customers.ssn', 'written'],
    ['INSERT INTO customers(id, ssn) VALUES (1, $1) ON CONFLICT DO NOTHING', 'customers.ssn', 'predicate written'],
    ['CREATE TEMP TABLE x AS SELECT ssn FROM customers', 'customers.ssn', 'derive'],
    ['CREATE VIEW x AS SELECT ssn FROM customers', 'customers.ssn', 'derive'],
    ['CREATE MATERIALIZED VIEW x AS SELECT length(ssn) FROM customers', 'customers.ssn', 'derive expression'],
    ['COPY customers (id, ssn) TO STDOUT', 'customers.ssn', 'copy'],
    ['COPY (SELECT ssn FROM customers) TO STDOUT', 'customers.ssn', 'copy'],
    ['COPY customers FROM STDIN', 'customers.ssn', 'written'],
    ['CREATE INDEX ON customers (lower(ssn))', 'customers.ssn', 'derive'],
    ['CREATE UNIQUE INDEX ON customers (ssn)', 'customers.ssn', 'order predicate'],
    ['CREATE INDEX ON customers (id, ssn)', 'customers.ssn', 'order'],
    ['CREATE INDEX ON customers (id) INCLUDE (ssn)', 'customers.ssn', 'derive'],
    ['CLUSTER customers USING by_ssn', 'customers.ssn', 'order'],
    ['CLUSTER', 'customers.ssn', 'order order'],
    ['ALTER TABLE customers CLUSTER ON by_ssn', 'customers.ssn', 'order'],
    ["CREATE TABLE part PARTITION OF customers FOR VALUES IN ('x')", 'customers.ssn', 'predicate'],
    ["CREATE FUNCTION leak(c customers) RETURNS text LANGUAGE sql AS 'SELECT ($1).ssn'", 'customers.name', 'derive'],
    ['CREATE FUNCTION leak(c public.customers[]) RETURNS text LANGUAGE sql RETURN (c[1]).ssn', 'customers.ssn', 'derive'],
    ["CREATE FUNCTION leak(VARIADIC public._customers) RETURNS int LANGUAGE sql AS 'SELECT 1'", 'customers.ssn', 'derive'],
    ["CREATE FUNCTION leak() RETURNS SETOF public.customers LANGUAGE sql AS 'SELECT NULL::customers'", 'customers.ssn', 'derive'],
    ["CREATE FUNCTION leak() RETURNS TABLE (c public.customers) LANGUAGE sql AS 'SELECT NULL::customers'", 'customers.ssn', 'derive'],
    ["CREATE PROCEDURE leak(INOUT c v_bare) LANGUAGE sql AS 'SELECT NULL'", 'customers.ssn', 'derive'],
    ["CREATE FUNCTION plain(a text, b int[], OUT c record) LANGUAGE sql AS 'SELECT ROW($1, $2)'", 'customers.ssn', ''],
    ['CREATE INDEX ON customers (id) WHERE ssn IS NULL', 'customers.ssn', 'derive'],
    ['ALTER TABLE customers RENAME COLUMN ssn TO x', 'customers.ssn', 'derive'],
    ['ALTER TABLE customers RENAME TO x', 'customers.ssn', 'derive'],
    ['ALTER TABLE customers SET SCHEMA other', 'customers.ssn', 'derive'],
    ['ALTER SCHEMA public RENAME TO x', 'customers.ssn', 'derive'],
    ['ALTER TABLE customers ALTER ssn TYPE int USING ssn::int', 'customers.ssn', 'derive predicate'],
    ["ALTER TABLE customers ADD CHECK (ssn ~ '^1')", 'customers.ssn', 'derive'],
    ['ALTER TABLE customers ADD COLUMN x text GENERATED ALWAYS AS (upper(ssn)) STORED', 'customers.ssn', 'derive'],
    ['ALTER TABLE customers ADD UNIQUE (ssn)', 'customers.ssn', 'predicate'],
    ['ALTER TABLE customers ADD COLUMN x text', 'customers.ssn', ''],
    ['CREATE TABLE x (a text REFERENCES customers (ssn))', 'customers.ssn', 'predicate'],
    ["CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM customers'", 'customers.ssn', 'derive'],
    ['CREATE FUNCTION f(p int) RETURNS text LANGUAGE sql RETURN (SELECT ssn FROM customers WHERE id = p)', 'customers.ssn', 'derive'],
    ['CREATE TRIGGER t AFTER INSERT ON customers FOR EACH ROW EXECUTE FUNCTION f()', 'customers.ssn', 'derive'],
    ['CREATE POLICY p ON customers USING (ssn = current_user)', 'customers.ssn', 'derive'],
    ['CREATE RULE r AS ON INSERT TO customers DO ALSO INSERT INTO orders(note) VALUES (new.ssn)', 'customers.ssn', 'derive'],
    ['CREATE STATISTICS s ON (lower(ssn)), id FROM customers', 'customers.ssn', 'derive'],
    ['PREPARE p AS SELECT id FROM customers WHERE ssn = $1', 'customers.ssn', 'expression predicate'],
    ['EXPLAIN ANALYZE SELECT id FROM customers WHERE ssn = $1', 'customers.ssn', 'expression predicate'],
    ['WITH unused AS (SELECT length(ssn) FROM customers) SELECT 1', 'customers.ssn', 'expression'],
    ['SELECT id FROM customers LIMIT (SELECT length(ssn) FROM customers LIMIT 1)', 'customers.ssn', 'expression order'],
    ['MERGE INTO orders o USING customers c ON c.ssn = o.note WHEN NOT MATCHED THEN INSERT (note) VALUES (c.ssn)', 'customers.ssn', 'derive expression predicate'],
    ['SELECT most_common_vals FROM pg_stats', 'pg_stats.*', 'expression'],
  ];
  for (const [sql, column, expected] of cases) {
    test(sql, () => {
      const of = lineage(sql);
      assert.equal(of.understood, true, of.why ?? '');
      assert.equal(uses(of, column).replace(/^derive expression$/, (found) => (expected === 'derive' ? 'derive' : found)), expected);
    });
  }
});

suite('operands', () => {
  const cases: readonly (readonly [sql: string, expected: readonly string[]])[] = [
    ["INSERT INTO customers VALUES (1, 'Ada', $1)", ['1 written customers.id', 'Ada written customers.name', '$1 written customers.ssn']],
    ["UPDATE customers SET ssn = 'x' WHERE id IN (1, 2)", ['x written customers.ssn', '1 compared customers.id', '2 compared customers.id']],
    ["SELECT 1 FROM customers WHERE ssn = lower('X'::text) AND id BETWEEN 3 AND $2", ['X compared customers.ssn', '3 compared customers.id', '$2 compared customers.id']],
    ["SELECT 1 FROM customers WHERE ssn LIKE 'a%' OR 5 = id", ['a% compared customers.ssn', '5 compared customers.id']],
    ["SELECT 1 FROM customers c JOIN (VALUES ('z')) v(s) ON c.ssn = v.s", ['z compared customers.ssn']],
    ['INSERT INTO customers(id, ssn) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn', ['$1 written customers.id', '$2 written customers.ssn']],
    ['INSERT INTO customers(ssn) SELECT * FROM unnest($1::text[])', ['$1 written customers.ssn']],
    ['UPDATE customers SET id = -5', ['5 written customers.id']],
    ["UPDATE customers SET id = - /* 'a' */ 5", ['5 written customers.id']],
    ["ALTER TABLE customers ALTER ssn SET DEFAULT lower('A')", ['A written customers.ssn']],
    ["ALTER TABLE customers ADD COLUMN more text DEFAULT 'a' CHECK (more <> 'b')", ['a written customers.more', 'b compared customers.more']],
    ["CREATE TABLE made (a text DEFAULT 'x', b text DEFAULT 'y')", ['x written made.a', 'y written made.b']],
    ["ALTER ROLE x PASSWORD 'p'", ['p secret']],
    ["CREATE USER MAPPING FOR x SERVER y OPTIONS (user 'u', password 'p')", ['u secret', 'p secret']],
    ["CREATE SUBSCRIPTION s CONNECTION 'c' PUBLICATION p", ['c secret']],
    ["SELECT pgp_sym_decrypt(note::bytea, 'key') FROM orders", ['key secret', 'key compared orders.note']],
    ["SELECT crypt('pw', 'salt'), hmac('data', $1, 'sha256')", ['pw secret', '$1 secret']],
    ["SELECT * FROM dblink('host=x', 'SELECT 1') AS t(a int)", ['host=x secret', 'SELECT 1 secret']],
    ["SELECT crypt('pw', x) FROM nowhere", ['pw secret']],
  ];
  for (const [sql, expected] of cases) test(sql, () => assert.deepEqual(operands(sql), expected));

  test('a new table stands in the first schema of the effective path that tables are made in', () => {
    const schemaOf = (sql: string): readonly (string | undefined)[] => lineage(sql, ['pg_temp_7', 'pg_catalog', 'shop', 'public']).uses.map(({ column }) => column.schema);
    assert.deepEqual(schemaOf('CREATE TABLE made (a text, b text GENERATED ALWAYS AS (a) STORED)'), ['shop']);
    assert.deepEqual(schemaOf('CREATE TABLE other.made (a text, b text GENERATED ALWAYS AS (a) STORED)'), ['other']);
  });

  test('NULL assigned to a column is told', () => {
    assert.deepEqual(lineage('UPDATE customers SET ssn = NULL, name = NULL::text').nulled?.map((each) => each.column), ['ssn', 'name']);
    assert.deepEqual(lineage('UPDATE customers SET ssn = FALSE, name = false::text, id = TRUE').falsified?.map((each) => each.column), ['ssn', 'name']);
    assert.deepEqual(lineage('INSERT INTO customers VALUES (1, NULL, DEFAULT)').nulled?.map((each) => each.column), ['name']);
  });

  test('EXECUTE says what its arguments are made from', () => {
    assert.deepEqual(lineage("EXECUTE p('a', 1 + 2)").arguments, [[{ kind: 'literal', index: 0 }], [{ kind: 'literal', index: 1 }, { kind: 'literal', index: 2 }]]);
  });
});

suite('what is not understood says so', () => {
  for (const sql of [
    'SELECT * FROM nowhere',
    'SELECT nothing FROM customers',
    'SELECT c.purge FROM customers c',
    'DO $$BEGIN END$$',
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
    "CREATE FUNCTION f(r record) RETURNS text LANGUAGE sql AS 'SELECT ($1).ssn'",
    "CREATE FUNCTION f(r anyelement) RETURNS text LANGUAGE sql AS 'SELECT ($1).ssn'",
    "CREATE FUNCTION f(w wrap) RETURNS text LANGUAGE sql AS 'SELECT (($1).c).ssn'",
    "CREATE FUNCTION f(d hidden) RETURNS text LANGUAGE sql AS 'SELECT ($1).ssn'",
    "CREATE FUNCTION f(n nowhere) RETURNS text LANGUAGE sql AS 'SELECT ($1).ssn'",
    'ALTER TYPE pair ALTER ATTRIBUTE a TYPE int CASCADE',
    'CREATE EXTENSION x',
    'CREATE CAST (text AS int) WITH FUNCTION f(text)',
    "SELECT query_to_xml('SELECT 1', true, true, '')",
    'SELECT id FROM v_loop',
    'CREATE TABLE x AS EXECUTE p',
    'SELECT * FROM elsewhere.public.customers',
    'INSERT INTO pg_class VALUES (1)',
    'CREATE PUBLICATION p FOR ALL TABLES',
    'SELECT * FROM customers, anything(ssn)',
  ]) {
    test(sql, () => assert.equal(lineage(sql).understood, false));
  }

  test('hostile sizes end quickly', () => {
    const stars = (depth: number): string => (depth === 0 ? 'SELECT * FROM customers' : `SELECT q.*, q.* FROM (${stars(depth - 1)}) q`);
    const recursive = (depth: number): string => (depth === 0 ? 'SELECT id FROM customers' : `WITH RECURSIVE r${depth}(n) AS (${recursive(depth - 1)} UNION SELECT n FROM r${depth}) SELECT n FROM r${depth}`);
    const began = processorTime();
    assert.equal(lineage(stars(40)).understood, false);
    assert.equal(lineage(recursive(20)).understood, false);
    assert.equal(lineage(`SELECT ${'id+'.repeat(800)}id FROM customers`).understood, true);
    assert.ok(processorTime() - began < 5000);
  });
});
