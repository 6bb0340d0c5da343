import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Room } from './room.ts';

test('nobody waits for a disk that is not behind; for one that is, all wait until it has caught up', async () => {
  let behind = false;
  const room = new Room(() => behind);
  assert.equal(room.wait, undefined);
  behind = true;
  let through = 0;
  const waiting = [1, 2, 3].map(() => room.wait?.then(() => void (through += 1)));
  await new Promise(setImmediate);
  assert.equal(through, 0);
  behind = false;
  await Promise.all(waiting);
  assert.equal(through, 3);
  assert.equal(room.wait, undefined);
  assert.equal(room.waits, 1, 'one stretch of time');
});

test('one that does not catch up is waited for so long, and not again until it has', async () => {
  let behind = true;
  const room = new Room(() => behind, 30);
  await room.wait;
  assert.equal(room.wait, undefined, 'what comes now is decided by what the log can take');
  behind = false;
  assert.equal(room.wait, undefined);
  behind = true;
  assert.notEqual(room.wait, undefined);
  behind = false;
  await room.wait;
});
