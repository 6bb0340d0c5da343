import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { ChannelConfig, LoginConfig } from '../../config/resolved.ts';
import { claimAt, parseClaimPath } from '../../identity/claimpath.ts';
import type { Logger } from '../../model/logger.ts';
import type { Person } from '../../model/person.ts';

/** Somebody who has proved themselves to a login, by the account that they have in a channel. Both are hashes, and who it is lies sealed. */
export interface AccountRow {
  readonly owner: Uint8Array;
  readonly account: Uint8Array;
  /** When the provider vouched, milliseconds since the epoch. */
  readonly at: number;
  readonly sealed: Uint8Array;
}

export interface AccountStore {
  /** Takes the place of the owner's older row; an older one than is there changes nothing. */
  put(row: AccountRow): void;
  /** The owner has no account any more, as of then. */
  remove(owner: Uint8Array, at: number): void;
  of(account: Uint8Array): readonly AccountRow[];
  /** Forgets rows older than that, a bounded number at a time. */
  forget(before: number): void;
}

/** Whose account in a channel it is. */
export type Found =
  | { readonly kind: 'person'; readonly person: Person }
  /** `unknown`: nobody's who has logged in; `old`: their login is too long ago; `several`: two people's. */
  | { readonly kind: 'unknown' | 'old' | 'several' };

export interface AccountParts {
  readonly store: AccountStore;
  readonly key: Uint8Array;
  /** In force now. */
  readonly config: () => { readonly login: readonly LoginConfig[]; readonly channels: readonly ChannelConfig[] };
  readonly now: () => number;
  readonly log: Pick<Logger, 'error'>;
}

/** Slack's ids of users. */
const SLACK_USER = /^[UW][A-Z0-9]{2,22}$/;
/** Kept that long so that people are told to log in again, and not that nobody knows them. */
const KEPT = 90 * 86_400_000;
const NONCE = 12;
const TAG = 16;

type Mapped = NonNullable<Extract<ChannelConfig, { type: 'slack' }>['people']>;

/**
 * Which person a channel's user is: whoever logged in to the configured login with a token that said so. Their groups are those of that
 * login, so they hold for as long as a session on the page would.
 */
export class ChannelAccounts {
  readonly #parts: AccountParts;
  readonly #hashKey: Buffer;
  readonly #sealKey: Buffer;

  constructor(parts: AccountParts) {
    this.#parts = parts;
    const derived = (what: string): Buffer => Buffer.from(hkdfSync('sha256', parts.key, Buffer.alloc(0), `wicketgate/channels/v1/${what}`, 32));
    this.#hashKey = derived('hash');
    this.#sealKey = derived('seal');
  }

  /** Somebody has proved themselves; the claims are verified. Never throws: who cannot be remembered answers on the page. */
  proved(person: Person, claims: Readonly<Record<string, unknown>>): void {
    const { store, config, now, log } = this.#parts;
    try {
      const { login: logins, channels } = config();
      const login = logins.find(({ name, issuer }) => name === person.provider && issuer === person.issuer);
      if (login === undefined) return;
      const issued = claims['iat'];
      const at = Math.floor(Math.min(now(), typeof issued === 'number' ? issued * 1_000 : 0));
      for (const userClaim of new Set(channels.flatMap((channel) => (channel.type === 'slack' && channel.people?.login === login.name ? [channel.people.userClaim] : [])))) {
        const owner = this.#hash('owner', login, userClaim, person.subject);
        const user = claimAt(claims, parseClaimPath(userClaim));
        if (typeof user !== 'string' || !SLACK_USER.test(user)) store.remove(owner, at);
        else {
          const account = this.#hash('account', login, userClaim, user);
          store.put({ owner, account, at, sealed: this.#seal(person, boundOf({ owner, account, at })) });
        }
      }
      store.forget(now() - KEPT);
    } catch (error) {
      log.error({ login: person.provider, error: (error as Error).message }, 'the account of a person in a channel could not be kept');
    }
  }

  /** Throws when the store does. */
  find({ login: name, userClaim }: Mapped, user: string): Found {
    const { store, config, now } = this.#parts;
    const login = config().login.find((one) => one.name === name);
    if (login === undefined || !SLACK_USER.test(user)) return { kind: 'unknown' };
    const rows = store.of(this.#hash('account', login, userClaim, user));
    const fresh = rows.filter(({ at }) => now() < at + login.sessionAge);
    const [row] = fresh;
    if (row === undefined) return { kind: rows.length === 0 ? 'unknown' : 'old' };
    // One of them may have written the other's account into their own profile.
    if (fresh.length > 1) return { kind: 'several' };
    const person = this.#open(row);
    return person === undefined ? { kind: 'unknown' } : { kind: 'person', person };
  }

  /** Another issuer, client or claim of groups vouches for other people: what was kept is not found any more. */
  #hash(what: string, { name, issuer, clientId, groupsClaim, accounts }: LoginConfig, userClaim: string, who: string): Buffer {
    const of = Object.entries(accounts).toSorted(([one], [other]) => (one < other ? -1 : 1));
    return createHmac('sha256', this.#hashKey).update(JSON.stringify([what, name, issuer, clientId, groupsClaim, of, userClaim, who])).digest();
  }

  #seal(person: Person, bound: Buffer): Buffer {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.#sealKey, nonce).setAAD(bound);
    return Buffer.concat([nonce, cipher.update(JSON.stringify(person), 'utf8'), cipher.final(), cipher.getAuthTag()]);
  }

  /** Undefined when somebody has changed the store. */
  #open({ sealed, ...row }: AccountRow): Person | undefined {
    try {
      const bytes = Buffer.from(sealed);
      const decipher = createDecipheriv('aes-256-gcm', this.#sealKey, bytes.subarray(0, NONCE), { authTagLength: TAG }).setAAD(boundOf(row));
      decipher.setAuthTag(bytes.subarray(-TAG));
      return JSON.parse(Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]).toString('utf8')) as Person;
    } catch {
      return undefined;
    }
  }
}

const boundOf = ({ owner, account, at }: Omit<AccountRow, 'sealed'>): Buffer => Buffer.concat([owner, account, Buffer.from(String(Math.floor(at)))]);
