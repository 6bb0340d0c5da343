import { Approvals } from '../approvals.ts';
import { inHex } from './bytes.ts';
import { Coverage, type CoverageReport } from './coverage.ts';
import { Elapsed } from './elapsed.ts';
import { Follow } from './follow.ts';
import type { Keys } from './keys.ts';
import { entriesIn, LeavesCut, readLeaf, type Leaf } from './leaf.ts';
import type { LogStatement, Manifest } from './manifest.ts';
import { Rows, type Emit } from './rows.ts';
import type { Roots } from './signatures.ts';
import type { Tree } from './tree.ts';
import type { Findings } from './verdict.ts';
import type { Zip } from './zip.ts';

const MOST_LEAF = 60 * 1024;

/** Called often enough that a page can draw and react. */
export type Breathe = (records: number) => Promise<void> | void;

export interface WalkParts {
  readonly zip: Zip;
  readonly statement: LogStatement;
  readonly query: Manifest['query'];
  readonly earlier: readonly Leaf[];
  readonly keys: Keys;
  readonly roots: Roots;
  readonly tree: Tree;
  readonly findings: Findings;
  readonly emit: Emit;
  readonly breathe: Breathe;
}

export interface Walked {
  readonly records: number;
  readonly coverage: CoverageReport;
  /** The last record was the stop of a run. */
  readonly stopped: boolean;
  /** Milliseconds from the first record to the last. */
  readonly passedMs: number;
}

/** All records of a log in a pack, once: their tree, their chain, and what follows from those of the period. Throws FileDamaged. */
export const walk = async ({ zip, statement, query, earlier, keys, roots, tree, findings, emit, breathe }: WalkParts): Promise<Walked> => {
  const { log, period, opening, folder } = statement;
  const file = `${folder}/log/leaves.bin`;
  const rows = new Rows(emit);
  const coverage = new Coverage();
  const elapsed = new Elapsed();
  const follow = new Follow((gap) => findings.gap({ ...gap, log }));
  const approvals = new Approvals((what, sequence, session) => findings.gap({ what, sequence, log, ...(session === undefined ? {} : { session }) }), opening.size > 0);
  let prev = opening.size === 0 ? '0'.repeat(64) : undefined;
  let last: Leaf | undefined;
  for (const leaf of earlier) {
    rows.before(leaf);
    if (leaf.record.kind === 'session_open') follow.carry(String(leaf.record['session']));
    enrol(leaf, findings);
  }
  const wrong = (what: string, sequence: number): void => findings.fault({ what, file, log, sequence });
  if (roots.asks(tree.size)) roots.compare(tree.size, tree.root());
  try {
    for await (const entries of entriesIn(zip.read(file))) {
      for (const bytes of entries) {
        const sequence = tree.size;
        const hash = tree.leaf(bytes);
        tree.append(hash);
        if (roots.asks(tree.size)) roots.compare(tree.size, tree.root());
        const leaf = bytes.length > MOST_LEAF ? 'it is longer than a record may be' : readLeaf(bytes);
        if (typeof leaf === 'string') {
          wrong(`the record cannot be read: ${leaf}`, sequence);
          prev = undefined;
          continue;
        }
        if (leaf.log !== log || leaf.seq !== sequence) wrong(`here stands record ${leaf.seq} of ${leaf.log.slice(0, 100)}`, sequence);
        if (prev !== undefined && leaf.prev !== prev) wrong('it does not follow on the record before', sequence);
        prev = inHex(hash);
        bounds(leaf, sequence, last, statement, query, findings);
        last = leaf;
        elapsed.take(leaf);
        roots.began(sequence, elapsed.passed);
        follow.take(leaf);
        approvals.take(leaf.record, sequence);
        if (leaf.record.kind === 'key_event') {
          const why = await keys.record(leaf);
          if (why !== undefined) wrong(why, sequence);
        } else enrol(leaf, findings);
        if (sequence >= period.end) continue;
        if (sequence < period.first) {
          rows.before(leaf);
          coverage.before(leaf);
        } else {
          rows.take(leaf);
          coverage.take(leaf);
        }
      }
      await breathe(entries.length);
    }
  } catch (error) {
    if (!(error instanceof LeavesCut)) throw error;
    wrong(error.message, tree.size);
  }
  rows.finish();
  follow.finish();
  const stopped = last?.record.kind === 'instance' && last.record['event'] === 'stop';
  return { records: tree.size - opening.size, coverage: coverage.report(), stopped, passedMs: elapsed.passed };
};

/** The period begins and ends with the records that the manifest says. */
const bounds = (leaf: Leaf, sequence: number, before: Leaf | undefined, { log, period }: LogStatement, { from, to }: Manifest['query'], { fault }: Findings): void => {
  if (sequence === period.first && period.first < period.end && leaf.time < from) fault({ what: `the period is said to begin with record ${sequence}, which was written before it, at ${leaf.time}`, log, sequence });
  if (sequence === period.first && before && before.time >= from) fault({ what: `record ${sequence - 1} was written in the period, at ${before.time}, but is left out of it`, log, sequence: sequence - 1 });
  if (sequence === period.end && leaf.time < to) fault({ what: `record ${sequence} was written in the period, at ${leaf.time}, but is left out of it`, log, sequence });
  if (sequence === period.end && before && period.first < period.end && before.time >= to) fault({ what: `record ${sequence - 1} was written after the period, at ${before.time}, but is counted to it`, log, sequence: sequence - 1 });
};

/** Other logs that this one tells of. */
const enrol = ({ record }: Leaf, { roster }: Findings): void => {
  if (record.kind !== 'instance' || !Array.isArray(record['roster'])) return;
  for (const name of record['roster'] as unknown[]) if (typeof name === 'string' && name.length <= 512 && roster.size < 10_000) roster.add(name);
};

