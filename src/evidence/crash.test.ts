import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOLDER, oneOf, runUntilEnd, tryCases, undisturbed } from './testdata/crash-cases.ts';
import { at, SimDisk } from './testdata/sim-disk.ts';

for (const sync of ['thread', 'loop'] as const) {
  // What is on the disk is the same in both ways.
  const step = sync === 'thread' ? 1 : oneOf(3);
  test(`a power cut at every ${step === 1 ? '' : 'third '}operation, syncs on the ${sync}: what was durable is recovered, nothing is made up, no checkpoint is taken back`, async (t) => {
    const { operations } = await undisturbed(sync);
    const { states, signed, violations } = await tryCases({ options: (number) => ({ fate: at(number, 'power') }), until: operations + 1, step, sync, thorough: sync === 'thread' });
    t.diagnostic(`${operations} operations, ${states} crash states, ${signed} checkpoints`);
    assert.deepEqual(violations, []);
    assert.ok(states > (sync === 'thread' ? 1000 : 400 / step) && signed > operations / step);
  });
}

test('a power cut at every operation while tiles become full', async (t) => {
  const prelude = 235;
  const { operations } = await undisturbed('thread', prelude);
  const tiles: number[] = [];
  await runUntilEnd(new SimDisk({ fate: ({ number, path }) => (path.includes('/tlog/tile/') && tiles.push(number), 'ok') }), 'thread', prelude);
  assert.ok(tiles.length > 3, 'the workload must fill a tile');
  const { states, violations } = await tryCases({ options: (number) => ({ fate: at(number, 'power') }), from: (tiles[0] as number) - 5, until: Math.min(operations, (tiles.at(-1) as number) + 12), prelude, thorough: true });
  t.diagnostic(`${tiles.length} operations on tiles, ${states} crash states`);
  assert.deepEqual(violations, []);
});

type Ignored = (path: string, kind: 'sync' | 'syncFolder') => boolean;

/** Of records, once the segment itself has been made with two syncs. */
const ofRecords = (): Ignored => {
  const syncs = new Map<string, number>();
  return (path, kind) => {
    if (kind !== 'sync' || !path.includes('.seg')) return false;
    syncs.set(path, (syncs.get(path) ?? 0) + 1);
    return (syncs.get(path) ?? 0) > 2;
  };
};

const MUTATIONS: Readonly<Record<string, Ignored>> = {
  'all syncs': () => true,
  'syncs of segments': (path, kind) => kind === 'sync' && path.includes('.seg'),
  'syncs of the log folder': (path, kind) => kind === 'syncFolder' && path === FOLDER,
  'syncs of data keys': (path, kind) => kind === 'sync' && path.includes('/sealing/'),
  'syncs of the folder of data keys': (path, kind) => kind === 'syncFolder' && path.includes('/sealing/'),
  'syncs of the key-encryption key': (path, kind) => kind === 'sync' && path.includes('sealing.kek'),
  'syncs of the signing key': (path, kind) => kind === 'sync' && path.includes('/signing/'),
  'syncs of the checkpoint lock': (path, kind) => kind === 'sync' && path.includes('/checkpoint-lock/'),
};
const mutations: readonly (readonly [string, () => Ignored])[] = [['syncs of records', ofRecords], ...Object.entries(MUTATIONS).map(([what, ignored]) => [what, () => ignored] as const)];
for (const [what, make] of mutations) {
  test(`the same with ${what} doing nothing must fail: else the tests above prove nothing`, async (t) => {
    const { operations } = await undisturbed();
    const { violations } = await tryCases({ options: (number) => ({ fate: at(number, 'power'), ignoreSync: make() }), until: operations + 1, stopAtFirst: true });
    assert.ok(violations.length > 0);
    t.diagnostic(violations[0] as string);
  });
}
