import type { Sha256 } from './bytes.ts';
import type { Leaf } from './leaf.ts';
import { BadNote, parseNote, parseVkey, signedBy, type VerifierKey } from './note.ts';

const ROTATION = 'wicketgate/key-rotation/v1';
const MOST_ROTATIONS = 1000;

/** The keys that signed a log's checkpoints, as its records tell: the first, and each that the one before named as its successor. */
export class Keys {
  readonly #log: string;
  readonly #sha256: Sha256;
  /** What was told of keys, believed or not. */
  readonly told: { readonly sequence: number; readonly time: string; readonly event: unknown; readonly vkey: unknown }[] = [];
  readonly #reigns: { readonly key: VerifierKey; readonly from: number }[] = [];

  constructor(log: string, sha256: Sha256) {
    this.#log = log;
    this.#sha256 = sha256;
  }

  get current(): VerifierKey | undefined {
    return this.#reigns.at(-1)?.key;
  }

  get rotations(): number {
    return Math.max(0, this.#reigns.length - 1);
  }

  /** One key_event. Gives a sentence when it cannot be believed. */
  async record({ seq: sequence, time, record: { event, vkey, note } }: Leaf): Promise<string | undefined> {
    this.told.push({ sequence, time, event, vkey });
    try {
      if (typeof vkey !== 'string') return 'a key event names no key';
      const key = parseVkey(vkey, this.#sha256);
      if (key.role !== 'log' || key.name !== this.#log) return 'a key event names a key of another log';
      if (event === 'first') {
        if (this.#reigns.length > 0) return 'a second first key is named: the key was replaced without the signature of the one before';
      } else {
        const before = this.current;
        if (event !== 'rotated' || !before || typeof note !== 'string') return 'a key event is none that is known, or follows on no key';
        const signed = parseNote(note);
        if (signed.text !== `${ROTATION}\n${this.#log}\n${vkey}\n`) return 'the note of a key rotation is about something else';
        if ((await signedBy(signed, before)) !== 'good') return 'the key before did not sign the rotation to the new one';
      }
      if (this.#reigns.length >= MOST_ROTATIONS) return 'the key was changed more often than is followed';
      this.#reigns.push({ key, from: sequence });
      return undefined;
    } catch (error) {
      if (error instanceof BadNote) return `a key event cannot be believed: ${error.message}`;
      throw error;
    }
  }

  /** The key that a checkpoint of that size must be signed with. */
  at(size: number): VerifierKey | undefined {
    return (this.#reigns.findLast(({ from }) => from < size) ?? this.#reigns[0])?.key;
  }

  /** Whether a key is among the given ones, or came from one of them by rotation. */
  descends(key: VerifierKey, given: readonly VerifierKey[]): boolean {
    const until = this.#reigns.findLastIndex((reign) => reign.key === key);
    return this.#reigns.slice(0, until + 1).some((reign) => given.some(({ vkey }) => vkey === reign.key.vkey));
  }
}
