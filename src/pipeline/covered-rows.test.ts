import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coveredRows } from './covered-rows.ts';

test('an approval covers up to the next of 1, 2, 5, 10, ...', () => {
  const table: readonly [number, number][] = [[0, 1], [1, 1], [2, 2], [3, 5], [6, 10], [11, 20], [1001, 2000], [2500, 5000], [25_000, 50_000], [50_000, 50_000], [999_999, 1_000_000]];
  for (const [rows, covered] of table) assert.equal(coveredRows(rows, undefined), covered, String(rows));
  assert.equal(coveredRows(2500, 4000), 4000, 'another rule lets no more through');
});
