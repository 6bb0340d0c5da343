/** A body cannot be understood well enough to be masked. The message says what is wrong with its form and holds none of it. */
export class BodyNotMasked extends Error {
  /** What is wrong with its form. */
  readonly what: string;
  constructor(what: string) {
    super(`the body cannot be masked: ${what}`);
    this.what = what;
    this.name = 'BodyNotMasked';
  }
}

/** The longest value, row, event or line that is held back to be looked at as a whole. What is longer is not understood. */
const mostHeld = 1_048_576;

/** Throws when something to be looked at as a whole is longer than that, whether or not it came in one chunk. */
export function bounded(length: number): void {
  if (length > mostHeld) throw new BodyNotMasked(`a value, row or line is longer than ${mostHeld} bytes`);
}
