import type { Hit } from '../detectors.ts';
import type { Finds } from './finds.ts';
import { BodyNotMasked } from './not-masked.ts';
import { Piecewise } from './piecewise.ts';

/** Bytes that stand in no find but a private key's block, and do not make or break one beside them. */
const neutral = Uint8Array.from({ length: 256 }, (_, byte) => (/[0-9A-Za-z_.%+'\-:@() ]/.test(String.fromCharCode(byte)) && byte < 0x80 ? 0 : 1));

/** What the detectors of keys remember behind a neutral byte, and for how many bytes from its start. */
const remembered = [
  { text: 'private_key"', bytes: 24 },
  { text: '-----BEGIN ', bytes: 64 },
] as const;

/** Masks text by what detectors find in it. Cuts it where no find can reach over, so that the result does not depend on the chunks. */
export class TextMasker extends Piecewise {
  readonly #finds: Finds;
  /** Inside a block of which the end has not come, it is looked at again when it has grown to this. */
  #again = 0;
  #given = false;

  constructor(finds: Finds) {
    super();
    this.#finds = finds;
  }

  protected take(bytes: Uint8Array, seen: number): number {
    this.#check(bytes, seen);
    if (bytes.length < this.#again) return 0;
    const cut = this.#cut(bytes, this.#again > 0 ? 0 : seen);
    this.#again = 0;
    if (cut === 0) return 0;
    this.#finds.begin(bytes);
    const hits = this.#finds.find(bytes, 0, cut);
    if (hits === undefined || hits.at(-1)!.end < cut) {
      this.#put(bytes, cut, hits);
      return cut;
    }
    // A block of which the end has not come waits as a whole, with what stands before it and says what it is.
    this.#again = bytes.length + (bytes.length >> 1);
    let until = cut;
    for (let last = hits.at(-1); last !== undefined && last.end >= until; last = hits.at(-1)) {
      until = this.#cut(bytes.subarray(0, last.start), 0);
      hits.pop();
    }
    this.#put(bytes, until, hits);
    return until;
  }

  protected finish(bytes: Uint8Array): void {
    this.#finds.begin(bytes);
    this.#put(bytes, bytes.length, this.#finds.find(bytes, 0, bytes.length));
  }

  #put(bytes: Uint8Array, end: number, hits: readonly Hit[] | undefined): void {
    if (end > 0) this.#given = true;
    if (hits === undefined || hits.length === 0) this.out.keep(bytes, 0, end);
    else this.out.put(this.#finds.masked(bytes, 0, end, hits, false)!);
  }

  /** The last place to cut at, behind a neutral byte; 0 for none. */
  #cut(bytes: Uint8Array, from: number): number {
    for (let at = bytes.length; at > from; at--) {
      if (neutral[bytes[at - 1]!] === 0) continue;
      if (!remembered.some(({ text, bytes: many }) => Buffer.from(bytes.buffer, bytes.byteOffset + Math.max(0, at - many), Math.min(at, many)).includes(text))) return at;
    }
    return 0;
  }

  /** Text of two bytes a character shows nothing to the detectors. */
  #check(bytes: Uint8Array, seen: number): void {
    const wide = bytes.indexOf(0, seen) !== -1 || (!this.#given && bytes.length >= 2 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)));
    if (wide) throw new BodyNotMasked('text with bytes that no text in UTF-8, ASCII or Latin-1 has');
  }
}
