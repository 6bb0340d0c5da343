import type { Digest } from './tree.ts';

/** How many checkpoints are compared: one a minute for two years. */
const MOST = 1 << 20;
const FIRST = 1 << 8;

const NOT_REACHED = 0;
const AGREES = 1;
const DIFFERS = 2;

/** What became of one checkpoint when the records were followed to its size. */
export type Comparison = 'beyond' | 'agrees' | 'differs' | 'unchecked';

/**
 * Size and root of every checkpoint, so that each is compared the moment the tree has its size. They come in any order; memory is
 * 53 bytes for each, whatever is in the notes.
 */
export class CheckpointTable {
  #sizes = new Float64Array(FIRST);
  #roots = Buffer.alloc(FIRST * 32);
  #found = new Uint8Array(FIRST);
  /** How much time the records had seen pass at the first record behind each. */
  #followed = new Float64Array(0);
  #order = new Uint32Array(0);
  #next = 0;
  /** In the order of size: the first of those that were reached last. */
  #newest = 0;
  count = 0;
  unchecked = 0;
  /** The size at which the tree is asked for next; Infinity when there is none. */
  due = Infinity;
  /** The size that was reached last. */
  size = -1;

  /** Gives the number under which it can be asked for. */
  add(size: number, root: Digest): number {
    if (this.count === MOST) {
      this.unchecked += 1;
      return -1;
    }
    if (this.count === this.#sizes.length) this.#grow();
    this.#sizes[this.count] = size;
    this.#roots.write(root, this.count * 32, 32, 'latin1');
    this.count += 1;
    return this.count - 1;
  }

  /** No more are added: in order of size from here on. */
  begin(): void {
    this.#order = Uint32Array.from({ length: this.count }, (_, i) => i).sort((a, b) => (this.#sizes[a] as number) - (this.#sizes[b] as number));
    this.#followed = new Float64Array(this.count).fill(Number.NaN);
    this.#await();
  }

  /** The tree has the size that is due. */
  reached(root: Digest): void {
    const size = this.due;
    this.size = size;
    this.#newest = this.#next;
    while (this.due === size) {
      const index = this.#order[this.#next] as number;
      this.#found[index] = this.#roots.toString('latin1', index * 32, index * 32 + 32) === root ? AGREES : DIFFERS;
      this.#next += 1;
      this.#await();
    }
  }

  /** The first record behind the size that was reached last; so much time had passed. */
  goesOn(passed: number): void {
    for (let i = this.#newest; i < this.#next; i += 1) this.#followed[this.#order[i] as number] = passed;
  }

  /** The time that had passed at the first record that this one does not cover; undefined when it covers all. */
  followedAt(index: number): number | undefined {
    const passed = this.#followed[index];
    return passed === undefined || Number.isNaN(passed) ? undefined : passed;
  }

  sizeOf(index: number): number {
    return this.#sizes[index] as number;
  }

  comparison(index: number): Comparison {
    if (index >= this.count) return 'unchecked';
    const found = this.#found[index];
    return found === AGREES ? 'agrees' : found === DIFFERS ? 'differs' : 'beyond';
  }

  #await(): void {
    this.due = this.#next < this.count ? (this.#sizes[this.#order[this.#next] as number] as number) : Infinity;
  }

  #grow(): void {
    const [sizes, roots] = [this.#sizes, this.#roots];
    this.#sizes = new Float64Array(sizes.length * 2);
    this.#sizes.set(sizes);
    this.#roots = Buffer.alloc(roots.length * 2);
    roots.copy(this.#roots);
    this.#found = new Uint8Array(sizes.length * 2).fill(NOT_REACHED);
  }
}
