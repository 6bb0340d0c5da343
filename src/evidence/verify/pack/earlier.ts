import { fromBase64, isCount, objectIn, type Sha256 } from './bytes.ts';
import { readLeaf, type Leaf } from './leaf.ts';
import type { LogStatement } from './manifest.ts';
import { Tree } from './tree.ts';
import type { Findings } from './verdict.ts';
import type { Zip } from './zip.ts';

const MOST_EARLIER = 256 * 1024 * 1024;

/** Records from before the opening checkpoint, each with a proof under the closing one. Those whose proof fails are left out, with a fault. */
export const earlierLeaves = async (zip: Zip, statement: LogStatement, root: Uint8Array, sha256: Sha256, { fault }: Findings): Promise<Leaf[]> => {
  const file = `${statement.folder}/log/earlier.jsonl`;
  const tree = new Tree(sha256);
  const leaves: Leaf[] = [];
  const lines = (await zip.text(file, MOST_EARLIER)).split('\n');
  if (lines.pop() !== '') fault({ what: 'its last line is cut', file, log: statement.log });
  let before = -1;
  for (const [i, text] of lines.entries()) {
    const { sequence, leaf: coded, path } = objectIn(text) ?? {};
    const wrong = (what: string): void => fault({ what, file, line: i + 1, log: statement.log, ...(isCount(sequence) ? { sequence } : {}) });
    const bytes = typeof coded === 'string' ? fromBase64(coded) : undefined;
    const steps = Array.isArray(path) && path.length <= 64 ? path.map((step) => (typeof step === 'string' ? fromBase64(step) : undefined)) : [undefined];
    if (!isCount(sequence) || !bytes || text !== JSON.stringify({ sequence, leaf: coded, path }) || !steps.every((step) => step !== undefined)) {
      wrong('it is no record with a proof');
      continue;
    }
    if (sequence <= before || sequence >= statement.opening.size) wrong('it stands out of order, or not before the opening checkpoint');
    before = Math.max(before, sequence);
    const leaf = readLeaf(bytes);
    if (typeof leaf === 'string') wrong(`the record cannot be read: ${leaf}`);
    else if (leaf.seq !== sequence || leaf.log !== statement.log) wrong('it is another record than it says');
    else if (!tree.includes(sequence, statement.closing.size, tree.leaf(bytes), steps, root)) wrong('its proof does not lead to the root of the closing checkpoint');
    else leaves.push(leaf);
  }
  return leaves;
};
