import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** Texts of one block, and bytes of them, above which the next one begins. */
export const BLOCK_TEXTS = 1024;
export const BLOCK_BYTES = 512 * 1024;
/** Most bytes that a block can have: one text more than enough. */
const MOST_BLOCK = 64 * 1024 * 1024;

/** Bytes of a filter. */
export const FILTER_BYTES = 16 * 1024;
/** Of the 32 bits of a hash the upper 17 choose among the filter's bits: the lower ones hardly depend on the later letters. */
const FILTER_SHIFT = 32 - 17;
/** The filter knows which rows of so many bytes are in the texts: long ones tell blocks apart, short ones are for searches that have no more. */
const GRAMS = [3, 4, 6] as const;
type Gram = (typeof GRAMS)[number];

/** Text as it is compared: without differences of case and of how accents are written. */
export const folded = (text: string): string => text.normalize('NFC').toLowerCase().replaceAll('\0', ' ');

/** The texts of some commands, in order of their sequence numbers. */
export interface TextBlock {
  readonly sequences: number[];
  readonly texts: string[];
}

/**
 * Texts are kept sealed, under keys derived from those that seal the bodies: when a purge destroys a key, its texts here are as gone as
 * those in the log, also in copies of this file. A block's filter tells, when opened, whether a text can be in it at all.
 */
export class BlockSeal {
  readonly #key: Buffer;
  readonly #id: string;

  /** @param secret the data key; @param id its id, to which blocks are bound */
  constructor(secret: Uint8Array, id: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'wicketgate/search/v1', 32));
    this.#id = id;
  }

  seal(block: TextBlock): { readonly filter: Buffer; readonly texts: Buffer } {
    const bodies = block.texts.map((text) => Buffer.from(text, 'utf8'));
    const head = Buffer.alloc(4 + 12 * bodies.length);
    head.writeUInt32BE(bodies.length, 0);
    let end = 0;
    bodies.forEach((body, i) => {
      end += body.length + 1;
      head.writeUIntBE(block.sequences[i] as number, 4 + 12 * i + 2, 6);
      head.writeUInt32BE(end, 4 + 12 * i + 8);
    });
    const plain = Buffer.concat([head, ...bodies.flatMap((body) => [body, SEPARATOR])]);
    return { filter: this.#encrypt('filter', filterOf(bodies)), texts: this.#encrypt('texts', zstdCompressSync(plain)) };
  }

  /** The filter of a block, for `mayHold`. Throws when it does not open. */
  openFilter(filter: Uint8Array): Buffer {
    return this.#decrypt('filter', filter);
  }

  open(texts: Uint8Array): TextBlock {
    const { head, body, count } = this.#parts(texts);
    const block: TextBlock = { sequences: [], texts: [] };
    for (let i = 0, from = 0; i < count; i += 1) {
      const end = head.readUInt32BE(4 + 12 * i + 8);
      block.sequences.push(head.readUIntBE(4 + 12 * i + 2, 6));
      block.texts.push(body.toString('utf8', from, end - 1));
      from = end;
    }
    return block;
  }

  /** Sequence numbers of the texts that hold a folded text. Throws when the block does not open. */
  find(texts: Uint8Array, needle: Buffer): number[] {
    const { head, body, count } = this.#parts(texts);
    const found: number[] = [];
    for (let at = body.indexOf(needle), i = 0; at >= 0; ) {
      while (i < count && head.readUInt32BE(4 + 12 * i + 8) <= at) i += 1;
      found.push(head.readUIntBE(4 + 12 * i + 2, 6));
      at = body.indexOf(needle, head.readUInt32BE(4 + 12 * i + 8));
    }
    return found;
  }

  #parts(texts: Uint8Array): { readonly head: Buffer; readonly body: Buffer; readonly count: number } {
    const plain = zstdDecompressSync(this.#decrypt('texts', texts), { maxOutputLength: MOST_BLOCK });
    const count = plain.readUInt32BE(0);
    return { head: plain, body: plain.subarray(4 + 12 * count), count };
  }

  #encrypt(what: string, plain: Buffer): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(Buffer.from(`${what}|${this.#id}`, 'utf8'));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  #decrypt(what: string, sealed: Uint8Array): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(`${what}|${this.#id}`, 'utf8'));
    decipher.setAuthTag(sealed.subarray(-16));
    const plain = decipher.update(sealed.subarray(12, -16));
    // In this mode nothing more comes of it; it throws when something was altered.
    decipher.final();
    return plain;
  }
}

const SEPARATOR = Buffer.of(0);

const bitOf = (bytes: Buffer, at: number, gram: Gram): number => {
  const first = gram === 3 ? bytes.readUIntLE(at, 3) : bytes.readUInt32LE(at);
  const more = gram === 6 ? Math.imul(bytes.readUInt16LE(at + 4), 0x85ebca77) : 0;
  return Math.imul(first ^ more, 0x9e3779b1) >>> FILTER_SHIFT;
};

/** The bits that the filter of a block has when a folded text is in it; first those of long rows, which most blocks lack. */
export const bitsOf = (needle: Buffer): readonly number[] => GRAMS.toReversed().flatMap((gram) => Array.from({ length: Math.max(0, needle.length - gram + 1) }, (_, at) => bitOf(needle, at, gram)));

/** Whether a text with these bits may be in the block of an opened filter. Never says no wrongly. */
export const mayHold = (filter: Buffer, bits: readonly number[]): boolean => bits.every((bit) => ((filter[bit >>> 3] as number) & (1 << (bit & 7))) !== 0);

/** How many bytes two texts begin with alike. */
const alike = (one: Buffer, other: Buffer): number => {
  const end = Math.min(one.length, other.length);
  let at = 0;
  while (at < end && one[at] === other[at]) at += 1;
  return at;
};

const filterOf = (bodies: readonly Buffer[]): Buffer => {
  const bits = Buffer.alloc(FILTER_BYTES);
  let before: Buffer = Buffer.alloc(0);
  // Most commands are a few statements with other values: in order, each begins as the one before, whose rows of bytes are known already.
  for (const body of bodies.toSorted((one, other) => Buffer.compare(one, other))) {
    const known = alike(before, body);
    for (const gram of GRAMS) {
      for (let at = Math.max(0, known - gram + 1); at + gram <= body.length; at += 1) {
        const bit = bitOf(body, at, gram);
        bits[bit >>> 3] = (bits[bit >>> 3] as number) | (1 << (bit & 7));
      }
    }
    before = body;
  }
  return bits;
};
