import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Most keys at once: about a kilobyte each, and the token. */
const MOST = 10_000;
/** Most of one owner. Clients whose token lives shortly ask for a new key with every few requests; the oldest goes then. */
const MOST_OF_ONE = 64;
/** Characters of RFC 4648 base32, which key ids are made of. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Tells them from keys of AWS, which begin with AKIA and ASIA. */
const PREFIX = 'WGTK';

/** What a client gets, once. */
export interface NewKey {
  readonly accessKeyId: string;
  readonly secretKey: string;
  readonly sessionToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** A key as the gateway knows it. Nothing in it is printed by what prints objects. */
export class IssuedKey {
  readonly accessKeyId: string;
  /** Whose it is: no more than so many keys of one owner live. */
  readonly owner: string;
  readonly expiresAt: number;
  readonly #secretKey: string;
  readonly #sessionToken: Buffer;
  readonly #token: string;

  constructor(key: NewKey, owner: string, token: string) {
    this.accessKeyId = key.accessKeyId;
    this.owner = owner;
    this.expiresAt = key.expiresAt;
    this.#secretKey = key.secretKey;
    this.#sessionToken = digest(key.sessionToken);
    this.#token = token;
  }

  /** The OIDC token that the key stands for: who signs with the key is whoever this token says, judged as if it had come itself. */
  token(): string {
    return this.#token;
  }

  secretKey(): Buffer {
    return Buffer.from(this.#secretKey);
  }

  isSessionToken(text: string): boolean {
    return timingSafeEqual(this.#sessionToken, digest(text));
  }
}

/**
 * The temporary keys that clients of AWS sign with in the place of a token. In memory only: after a restart clients ask for new ones. A key
 * never outlives the token that it was issued for.
 */
export class IssuedKeys {
  readonly #clock: () => number;
  readonly #most: number;
  // Insertion order is age.
  readonly #keys = new Map<string, IssuedKey>();
  readonly #ofOwner = new Map<string, string[]>();

  constructor(clock: () => number, most = MOST) {
    this.#clock = clock;
    this.#most = most;
  }

  get size(): number {
    return this.#keys.size;
  }

  /**
   * Issues a key, or undefined when the table is full of keys of others that still live, or the token has ended.
   *
   * @param token the OIDC token, verified by the caller, with its end in milliseconds since the epoch
   * @param owner the identity and its token's subject
   * @param lifetime wanted, in milliseconds
   */
  issue(token: { readonly text: string; readonly expiresAt: number }, owner: string, lifetime: number): NewKey | undefined {
    const now = this.#clock();
    if (token.expiresAt <= now || lifetime <= 0) return undefined;
    const own = this.#ofOwner.get(owner) ?? [];
    if (own.length >= MOST_OF_ONE) this.#forget(own[0] ?? '');
    if (this.#keys.size >= this.#most) this.#forgetEnded(now);
    if (this.#keys.size >= this.#most) return undefined;
    const key: NewKey = {
      accessKeyId: PREFIX + [...randomBytes(20)].map((byte) => ALPHABET[byte % ALPHABET.length]).join(''),
      secretKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(48).toString('base64url'),
      expiresAt: Math.min(token.expiresAt, now + lifetime),
    };
    this.#keys.set(key.accessKeyId, new IssuedKey(key, owner, token.text));
    this.#ofOwner.set(owner, [...(this.#ofOwner.get(owner) ?? []), key.accessKeyId]);
    return key;
  }

  /** The key of an id, while it lives. */
  find(accessKeyId: string): IssuedKey | undefined {
    const key = this.#keys.get(accessKeyId);
    if (key === undefined || this.#clock() < key.expiresAt) return key;
    this.#forget(accessKeyId);
    return undefined;
  }

  /** Forgets all keys of an owner, for one that was revoked. */
  forgetOwner(owner: string): void {
    for (const id of this.#ofOwner.get(owner) ?? []) this.#forget(id);
  }

  #forgetEnded(now: number): void {
    for (const [id, { expiresAt }] of this.#keys) if (expiresAt <= now) this.#forget(id);
  }

  #forget(id: string): void {
    const key = this.#keys.get(id);
    if (key === undefined) return;
    this.#keys.delete(id);
    const own = this.#ofOwner.get(key.owner)?.filter((one) => one !== id) ?? [];
    if (own.length === 0) this.#ofOwner.delete(key.owner);
    else this.#ofOwner.set(key.owner, own);
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
