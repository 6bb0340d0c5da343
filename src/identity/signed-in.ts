/** Where the control plane keeps who is signed in, which API tokens there are, and who was made an administrator. Durable when a call returns. */
export interface SignedIn {
  readonly sessions: PersonSessions;
  readonly tokens: ApiTokens;
  readonly administrators: Administrators;
}

/** A person's session, found by the hash of what their browser holds. Who it is lies sealed: without the browser's cookie nobody can read it. */
export interface PersonSessionRow {
  readonly hash: Uint8Array;
  readonly sealed: Uint8Array;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly seenAt: number;
}

export interface PersonSessions {
  put(row: PersonSessionRow): void;
  get(hash: Uint8Array): PersonSessionRow | undefined;
  seen(hash: Uint8Array, at: number): void;
  /** Newest first. */
  list(limit: number): readonly Omit<PersonSessionRow, 'sealed'>[];
  /** False when there was none. */
  remove(hash: Uint8Array): boolean;
  /** Forgets those that are over. */
  sweep(now: number): void;
}

export interface ApiTokenRow {
  readonly id: string;
  readonly hash: Uint8Array;
  readonly name: string;
  readonly roles: readonly string[];
  /** Undefined: all that the roles may. */
  readonly actions: readonly string[] | undefined;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt: number | undefined;
  readonly revokedAt: number | undefined;
}

export interface ApiTokens {
  add(row: Omit<ApiTokenRow, 'usedAt' | 'revokedAt'>): void;
  byHash(hash: Uint8Array): ApiTokenRow | undefined;
  byId(id: string): ApiTokenRow | undefined;
  /** Newest first. */
  list(): readonly ApiTokenRow[];
  used(id: string, at: number): void;
  /** False when it was revoked before, or never was. */
  revoke(id: string, at: number): boolean;
}

/** A person, as they are compared. */
export interface PersonKey {
  readonly issuer: string;
  readonly subject: string;
}

export interface Administrators {
  /** Made by the bootstrap link: they have the role whatever their groups. */
  bootstrapped(): readonly (PersonKey & { readonly at: number })[];
  /** Whether there ever was one: bootstrapped, or signed in with a group of the role. */
  everSeen(): boolean;
  /** Somebody with the role by their groups has signed in. */
  seen(person: PersonKey, at: number): void;
  /** The only link that is good from here on. */
  offer(hash: Uint8Array, expiresAt: number): void;
  /** Whether that link is good now. */
  offered(hash: Uint8Array, now: number): boolean;
  /** Uses the link up and makes the person an administrator; false when it is not good or there is one already. */
  take(hash: Uint8Array, person: PersonKey, now: number): boolean;
}
