/** Pieces shorter than this are put together: what is done for each of them would cost more than to copy it. */
export const SHORT = 4 * 1024;

/** Pieces of a body, where they are short on the whole in fewer. A peer may cut what it sends as finely as it likes, and each piece costs objects and calls all the way. */
export const joined = (pieces: readonly Buffer[]): readonly Buffer[] => {
  if (pieces.length < 2) return pieces;
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  return bytes < pieces.length * SHORT ? [Buffer.concat(pieces, bytes)] : pieces;
};

/** Pieces that are kept, in order: short ones are copied into blocks, so that what is kept takes about as much memory as it has bytes. */
export class KeptPieces {
  readonly #pieces: Buffer[] = [];
  /** The last one, where it is short and another may follow. */
  #short: Buffer | undefined;
  /** Where short ones are put that follow one another, with room behind them. */
  #block: Buffer | undefined;
  #used = 0;

  push(piece: Buffer): void {
    if (piece.length >= SHORT) {
      this.#seal();
      this.#pieces.push(piece);
    } else if (this.#block) this.#add(piece);
    else if (this.#short) {
      this.#block = Buffer.allocUnsafeSlow(2 * SHORT);
      this.#add(this.#short);
      this.#add(piece);
      this.#short = undefined;
    } else this.#short = piece;
  }

  #add(piece: Buffer): void {
    if (this.#block && this.#used + piece.length > this.#block.length) this.#seal();
    this.#block ??= Buffer.allocUnsafeSlow(2 * SHORT);
    this.#used += piece.copy(this.#block, this.#used);
  }

  /** All of them, which are forgotten here. */
  take(): Buffer[] {
    this.#seal();
    return this.#pieces.splice(0);
  }

  /** As one. */
  bytes(): Buffer {
    this.#seal();
    const [first, ...more] = this.#pieces;
    if (first === undefined || more.length === 0) return first ?? Buffer.alloc(0);
    return Buffer.concat(this.#pieces);
  }

  #seal(): void {
    if (this.#short) this.#pieces.push(this.#short);
    if (this.#block) this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#short = undefined;
    this.#block = undefined;
    this.#used = 0;
  }
}
