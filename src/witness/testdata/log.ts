import { signCheckpoint } from '../../evidence/tlog/checkpoint.ts';
import { CompactEdge, consistencyProof, leafHash } from '../../evidence/tlog/merkle.ts';
import { formatVkey, generateSigner, type Signer } from '../../evidence/tlog/note.ts';

/** A log in memory, for those who watch logs. */
export class GrowingLog {
  readonly signer: Signer;
  readonly #leaves: Buffer[];
  readonly #nodes = new Map<string, Buffer>();
  readonly #edge = new CompactEdge();

  constructor(origin: string, { signer = generateSigner(origin), leaves = [] }: { readonly signer?: Signer; readonly leaves?: readonly Buffer[] } = {}) {
    this.signer = signer;
    this.#leaves = [];
    for (const leaf of leaves) this.#push(leaf);
  }

  get origin(): string {
    return this.signer.name;
  }

  get vkey(): string {
    return formatVkey(this.signer);
  }

  get size(): number {
    return this.#edge.size;
  }

  root(): Buffer {
    return this.#edge.root();
  }

  grow(entries: number, text = 'entry'): this {
    for (let i = 0; i < entries; i += 1) this.#push(leafHash(Buffer.from(`${text} ${this.size}`)));
    return this;
  }

  /** The same key with the first `size` leaves only: what a restored backup is, and where a fork begins. */
  fork(size: number): GrowingLog {
    return new GrowingLog(this.origin, { signer: this.signer, leaves: this.#leaves.slice(0, size) });
  }

  checkpoint(): string {
    return signCheckpoint({ origin: this.origin, size: this.size, root: this.root() }, [this.signer]);
  }

  proof(old: number): Buffer[] {
    return consistencyProof(old, this.size, (level, index) => this.#nodes.get(`${level}/${index}`) as Buffer);
  }

  /** Body of an add-checkpoint request. */
  request(old: number, proof: readonly Buffer[] = this.proof(old)): Buffer {
    return Buffer.from(`old ${old}\n${proof.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${this.checkpoint()}`);
  }

  #push(leaf: Buffer): void {
    this.#leaves.push(leaf);
    const index = this.size;
    this.#edge.push(leaf, (level, node) => this.#nodes.set(`${level}/${Math.floor(index / 2 ** level)}`, node));
  }
}
