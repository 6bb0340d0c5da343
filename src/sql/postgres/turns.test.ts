import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Asker } from '../understand.ts';
import { Turns } from './turns.ts';

interface Item {
  readonly asker: Asker;
  readonly name: string;
}
const item = (identity: string, id: string, name = `${identity}/${id}`): Item => ({ asker: { id, principal: { identity } }, name });

/** Takes one after the other, each costing so much, and says whose they were. */
const served = (turns: Turns<Item>, count: number, cost: (item: Item) => number = () => 1): string[] =>
  Array.from({ length: count }, () => {
    const next = turns.shift();
    if (next) turns.spend(next.asker, cost(next));
    return next?.name ?? '';
  });

test('what one session sends is served in its order', () => {
  const turns = new Turns<Item>();
  for (const name of ['a', 'b', 'c']) turns.push(item('i', 's', name));
  assert.deepEqual(served(turns, 4), ['a', 'b', 'c', '']);
  assert.equal(turns.length, 0);
});

test('a newcomer comes behind the one in work, however many wait and however many sessions they are of', () => {
  const turns = new Turns<Item>();
  for (let n = 0; n < 500; n++) turns.push(item('flood', `s${n % 20}`));
  served(turns, 5);
  turns.push(item('other', 's'));
  assert.ok(served(turns, 2).includes('other/s'));
});

test('who asks for hard things waits for those who ask for easy ones, by the time used', () => {
  const turns = new Turns<Item>();
  for (let n = 0; n < 100; n++) {
    turns.push(item('hard', 's'));
    turns.push(item('easy', 's'));
  }
  const first = served(turns, 50, ({ name }) => (name === 'hard/s' ? 1000 : 10));
  assert.equal(first.filter((name) => name === 'hard/s').length, 1);
  // Nothing is lost.
  assert.equal(served(turns, 150).filter((name) => name !== '').length, 150);
});

test('sessions of one identity take turns as well', () => {
  const turns = new Turns<Item>();
  for (let n = 0; n < 50; n++) turns.push(item('i', 'greedy'));
  served(turns, 3);
  turns.push(item('i', 'modest'));
  assert.ok(served(turns, 2).includes('i/modest'));
});

test('nobody saves up: who was away long gets no more than one turn before the others', () => {
  const turns = new Turns<Item>();
  turns.push(item('away', 's'));
  served(turns, 1);
  for (let n = 0; n < 100; n++) turns.push(item('busy', 's'));
  served(turns, 90);
  for (let n = 0; n < 5; n++) turns.push(item('away', 's'));
  assert.equal(served(turns, 6).filter((name) => name === 'busy/s').length >= 2, true);
});

test('draining gives everything', () => {
  const turns = new Turns<Item>();
  for (let n = 0; n < 10; n++) turns.push(item(`i${n % 3}`, `s${n % 2}`));
  assert.equal(turns.drain().length, 10);
  assert.equal(turns.shift(), undefined);
});
