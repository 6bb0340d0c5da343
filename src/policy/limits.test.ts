import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RateCounter, SessionCounter, strictest, WindowCounter } from './limits.ts';

test('no 60 seconds hold more than the limit', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 1e9 }), (gaps, limit, start) => {
      const window = new WindowCounter();
      const granted: number[] = [];
      let now = start;
      for (const gap of gaps) {
        now += gap;
        if (window.take(limit, now)) granted.push(now);
        assert.ok(granted.filter((time) => time > now - 60_000).length <= limit);
      }
    }),
  );
});

test('the second in which something began still counts at its 60th', () => {
  const window = new WindowCounter();
  assert.ok(window.take(1, 900));
  assert.ok(!window.take(1, 60_000));
  assert.ok(window.take(1, 61_000));
});

test('after a pause of 61 seconds the whole limit is there again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 61_000, max: 1e7 }), (limit, start, pause) => {
      const window = new WindowCounter();
      for (let at = 0; at < limit; at++) assert.ok(window.take(limit, start));
      assert.ok(!window.take(limit, start + 1));
      for (let at = 0; at < limit; at++) assert.ok(window.take(limit, start + pause));
    }),
  );
});

test('a clock that goes back gives nothing', () => {
  const window = new WindowCounter();
  assert.ok(window.take(1, 100_000));
  assert.ok(!window.take(1, 5_000));
  assert.equal(window.count(5_000), 1);
  assert.equal(window.count(161_000), 0);
});

test('rates are counted by key, and memory stays bounded', () => {
  let now = 0;
  const rates = new RateCounter(() => now, 3);
  for (const key of ['a', 'b', 'c']) assert.ok(rates.take(key, 1));
  assert.ok(!rates.take('a', 1), 'its limit');
  assert.ok(!rates.take('d', 1), 'no room to count: refused');
  assert.equal(rates.size, 3);
  now = 62_000;
  assert.ok(rates.take('d', 1), 'idle keys are forgotten');
  assert.equal(rates.size, 1);
});

test('sessions are counted by key', () => {
  const sessions = new SessionCounter();
  assert.ok(sessions.enter('a', 2));
  assert.ok(sessions.enter('a', 2));
  assert.ok(!sessions.enter('a', 2));
  assert.ok(sessions.enter('b', 1));
  sessions.leave('a');
  assert.ok(sessions.enter('a', 2));
  assert.ok(sessions.enter('a', undefined), 'without a limit');
  assert.equal(sessions.count('a'), 3);
  for (let at = 0; at < 3; at++) sessions.leave('a');
  assert.equal(sessions.count('a'), 0);
  assert.throws(() => sessions.leave('a'), /never counted/);
});

test('the strictest of each limit', () => {
  assert.deepEqual(strictest([{ rowsPerCommand: 5 }, {}, { rowsPerCommand: 3, sessionAge: 9 }]), { rowsPerCommand: 3, sessionAge: 9 });
  assert.deepEqual(strictest([]), {});
});
