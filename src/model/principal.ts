/** A machine identity that has proved itself. Nothing in it is the token, and nothing in it can be replayed as one. */
export interface Principal {
  /** Name of the identity in the configuration (`identities[].name`). */
  readonly identity: string;
  /** Name of the identity provider that vouched (`identityProviders[].name`). */
  readonly provider: string;
  /** The verified `sub` of the token. Provider and subject together are unique; names may be recycled. */
  readonly subject: string;
  /** Groups of the configuration that this identity is in (`identities[].groups`). */
  readonly groups: readonly string[];
  /** The people accountable for the identity. */
  readonly owner: { readonly group?: string; readonly contact?: string };
  /** The human author behind a job, when the identity names a claim for it (`identities[].requester`). */
  readonly requester?: string;
  /** Who wrote what runs, where that is somebody else (`identities[].author`). */
  readonly author?: string;
  /** Which of the two the identity names by a claim that the token does not have as text: nobody can be told apart from them. */
  readonly unnamed?: readonly ('requester' | 'author')[];
  /** The verified claims, for conditions in policies. Read-only, JSON values. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** SHA-256 (base64url) of the token's signing input. Names a token in records without carrying it. */
  readonly tokenFingerprint: string;
  /** When the token expires, in milliseconds since the epoch. */
  readonly tokenExpiresAt: number;
}

/** What a client presented to prove who it is. The value is read once by `identity/` and dropped. */
export interface Credential {
  readonly kind: 'bearer';
  /** The raw token. Never logged, recorded or stored. */
  readonly token: string;
}

/** Where a client came from, as the listener saw it. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  /** Whether the client's side is encrypted. */
  readonly tls: boolean;
}
