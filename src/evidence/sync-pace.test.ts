import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncPace } from './sync-pace.ts';

/** Makes so many syncs, on whichever thread they are wanted; says whether the next one would block the loop. */
const after = (pace: SyncPace, count: number, milliseconds: number): boolean => {
  for (let i = 0; i < count; i += 1) {
    if (pace.blocks) pace.tookOnLoop(milliseconds);
    else pace.tookOnThread(milliseconds);
  }
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
  assert.equal(after(pace, 25, 0.9), false, 'slow on the whole');
  assert.equal(after(pace, 10_000, 0.9), false);
});

test('a busy machine makes syncs on another thread late, and does not keep them there while the disk is quick', () => {
  const pace = new SyncPace('adaptive');
  after(pace, 31, 6);
  assert.equal(after(pace, 1, 0.3), true, 'the quickest tells of the disk');
  assert.equal(after(pace, 1000, 0.3), true);
});

test('a disk that is quick and slow by turns stalls the loop once in more than thirty syncs at most', () => {
  const pace = new SyncPace('adaptive');
  let stalls = 0;
  for (let i = 0; i < 10_000; i += 1) {
    const slow = i % 8 === 0;
    if (slow && pace.blocks) stalls += 1;
    after(pace, 1, slow ? 20 : 0.1);
  }
  assert.ok(stalls > 0 && stalls <= 10_000 / 33, `${stalls} stalls`);
});

test('a pinned mode stays', () => {
  assert.equal(after(new SyncPace('loop'), 10, 1000), true);
  assert.equal(after(new SyncPace('thread'), 10_000, 0.01), false);
});
