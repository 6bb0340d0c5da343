/** Several logs together: which of those that they tell of are not among them. */
import type { KeptCheckpoint } from './checkpoints.ts';
import { BODY, LEAF, SEGMENT, SegmentReader } from './frames.ts';
import { readLeaf } from './leaf.ts';
import { predecessorOf } from './records.ts';
import { statOf } from './stat.ts';
import type { Verdict } from './verdict.ts';

/** A log that was not given, and one that tells of it. */
export interface MissingLog {
  readonly log: string;
  readonly namedBy: string;
}

/**
 * Logs that the rosters name, or whose place a log took, and that are not there. A roster names a log in full, or by deployment and
 * instance when its last part was not known.
 */
export const missingLogs = (verdicts: readonly Verdict[]): MissingLog[] => {
  const there = verdicts.flatMap(({ log }) => (log === undefined ? [] : [log]));
  const missing = new Map<string, MissingLog>();
  for (const { log: namedBy = '?', roster, follows } of verdicts) {
    for (const log of follows === undefined ? roster : [...roster, follows]) {
      const known = there.some((one) => one === log || (log.split('/').length === 2 && one.startsWith(`${log}/`)));
      if (!known && !missing.has(log)) missing.set(log, { log, namedBy });
    }
  }
  return [...missing.values()];
};

/** What the first record of each folder says about the log before: a checkpoint that the one before must hold. */
export const predecessors = (folders: readonly string[]): KeptCheckpoint[] =>
  folders.flatMap((folder) => {
    const leaf = firstLeaf(folder);
    const before = leaf && predecessorOf(leaf.record['follows']);
    if (!before) return [];
    return [{ source: `the first record of ${leaf.log}, which took its place`, checkpoint: { origin: before.log, size: before.size, root: before.root, note: { text: '', signatures: [] } } }];
  });

const firstLeaf = (folder: string): Exclude<ReturnType<typeof readLeaf>, string> | undefined => {
  const path = `${folder}/00000000.seg`;
  if (statOf(path)?.isFile() !== true) return undefined;
  const reader = new SegmentReader(path);
  try {
    while (reader.next()) {
      if (reader.type === SEGMENT || reader.type === BODY) continue;
      const leaf = reader.type === LEAF ? readLeaf(reader.payload()) : 'none';
      return typeof leaf === 'string' || leaf.seq !== 0 ? undefined : leaf;
    }
    return undefined;
  } finally {
    reader.close();
  }
};
