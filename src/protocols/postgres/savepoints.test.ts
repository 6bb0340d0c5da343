import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Savepoints } from './savepoints.ts';

test('a name means the last savepoint that was set under it', () => {
  const savepoints = new Savepoints();
  for (const name of ['a', 'b', 'a', 'c']) savepoints.set(name);
  assert.equal(savepoints.rollBackTo('a'), 2);
  assert.equal(savepoints.depth, 3);
  assert.equal(savepoints.release('a'), 2);
  assert.equal(savepoints.rollBackTo('a'), 0);
  assert.equal(savepoints.depth, 1);
  assert.equal(savepoints.release('b'), undefined);
});

test('beyond what is told apart no name is known, up to the end of the transaction', () => {
  const savepoints = new Savepoints();
  for (let n = 0; n < 10_001; n++) savepoints.set('again');
  assert.equal(savepoints.depth, 10_000);
  assert.equal(savepoints.rollBackTo('again'), undefined);
  assert.equal(savepoints.release('again'), undefined);
  savepoints.clear();
  savepoints.set('again');
  assert.equal(savepoints.rollBackTo('again'), 0);
});
