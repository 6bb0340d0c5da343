import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashStates, oneOf, openOn, runUntilEnd, tryCases, undisturbed, violation } from './testdata/crash-cases.ts';
import { at, SimDisk, type Fate, type Operation } from './testdata/sim-disk.ts';

/* The disk refuses one operation, or takes only part of it; the log comes back or is poisoned; then the power goes. */

for (const [place, fate] of (['EIO', 'ENOSPC', 'short'] as const).entries()) {
  // Each operation fails in one of the three ways, or, with `npm run crash`, in all of them.
  const step = oneOf(3);
  test(`${fate} at every operation${step === 1 ? '' : ' in turn'}, then a power cut`, async (t) => {
    const { operations } = await undisturbed();
    const { states, cameBack, violations } = await tryCases({ options: (number) => ({ fate: at(number, fate) }), from: place % step, step, until: operations + 1 });
    t.diagnostic(`${operations} operations, ${states} crash states, ${cameBack} times back without a restart`);
    assert.deepEqual(violations, []);
    assert.ok(fate === 'short' || cameBack > 10 / step);
  });
}

test('EIO when a name should become durable, then a power cut soon after', async (t) => {
  const kinds: string[] = [];
  await runUntilEnd(new SimDisk({ fate: ({ kind }) => (kinds.push(kind), 'ok') }));
  const cases = kinds.flatMap((kind, number) => (kind === 'syncFolder' ? Array.from({ length: 20 }, (_, i) => [number, number + 1 + i] as const) : []));
  const fates = (i: number) => ({ number }: Operation): Fate => (number === cases[i]?.[0] ? 'EIO' : number === cases[i]?.[1] ? 'power' : 'ok');
  const { states, violations } = await tryCases({ options: (i) => ({ fate: fates(i) }), until: cases.length });
  t.diagnostic(`${cases.length} cases, ${states} crash states`);
  assert.deepEqual(violations, []);
});

test('EIO at every attempt to read, list or find out, then a power cut', async (t) => {
  const { looks } = await undisturbed();
  const { states, violations } = await tryCases({ options: (number) => ({ blind: (look) => look === number }), until: looks + 1 });
  t.diagnostic(`${looks} looks, ${states} crash states`);
  assert.deepEqual(violations, []);
});

test('a start that cannot read leaves everything as it is', async () => {
  const disk = new SimDisk();
  const told = await runUntilEnd(disk);
  const looks = { count: 0 };
  const counting = disk.powerCycle(() => true, { blind: () => (looks.count++, false) });
  assert.equal(await violation(counting, told), undefined);
  for (let number = 0; number < looks.count; number += 1) {
    let blind = true;
    const state = disk.powerCycle(() => true, { blind: (look) => blind && look === number });
    // Where it does without what it could not read, it starts.
    await openOn(state).then((log) => log.close(), () => undefined);
    blind = false;
    assert.equal(await violation(state, told), undefined, `look ${number}`);
  }
});

test('a second failure while coming back, and everything short', async () => {
  const violations: string[] = [];
  for (let number = 30; number < 130; number += 5) {
    for (const fates of [['EIO', 'EIO'], ['EIO', 'ENOSPC'], ['ENOSPC', 'power'], ['EIO', 'power']] as const) {
      for (const distance of [1, 2, 5]) {
        const disk = new SimDisk({ fate: (operation) => (operation.number === number ? fates[0] : operation.number === number + distance ? fates[1] : operation.kind === 'write' ? 'short' : 'ok') });
        const told = await runUntilEnd(disk);
        for (const state of crashStates(disk, number)) {
          const found = await violation(state, told);
          if (found !== undefined) violations.push(`${fates.join('+')} at ${number}+${distance}: ${found}`);
        }
      }
    }
  }
  assert.deepEqual(violations, []);
});
