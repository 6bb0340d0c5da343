import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import fc from 'fast-check';
import type { CopyFacts } from '../sql/facts.ts';
import { constantOf } from './constants.ts';
import { createCopyInGuard } from './copy-guard.ts';
import type { ColumnMask } from './plan.ts';
import { catalog, columns, customers, maskSet, ready, understood } from './testdata/scene.ts';
import { cellMask } from './transforms.ts';
import { couldBeMask, guardLiterals, guardParameters } from './writeback.ts';
import { HashKey } from './hash-key.ts';

before(() => ready());

const redact = maskSet([{ columns: ['customers.ssn', 'customers.pay', 'customers.kind'] }]);
const partly = maskSet([{ columns: ['customers.ssn'], transform: { partial: 4 } }]);
const nothing = maskSet([{ columns: ['customers.ssn'], transform: 'null' }]);
const refused = (set: typeof redact, sql: string): boolean => guardLiterals(understood(sql), set, catalog) !== undefined;

suite('literals', () => {
  test('what a mask can produce is refused where it is written to its column, and nowhere else', () => {
    assert.ok(refused(redact, "INSERT INTO customers(id, ssn) VALUES (1, '123-45-6789'), (2, '***')"));
    assert.ok(refused(redact, "UPDATE customers SET ssn = '***' WHERE id = 1"));
    assert.ok(refused(redact, "UPDATE customers SET ssn = lower('***')"));
    assert.ok(refused(redact, 'UPDATE customers SET pay = 0'));
    assert.ok(refused(redact, "INSERT INTO customers(id, pay) VALUES (1, '0.00')"));
    assert.ok(refused(redact, "INSERT INTO customers(id, ssn) SELECT * FROM (VALUES (1, '***')) v"));
    assert.ok(refused(redact, "INSERT INTO customers(id, ssn) SELECT 1, unnest('{a,***}'::text[])"));
    assert.ok(refused(redact, "PREPARE p AS UPDATE customers SET ssn = $1; EXECUTE p('***')"));
    assert.ok(refused(redact, "INSERT INTO customers(id, ssn) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET ssn = '***'"));
    assert.ok(refused(partly, "UPDATE customers SET ssn = '*******6789'"));
    for (const sql of ["UPDATE customers SET name = '***'", "UPDATE customers SET ssn = '123-45-6789'", "UPDATE customers SET ssn = 'x' WHERE name = '***'", 'UPDATE customers SET pay = 1', 'UPDATE customers SET id = 0']) {
      assert.ok(!refused(redact, sql), sql);
    }
  });

  test('a default is written to its column', () => {
    for (const sql of [
      "ALTER TABLE customers ALTER ssn SET DEFAULT '***'", "ALTER TABLE customers ALTER ssn SET DEFAULT ('*' || '**')", 'ALTER TABLE customers ALTER pay SET DEFAULT 0',
      "CREATE TABLE customers (id int, ssn text DEFAULT '***')", "CREATE TABLE customers (id int, ssn text GENERATED ALWAYS AS ('***') STORED)",
      "ALTER TABLE customers ADD COLUMN ssn text DEFAULT '***'",
    ]) assert.ok(refused(redact, sql), sql);
    for (const sql of ["ALTER TABLE customers ALTER name SET DEFAULT '***'", "ALTER TABLE customers ALTER ssn SET DEFAULT 'none'", 'ALTER TABLE customers ALTER ssn DROP DEFAULT', "ALTER TABLE customers ADD COLUMN other text DEFAULT '***'", "CREATE TABLE others (ssn text DEFAULT '***')"]) {
      assert.ok(!refused(redact, sql), sql);
    }
  });

  test('NULL is refused where the mask is NULL: by its transform, or for a type without a constant', () => {
    assert.ok(refused(nothing, 'UPDATE customers SET ssn = NULL'));
    assert.ok(!refused(redact, 'UPDATE customers SET ssn = NULL'));
    assert.ok(refused(redact, 'UPDATE customers SET kind = NULL'));
    assert.ok(!refused(nothing, "UPDATE customers SET ssn = '***x'"));
  });

  test('a long literal in a total function over a strictly masked column is refused', () => {
    assert.ok(refused(redact, `SELECT replace(ssn, '1', '${'x'.repeat(80)}') FROM customers`));
    assert.ok(!refused(redact, "SELECT replace(ssn, '1', 'x') FROM customers"));
  });
});

suite('bound values', () => {
  const bound = (sql: string, value: Buffer | null, format: 0 | 1, type: number): boolean =>
    guardParameters(understood(sql), redact, catalog, { bind: { formats: [format], values: [value] }, types: [type] }) !== undefined;
  test('in text and in binary', () => {
    const ssn = 'UPDATE customers SET ssn = $1';
    assert.ok(bound(ssn, Buffer.from('***'), 0, 0));
    assert.ok(bound(ssn, Buffer.from('***'), 1, 25));
    assert.ok(bound(ssn, Buffer.from('***'), 1, 0));
    assert.ok(!bound(ssn, Buffer.from('123-45-6789'), 0, 25));
    assert.ok(!bound(ssn, null, 0, 25));
    const pay = 'UPDATE customers SET pay = $1';
    assert.ok(bound(pay, Buffer.from('0'), 0, 0));
    assert.ok(bound(pay, Buffer.alloc(4), 1, 23));
    assert.ok(bound(pay, Buffer.from([0, 0, 0, 0, 0, 0, 0, 2]), 1, 1700));
    assert.ok(!bound(pay, Buffer.from([0, 0, 0, 5]), 1, 23));
    assert.ok(!bound('SELECT id FROM customers WHERE name = $1', Buffer.from('***'), 0, 25));
  });
});

