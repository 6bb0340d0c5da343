/**
 * The Merkle tree of RFC 6962 (the same as RFC 9162's): hashing, the compact right edge of a growing tree, proofs and their
 * verification. Sizes and indices are safe integers; no bit operations, which stop at 32 bits.
 */
import { hash } from 'node:crypto';

/** Bytes of a hash. */
export const HASH_BYTES = 32;

/** Root of the tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer');

/** SHA-256(0x00 || entry). */
export const leafHash = (entry: Uint8Array): Buffer => {
  const bytes = Buffer.allocUnsafe(1 + entry.length);
  bytes[0] = 0;
  bytes.set(entry, 1);
  return hash('sha256', bytes, 'buffer');
};

/** Not shared with anything that could run in between: hashing is synchronous. */
const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** SHA-256(0x01 || left || right). */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer => {
  pair.set(left, 1);
  pair.set(right, 1 + HASH_BYTES);
  // By way of a string, which costs less than half of what a buffer from the digest does; there is one of these for each record.
  return Buffer.from(hash('sha256', pair, 'latin1'), 'latin1');
};

/** Hash of the complete subtree of 2^level leaves that begins at leaf index * 2^level. Throws when it is not there. */
export type NodeSource = (level: number, index: number) => Buffer;

/** A proof, a root or a tree that is not what it has to be. */
export class BadTree extends Error {}

/** Largest power of two below `n`, for n > 1, and its exponent. */
const splitOf = (n: number): { readonly size: number; readonly level: number } => {
  let size = 1;
  let level = 0;
  while (size * 2 < n) {
    size *= 2;
    level += 1;
  }
  return { size, level };
};

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n)) && 2 ** Math.round(Math.log2(n)) === n;

/** MTH(D[start:end]) where `start` is a place at which RFC 6962 splits. */
const rangeRoot = (start: number, end: number, nodes: NodeSource): Buffer => {
  const n = end - start;
  if (isPowerOfTwo(n)) return nodes(Math.round(Math.log2(n)), start / n);
  const { size, level } = splitOf(n);
  return nodeHash(nodes(level, start / size), rangeRoot(start + size, end, nodes));
};

/** The root of the tree's first `size` leaves. */
export const rootAt = (size: number, nodes: NodeSource): Buffer => (size === 0 ? EMPTY_ROOT : rangeRoot(0, size, nodes));

/** PATH(index, D[0:size]) of RFC 6962 2.1.1: from the leaf's sibling up. */
export const inclusionProof = (index: number, size: number, nodes: NodeSource): Buffer[] => {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size) throw new BadTree(`a tree of ${size} leaves has no leaf ${index}`);
  const proof: Buffer[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start).size;
    if (index < middle) {
      proof.push(rangeRoot(middle, end, nodes));
      end = middle;
    } else {
      proof.push(rangeRoot(start, middle, nodes));
      start = middle;
    }
  }
  return proof.reverse();
};

/** PROOF(first, D[0:second]) of RFC 6962 2.1.2. Empty for equal sizes and for `first` 0. */
export const consistencyProof = (first: number, second: number, nodes: NodeSource): Buffer[] => {
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second) || first < 0 || first > second) throw new BadTree(`a tree of ${second} leaves does not contain one of ${first}`);
  if (first === 0 || first === second) return [];
  const proof: Buffer[] = [];
  let [start, end, whole] = [0, second, true];
  while (end !== first) {
    const middle = start + splitOf(end - start).size;
    if (first <= middle) {
      proof.push(rangeRoot(middle, end, nodes));
      end = middle;
    } else {
      proof.push(rangeRoot(start, middle, nodes));
      start = middle;
      whole = false;
    }
  }
  if (!whole) proof.push(rangeRoot(start, end, nodes));
  return proof.reverse();
};

/** RFC 9162 2.1.3.2: the root that the proof leads to, or undefined when the proof has not the right form. */
export const rootFromInclusion = (index: number, size: number, leaf: Buffer, proof: readonly Buffer[]): Buffer | undefined => {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size) return undefined;
  let [fn, sn, root] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (sn === 0) return undefined;
    if (fn % 2 === 1 || fn === sn) {
      root = nodeHash(sibling, root);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
    } else root = nodeHash(root, sibling);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 ? root : undefined;
};

/** Whether the leaf with that hash stands at `index` of the tree of `size` leaves with that root. */
export const verifyInclusion = (index: number, size: number, leaf: Buffer, proof: readonly Buffer[], root: Buffer): boolean => rootFromInclusion(index, size, leaf, proof)?.equals(root) === true;

/** RFC 9162 2.1.4.2: whether the tree of `first` leaves is the beginning of the one of `second`. */
export const verifyConsistency = (first: number, firstRoot: Buffer, second: number, secondRoot: Buffer, proof: readonly Buffer[]): boolean => {
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second) || first < 0 || first > second) return false;
  if (first === second) return proof.length === 0 && firstRoot.equals(secondRoot);
  if (first === 0) return proof.length === 0 && firstRoot.equals(EMPTY_ROOT);
  const path = isPowerOfTwo(first) ? [firstRoot, ...proof] : proof;
  const start = path[0];
  if (!start) return false;
  let [fn, sn] = [first - 1, second - 1];
  while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  let [older, newer] = [start, start];
  for (const hashed of path.slice(1)) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      older = nodeHash(hashed, older);
      newer = nodeHash(hashed, newer);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
    } else newer = nodeHash(newer, hashed);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && older.equals(firstRoot) && newer.equals(secondRoot);
};

/**
 * The right edge of a growing tree: for each bit of its size the root of one complete subtree. Enough to take further leaves
 * and to give the root, however large the tree is.
 */
export class CompactEdge {
  #size = 0;
  /** By level; undefined where the size has no bit. */
  readonly #nodes: (Buffer | undefined)[] = [];

  /** The edge of the tree's first `size` leaves. */
  static at(size: number, nodes: NodeSource): CompactEdge {
    const edge = new CompactEdge();
    edge.#size = size;
    for (let level = 0, width = 1; width <= size; level += 1, width *= 2) {
      const index = Math.floor(size / width);
      edge.#nodes[level] = index % 2 === 1 ? nodes(level, index - 1) : undefined;
    }
    return edge;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes the next leaf's hash. `completed` hears of each subtree that it completes, from the leaf itself (level 0) up. */
  push(leaf: Buffer, completed?: (level: number, node: Buffer) => void): void {
    let node = leaf;
    let level = 0;
    completed?.(0, node);
    for (let left = this.#nodes[0]; left !== undefined; left = this.#nodes[level]) {
      node = nodeHash(left, node);
      this.#nodes[level] = undefined;
      level += 1;
      completed?.(level, node);
    }
    this.#nodes[level] = node;
    this.#size += 1;
  }

  root(): Buffer {
    let root: Buffer | undefined;
    for (const node of this.#nodes) if (node) root = root ? nodeHash(node, root) : node;
    return root ?? EMPTY_ROOT;
  }
}
