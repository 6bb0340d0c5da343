import type { BodyReference } from './leaf.ts';
import type { Digest } from './tree.ts';
import type { Unsealed } from './unseal.ts';

/** How many body frames are remembered for leaves that refer to them: 40 MiB, whatever the length of the log. */
const WINDOW = 1 << 20;
const FIRST_WINDOW = 1 << 10;
/** How many commitments of opened bodies are remembered at least; at most twice as many. */
const OPENED = 1 << 16;
/** No ordinal. */
const NEVER = -1;
const HEX_DIGITS = Buffer.from('0123456789abcdef');

/** Which body frames there are, with which digest, and who refers to them. Memory is bounded; references from further away are counted. */
export class BodyLedger {
  #ordinals = new Float64Array(FIRST_WINDOW).fill(NEVER);
  #digests = Buffer.alloc(FIRST_WINDOW * 32);
  #referred = new Uint8Array(FIRST_WINDOW);
  /** Commitments of opened bodies by ordinal: the newest, and those before them, which go all at once. */
  #opened = new Map<number, readonly string[]>();
  #openedBefore = new Map<number, readonly string[]>();
  #openedCount = 0;
  #lastOpened = -1;
  #lastOpenedBefore = -1;
  /** Up to this ordinal commitments were forgotten again. */
  #forgotten = -1;
  #lowest = 0;
  frames = 0;
  references = 0;
  /** Commitments that were recomputed from opened bodies. */
  committed = 0;
  withoutKey = 0;
  lost = 0;
  /** References further back than the window reaches: not checked, or with keys not against their commitment. */
  unchecked = 0;
  unreferred = 0;

  /** `digest`: SHA-256 of the frame's payload, as 32 characters. */
  add(ordinal: number, digest: Digest, unsealed: Unsealed | undefined): void {
    if (this.frames === this.#ordinals.length && this.frames < WINDOW) this.#grow();
    const slot = ordinal % this.#ordinals.length;
    if (this.#ordinals[slot] !== NEVER) {
      this.#lowest = (this.#ordinals[slot] as number) + 1;
      if (this.#referred[slot] === 0) this.unreferred += 1;
    }
    this.#ordinals[slot] = ordinal;
    this.#referred[slot] = 0;
    this.#digests.write(digest, slot * 32, 32, 'latin1');
    this.frames += 1;
    if (unsealed?.kind === 'opened') this.#remember(ordinal, unsealed.commitments);
    if (unsealed?.kind === 'no_key') this.withoutKey += 1;
  }

  /**
   * Whether the reference to a frame, whose digest stands in `bytes` as hex, plainly holds. False says nothing: `check` decides.
   */
  holds(frame: number, bytes: Buffer, sealedAt: number): boolean {
    const slot = frame % this.#ordinals.length;
    if (this.#ordinals[slot] !== frame) return false;
    for (let i = 0, at = sealedAt, digest = slot * 32; i < 32; i += 1, at += 2, digest += 1) {
      const byte = this.#digests[digest] as number;
      if (bytes[at] !== HEX_DIGITS[byte >> 4] || bytes[at + 1] !== HEX_DIGITS[byte & 15]) return false;
    }
    this.#referred[slot] = 1;
    this.references += 1;
    return true;
  }

  /** Of a reference that holds: whether what was opened, if it was, is what `commitment` commits to. */
  agrees(frame: number, entry: number, commitment: string): boolean {
    const opened = this.#opened.get(frame) ?? this.#openedBefore.get(frame);
    if (!opened) {
      if (frame <= this.#forgotten) this.unchecked += 1;
      return true;
    }
    this.committed += 1;
    return opened[entry] === commitment;
  }

  /** Checks one reference. Gives a sentence when it does not hold. */
  check({ c, part, place }: BodyReference): string | undefined {
    this.references += 1;
    if (!place) {
      this.lost += 1;
      return undefined;
    }
    const slot = place.frame % this.#ordinals.length;
    if (this.#ordinals[slot] !== place.frame) {
      if (place.frame >= this.#lowest) return `its ${part} (body ${place.frame}) is missing`;
      this.unchecked += 1;
      return undefined;
    }
    this.#referred[slot] = 1;
    if (this.#digests.toString('hex', slot * 32, slot * 32 + 32) !== place.sealed) return `its ${part} (body ${place.frame}) is not the one that was sealed`;
    return this.agrees(place.frame, place.entry, c) ? undefined : notCommitted(part, place.frame);
  }

  finish(): void {
    this.#ordinals.forEach((ordinal, slot) => {
      if (ordinal !== NEVER && this.#referred[slot] === 0) this.unreferred += 1;
    });
  }

  #remember(ordinal: number, commitments: readonly string[]): void {
    if (this.#openedCount >= OPENED) {
      this.#forgotten = this.#lastOpenedBefore;
      this.#openedBefore = this.#opened;
      this.#lastOpenedBefore = this.#lastOpened;
      this.#opened = new Map();
      this.#openedCount = 0;
    }
    this.#opened.set(ordinal, commitments);
    this.#openedCount += commitments.length;
    this.#lastOpened = ordinal;
  }

  /** Twice the room. */
  #grow(): void {
    const [ordinals, digests, referred] = [this.#ordinals, this.#digests, this.#referred];
    const size = ordinals.length * 2;
    this.#ordinals = new Float64Array(size).fill(NEVER);
    this.#digests = Buffer.alloc(size * 32);
    this.#referred = new Uint8Array(size);
    ordinals.forEach((ordinal, from) => {
      if (ordinal === NEVER) return;
      const slot = ordinal % size;
      this.#ordinals[slot] = ordinal;
      this.#referred[slot] = referred[from] ?? 0;
      digests.copy(this.#digests, slot * 32, from * 32, from * 32 + 32);
    });
  }
}

/** What is said of a body that is another than its record says. */
export const notCommitted = (part: string, frame: number): string => `its ${part} (body ${frame}) is not what the record commits to`;
