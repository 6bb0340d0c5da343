import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { compileMasks } from './compile.ts';
import { ProtectionMemory } from './protection-memory.ts';
import { createRowMasker } from './rows.ts';
import { catalog, catalogOf, columns, customers, mask, maskSet, notes, ready, understood } from './testdata/scene.ts';

before(() => ready());

const strict = maskSet([{ columns: ['customers.ssn', '*.pay'] }]);
const display = maskSet([{ columns: ['customers.ssn'], mode: 'display', transform: { partial: 4 } }]);

/** `refused`, or for each statement what masks its columns. */
function verdict(set: typeof strict, sql: string, under = catalog): string {
  const judgement = set.judge(understood(sql, under), under);
  if (judgement.kind === 'refused') return 'refused';
  return judgement.statements.map((plan) => plan.columns.map((column) => (column === undefined ? '-' : column.constant ? 'constant' : JSON.stringify(column.transform))).join(' ')).join('; ');
}

suite('modes', () => {
  test('strict masks bare columns, replaces total expressions and refuses the rest', () => {
    assert.equal(verdict(strict, 'SELECT id, ssn, upper(ssn) FROM customers'), '- "redact" constant');
    for (const sql of ['SELECT ssn || id FROM customers', 'SELECT trim(ssn) FROM customers', "SELECT concat(rtrim(ssn, '1'), 'x') FROM customers", 'SELECT id FROM customers WHERE ssn = $1', 'SELECT id FROM customers ORDER BY pay', 'SELECT id FROM nowhere', 'LISTEN x']) {
      assert.equal(verdict(strict, sql), 'refused', sql);
    }
  });

  test('display masks bare columns and total expressions, lets the rest through, but nothing be stored or copied elsewhere', () => {
    assert.equal(verdict(display, 'SELECT id, ssn, upper(trim(ssn)), length(ssn) FROM customers WHERE ssn LIKE $1 ORDER BY ssn'), '- {"partial":4} constant -');
    for (const sql of ['CREATE TABLE x AS SELECT ssn FROM customers', 'INSERT INTO notes SELECT id, ssn FROM customers', 'COPY customers TO STDOUT', 'SELECT id FROM nowhere', 'ALTER TABLE customers RENAME ssn TO x']) {
      assert.equal(verdict(display, sql), 'refused', sql);
    }
  });

  test('a pseudonymised column is not written in strict mode', () => {
    const hashed = maskSet([{ columns: ['customers.ssn'], transform: 'hash' }]);
    assert.equal(verdict(hashed, 'SELECT ssn FROM customers'), '"hash"');
    assert.equal(verdict(hashed, 'UPDATE customers SET ssn = $1'), 'refused');
    assert.equal(verdict(strict, 'UPDATE customers SET ssn = $1'), '');
  });

  test('detectors alone refuse nothing', () => {
    const set = maskSet([{ detect: ['us_ssn'] }]);
    assert.equal(set.strict, false);
    const judgement = set.judge(understood('SELECT * FROM nowhere'), catalog);
    assert.equal(judgement.kind === 'plan' && judgement.statements[0]!.pass, false);
  });

  test('without masks everything passes; with them what has no rows, and the rest once it is described', () => {
    const passes = (set: typeof strict): unknown => {
      const judgement = set.judge(understood('SELECT id, note FROM notes; UPDATE notes SET note = $1'), catalog);
      return judgement.kind === 'plan' && judgement.statements.map((plan) => plan.pass);
    };
    assert.deepEqual(passes(maskSet([])), [true, true]);
    assert.deepEqual(passes(strict), [false, true]);
    const judgement = strict.judge(understood('SELECT id FROM notes'), catalog);
    assert.ok(judgement.kind === 'plan');
    const described = (table: number): Parameters<typeof createRowMasker>[1] => [{ name: 'id', table, column: 1, type: 23, typmod: -1, format: 0 }];
    assert.equal(createRowMasker(judgement.statements[0]!, described(notes.oid)).pass, true);
    assert.equal(createRowMasker(judgement.statements[0]!, described(20_000)).pass, false);
    assert.equal(maskSet([]).empty, true);
  });
});

suite('several masks on one column', () => {
  test('the strictest transform wins, and strict over display, whatever the order', () => {
    const all = ['null', 'redact', { fixed: 'x' }, 'hash', { partial: 2 }, { partial: 4 }] as const;
    for (const [at, stricter] of all.entries()) {
      for (const weaker of all.slice(at + 1)) {
        for (const order of [[stricter, weaker], [weaker, stricter]]) {
          const set = maskSet(order.map((transform, mode) => ({ columns: ['customers.ssn'], transform, mode: mode === 0 ? ('strict' as const) : ('display' as const) })));
          assert.equal(verdict(set, 'SELECT ssn FROM customers'), JSON.stringify(stricter));
          assert.equal(verdict(set, 'SELECT id FROM customers ORDER BY ssn'), 'refused');
        }
      }
    }
  });
});

