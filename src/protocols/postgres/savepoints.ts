/** Most savepoints of one transaction that are told apart. */
const MOST = 10_000;

/** The savepoints of the open transaction, as the target has them: what was opened behind one goes with ROLLBACK TO it. */
export class Savepoints {
  /** In the order in which they were set. A name may stand here often, and means the last. */
  readonly #names: string[] = [];
  /** There were more: what a name means is not known up to the end of the transaction. */
  #lost = false;

  /** How many are open. */
  get depth(): number {
    return this.#names.length;
  }

  set(name: string): void {
    if (this.#names.length < MOST) this.#names.push(name);
    else this.#lost = true;
  }

  /** It is gone with all behind it; what they held belongs to the depth that is returned. Undefined: not known. */
  release(name: string): number | undefined {
    const at = this.#find(name);
    if (at !== undefined) this.#names.length = at;
    return at;
  }

  /** It stands, and what is deeper than the depth that is returned is undone. Undefined: not known. */
  rollBackTo(name: string): number | undefined {
    const at = this.#find(name);
    if (at !== undefined) this.#names.length = at + 1;
    return at;
  }

  clear(): void {
    this.#names.length = 0;
    this.#lost = false;
  }

  #find(name: string): number | undefined {
    const at = this.#lost ? -1 : this.#names.lastIndexOf(name);
    return at === -1 ? undefined : at;
  }
}
