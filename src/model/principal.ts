/** A machine identity that has proved itself. Nothing in it is the token, and nothing in it can be replayed as one. */
export interface Principal {
  /** Name of the identity in the configuration (`identities[].name`). */
  readonly identity: string;
  /** Name of the identity provider that vouched (`identityProviders[].name`). */
  readonly provider: string;
  /** The verified `sub` of the token, or the URI or subject of the certificate. Provider and subject together are unique; names may be recycled. */
  readonly subject: string;
  /** Groups of the configuration that this identity is in (`identities[].groups`). */
  readonly groups: readonly string[];
  /** The people accountable for the identity. */
  readonly owner: { readonly group?: string; readonly contact?: string };
  /** The human author behind a job, when the identity names a claim for it (`identities[].requester`). */
  readonly requester?: string;
  /** Who wrote what runs, where that is somebody else (`identities[].author`). */
  readonly author?: string;
  /** Which of the two the identity names by a claim that the token or certificate does not have as text: nobody can be told apart from them. */
  readonly unnamed?: readonly ('requester' | 'author')[];
  /** The verified claims, for conditions in policies. Read-only, JSON values. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The certificate that it came by, where it was one and no token. */
  readonly certificate?: {
    /** SHA-256 in lower-case hexadecimal. */
    readonly fingerprint: string;
    readonly serial: string;
    /** Name of the CA that signed it (RFC 4514). */
    readonly issuer: string;
  };
  /** SHA-256 (base64url) of the token's signing input, or of the certificate. Names it in records without carrying it. */
  readonly tokenFingerprint: string;
  /** When the token expires, or the first certificate of the chain, in milliseconds since the epoch. */
  readonly tokenExpiresAt: number;
}

/** What a client presented to prove who it is. */
export type Credential = BearerCredential | CertificateCredential;

/** A token. The value is read once by `identity/` and dropped. */
export interface BearerCredential {
  readonly kind: 'bearer';
  /** The raw token. Never logged, recorded or stored. */
  readonly token: string;
}

/** A certificate whose key the client has proved to hold, in the handshake of TLS. Public: nobody can show it without that key. */
export interface CertificateCredential {
  readonly kind: 'certificate';
  /** In DER: the client's own, then what it sent with it. */
  readonly chain: readonly Buffer[];
  /** What TLS found wrong with the chain, in a word of its own. Undefined: nothing. */
  readonly fault?: string;
}

/** Where a client came from, as the listener saw it. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  /** Whether the client's side is encrypted. */
  readonly tls: boolean;
}