suite('which columns are protected', () => {
  test('by name, folded unless quoted, with stars, in tables, views and children', () => {
    const odd = { ...customers, oid: 300, name: 'Odd', columns: columns(['Password', 25], ['api_key', 25]) };
    const parent = { ...customers, oid: 301, name: 'parent', columns: columns(['token', 25]) };
    const child = { ...customers, oid: 302, name: 'child', columns: columns(['token', 25]), parents: [301] };
    const under = catalogOf(odd, parent, child);
    const protects = (pattern: string, relation: number, column: number): boolean => maskSet([{ columns: [pattern] }]).protection(under).at(relation, column) !== undefined;
    assert.ok(protects('*.password', 300, 1));
    assert.ok(protects('odd.PASSWORD', 300, 1));
    assert.ok(protects('"Odd"."Password"', 300, 1));
    assert.ok(!protects('"odd".password', 300, 1));
    assert.ok(protects('*.*_key', 300, 2));
    assert.ok(protects('public.odd.*', 300, 2));
    assert.ok(!protects('other.odd.*', 300, 2));
    assert.ok(protects('password', 300, 1));
    // A child's rows show through the parent, and the parent's protection covers the child.
    assert.ok(protects('parent.token', 302, 1));
    assert.ok(protects('child.token', 301, 1));
    for (const bad of ['a.b.c.d', 'a..b', '"a', '']) assert.throws(() => maskSet([{ columns: [bad] }]));
    assert.deepEqual(maskSet([{ columns: ['odd.password', 'odd.missing'] }]).protection(under).unmatched, ['odd.missing']);
  });

  test('what matches nothing is told once for each catalog', () => {
    const told: (readonly string[])[] = [];
    const set = compileMasks([mask({ columns: ['customers.ssn', 'customers.snn'] })], { hash: Buffer.alloc(32) }, new ProtectionMemory(), (patterns) => told.push(patterns));
    const one = catalogOf(customers);
    set.protection(one);
    set.protection(one);
    assert.deepEqual(told, [['customers.snn']]);
    set.protection(catalogOf(customers, { ...customers, oid: 901, name: 'others' }));
    assert.equal(told.length, 2);
    // A catalog in which everything is found says nothing.
    set.protection(catalogOf({ ...customers, columns: [...customers.columns, ...columns(['snn', 25])] }));
    assert.equal(told.length, 2);
  });

  test('a renamed column or table stays protected, also for a set that is compiled later', () => {
    const memory = new ProtectionMemory();
    const masks = [{ columns: ['customers.ssn'] }];
    assert.equal(verdict(maskSet(masks, memory), 'SELECT ssn FROM customers'), '"redact"');
    const renamed = { ...customers, name: 'clients', columns: customers.columns.map((column) => (column.name === 'ssn' ? { ...column, name: 'number' } : column)) };
    assert.equal(verdict(maskSet(masks, memory), 'SELECT number FROM clients', catalogOf(renamed)), '"redact"');
    assert.equal(verdict(maskSet(masks), 'SELECT number FROM clients', catalogOf(renamed)), '-');
    // Made anew under the old name, it has another OID.
    const anew = catalogOf(renamed, { ...customers, oid: 900 });
    assert.equal(verdict(maskSet(masks, memory), 'SELECT ssn FROM customers', anew), '"redact"');
  });
});

suite('named statements', () => {
  test('EXECUTE and FETCH of what the message made are masked by it; of anything else they are withheld', () => {
    assert.equal(verdict(strict, 'PREPARE p AS SELECT ssn FROM customers; EXECUTE p'), '; "redact"');
    assert.equal(verdict(strict, 'DECLARE k CURSOR FOR SELECT ssn FROM customers; FETCH k'), '; "redact"');
    assert.equal(verdict(strict, 'PREPARE p AS SELECT id FROM customers WHERE ssn = $1'), 'refused');
    const judgement = strict.judge(understood('EXECUTE q'), catalog);
    assert.deepEqual(judgement.kind === 'plan' && [judgement.statements[0]!.pass, judgement.statements[0]!.from], [false, { kind: 'prepare', name: 'q' }]);
  });

  test('judgements are kept for facts and catalog, and another catalog is judged anew', () => {
    const once = understood('SELECT note FROM notes');
    const first = strict.judge(once, catalog);
    const again = strict.judge(once, catalog);
    assert.ok(first.kind === 'plan' && again.kind === 'plan' && first.statements[0] === again.statements[0]);
    assert.notEqual((strict.judge(once, catalogOf(notes)) as typeof first).statements[0], first.statements[0]);
  });
});
