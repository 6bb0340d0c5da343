import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import fc from 'fast-check';
import { recordedParameters, recordedText } from './recorded.ts';
import { maskReport, maskText } from './reports.ts';
import { catalog, maskSet, ready, understood } from './testdata/scene.ts';

before(() => ready());

const none = maskSet([]);
const masks = maskSet([{ columns: ['customers.ssn'] }]);
const record = (sql: string, set = masks): string => recordedText(Buffer.from(sql), understood(sql), set, catalog);

suite('texts', () => {
  const cases: readonly (readonly [sql: string, recorded: string])[] = [
    ["SELECT name FROM customers WHERE ssn = 'abc' AND id = 5", 'SELECT name FROM customers WHERE ssn = <literal:text> AND id = 5'],
    ["INSERT INTO customers(id, ssn) VALUES (1, 'a'), (2, E'b')", 'INSERT INTO customers(id, ssn) VALUES (1, <literal:text>), (2, <literal:text>)'],
    ["SELECT 'ada@example.com', 4111111111111111", 'SELECT <literal:text>, <literal:number>'],
    ["ALTER ROLE x PASSWORD 'p'", 'ALTER ROLE x PASSWORD <literal:text>'],
    ["SELECT crypt('p', 'salt')", "SELECT crypt(<literal:text>, 'salt')"],
    ["SELECT 1 /* ssn 123 */ + 2 -- p\n, 'a'", "SELECT 1 + 2 , 'a'"],
    ['SELECT 1 AS "123-45-6789"', 'SELECT 1 AS "<us_ssn>"'],
    ["DO 'BEGIN SECRET := ''x''; END'", 'DO <literal:text>'],
    ["PREPARE p AS UPDATE customers SET ssn = $1; EXECUTE p('x')", 'PREPARE p AS UPDATE customers SET ssn = $1; EXECUTE p(<literal:text>)'],
    ["SELECT ssn, 1 FROM customers UNION SELECT 'a', 2", 'SELECT ssn, 1 FROM customers UNION SELECT <literal:text>, 2'],
    ["SELECT ssn FROM customers INTERSECT ALL (VALUES ('a'))", 'SELECT ssn FROM customers INTERSECT ALL (VALUES (<literal:text>))'],
    ["SELECT 'a' UNION ALL SELECT ssn FROM customers EXCEPT SELECT 'b'", "SELECT <literal:text> UNION ALL SELECT ssn FROM customers EXCEPT SELECT <literal:text>"],
    ["SELECT ssn FROM customers UNION ALL SELECT 'a'", "SELECT ssn FROM customers UNION ALL SELECT 'a'"],
    ["CREATE TABLE part PARTITION OF customers FOR VALUES IN ('a', 'b') WITH (fillfactor = 70)", 'CREATE TABLE part PARTITION OF customers FOR VALUES IN (<literal:text>, <literal:text>) WITH (fillfactor = 70)'],
    ["ALTER TABLE customers ATTACH PARTITION notes FOR VALUES FROM ('a', -5) TO (MAXVALUE, MAXVALUE)", 'ALTER TABLE customers ATTACH PARTITION notes FOR VALUES FROM (<literal:text>, -<literal:number>) TO (MAXVALUE, MAXVALUE)'],
    ["CREATE TABLE part PARTITION OF notes FOR VALUES IN ('a')", "CREATE TABLE part PARTITION OF notes FOR VALUES IN ('a')"],
    ["UPDATE notes SET note = 'kept'", "UPDATE notes SET note = 'kept'"],
  ];
  for (const [sql, recorded] of cases) test(sql, () => assert.equal(record(sql), recorded));

  test('many settings in one text take no longer than they are many', () => {
    const text = 'SET a.b=1;';
    const times = 28_000;
    const { statements: [statement], ...rest } = understood(text);
    const many = { ...rest, literals: [], statements: Array.from({ length: times }, (_, n) => ({ ...statement!, start: n * text.length, end: (n + 1) * text.length - 1 })) };
    const began = performance.now();
    assert.equal(recordedText(Buffer.from(text.repeat(times)), many, none, catalog), 'SET a.b= <value:text>;'.repeat(times));
    assert.ok(performance.now() - began < 5_000);
  });

  test('a session without masks keeps all but secrets and what detectors hit', () => {
    assert.equal(record("SELECT * FROM customers WHERE ssn = 'x' OR ssn = '123-45-6789'", none), "SELECT * FROM customers WHERE ssn = 'x' OR ssn = <literal:text>");
    assert.equal(record("DO 'ALTER ROLE x PASSWORD ''y'''", none), 'DO $code$ ALTER ROLE x PASSWORD <literal:text> $code$');
  });

  const secrets: readonly (readonly [sql: string, recorded: string])[] = [
    ["SET app.jwt_secret = '5ecret'", 'SET app.jwt_secret = <value:text>'],
    ['SET LOCAL app.token TO "5ecret", x', 'SET LOCAL app.token TO <value:text>'],
    ['SET secret_of_mine = s5ecret_word', 'SET secret_of_mine = <value:text>'],
    ["SET search_path = a, 'b'", "SET search_path = a, 'b'"],
    ["SET TIME ZONE 'UTC'", "SET TIME ZONE 'UTC'"],
    ["SELECT set_config('app.key', '5ecret', false), set_config('work_mem', '4MB', false)", "SELECT set_config('app.key', <literal:text>, false), set_config('work_mem', '4MB', false)"],
    ["SELECT set_config(name, '5ecret', true) FROM customers", 'SELECT set_config(name, <literal:text>, true) FROM customers'],
    ["SELECT set_config(new_value => '5ecret', setting_name => 'app.key', is_local => false)", 'SELECT set_config(new_value => <literal:text>, setting_name => <literal:text>, is_local => false)'],
    ["ALTER FUNCTION f(text) SECURITY DEFINER SET app.key = '5ecret' COST 5", 'ALTER FUNCTION f(text) SECURITY DEFINER SET app.key = <literal:text> COST 5'],
    ["ALTER SYSTEM SET primary_conninfo = 'user=x pass=5ecret'", 'ALTER SYSTEM SET primary_conninfo = <value:text>'],
    ["ALTER DATABASE shop SET app.token TO '5ecret'", 'ALTER DATABASE shop SET app.token TO <value:text>'],
    ['ALTER ROLE x IN DATABASE shop SET app.token = "5ecret"', 'ALTER ROLE x IN DATABASE shop SET app.token = <value:text>'],
    ["COPY notes FROM PROGRAM 'curl -u x:5ecret y'", 'COPY notes FROM PROGRAM <literal:text>'],
    ["SELECT dblink_connect('a', 'host=x pass=5ecret')", 'SELECT dblink_connect(<literal:text>, <literal:text>)'],
    ["IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c OPTIONS (key '5ecret')", 'IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c OPTIONS (key <literal:text>)'],
    ["ALTER FOREIGN TABLE f OPTIONS (SET key '5ecret')", 'ALTER FOREIGN TABLE f OPTIONS (SET key <literal:text>)'],
    ["CREATE FUNCTION f() RETURNS text LANGUAGE sql SET app.key = '5ecret' AS $$ SELECT crypt('5ecret', x) /* 5ecret */ || $q$5ecret$q$ $$", 'CREATE FUNCTION f() RETURNS text LANGUAGE sql SET app.key = <literal:text> AS $code$ SELECT crypt(<literal:text>, x) || <literal:text> $code$'],
    ["CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS 'BEGIN k := ''5ecret''; RETURN 1; END'", 'CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $code$ BEGIN k := <literal:text>; RETURN 1; END $code$'],
    ["CREATE FUNCTION f() RETURNS text LANGUAGE plpython3u AS $$ x = 'open 5ecret $$", 'CREATE FUNCTION f() RETURNS text LANGUAGE plpython3u AS <literal:text>'],
    ["CREATE FUNCTION f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT '5ecret'; END", 'CREATE FUNCTION f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT <literal:text>; END'],
  ];
  for (const [sql, recorded] of secrets) {
    test(sql, () => {
      assert.equal(record(sql, none), recorded);
      assert.doesNotMatch(record(sql), /5ec/);
    });
  }
  test('statements behind a hidden value are recorded', () => assert.equal(record("SET my.key = 'x', y; SELECT 'seen' ; SET a.b TO c", none), "SET my.key = <value:text>; SELECT 'seen' ; SET a.b TO <value:text>"));

  test('what does not parse is a skeleton', () => {
    const skeleton = (sql: string): string => recordedText(Buffer.from(sql), { statements: [], literals: [], unparsed: true }, none, catalog);
    assert.equal(skeleton("SELEC secret FROM \"T\" WHERE x = 'y' AND 5 < $1"), '<word> <word> from <word> where <word> = <literal:text> and <literal:number> < $1');
    assert.equal(skeleton("SELECT 'unclosed secret"), 'select <unreadable>');
  });

  test('a protected literal is never in the record, whatever stands around it', () => {
    const literal = fc.constantFrom("'5ecret'", "E'5ec\\162et'", "$q$5ecret$q$", "U&'5ecret'", "'5ec'\n'ret'");
    const frame = fc.constantFrom(
      (l: string) => `SELECT * FROM customers WHERE ssn = ${l}`,
      (l: string) => `UPDATE customers SET name = 'x', ssn = ${l}::text`,
      (l: string) => `INSERT INTO customers SELECT 1, 'a', ${l}`,
      (l: string) => `SELECT 1 FROM customers c JOIN (VALUES (${l})) v(x) ON upper(c.ssn) = lower(v.x)`,
      (l: string) => `/* ${l} */ SELECT 1 -- ${l.replaceAll('\n', ' ')}\n`,
      (l: string) => `SELECT CASE ssn WHEN ${l} THEN 1 END FROM customers`,
      (l: string) => `SELECT * FROM customers WHERE ssn = ANY (ARRAY[${l}, 'b']) OR (id, ssn) IN ((1, ${l}))`,
      (l: string) => `SELECT * FROM nowhere WHERE x = ${l}`,
      (l: string) => `CREATE ROLE x LOGIN PASSWORD ${l.startsWith('U&') ? "'5ecret'" : l}`,
    );
    fc.assert(fc.property(literal, frame, (l, around) => assert.doesNotMatch(record(around(l)), /5ec|ret/)));
  });
});

