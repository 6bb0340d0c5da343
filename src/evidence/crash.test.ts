import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { AppendLog } from './append-log.ts';
import { canonical } from './canonical.ts';
import { openEvidenceLog } from './open.ts';
import { parseLeaf, readLog, type Leaf } from './read.ts';
import { SimDisk, type Fate, type Operation } from './testdata/sim-disk.ts';
import { runWorkload, type Promised } from './testdata/workload.ts';
import { verify } from './verify/verify.ts';

const FOLDER = '/data/evidence';
const KEYS = '/keys';
const open = (disk: SimDisk): Promise<AppendLog> => openEvidenceLog({ folder: FOLDER, keysFolder: KEYS, instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 64 * 1024, disk });

const ROUNDS = 6;

/** How often a log came back from a failure without a restart, over all cases: the tests below must have seen it. */
let cameBack = 0;

/** Runs the workload on a disk; when the disk fails, tries to come back as an operator would. Gives what was promised until the end. */
const runUntilEnd = async (disk: SimDisk): Promise<Promised[]> => {
  let log: AppendLog;
  try {
    log = await open(disk);
  } catch {
    return [];
  }
  const promised = await runWorkload(log, 'run', ROUNDS, async () => {
    if (log.unavailable === undefined || disk.off) return;
    if ((await log.recover()) === undefined) cameBack += 1;
  });
  await log.close().catch(() => undefined);
  for (const one of promised) one.durable ||= one.ticket.state === 'durable';
  return promised;
};

/** The invariants: what a recovered log must hold, whatever the disk did. Gives a sentence for the first that is broken. */
const violation = async (disk: SimDisk, promised: readonly Promised[], survives: 'durable' | 'written'): Promise<string | undefined> => {
  let log: AppendLog;
  try {
    log = await open(disk);
  } catch (error) {
    return `it does not open: ${(error as Error).message}`;
  }
  await log.close();
  const leaves: Leaf[] = [];
  for await (const item of readLog(FOLDER, { disk })) if (item.type === 'leaf') leaves.push(parseLeaf(item));
  for (const [i, leaf] of leaves.entries()) if (leaf.seq !== i) return `record ${i} is numbered ${leaf.seq}`;
  const texts = leaves.map(({ record }) => canonical(record));
  for (const { record, ticket, durable, written } of promised) {
    if (!(survives === 'durable' ? durable : durable || written)) continue;
    if (texts[ticket.sequence] !== canonical(record)) return `${survives} record ${ticket.sequence} (${record.kind}) is gone`;
  }
  const appended = new Set(promised.map(({ record }) => canonical(record)));
  const seen = new Set<string>();
  for (const [i, { record }] of leaves.entries()) {
    const text = texts[i] as string;
    if (record.kind === 'instance' || record.kind === 'recovery') continue;
    if (!appended.has(text)) return `record ${i} was never appended`;
    if (seen.has(text)) return `record ${i} is there twice`;
    seen.add(text);
  }
  return verdictOf(disk);
};

/** The independent verifier must agree that nothing is altered or missing. */
const verdictOf = async (disk: SimDisk): Promise<string | undefined> => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'wicketgate-crash-'));
  try {
    for (const [path, bytes] of disk.files) {
      fs.mkdirSync(dirname(join(folder, path)), { recursive: true });
      fs.writeFileSync(join(folder, path), bytes);
    }
    const { integrity, completeness } = await verify(join(folder, FOLDER), { keys: join(folder, KEYS) });
    if (!integrity.ok) return `verification: ${JSON.stringify(integrity.fault)}`;
    return completeness.verdict === 'complete' ? undefined : `verification: ${completeness.verdict} ${JSON.stringify(completeness.gaps)}`;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
};

/** What a disk may keep of the unsynced: nothing, all, and mixtures. */
const adversaries = (seed: number): ((what: 'sector' | 'name') => boolean)[] => {
  let state = seed * 2654435761 + 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return [() => false, () => true, (what) => what === 'sector', (what) => what === 'name', () => random() < 0.5, () => random() < 0.85];
};

const at = (number: number, fate: Fate) => (operation: Operation): Fate => (operation.number === number ? fate : 'ok');

const countOperations = async (): Promise<number> => {
  const disk = new SimDisk();
  await runUntilEnd(disk);
  assert.ok(disk.exists(`${FOLDER}/00000002.seg`), 'the workload must reach a second segment');
  return disk.operations;
};

/** Cuts the power at every operation, with every adversary; gives the violations. */
const cutEverywhere = async (options: { readonly ignoreSync?: boolean; readonly stopAtFirst?: boolean }): Promise<{ cases: number; violations: string[] }> => {
  const operations = await countOperations();
  const violations: string[] = [];
  let cases = 0;
  for (let number = 0; number <= operations; number += 1) {
    const disk = new SimDisk({ fate: at(number, 'power'), ignoreSync: options.ignoreSync ?? false });
    const promised = await runUntilEnd(disk);
    for (const keep of adversaries(number)) {
      cases += 1;
      const found = await violation(disk.powerCycle(keep), promised, 'durable');
      if (found !== undefined) violations.push(`power cut at operation ${number}: ${found}`);
      if (found !== undefined && options.stopAtFirst) return { cases, violations };
    }
  }
  return { cases, violations };
};

test('a power cut at every operation: what was durable is recovered, nothing is made up', async (t) => {
  const { cases, violations } = await cutEverywhere({});
  t.diagnostic(`${cases} crash states`);
  assert.deepEqual(violations, []);
  assert.ok(cases > 500);
});

test('the same with syncs that do nothing must fail: else the test above proves nothing', async () => {
  const { violations } = await cutEverywhere({ ignoreSync: true, stopAtFirst: true });
  assert.equal(violations.length, 1);
});

for (const fate of ['EIO', 'ENOSPC', 'short'] as const) {
  test(`${fate} at every operation, then a power cut`, async (t) => {
    const operations = await countOperations();
    const violations: string[] = [];
    cameBack = 0;
    for (let number = 0; number <= operations; number += 1) {
      const disk = new SimDisk({ fate: at(number, fate) });
      const promised = await runUntilEnd(disk);
      for (const keep of adversaries(number)) {
        const found = await violation(disk.powerCycle(keep), promised, 'durable');
        if (found !== undefined) violations.push(`${fate} at operation ${number}: ${found}`);
      }
    }
    t.diagnostic(`${operations + 1} operations, ${cameBack} times back without a restart`);
    assert.deepEqual(violations, []);
    assert.ok(fate === 'short' || cameBack > 10);
  });
}

test('a second failure while coming back, and everything short', async () => {
  const violations: string[] = [];
  for (let number = 20; number < 100; number += 5) {
    for (const fates of [['EIO', 'EIO'], ['EIO', 'ENOSPC'], ['ENOSPC', 'power'], ['EIO', 'power']] as const) {
      for (const distance of [1, 2, 5]) {
        const disk = new SimDisk({ fate: (operation) => (operation.number === number ? fates[0] : operation.number === number + distance ? fates[1] : operation.kind === 'write' ? 'short' : 'ok') });
        const promised = await runUntilEnd(disk);
        for (const keep of adversaries(number)) {
          const found = await violation(disk.powerCycle(keep), promised, 'durable');
          if (found !== undefined) violations.push(`${fates.join('+')} at ${number}+${distance}: ${found}`);
        }
      }
    }
  }
  assert.deepEqual(violations, []);
});
