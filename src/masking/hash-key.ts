import { createHmac } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const cached = 4096;
/** Longer values are not remembered: the memory of one key stays under a few MiB. */
const longest = 256;

/** Makes pseudonyms under one key: equal values get equal ones, so equality and frequency stay visible by design. */
export class HashKey {
  readonly #key: Buffer;
  readonly #known = new Map<string, string>();

  /** `key`: at least 16 bytes. */
  constructor(key: Buffer) {
    if (key.length < 16) throw new RangeError('a hash key needs at least 16 bytes');
    this.#key = Buffer.from(key);
  }

  /** HMAC-SHA-256 of the value's bytes, cut to 128 bits, in 26 characters of lower-case base32 (RFC 4648 without padding). */
  pseudonym(value: Uint8Array): string {
    if (value.length > longest) return this.#compute(value);
    const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
    let found = this.#known.get(text);
    if (found === undefined) {
      found = this.#compute(value);
      // Cleared whole when full: cheaper than an order of use, and tables repeat few values or all of them.
      if (this.#known.size >= cached) this.#known.clear();
      this.#known.set(text, found);
    }
    return found;
  }

  #compute(value: Uint8Array): string {
    const digest = createHmac('sha256', this.#key).update(value).digest();
    let result = '';
    for (let bit = 0; bit < 128; bit += 5) {
      // The last character holds the three bits that are left, filled up with zeros.
      const pair = ((digest[bit >> 3]! << 8) | (bit + 8 < 128 ? digest[(bit >> 3) + 1]! : 0)) >> (11 - (bit & 7));
      result += alphabet[pair & 31];
    }
    return result;
  }

  /** Keeps the key out of anything that prints or serialises objects. */
  toJSON(): string {
    return '[hash key]';
  }
}

/** Whether a text has the form that `pseudonym` gives. */
export function isPseudonym(text: string): boolean {
  if (text.length !== 26) return false;
  for (const character of text) if (!alphabet.includes(character)) return false;
  return true;
}
