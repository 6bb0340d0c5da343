import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromNow, fullTime, hourOf, shortTime, span } from './times.ts';

const now = new Date('2026-03-04T12:00:00Z');

test('by UTC', () => {
  assert.equal(fullTime('2026-03-04T05:06:07.891Z', 'utc'), '2026-03-04 05:06:07 UTC');
  assert.equal(shortTime('2026-03-04T05:06:07Z', 'utc', now), '05:06:07');
  assert.equal(shortTime('2026-03-03T23:59:59Z', 'utc', now), '2026-03-03 23:59');
  assert.equal(hourOf('2026-03-04T05:00:00Z', 'utc'), '05:00');
});

test('by the local clock, with its offset', () => {
  const at = new Date('2026-03-04T05:06:07Z');
  assert.match(fullTime(at.toISOString(), 'local'), /^2026-03-0[345] \d\d:\d\d:07 [+-]\d\d:\d\d$/);
});

test('what is no time is shown as it is', () => {
  assert.equal(fullTime('yesterday', 'utc'), 'yesterday');
  assert.equal(fromNow('yesterday', 0), '');
});

test('spans', () => {
  assert.deepEqual([0, 999, 59_000, 61_000, 600_000, 3_600_000, 5_430_000, 200_000_000].map(span), ['0 s', '1 s', '59 s', '1 min 1 s', '10 min', '1 h', '1 h 30 min', '2 days']);
  assert.equal(fromNow('2026-03-04T11:59:30Z', now.getTime()), '30 s ago');
  assert.equal(fromNow('2026-03-04T12:02:00Z', now.getTime()), 'in 2 min');
});
