/** How messages of a type come, when not as frames: in whatever pieces arrive, or as runs of whole ones. */
export const PIECES = 1;
export const WHOLE = 2;

/**
 * Which types of messages come in pieces, and how. Never changed: what differs in one type is another one. There are as many as there are ways in which a
 * gateway reads, which are few, and all parsers share them: a table of its own would be a tenth of what an idle session takes.
 */
export class Streaming {
  /** By type: 0 for frames. */
  readonly how: Uint8Array;
  readonly #others = new Map<number, Streaming>();

  constructor(how: Uint8Array) {
    this.how = how;
  }

  /** The same, but for this type. */
  with(type: number, how: number): Streaming {
    if (this.how[type] === how) return this;
    const change = type * 4 + how;
    const known = this.#others.get(change);
    if (known !== undefined) return known;
    const table = this.how.slice();
    table[type] = how;
    const other = theOne(table);
    this.#others.set(change, other);
    return other;
  }
}

const all = new Map<string, Streaming>();

/** Equal tables are one, however they were come to: going to and fro between two makes no third. */
const theOne = (table: Uint8Array): Streaming => {
  const key = table.join();
  let one = all.get(key);
  if (one === undefined) all.set(key, (one = new Streaming(table)));
  return one;
};

/** Everything comes as frames. */
export const STREAMING_NOTHING: Streaming = theOne(new Uint8Array(256));
