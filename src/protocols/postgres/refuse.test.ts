import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '../../model/decision.ts';
import { refusedCommand } from './refuse.ts';

const fields = (error: Buffer): readonly string[] => error.toString('utf8', 5).split('\0').filter((field) => /^[CM]/.test(field));

test('what the target does not have is refused in its own words', () => {
  const missing = (kind: string, name: string): readonly string[] => fields(refusedCommand(refusal('not_found', `"${name}" does not exist`, { object: { kind, name } })));
  assert.deepEqual(missing('table', 'app.nope'), ['C42P01', 'Mrelation "app.nope" does not exist']);
  assert.deepEqual(missing('column', 'nope'), ['C42703', 'Mcolumn "nope" does not exist']);
  assert.deepEqual(missing('function', 'app.nope'), ['C42883', 'Mfunction app.nope() does not exist']);
  assert.deepEqual(fields(refusedCommand(refusal('denied', 'no'))), ['C42501', 'Mwicketgate: no']);
});