test('whatever a mask makes of a value is recognised by its guard, in both formats', () => {
  const key = new HashKey(Buffer.alloc(32, 9));
  const types = [25, 1043, 16, 20, 21, 23, 700, 701, 1700, 790, 1082, 1083, 1114, 1184, 1186, 1266, 2950, 114, 3802, 869, 650, 829, 17, 1009, 1560, 99_999];
  fc.assert(
    fc.property(fc.constantFrom<ColumnMask['transform']>('redact', 'null', 'hash', { partial: 3 }, { fixed: 'gone' }), fc.constantFrom(...types), fc.constantFrom<0 | 1>(0, 1), fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), (transform, type, format, value) => {
      const mask = cellMask(transform, type, -1, format, key);
      const made = mask.kind === 'constant' ? mask.bytes : mask.apply(Buffer.from(value));
      const column: ColumnMask = { name: 'm', transform, key };
      // Blanks at the end do not count for char(n), and a value of blanks alone has no mask that could be told from it.
      if (value.trim() === '' || value !== value.trimEnd()) return;
      const written = made === null ? null : format === 0 ? Buffer.from(made).toString() : { binary: made };
      assert.ok(couldBeMask(column, type, written), `${JSON.stringify(transform)} ${type} ${format} ${String(made)}`);
    }),
    { numRuns: 2000 },
  );
  assert.ok(constantOf(25, -1, 0));
});

test('a client writes the constant of a date or time as its zone has it', () => {
  const redaction = { name: 'm', transform: 'redact' } as const;
  const comesBack = (type: number, text: string): boolean => couldBeMask(redaction, type, text);
  const [date, timestamp, timestamptz, interval] = [1082, 1114, 1184, 1186];
  for (const [type, text] of [
    [date, '2000-01-01'], [date, '2000-01-01T00:00:00.000-05:00'], [date, '2000-01-01T00:00:00.000+05:30'], [date, '1999-12-31T19:00:00.000Z'], [date, '1/1/2000'], [date, '2000-01-01 +01'],
    [timestamp, '2000-01-01T00:00:00.000-05:00'], [timestamp, '2000-01-01T05:00:00.000Z'], [timestamp, '1999-12-31T18:30:00.000Z'], [timestamp, '2000-01-01 00:00:00'],
    [timestamptz, '1999-12-31T19:00:00.000-05:00'], [timestamptz, '1999-12-31 19:00:00-05:00'], [timestamptz, '2000-01-01 05:30:00+05:30'], [timestamptz, '2000-01-01 05:45:00'], [timestamptz, '2000-01-01 00:00:00+00'],
    [interval, '0 days 0.000000 seconds'], [interval, 'PT0S'], [interval, '0'], [1266, '00:00:00+05:30'], [1083, '00:00'],
  ] as const) assert.ok(comesBack(type, text), `${type} ${text}`);
  for (const [type, text] of [
    [date, '2000-01-02'], [date, '1999-12-31'], [date, '2/1/2000'], [date, 'today'], [timestamp, '2000-01-01 00:00:01'], [timestamp, '2000-01-01 05:07:00'], [timestamp, '2000-01-03 00:00:00'],
    [timestamptz, '2000-01-01 00:00:00.5+00'], [timestamptz, '2000-01-02 00:00:00+00'], [interval, '1 day'], [interval, ''], [1083, '00:01'],
  ] as const) assert.ok(!comesBack(type, text), `${type} ${text}`);
});

test('what clients read as NULL, and zero with an exponent', () => {
  const redaction = { name: 'm', transform: 'redact' } as const;
  for (const [type, value] of [[114, null], [3802, null], [3802, ' null '], [1700, '0E-8'], [16, 'false']] as const) assert.ok(couldBeMask(redaction, type, value), String(value));
  for (const [type, value] of [[25, null], [1700, null], [3802, '{}'], [1700, '1E-8'], [16, 'true']] as const) assert.ok(!couldBeMask(redaction, type, value), String(value));
});

