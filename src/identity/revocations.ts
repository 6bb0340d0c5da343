/** How a client certificate, its own or that of a CA above it, is named where an identity can be: no identity has a colon in its name. */
export const certificateName = (fingerprint: string): string => `sha256:${fingerprint}`;
export const isCertificateName = (name: string): boolean => /^sha256:[0-9a-f]{64}$/.test(name);

/** An identity or a certificate that was ended at once, whatever the configuration says. */
export interface Revocation {
  /** `identities[].name`, or `sha256:` and the fingerprint of a certificate. */
  readonly identity: string;
  /** Who did it, as the control plane or the command line knows them. */
  readonly by: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Which identities and certificates are revoked. Durable; changes made by another process on the same state are seen within a second. */
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
