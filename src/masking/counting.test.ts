import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { predicateTouchesProtected } from './counting.ts';
import { catalog, maskSet, ready, understood } from './testdata/scene.ts';

before(() => ready());

const touches = (masks: ReturnType<typeof maskSet>, sql: string): boolean => predicateTouchesProtected(understood(sql), masks, catalog);

test('a count would tell of a protected column wherever one decides which rows, in every mode', () => {
  for (const mode of ['strict', 'display'] as const) {
    const masks = maskSet([{ columns: ['customers.ssn'], mode, transform: mode === 'display' ? { partial: 4 } : 'redact' }]);
    for (const sql of [
      'DELETE FROM customers WHERE ssn = $1', "DELETE FROM customers c WHERE c.id = 1 AND upper(c.ssn) LIKE 'A%'", 'DELETE FROM customers WHERE ssn IS NOT NULL', 'DELETE FROM customers WHERE customers IS NOT NULL',
      'DELETE FROM notes USING customers c WHERE c.id = notes.id AND c.ssn = notes.note', 'DELETE FROM notes USING (SELECT id, ssn AS x FROM customers) q WHERE q.x = note', 'DELETE FROM notes WHERE id IN (SELECT id FROM customers WHERE ssn > $1)',
      'DELETE FROM notes WHERE note IN (SELECT ssn FROM customers)', 'DELETE FROM notes WHERE id = (SELECT id FROM customers ORDER BY ssn LIMIT 1)', 'WITH w AS (SELECT ssn AS y, id FROM customers) DELETE FROM notes USING w WHERE w.y = note',
      'UPDATE customers SET name = $1 WHERE ssn = $2', 'UPDATE notes SET note = $1 FROM customers NATURAL JOIN (SELECT $2::text AS ssn) x WHERE customers.id = notes.id',
      'MERGE INTO notes USING customers c ON c.ssn = notes.note WHEN MATCHED THEN DELETE', 'MERGE INTO notes USING customers c ON c.id = notes.id WHEN MATCHED AND c.ssn > $1 THEN DELETE',
    ]) assert.equal(touches(masks, sql), true, `${mode}: ${sql}`);
    for (const sql of ['DELETE FROM customers WHERE id = $1', 'DELETE FROM customers WHERE name = $1 RETURNING ssn', 'UPDATE customers SET ssn = $1 WHERE id = $2', 'DELETE FROM notes USING customers c WHERE c.id = notes.id', 'MERGE INTO customers USING notes n ON n.id = customers.id WHEN MATCHED THEN UPDATE SET ssn = $1']) {
      assert.equal(touches(masks, sql), false, `${mode}: ${sql}`);
    }
  }
});

test('what cannot be followed counts as touching; without masks on columns nothing does', () => {
  const masks = maskSet([{ columns: ['customers.ssn'] }]);
  assert.equal(touches(masks, 'DELETE FROM nowhere WHERE id = 1'), true);
  for (const none of [maskSet([]), maskSet([{ detect: ['email'] }])]) assert.equal(touches(none, 'DELETE FROM customers WHERE ssn = $1'), false);
});