suite('values', () => {
  const bind = (sql: string, values: readonly (Buffer | null)[], format: 0 | 1 = 0, types: readonly number[] = []): (string | null)[] =>
    recordedParameters(understood(sql), masks, catalog, { bind: { formats: [format], values }, types });
  test('of protected columns and secret places are markers; the rest is looked through', () => {
    assert.deepEqual(bind('UPDATE customers SET ssn = $1, name = $2 WHERE id = $3', [Buffer.from('x'), Buffer.from('mail a@example.com'), null]), ['<value:text>', 'mail <email>', null]);
    assert.deepEqual(bind('SELECT crypt($1, $2)', [Buffer.from('p'), Buffer.from('s')]), ['<value:text>', 's']);
    assert.deepEqual(bind('SELECT $1', [Buffer.from([0, 0, 0, 7])], 1, [23]), ['7']);
    assert.deepEqual(bind('SELECT $1', [Buffer.from('123-45-6789')], 1, [17]), ['<value:binary 11>']);
    assert.deepEqual(bind('SELECT * FROM nowhere WHERE x = $1', [Buffer.from('x')]), ['<value:text>']);
  });
});

suite('reports', () => {
  const fields = [
    { code: 'S', value: 'ERROR' },
    { code: 'V', value: 'ERROR' },
    { code: 'C', value: '22P02' },
    { code: 'M', value: 'invalid input syntax for type integer: "123-45-6789"' },
    { code: 'D', value: 'Failing row contains (1, 123-45-6789).' },
    { code: 'W', value: 'JSON data, line 1: 123-45' },
    { code: 't', value: 'customers' },
    { code: 'P', value: '8' },
  ];
  test('with strict masks only severity, code and position stay, and the text is what the code is called', () => {
    assert.deepEqual(maskReport(fields, masks).map(({ code, value }) => `${code}${value}`), ['SERROR', 'VERROR', 'C22P02', 'Minvalid text representation', 'P8']);
    // Drivers prepare a statement again when they see this, and only this, routine.
    const stale = (routine: string, state = '0A000'): string => maskReport([{ code: 'C', value: state }, { code: 'M', value: 'cached: 123-45-6789' }, { code: 'R', value: routine }], masks).map(({ code, value }) => `${code}${value}`).join();
    assert.equal(stale('RevalidateCachedQuery'), 'C0A000,Mcached plan must not change result type,RRevalidateCachedQuery');
    assert.equal(stale('int4in'), 'C0A000,Mfeature not supported');
    assert.equal(stale('RevalidateCachedQuery', '22P02'), 'C22P02,Minvalid text representation');
    assert.equal(maskReport([{ code: 'C', value: '22ZZZ' }, { code: 'M', value: 'x' }], masks)[1]?.value, 'data exception');
    assert.equal(maskReport([{ code: 'C', value: 'ZZZZZ' }, { code: 'M', value: 'x' }], masks)[1]?.value, 'error');
  });
  test('else the detectors look through every text', () => {
    const detecting = maskSet([{ detect: ['us_ssn'] }]);
    assert.equal(maskReport(fields, detecting)[3]?.value, 'invalid input syntax for type integer: "***********"');
    assert.equal(maskReport(fields, none), fields);
    assert.equal(maskText('payload 123-45-6789', maskSet([{ detect: ['us_ssn'], transform: 'null' }])), 'payload ***********');
    assert.equal(maskText('payload', detecting), 'payload');
  });
});
