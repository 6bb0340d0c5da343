import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { AppendLog } from '../append-log.ts';
import { canonical } from '../canonical.ts';
import { openEvidenceLog } from '../open.ts';
import { parseLeaf, readLog, type Leaf } from '../read.ts';
import type { SyncMode } from '../sync-pace.ts';
import { verify } from '../verify/verify.ts';
import { signedOn, treeViolation } from './checkpoints.ts';
import { SimDisk, type SimDiskOptions } from './sim-disk.ts';
import { durable } from './records.ts';
import { runWorkload, type Promised } from './workload.ts';

export const FOLDER = '/data/evidence';
export const KEYS = '/keys';
const ROUNDS = 6;
/** Kinds of records that the log writes of its own accord. */
const OWN: ReadonlySet<string> = new Set(['instance', 'recovery', 'key_event', 'self_check', 'heartbeat', 'clock']);

export const openOn = (disk: SimDisk, sync: SyncMode = 'thread'): Promise<AppendLog> =>
  openEvidenceLog({ folder: FOLDER, keysFolder: KEYS, instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 64 * 1024, disk, sync });

/** What a run has told the world. */
export interface Told {
  readonly promised: readonly Promised[];
  /** Notes of all checkpoints that were signed. */
  readonly signed: ReadonlySet<string>;
  /** How often the log came back from a failure without a restart. */
  readonly cameBack: number;
}

/** Runs the workload on a disk and signs in between; when the disk fails, tries to come back as an operator would. */
export const runUntilEnd = async (disk: SimDisk, sync: SyncMode = 'thread', prelude = 0): Promise<Told> => {
  const signed = new Set<string>();
  let cameBack = 0;
  let log: AppendLog;
  try {
    log = await openOn(disk, sync);
  } catch {
    return { promised: [], signed: signedOn(disk), cameBack };
  }
  signed.add(log.tree.latest()?.note ?? '');
  log.tree.onSigned(({ note }) => signed.add(note));
  const before: Promised[] = [];
  for (let i = 0; i < prelude; i += 1) {
    const record = { kind: 'refusal', code: 'bad_token', network: '10.0.0.0/24', count: i + 1 } as const;
    const ticket = log.append(record);
    before.push({ record, ticket, written: false, durable: false });
    if (i % 20 < 19) continue;
    await durable(ticket);
    await log.prepare();
  }
  const after = await runWorkload(log, 'run', ROUNDS, async () => {
    if (disk.off) return;
    await log.tree.sign().catch(() => undefined);
    await log.prepare();
    if (log.unavailable !== undefined && (await log.recover()) === undefined) cameBack += 1;
  });
  await log.close().catch(() => undefined);
  const promised = [...before, ...after];
  for (const one of promised) one.durable ||= one.ticket.state === 'durable';
  for (const note of signedOn(disk)) signed.add(note);
  return { promised, signed, cameBack };
};

/** What a run does when nothing fails. */
export const undisturbed = async (sync: SyncMode = 'thread', prelude = 0): Promise<SimDisk> => {
  const disk = new SimDisk();
  await runUntilEnd(disk, sync, prelude);
  if (!disk.exists(`${FOLDER}/00000002.seg`)) throw new Error('the workload must reach a second segment');
  return disk;
};

/** The invariants: what a recovered log must hold, whatever the disk did. Gives a sentence for the first that is broken. */
export const violation = async (disk: SimDisk, { promised, signed }: Told): Promise<string | undefined> => {
  try {
    await (await openOn(disk)).close();
  } catch (error) {
    return `it does not open: ${(error as Error).message}`;
  }
  const leaves: Leaf[] = [];
  const bytes: Buffer[] = [];
  for await (const item of readLog(FOLDER, { disk })) {
    if (item.type !== 'leaf') continue;
    leaves.push(parseLeaf(item));
    bytes.push(item.bytes);
  }
  for (const [i, leaf] of leaves.entries()) if (leaf.seq !== i) return `record ${i} is numbered ${leaf.seq}`;
  const texts = leaves.map(({ record }) => canonical(record));
  for (const { record, ticket, durable } of promised) if (durable && texts[ticket.sequence] !== canonical(record)) return `durable record ${ticket.sequence} (${record.kind}) is gone`;
  const appended = new Set(promised.map(({ record }) => canonical(record)));
  const seen = new Set<string>();
  for (const [i, { record }] of leaves.entries()) {
    const text = texts[i] as string;
    if (OWN.has(record.kind)) continue;
    if (!appended.has(text)) return `record ${i} was never appended`;
    if (seen.has(text)) return `record ${i} is there twice`;
    seen.add(text);
  }
  return treeViolation(disk, FOLDER, bytes, signed) ?? (await verdictOf(disk));
};

