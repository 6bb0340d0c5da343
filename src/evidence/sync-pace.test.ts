import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncPace } from './sync-pace.ts';

const after = (pace: SyncPace, count: number, milliseconds: number): boolean => {
  for (let i = 0; i < count; i += 1) pace.took(milliseconds);
  return pace.blocks;
};

test('syncs block the event loop only once the disk has been quick for a while, and not after it was slow', () => {
  const pace = new SyncPace('adaptive');
  assert.equal(pace.blocks, false, 'nothing is known yet');
  assert.equal(after(pace, 31, 0.1), false);
  assert.equal(after(pace, 1, 0.1), true);
  assert.equal(after(pace, 1000, 0.1), true);
  assert.equal(after(pace, 1, 5), false, 'one stall');
  assert.equal(after(pace, 31, 0.1), false, 'trust is earned anew');
  assert.equal(after(pace, 1, 0.1), true);
  assert.equal(after(pace, 100, 0.9), false, 'slow on the whole');
  assert.equal(after(pace, 10_000, 1.5), false);
});

test('a disk that is quick and slow by turns stays off the loop', () => {
  const pace = new SyncPace('adaptive');
  for (let i = 0; i < 1000; i += 1) assert.equal(after(pace, 1, i % 8 === 0 ? 1.5 : 0.1), false);
});

test('a pinned mode stays', () => {
  assert.equal(after(new SyncPace('loop'), 10, 1000), true);
  assert.equal(after(new SyncPace('thread'), 10_000, 0.01), false);
});
