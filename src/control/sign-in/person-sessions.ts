import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { LoginConfig } from '../../config/resolved.ts';
import type { PersonSessions } from '../../identity/signed-in.ts';
import type { Person } from '../../model/person.ts';

/** How often a session's last use is written: each request would be a write to the disk. */
const SEEN_MS = 60_000;
/** Sessions that are listed, and people that are known by name. */
const MOST_LISTED = 1000;
const MOST_KNOWN = 10_000;
const ID_DIGITS = 32;
const COOKIE = /^[A-Za-z0-9_-]{43}$/;

/** A session that was found. Times in milliseconds since the epoch. */
export interface FoundSession {
  readonly person: Person;
  /** Hash of its id, hex. */
  readonly session: string;
  readonly csrf: string;
  readonly idleUntil: number;
  readonly expiresAt: number;
}

/** A session in a list. */
export interface ListedSession {
  /** Half of the hash of its id, hex: enough to tell sessions apart. */
  readonly id: string;
  /** Undefined when its browser has not asked this process for anything. */
  readonly person: Person | undefined;
  readonly createdAt: number;
  readonly seenAt: number;
  readonly expiresAt: number;
}

export interface PersonSessionParts {
  readonly store: PersonSessions;
  /** In force now. */
  readonly logins: () => readonly LoginConfig[];
  readonly now: () => number;
}

/**
 * Sessions of people. The id is 256 random bits that only the browser has: here lies its hash, and the person sealed under a key that is
 * made of the id, so that a copy of the state opens no session and names nobody.
 */
export class SignedInPeople {
  readonly #parts: PersonSessionParts;
  /** Who was seen here, by the hash of the session: in memory only, since on the disk nobody is named. */
  readonly #known = new Map<string, Person>();

  constructor(parts: PersonSessionParts) {
    this.#parts = parts;
  }

  /** Begins a session, always with a new id. Undefined when the login is no longer in the configuration. */
  begin(person: Person): { readonly cookie: string; readonly maxAge: number } | undefined {
    const { store, now } = this.#parts;
    const login = this.#loginOf(person);
    if (!login) return undefined;
    const id = randomBytes(32);
    const at = now();
    store.sweep(at);
    store.put({ hash: hashOf(id), sealed: seal(id, person), createdAt: at, expiresAt: at + login.sessionAge, seenAt: at });
    this.#know(hashOf(id).toString('hex'), person);
    return { cookie: id.toString('base64url'), maxAge: Math.floor(login.sessionAge / 1000) };
  }

  /** The session of a cookie, if it is good now. `use` false: only looked at, so that it still ends when nobody uses it. */
  find(cookie: string, use = true): FoundSession | undefined {
    const { store, now } = this.#parts;
    const id = idOf(cookie);
    if (!id) return undefined;
    const hashed = hashOf(id);
    const row = store.get(hashed);
    if (!row) return undefined;
    const person = open(id, row.sealed);
    const login = person && this.#loginOf(person);
    const at = now();
    // A configuration that shortens sessions shortens those that are there.
    const expiresAt = login ? Math.min(row.expiresAt, row.createdAt + login.sessionAge) : 0;
    if (!person || !login || at >= expiresAt || at >= row.seenAt + login.idle) {
      this.#remove(hashed);
      return undefined;
    }
    const seen = use && at - row.seenAt >= Math.min(SEEN_MS, login.idle / 4);
    if (seen) store.seen(hashed, at);
    const session = hashed.toString('hex');
    this.#know(session, person);
    return { person, session, csrf: csrfOf(id), idleUntil: Math.min(expiresAt, (seen ? at : row.seenAt) + login.idle), expiresAt };
  }

  /** Ends it here, at once and for good. */
  end(cookie: string): boolean {
    const id = idOf(cookie);
    return id !== undefined && this.#remove(hashOf(id));
  }

  /** Those that are good now, newest first. Of somebody who is not known by name it is not known either which login's idle time holds. */
  list(): ListedSession[] {
    const { store, logins, now } = this.#parts;
    const at = now();
    const longest = Math.max(0, ...logins().map(({ idle }) => idle));
    return store.list(MOST_LISTED).flatMap(({ hash: hashed, createdAt, expiresAt, seenAt }) => {
      const session = Buffer.from(hashed).toString('hex');
      const person = this.#known.get(session);
      const login = person && this.#loginOf(person);
      const ends = login ? Math.min(expiresAt, createdAt + login.sessionAge) : expiresAt;
      if ((person && !login) || at >= ends || at >= seenAt + (login?.idle ?? longest)) return [];
      return [{ id: session.slice(0, ID_DIGITS), person, createdAt, seenAt, expiresAt: ends }];
    });
  }

  /** Ends the session of somebody, by its id in the list. */
  endById(id: string): boolean {
    const row = this.#parts.store.list(MOST_LISTED).find(({ hash: hashed }) => Buffer.from(hashed).toString('hex').slice(0, ID_DIGITS) === id);
    return row !== undefined && this.#remove(row.hash);
  }

  #know(session: string, person: Person): void {
    this.#known.delete(session);
    this.#known.set(session, person);
    if (this.#known.size > MOST_KNOWN) this.#known.delete(this.#known.keys().next().value ?? '');
  }

  #remove(hashed: Uint8Array): boolean {
    this.#known.delete(Buffer.from(hashed).toString('hex'));
    return this.#parts.store.remove(hashed);
  }

  /** The login that vouched, if it still is what it was: a login of the same name with another issuer vouches for other people. */
  #loginOf({ provider, issuer }: Person): LoginConfig | undefined {
    return this.#parts.logins().find((login) => login.name === provider && login.issuer === issuer);
  }
}

const idOf = (cookie: string): Buffer | undefined => (COOKIE.test(cookie) ? Buffer.from(cookie, 'base64url') : undefined);
const hashOf = (id: Buffer): Buffer => hash('sha256', Buffer.concat([Buffer.from('wicketgate/session/v1\0'), id]), 'buffer');
const keyOf = (id: Buffer, what: string): Buffer => Buffer.from(hkdfSync('sha256', id, Buffer.alloc(0), `wicketgate/session/v1/${what}`, 32));
const csrfOf = (id: Buffer): string => createHmac('sha256', keyOf(id, 'csrf')).update('v1').digest('base64url');

/** Whether a token is the session's; in constant time. */
export const isCsrf = (given: unknown, right: string): boolean => {
  if (typeof given !== 'string' || given.length !== right.length) return false;
  const [one, other] = [Buffer.from(given), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
};

const seal = (id: Buffer, person: Person): Buffer => {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(id, 'person'), nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(person), 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]);
};

const open = (id: Buffer, sealed: Uint8Array): Person | undefined => {
  try {
    const bytes = Buffer.from(sealed);
    const decipher = createDecipheriv('aes-256-gcm', keyOf(id, 'person'), bytes.subarray(0, 12), { authTagLength: 16 });
    decipher.setAuthTag(bytes.subarray(-16));
    return JSON.parse(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8')) as Person;
  } catch {
    // Somebody changed the state: whoever that was is not signed in.
    return undefined;
  }
};
