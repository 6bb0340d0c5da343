import { merkleRoot, signedViolation, sizeAndRoot } from '../../../test/kit/checkpoints.ts';
import type { SimDisk } from './sim-disk.ts';

/** Every checkpoint that somebody could read on the disk: shown, in the history, or in the lock. */
export const signedOn = (disk: SimDisk): Set<string> => {
  const notes = new Set<string>();
  for (const [path, bytes] of disk.files) {
    const text = bytes.toString('utf8');
    if (path.endsWith('/tlog/checkpoint')) notes.add(text);
    for (const line of path.endsWith('.jsonl') ? text.split('\n') : []) {
      try {
        notes.add((JSON.parse(line) as { note: string }).note);
      } catch {
        // A line that the power cut.
      }
    }
  }
  return notes;
};

/** The same, and the newest checkpoint that is shown must cover all of it. */
export const treeViolation = (disk: SimDisk, folder: string, entries: readonly Uint8Array[], signed: ReadonlySet<string>): string | undefined => {
  const broken = signedViolation(entries, signed);
  if (broken !== undefined) return broken;
  const shown = sizeAndRoot(disk.files.get(`${folder}/tlog/checkpoint`)?.toString('utf8') ?? '');
  if (shown?.size !== entries.length) return `the recovered log of ${entries.length} records shows a checkpoint over ${shown?.size}`;
  return merkleRoot(entries).toString('base64') === shown.root ? undefined : 'the checkpoint that is shown after recovery does not agree with the records';
};
