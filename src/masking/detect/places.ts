import { listAt, mostBytes, scanner, textAt } from './scanner.ts';

/** What WebAssembly is to this file; its types come with browsers' only. */
declare const WebAssembly: {
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly run: (length: number) => number } };
};

interface Scanner {
  readonly text: Uint8Array;
  readonly list: Uint32Array;
  readonly run: (length: number) => number;
}

/** Undefined where the processor or the runtime has no vectors. */
const loaded = load();

function load(): Scanner | undefined {
  const bytes = scanner();
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(bytes)) return undefined;
  const { memory, run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  return { text: new Uint8Array(memory.buffer, textAt, mostBytes), list: new Uint32Array(memory.buffer, listAt, mostBytes), run };
}

/** Whether places can be found here at all. */
export const hasPlaces: boolean = loaded !== undefined;

/** Bytes around the seam of two looks that both of them see: more than the scanner looks ahead or behind. */
const seam = 32;

/** How many looks have begun: the list holds the places of the last one. */
let looks = 0;

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
    this.#look = ++looks;
    this.#lookOn();
  }

  /** For certain nothing before `limit` is worth a look that was not passed over. Asked for each cell of each row, so that it only compares. */
  noneBefore(limit: number): boolean {
    return this.#ahead >= limit && this.#look === looks;
  }

  /** The next place in `[least..limit)`, or -1. Places before `least` are passed over for good, those from `limit` on are not. */
  next(least: number, limit: number): number {
    if (this.#look !== looks) throw new Error('another look has begun');
    const { list } = this.#scanner;
    for (;;) {
      for (; this.#next < this.#count; this.#next++) {
        const place = list[this.#next]! + this.#base;
        if (place >= limit) {
          this.#ahead = place;
          return -1;
        }
        if (place < least) continue;
        this.#next++;
        // The one behind it is looked up when it is asked for.
        this.#ahead = place;
        return place;
      }
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
