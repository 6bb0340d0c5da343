import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNamePattern } from './names.ts';

const matches = (pattern: string, ...names: string[]): boolean => {
  const parts = parseNamePattern(pattern);
  if (typeof parts === 'string') throw new Error(parts);
  return parts.length === names.length && parts.every((part, at) => part.test(names[at] ?? ''));
};

test('dotted patterns', () => {
  assert.ok(matches('customers', 'customers'));
  assert.ok(!matches('customers', 'Customers'), 'case-sensitive');
  assert.ok(matches('billing.*', 'billing', 'invoices'));
  assert.ok(!matches('billing.*', 'billing2', 'invoices'));
  assert.ok(matches('bill*.inv*s', 'billing', 'invoices'));
});

test('quoted parts are literal', () => {
  assert.ok(matches('"a.b"', 'a.b'));
  assert.ok(matches('billing."odd*"', 'billing', 'odd*'));
  assert.ok(!matches('billing."odd*"', 'billing', 'oddly'));
  assert.ok(matches('"say ""hi"""', 'say "hi"'));
  assert.ok(matches('"A".*."b"', 'A', 'x', 'b'));
});

test('what cannot be read is an error', () => {
  for (const pattern of ['', '.', 'a.', '.a', 'a..b', '"a', '"a"b', 'a"b"', '""', 'x'.repeat(600)]) assert.equal(typeof parseNamePattern(pattern), 'string', pattern);
});
