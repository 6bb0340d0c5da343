/** The Merkle tree of RFC 6962 as a browser can compute it. Sizes are safe integers: no bit operations, which stop at 32 bits. */
import { concat, equal, type Sha256 } from './bytes.ts';

const PAIR = Uint8Array.of(1);

/** A tree that grows leaf by leaf, of which the edge is kept. */
export class Tree {
  readonly #sha256: Sha256;
  readonly #pair = new Uint8Array(65);
  #leaf = new Uint8Array(4096);
  /** Roots of complete subtrees by height; what stands at the height of a zero bit of the size is stale. */
  readonly #subtrees: Uint8Array[] = [];
  size = 0;

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
    this.#pair.set(PAIR);
  }

  /** Begins with a tree of `size` leaves whose complete subtrees have those roots, the largest first. False when they are not as many as the size has. */
  begin(size: number, subtrees: readonly Uint8Array[]): boolean {
    const left = [...subtrees].reverse();
    for (let rest = size, height = 0; rest > 0; rest = Math.floor(rest / 2), height += 1) {
      if (rest % 2 === 0) continue;
      const node = left.shift();
      if (node?.length !== 32) return false;
      this.#subtrees[height] = node;
    }
    this.size = size;
    return left.length === 0;
  }

  append(leaf: Uint8Array): void {
    let node = leaf;
    let height = 0;
    for (let rest = this.size; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = this.node(this.#subtrees[height] as Uint8Array, node);
      height += 1;
    }
    this.#subtrees[height] = node;
    this.size += 1;
  }

  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (let rest = this.size, height = 0; rest > 0; rest = Math.floor(rest / 2), height += 1) {
      if (rest % 2 === 0) continue;
      const left = this.#subtrees[height] as Uint8Array;
      root = root === undefined ? left : this.node(left, root);
    }
    return root ?? this.#sha256.of(new Uint8Array(0));
  }

  /** SHA-256(0x00 || leaf). */
  leaf(bytes: Uint8Array): Uint8Array {
    if (bytes.length >= this.#leaf.length) this.#leaf = new Uint8Array(2 * bytes.length);
    this.#leaf.set(bytes, 1);
    return this.#sha256.of(this.#leaf.subarray(0, bytes.length + 1));
  }

  /** SHA-256(0x01 || left || right). */
  node(left: Uint8Array, right: Uint8Array): Uint8Array {
    this.#pair.set(left, 1);
    this.#pair.set(right, 33);
    return this.#sha256.of(this.#pair);
  }

  /** RFC 9162, 2.1.3.2: whether the leaf with that hash stands at `index` of the tree with that root. */
  includes(index: number, size: number, leaf: Uint8Array, path: readonly Uint8Array[], root: Uint8Array): boolean {
    if (index >= size) return false;
    let [fn, sn, node] = [index, size - 1, leaf];
    for (const step of path) {
      if (sn === 0 || step.length !== 32) return false;
      if (fn % 2 === 1 || fn === sn) {
        node = this.node(step, node);
        while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
      } else node = this.node(node, step);
      [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    }
    return sn === 0 && equal(node, root);
  }

  /** RFC 9162, 2.1.4.2: whether the tree of `first` leaves is the beginning of the one of `second`. */
  extends(first: number, firstRoot: Uint8Array, second: number, secondRoot: Uint8Array, path: readonly Uint8Array[]): boolean {
    if (first === 0 || first > second || path.some(({ length }) => length !== 32)) return false;
    if (first === second) return path.length === 0 && equal(firstRoot, secondRoot);
    const whole = Number.isInteger(Math.log2(first)) && 2 ** Math.round(Math.log2(first)) === first;
    const [start, ...steps] = whole ? [firstRoot, ...path] : path;
    if (!start) return false;
    let [fn, sn] = [first - 1, second - 1];
    while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    let [older, newer] = [start, start];
    for (const step of steps) {
      if (sn === 0) return false;
      if (fn % 2 === 1 || fn === sn) {
        older = this.node(step, older);
        newer = this.node(step, newer);
        while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
      } else newer = this.node(newer, step);
      [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    }
    return sn === 0 && equal(older, firstRoot) && equal(newer, secondRoot);
  }
}

/** The digest of several pieces. */
export const digest = (sha256: Sha256, ...parts: readonly Uint8Array[]): Uint8Array => sha256.of(concat(...parts));
