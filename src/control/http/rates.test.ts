import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callerOf, Rates } from './rates.ts';

test('so much at once, then so much a second, each caller on its own', () => {
  let now = 0;
  const rates = new Rates({ burst: 3, perSecond: 1 }, () => now);
  assert.deepEqual([1, 2, 3].map(() => rates.take('a')), [undefined, undefined, undefined]);
  assert.equal(rates.take('a'), 1);
  assert.equal(rates.over('a'), 1);
  assert.equal(rates.over('b'), undefined);
  assert.equal(rates.take('b'), undefined);
  now += 1000;
  assert.equal(rates.take('a'), undefined);
  assert.equal(rates.take('a'), 1);
  now += 60_000;
  assert.deepEqual([1, 2, 3, 4].map(() => rates.take('a')), [undefined, undefined, undefined, 1], 'no more is saved up than the burst');
});

test('what is remembered is bounded', () => {
  const rates = new Rates({ burst: 1, perSecond: 0.001 }, () => 0);
  for (let i = 0; i < 30_000; i += 1) rates.take(`caller ${i}`);
  assert.equal(rates.take('caller 29999'), 1000);
  assert.equal(rates.take('caller 0'), undefined, 'the oldest are forgotten');
});

test('an IPv6 network is one caller, written in whatever way', () => {
  assert.equal(callerOf('2001:db8::1'), callerOf('2001:0DB8:0:0:ffff::2'));
  assert.notEqual(callerOf('2001:db8:0:1::1'), callerOf('2001:db8:0:2::1'));
  assert.equal(callerOf('::ffff:10.0.0.1'), '10.0.0.1');
  assert.notEqual(callerOf('10.0.0.1'), callerOf('10.0.0.2'));
});
