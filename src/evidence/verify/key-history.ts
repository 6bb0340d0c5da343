import { NotANote, parseNote, parseVkey, signedBy, type VerifierKey } from './note.ts';

const ROTATION = 'wicketgate/key-rotation/v1';
const MOST_ROTATIONS = 10_000;

interface Reign {
  readonly key: VerifierKey;
  /** Sequence of the record that made it the log's key. */
  readonly from: number;
}

/**
 * The keys that signed a log's checkpoints, as its records tell: the first, and each that the one before named as its successor under
 * its own signature.
 */
export class KeyHistory {
  readonly #log: string;
  readonly #reigns: Reign[] = [];

  constructor(log: string) {
    this.#log = log;
  }

  get rotations(): number {
    return Math.max(0, this.#reigns.length - 1);
  }

  get current(): VerifierKey | undefined {
    return this.#reigns.at(-1)?.key;
  }

  /** Sequence of the record that named the first key. */
  get since(): number | undefined {
    return this.#reigns[0]?.from;
  }

  /** One key_event. Gives a sentence when it cannot be believed. */
  record(event: Readonly<Record<string, unknown>>, sequence: number): string | undefined {
    try {
      return this.#take(event, sequence);
    } catch (error) {
      if (error instanceof NotANote) return `a key event cannot be believed: ${error.message}`;
      throw error;
    }
  }

  /** The key that a checkpoint of that size must be signed with. One that covers a rotation is signed by the new key. */
  keyAt(size: number): VerifierKey | undefined {
    return (this.#reigns.findLast(({ from }) => from < size) ?? this.#reigns[0])?.key;
  }

  /** Whether a key is among the given ones, or came from one of them by rotation. */
  descends(key: VerifierKey, given: readonly VerifierKey[]): boolean {
    const until = this.#reigns.findLastIndex((reign) => reign.key === key);
    return this.#reigns.slice(0, until + 1).some((reign) => given.some(({ vkey }) => vkey === reign.key.vkey));
  }

  #take({ event, vkey, note }: Readonly<Record<string, unknown>>, sequence: number): string | undefined {
    if (typeof vkey !== 'string') return 'a key event names no key';
    const key = parseVkey(vkey);
    if (key.role !== 'log' || key.name !== this.#log) return `a key event names a key of ${key.name}`;
    if (event === 'first') {
      if (this.#reigns.length > 0) return 'a second first key is named: the key was replaced without the signature of the one before';
    } else if (event === 'rotated') {
      const before = this.current;
      if (!before || typeof note !== 'string') return 'a key follows on none';
      const signed = parseNote(note);
      if (signed.text !== `${ROTATION}\n${this.#log}\n${vkey}\n`) return 'the note of a key rotation is about something else';
      if (signedBy(signed, before) !== 'good') return 'the key before did not sign the rotation to the new one';
    } else {
      return `a key event of an unknown sort: ${String(event).slice(0, 40)}`;
    }
    if (this.#reigns.length >= MOST_ROTATIONS) return 'the key was changed more often than is followed';
    this.#reigns.push({ key, from: sequence });
    return undefined;
  }
}
