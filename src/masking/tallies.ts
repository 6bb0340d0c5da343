/** Cells that one mask has masked. */
export interface Tally {
  cells: number;
}

/** What each mask has masked, by its name. Counted for every cell, read once for an answer. */
export class Tallies {
  readonly #of = new Map<string, Tally>();

  /** The count of one mask, to be raised by whoever applies it. */
  of(name: string): Tally {
    let tally = this.#of.get(name);
    if (tally === undefined) this.#of.set(name, (tally = { cells: 0 }));
    return tally;
  }

  /** Those that masked anything. */
  counts(): ReadonlyMap<string, number> {
    return new Map([...this.#of].filter(([, { cells }]) => cells > 0).map(([name, { cells }]) => [name, cells]));
  }
}
