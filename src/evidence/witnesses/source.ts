/** What those who carry checkpoints elsewhere need of the tree. The follower of the tree is one. */
export interface CheckpointSource {
  /** The checkpoint that was signed last; undefined before there is one. */
  latest(): SignedCheckpoint | undefined;
  /** Proof that the tree of `old` leaves is the beginning of that of `size` leaves. Throws when it cannot be made. */
  consistency(old: number, size: number): readonly Buffer[];
  /** Public key that signs its checkpoints now. */
  readonly vkey: string;
  /** Keeps a checkpoint of this log that it does not contain, as proof. Throws nothing. */
  keepConflict(witness: string, size: number, note: string): void;
  /** Keeps a checkpoint that others signed as well: as the newest with cosignatures, and in the history. Throws nothing. */
  keep(note: string): void;
}

/** A checkpoint with the log's own signature. */
export interface SignedCheckpoint {
  readonly note: string;
  readonly size: number;
}
