import { listAt, mostBytes, scanner, textAt } from './scanner.ts';

/** What WebAssembly is to this file; its types come with browsers' only. */
declare const WebAssembly: {
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly run: (length: number) => number } };
};

interface Scanner {
  readonly text: Uint8Array;
  readonly list: Int32Array;
  readonly run: (length: number) => number;
  /** How many looks have begun: the list holds the places of the last one. */
  looks: number;
}

/** Undefined where the processor or the runtime has no vectors. */
const loaded = load();

function load(): Scanner | undefined {
  const bytes = scanner();
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(bytes)) return undefined;
  const { memory, run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  return { text: new Uint8Array(memory.buffer, textAt, mostBytes), list: new Int32Array(memory.buffer, listAt, mostBytes), run, looks: 0 };
}

/** Whether places can be found here at all. */
export const hasPlaces: boolean = loaded !== undefined;

/** Bytes around the seam of two looks that both of them see: more than the scanner looks ahead or behind. */
const seam = 32;

/**
 * Where in `bytes[from..to)` the detectors have to look, in order. Asked from front to back, so that nothing is kept but
 * the places of the last 64 KiB. One at a time is in use: what is asked of an earlier one throws.
 */
export class Places {
  readonly #scanner: Scanner;
  readonly #look: number;
  readonly #bytes: Uint8Array;
  readonly #from: number;
  readonly #to: number;
  /** Places are known before this byte. */
  #known: number;
  #base = 0;
  #count = 0;
  #next = 0;
  /** No place lies before this that was not given or passed over. */
  #ahead = 0;

  constructor(bytes: Uint8Array, from: number, to: number) {
    if (loaded === undefined) throw new Error('no vectors here');
    this.#scanner = loaded;
    this.#bytes = bytes;
    this.#from = this.#known = from;
    this.#to = to;
    this.#look = ++loaded.looks;
    this.#lookOn();
  }

  /** For certain nothing before `limit` is worth a look that was not passed over. Asked for each cell of each row, so that it only compares. */
  noneBefore(limit: number): boolean {
    return this.#ahead >= limit && this.#look === this.#scanner.looks;
  }

  /** The next place in `[least..limit)`, or -1. Places before `least` are passed over for good, those from `limit` on are not. */
  next(least: number, limit: number): number {
    const { list, looks } = this.#scanner;
    if (this.#look !== looks) throw new Error('another look has begun');
    for (;;) {
      const base = this.#base;
      const count = this.#count;
      for (let next = this.#next; next < count; next++) {
        const place = list[next]! + base;
        if (place < least) continue;
        // One from the limit on is given when it is asked for, and the one behind one that is given looked up then.
        this.#next = place < limit ? next + 1 : next;
        this.#ahead = place;
        return place < limit ? place : -1;
      }
      this.#next = count;
      this.#ahead = this.#known;
      if (this.#known >= this.#to || this.#known >= limit) return -1;
      this.#lookOn();
    }
  }

  #lookOn(): void {
    const { text, list } = this.#scanner;
    const base = Math.max(this.#from, this.#known - seam);
    const end = Math.min(this.#to, base + mostBytes);
    const bytes = this.#bytes;
    text.set(base === 0 && end === bytes.length ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset + base, end - base));
    const count = this.#scanner.run(end - base);
    const until = end === this.#to ? end : end - seam;
    let next = 0;
    let last = count;
    while (next < count && list[next]! + base < this.#known) next++;
    while (last > next && list[last - 1]! + base >= until) last--;
    this.#base = base;
    this.#next = next;
    this.#count = last;
    this.#known = until;
  }
}