suite('COPY', () => {
  const refs = columns(['id', 23], ['name', 25], ['ssn', 25]).map((each) => ({ relation: customers.oid, number: each.number, schema: 'public', table: 'customers', column: each.name }));
  const facts = (more: Partial<CopyFacts>): CopyFacts => ({ direction: 'in', format: 'text', columns: refs, ...more });
  const verdict = (of: CopyFacts, chunks: readonly Uint8Array[], set = redact): boolean => {
    const guard = createCopyInGuard(of, set, catalog)!;
    for (const chunk of [...chunks, undefined]) if (guard.push(chunk) !== undefined) return true;
    return false;
  };
  const binary = (...rows: readonly (readonly (string | null)[])[]): Buffer => {
    const parts: Buffer[] = [Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')];
    const number = (value: number, size: 2 | 4): Buffer => {
      const bytes = Buffer.alloc(size);
      bytes.writeIntBE(value, 0, size);
      return bytes;
    };
    for (const row of rows) {
      parts.push(number(row.length, 2));
      for (const cell of row) parts.push(number(cell === null ? -1 : Buffer.byteLength(cell), 4), Buffer.from(cell ?? ''));
    }
    return Buffer.concat([...parts, number(-1, 2)]);
  };
  const cases: readonly (readonly [what: string, of: CopyFacts, data: Buffer, refused: boolean])[] = [
    ['text', facts({}), Buffer.from('1\tAda\t***\n'), true],
    ['text, another column', facts({}), Buffer.from('1\t***\t123\n'), false],
    ['text, without a last newline', facts({}), Buffer.from('1\tAda\t***'), true],
    ['text, octal and hex', facts({}), Buffer.from('1\tAda\t\\52\\x2a*\n'), true],
    ['text, escaped', facts({}), Buffer.from('1\tAda\t\\*\\**\r\n'), true],
    ['text, not a mask', facts({}), Buffer.from('1\tAda\t\\\\***\n'), false],
    ['text, delimiter', facts({ delimiter: '|' }), Buffer.from('1|Ada|***\n'), true],
    ['text, escaped delimiter', facts({ delimiter: '|' }), Buffer.from('1|Ada\\|***|x\n'), false],
    ['text, escapes that begin like the NULL string', facts({ nullString: '\\*' }), Buffer.from('1\tAda\t\\***\n'), true],
    ['text, columns', facts({ columns: [refs[2]!, refs[0]!] }), Buffer.from('***\t1\n'), true],
    ['csv', facts({ format: 'csv' }), Buffer.from('1,Ada,"***"\n'), true],
    ['csv, quoted newline', facts({ format: 'csv' }), Buffer.from('1,"A\nda,x","*"**\n'), true],
    ['csv, doubled quote', facts({ format: 'csv' }), Buffer.from('1,"a""b",x\n2,c,***\n'), true],
    ['csv, another escape', facts({ format: 'csv', escape: '\\' }), Buffer.from('1,"a\\"b,***","x"\n'), false],
    ['csv, header', facts({ format: 'csv', header: true }), Buffer.from('id,name,***\n1,2,3\n'), false],
    ['binary', facts({ format: 'binary' }), binary(['1', 'Ada', 'x'], ['2', null, '***']), true],
    ['binary, another column', facts({ format: 'binary' }), binary(['1', '***', 'x']), false],
    ['binary, nonsense', facts({ format: 'binary' }), Buffer.from('1\tAda\tx\n'), true],
    ['columns not known', facts({ columns: [] }), Buffer.from('x\n'), true],
  ];
  for (const [what, of, data, expected] of cases) {
    test(`${what}: the same verdict however it is cut`, () => {
      assert.equal(verdict(of, [data]), expected);
      assert.equal(verdict(of, [...data].map((byte) => Buffer.from([byte]))), expected);
      for (let cut = 0; cut <= data.length; cut++) assert.equal(verdict(of, [data.subarray(0, cut), data.subarray(cut)]), expected, `cut at ${cut}`);
    });
  }

  test('NULL, where the mask is NULL', () => {
    assert.equal(verdict(facts({}), [Buffer.from('1\tAda\t\\N\n')], nothing), true);
    assert.equal(verdict(facts({}), [Buffer.from('1\tAda\t\\N\n')]), false);
    assert.equal(verdict(facts({ nullString: 'nil' }), [Buffer.from('1\tAda\tnil\n')], nothing), true);
    assert.equal(verdict(facts({ nullString: 'n\\il' }), [Buffer.from('1\tAda\tn\\il\n')], nothing), true);
    assert.equal(verdict(facts({ nullString: 'nil' }), [Buffer.from('1\tAda\tn\\il\n')], nothing), false);
    assert.equal(verdict(facts({}), [Buffer.from('1\tAda\t\\N\\')], nothing), false);
    assert.equal(verdict(facts({ format: 'csv' }), [Buffer.from('1,Ada,\n')], nothing), true);
    assert.equal(verdict(facts({ format: 'csv' }), [Buffer.from('1,Ada,""\n')], nothing), false);
  });

  test('without a protected column there is no guard, and a field too long to keep is refused', () => {
    assert.equal(createCopyInGuard(facts({ columns: refs.slice(0, 2) }), redact, catalog), undefined);
    assert.equal(verdict(facts({}), [Buffer.from('1\tAda\t'), Buffer.alloc(2 << 20, 0x61)]), true);
    assert.equal(verdict(facts({}), [Buffer.from('1\t'), Buffer.alloc(2 << 20, 0x61), Buffer.from('\tx\n')]), false);
  });
});
