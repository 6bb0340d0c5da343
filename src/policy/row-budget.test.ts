import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RowBudget } from './row-budget.ts';

test('rows of the last hour add up, and what was not changed after all is given back', () => {
  let now = 0;
  const budget = new RowBudget(() => now);
  assert.equal(budget.recent('a'), 0);
  const settle = budget.reserve('a', 600);
  assert.deepEqual([budget.recent('a'), budget.recent('b')], [600, 0]);
  settle(450);
  settle(0);
  assert.equal(budget.recent('a'), 450, 'once only');
  now += 59 * 60_000;
  assert.equal(budget.recent('a'), 450);
  now += 60_000;
  assert.equal(budget.recent('a'), 0);
});

test('a correction in a later minute never makes a budget that is larger than the limit', () => {
  let now = 0;
  const budget = new RowBudget(() => now);
  const settle = budget.reserve('a', 1000);
  now += 59 * 60_000;
  settle(0);
  now += 60_000;
  assert.equal(budget.recent('a'), 0);
});

test('without room for another key its budget is used up', () => {
  const budget = new RowBudget(() => 0, 2);
  budget.reserve('a', 1);
  budget.reserve('b', 1);
  assert.equal(budget.recent('c'), Number.MAX_SAFE_INTEGER);
  assert.equal(budget.recent('a'), 1);
});

test('it says what a list of all changes says', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ wait: fc.nat({ max: 40 * 60_000 }), rows: fc.nat({ max: 1000 }) }), { maxLength: 60 }), (changes) => {
      let now = 0;
      const budget = new RowBudget(() => now);
      const all: { minute: number; rows: number }[] = [];
      for (const { wait, rows } of changes) {
        now += wait;
        budget.reserve('a', rows)(rows);
        all.push({ minute: Math.floor(now / 60_000), rows });
        const from = Math.floor(now / 60_000) - 59;
        assert.equal(budget.recent('a'), all.reduce((sum, one) => (one.minute >= from ? sum + one.rows : sum), 0));
      }
    }),
  );
});
