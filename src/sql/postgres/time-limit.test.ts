import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/kit/until.ts';
import { TimeLimit, type Used } from './time-limit.ts';

const LIMIT = 20;
const NOTHING: Used = { user: 0, system: 0 };
const milliseconds = (user: number, system = 0): Used => ({ user: user * 1000, system: system * 1000 });

test('a text is over its time when the thread has used it, whatever the clock says before that', async () => {
  const answers = [milliseconds(105), milliseconds(110, 5), milliseconds(110, 12)];
  let asked = 0;
  let over = 0;
  new TimeLimit(LIMIT, milliseconds(98, 3), () => Promise.resolve(answers[Math.min(asked++, 2)] as Used), () => over++);
  await until(() => over > 0);
  assert.deepEqual([asked, over], [3, 1]);
});

test('a thread that waits for the processor, or does not answer, is not waited for without end', async () => {
  for (const used of [() => Promise.resolve(NOTHING), () => new Promise<Used>(() => undefined), () => Promise.reject(new Error('it ended'))]) {
    const began = performance.now();
    let over = 0;
    new TimeLimit(LIMIT, NOTHING, used, () => over++);
    await until(() => over > 0);
    assert.ok(performance.now() - began >= 5 * LIMIT - 1);
    assert.equal(over, 1);
  }
});

test('a text that is done in time is never over it, also when the thread is being asked', async () => {
  let answer: ((used: Used) => void) | undefined;
  let over = 0;
  const limit = new TimeLimit(LIMIT, NOTHING, () => new Promise<Used>((resolve) => (answer = resolve)), () => over++);
  await until(() => answer !== undefined);
  limit.clear();
  answer?.(milliseconds(1000));
  let other = 0;
  new TimeLimit(6 * LIMIT, NOTHING, () => Promise.resolve(milliseconds(1000)), () => other++);
  await until(() => other > 0);
  assert.equal(over, 0);
});
