import { addSignatures } from '../tlog/checkpoint.ts';
import { cosignatureTime } from '../tlog/cosignature.ts';
import type { NoteSignature } from '../tlog/note.ts';
import type { SignedCheckpoint } from './source.ts';

/** One checkpoint and who cosigned it. A witness that answers late still counts for the checkpoint that it was asked about. */
export class Round {
  readonly checkpoint: SignedCheckpoint;
  /** By the name of the witness; the newest of each. */
  readonly #cosignatures = new Map<string, NoteSignature>();

  constructor(checkpoint: SignedCheckpoint) {
    this.checkpoint = checkpoint;
  }

  take(witness: string, cosignature: NoteSignature): void {
    this.#cosignatures.set(witness, cosignature);
  }

  get count(): number {
    return this.#cosignatures.size;
  }

  get witnesses(): readonly string[] {
    return [...this.#cosignatures.keys()];
  }

  /** Since when `quorum` witnesses have cosigned it, in POSIX seconds: the time of the one that was needed last. */
  since(quorum: number): number | undefined {
    if (quorum === 0) return undefined;
    return [...this.#cosignatures.values()].map((one) => cosignatureTime(one) ?? 0).sort((a, b) => b - a)[quorum - 1];
  }

  /** The checkpoint with the cosignatures. */
  note(): string {
    return addSignatures(this.checkpoint.note, [...this.#cosignatures.values()]);
  }
}