/** The independent verifier must agree that nothing is altered or missing, and find the key of every body. */
const verdictOf = async (disk: SimDisk): Promise<string | undefined> => {
  // In memory where there is such a place: thousands of small folders.
  const folder = fs.mkdtempSync(join(fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'wicketgate-crash-'));
  try {
    const made = new Set<string>();
    for (const [path, bytes] of disk.files) {
      const parent = dirname(join(folder, path));
      if (!made.has(parent)) fs.mkdirSync(parent, { recursive: true });
      made.add(parent);
      fs.writeFileSync(join(folder, path), bytes);
    }
    const { integrity, completeness, bodies } = await verify(join(folder, FOLDER), { keys: join(folder, KEYS) });
    if (!integrity.ok) return `verification: ${JSON.stringify(integrity.fault)}`;
    if (bodies.withoutKey > 0) return `${bodies.withoutKey} bodies have lost their key`;
    return completeness.verdict === 'complete' ? undefined : `verification: ${completeness.verdict} ${JSON.stringify(completeness.gaps)}`;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
};

type Keep = (what: 'sector' | 'name') => boolean;

/** What a disk may keep of the unsynced: nothing, all, all but one thing, one thing alone, and mixtures. */
const adversaries = (disk: SimDisk, seed: number, thorough: boolean): Keep[] => {
  let state = seed * 2654435761 + 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const mixtures: Keep[] = [() => false, () => true, (what) => what === 'sector', (what) => what === 'name', () => random() < 0.5, () => random() < 0.85];
  if (!thorough) return mixtures;
  let things = 0;
  disk.powerCycle(() => {
    things += 1;
    return true;
  });
  const single = (wanted: number, others: boolean): Keep => {
    let asked = 0;
    return () => (asked++ === wanted ? !others : others);
  };
  const alone = Array.from({ length: things }, (_, i) => [single(i, true), single(i, false)]).flat();
  // Of long writes, some: the middle of a megabyte of zeros tells nothing new.
  const chosen = alone.length <= 24 ? alone : alone.filter((_, i) => i < 8 || i >= alone.length - 8 || random() < 8 / alone.length);
  return [...mixtures, ...chosen];
};

/** The states in which a disk may be when the power comes back, each once. `thorough`: also with each single sector and name lost, or kept alone. */
export const crashStates = (disk: SimDisk, seed: number, thorough = false): SimDisk[] => {
  const states = new Map<string, SimDisk>();
  for (const keep of adversaries(disk, seed, thorough)) {
    const state = disk.powerCycle(keep);
    states.set(fingerprint(state), state);
  }
  return [...states.values()];
};

const fingerprint = (disk: SimDisk): string => {
  const hash = createHash('sha256');
  for (const [path, bytes] of [...disk.files].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  return hash.digest('hex');
};

/** `npm run crash` tries each case. `npm test` takes one of so many, where a test says so: the workload does everything more than once. */
export const oneOf = (many: number): number => (process.env['WICKETGATE_CRASH'] === 'all' ? 1 : many);

export interface Cases {
  /** What the disk does in the case of that number. */
  readonly options: (number: number) => SimDiskOptions;
  /** Cases, from the first. */
  readonly from?: number;
  readonly until: number;
  /** From one case to the next. Default: 1. */
  readonly step?: number;
  readonly sync?: SyncMode;
  readonly prelude?: number;
  readonly stopAtFirst?: boolean;
  /** As in `crashStates`. */
  readonly thorough?: boolean;
}

/** Runs every case, cuts the power at its end, and looks at every state that may be left. */
export const tryCases = async ({ options, from = 0, until, step = 1, sync, prelude, stopAtFirst = false, thorough = false }: Cases): Promise<{ readonly states: number; readonly cameBack: number; readonly signed: number; readonly violations: string[] }> => {
  const violations: string[] = [];
  let [states, cameBack, signed] = [0, 0, 0];
  for (let number = from; number < until && !(stopAtFirst && violations.length > 0); number += step) {
    const disk = new SimDisk(options(number));
    const told = await runUntilEnd(disk, sync, prelude);
    cameBack += told.cameBack;
    signed += told.signed.size;
    for (const state of crashStates(disk, number, thorough)) {
      states += 1;
      const found = await violation(state, told);
      if (found !== undefined) violations.push(`case ${number}: ${found}`);
    }
  }
  return { states, cameBack, signed, violations };
};
