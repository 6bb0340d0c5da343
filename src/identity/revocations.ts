/** An identity that was ended at once, whatever the configuration says. */
export interface Revocation {
  /** `identities[].name` */
  readonly identity: string;
  /** Who did it, as the control plane or the command line knows them. */
  readonly by: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Which identities are revoked. Durable; changes made by another process on the same state are seen within a second. */
export interface Revocations {
  /** Durable when it returns. Revoking again changes nothing: the first one stands. */
  revoke(identity: string, by: string): void;
  /** Takes a revocation back. False when there was none. */
  restore(identity: string): boolean;
  /** From memory: asked at each login. */
  isRevoked(identity: string): boolean;
  /** Ordered by time. */
  list(): readonly Revocation[];
  /** Calls back after each change with the names that were revoked and restored. Returns how to stop that. */
  onChange(callback: (change: RevocationChange) => void): () => void;
}

export interface RevocationChange {
  readonly revoked: readonly string[];
  readonly restored: readonly string[];
}
