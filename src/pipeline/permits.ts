/** Leave for one step. Minted only in this folder; used once. Holding one is the proof that evidence was taken care of. */
export class Permit {
  #live: boolean;
  constructor(key: symbol) {
    this.#live = key === mintingKey;
  }
  /** Spends it. Throws when it was spent already or never minted: that is a defect, and the session ends. */
  spend(): void {
    if (!this.#live) throw new Error('permit spent twice or forged');
    this.#live = false;
  }
}
const mintingKey = Symbol('minting');
/** For `pipeline/` only; the import check keeps it there. */
export const mint = (): Permit => new Permit(mintingKey);
