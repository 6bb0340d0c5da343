import type { BodyReference } from './leaf.ts';
import type { Unsealed } from './unseal.ts';

/** How many body frames are remembered for leaves that refer to them: 40 MiB, whatever the length of the log. */
const WINDOW = 1 << 20;
const FIRST_WINDOW = 1 << 10;
/** No ordinal. */
const NEVER = -1;

/** Which body frames there are, with which digest, and who refers to them. Memory is bounded; references from further away are counted. */
export class BodyLedger {
  #ordinals = new Float64Array(FIRST_WINDOW).fill(NEVER);
  #digests = Buffer.alloc(FIRST_WINDOW * 32);
  #referred = new Uint8Array(FIRST_WINDOW);
  readonly #opened = new Map<number, readonly string[]>();
  #lowest = 0;
  frames = 0;
  references = 0;
  /** Commitments that were recomputed from opened bodies. */
  committed = 0;
  withoutKey = 0;
  lost = 0;
  /** References further back than the window reaches: not checked. */
  unchecked = 0;
  unreferred = 0;

  add(ordinal: number, digest: Buffer, unsealed: Unsealed | undefined): void {
    if (this.frames === this.#ordinals.length && this.frames < WINDOW) this.#grow();
    const slot = ordinal % this.#ordinals.length;
    if (this.#ordinals[slot] !== NEVER) {
      this.#lowest = (this.#ordinals[slot] as number) + 1;
      if (this.#referred[slot] === 0) this.unreferred += 1;
      this.#opened.delete(this.#ordinals[slot] as number);
    }
    this.#ordinals[slot] = ordinal;
    this.#referred[slot] = 0;
    digest.copy(this.#digests, slot * 32);
    this.frames += 1;
    if (unsealed?.kind === 'opened') this.#opened.set(ordinal, unsealed.commitments);
    if (unsealed?.kind === 'no_key') this.withoutKey += 1;
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
    const opened = this.#opened.get(place.frame);
    if (!opened) return undefined;
    this.committed += 1;
    return opened[place.entry] === c ? undefined : `its ${part} (body ${place.frame}) is not what the record commits to`;
  }

  finish(): void {
    this.#ordinals.forEach((ordinal, slot) => {
      if (ordinal !== NEVER && this.#referred[slot] === 0) this.unreferred += 1;
    });
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
