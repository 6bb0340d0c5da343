/**
 * The Merkle tree of RFC 6962 (the same as that of RFC 9162), as a verifier needs it: grown leaf by leaf, holding one hash for
 * each level. A digest is a text of 32 characters of one byte each: node:crypto gives that faster than it gives a Buffer.
 */
import { hash } from 'node:crypto';

export type Digest = string;

/** Root of the tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Digest = hash('sha256', Buffer.alloc(0), 'latin1');

const pair = Buffer.alloc(65);
pair[0] = 1;

/** SHA-256(0x01 || left || right). */
const interior = (left: Digest, right: Digest): Digest => {
  pair.write(left, 1, 32, 'latin1');
  pair.write(right, 33, 32, 'latin1');
  return hash('sha256', pair, 'latin1');
};

/** SHA-256(0x00 || leaf). */
export const leafDigest = (leaf: Buffer): Digest => hash('sha256', Buffer.concat([Buffer.of(0), leaf]), 'latin1');

export const inBase64 = (digest: Digest): string => Buffer.from(digest, 'latin1').toString('base64');
export const inHex = (digest: Digest): string => Buffer.from(digest, 'latin1').toString('hex');

/** The digest that a base64 text stands for, in the one way it may be written; undefined for anything else. */
export const digestOf = (base64: string): Digest | undefined => {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === 32 && bytes.toString('base64') === base64 ? bytes.toString('latin1') : undefined;
};

/** The right edge of a growing tree: the roots of the whole subtrees that it is made of, one bit of its size each. */
export class TreeEdge {
  size = 0;
  /** By height; what stands at the height of a zero bit of the size is stale. */
  readonly #subtrees: Digest[] = [];
  readonly #onTile: ((level: number, digest: Digest) => void) | undefined;

  /** `onTile` is given each hash that a tile holds: level 0 all leaves, level 1 the roots of 256 leaves each, and so on. */
  constructor(onTile?: (level: number, digest: Digest) => void) {
    this.#onTile = onTile;
  }

  append(leaf: Digest): void {
    let node = leaf;
    let height = 0;
    this.#onTile?.(0, node);
    for (let rest = this.size; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = interior(this.#subtrees[height] as Digest, node);
      height += 1;
      if (height % 8 === 0) this.#onTile?.(height / 8, node);
    }
    this.#subtrees[height] = node;
    this.size += 1;
  }

  root(): Digest {
    let root: Digest | undefined;
    for (let rest = this.size, height = 0; rest > 0; rest = Math.floor(rest / 2), height += 1) {
      if (rest % 2 === 0) continue;
      const left = this.#subtrees[height] as Digest;
      root = root === undefined ? left : interior(left, root);
    }
    return root ?? EMPTY_ROOT;
  }
}

/** RFC 9162, section 2.1.3.2: the root that a leaf and its inclusion path lead to; undefined when the path has not the right length. */
export const rootOfInclusion = (index: number, size: number, leaf: Digest, path: readonly Digest[]): Digest | undefined => {
  if (index >= size) return undefined;
  let fn = index;
  let sn = size - 1;
  let root = leaf;
  for (const step of path) {
    if (sn === 0) return undefined;
    if (fn % 2 === 1 || fn === sn) {
      root = interior(step, root);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
    } else {
      root = interior(root, step);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 ? root : undefined;
};
