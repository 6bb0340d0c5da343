import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Room } from './room.ts';

/** Asked for anew each time: the compiler takes a getter for a value that stays. */
const wait = (room: Room): Promise<void> | undefined => room.wait;

test('nobody waits for a disk that is not behind; for one that is, all wait until it has caught up', async () => {
  let behind = false;
  const room = new Room(() => behind);
  assert.equal(wait(room), undefined);
  behind = true;
  let through = 0;
  const waiting = [1, 2, 3].map(async () => {
    await wait(room);
    through += 1;
  });
  await new Promise(setImmediate);
  assert.equal(through, 0);
  behind = false;
  await Promise.all(waiting);
  assert.equal(through, 3);
  assert.equal(wait(room), undefined);
  assert.equal(room.waits, 1, 'one stretch of time');
});

test('one that does not catch up is waited for so long, and not again until it has', async () => {
  let behind = true;
  const room = new Room(() => behind, 30);
  await wait(room);
  assert.equal(wait(room), undefined, 'what comes now is decided by what the log can take');
  behind = false;
  assert.equal(wait(room), undefined);
  behind = true;
  assert.notEqual(wait(room), undefined);
  behind = false;
  await wait(room);
});
