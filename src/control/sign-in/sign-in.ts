import { createHash, hash, randomBytes } from 'node:crypto';
import type { LoginConfig, SecretRef } from '../../config/resolved.ts';
import { CLOCKS_DIFFER, LoginFailed, openCodeFlow, type CodeFlow } from '../../identity/code-flow.ts';
import type { People } from '../../identity/people.ts';
import type { PersonRefusal } from '../../identity/person-refusal.ts';
import type { SignedIn } from '../../identity/signed-in.ts';
import { isRefusal } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { Person } from '../../model/person.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { Refused } from '../api/refused.ts';
import type { Deeds } from '../deeds.ts';
import { ATTEMPT_MS, type Attempt } from './attempt.ts';
import type { SignedInPeople } from './person-sessions.ts';
import type { Site } from './site.ts';
import { returnPath } from './return-path.ts';

/** How long what a provider says of itself is relied on. */
const FLOW_MS = 300_000;
/** How long a bootstrap link is good. */
const BOOTSTRAP_MS = 600_000;
/** Where providers send people back to: to be registered with them. */
export const CALLBACK = '/oidc/callback';

/** Why somebody is not signed in: a word that the page has a sentence for. */
export type SignInFault = 'denied' | 'expired' | 'provider_down' | 'clock' | 'failed' | 'unavailable' | 'used';

/** Nobody was signed in. The message holds nothing but the word. */
export class SignInFailed extends Error {
  override name = 'SignInFailed';
  readonly fault: SignInFault;
  constructor(fault: SignInFault) {
    super(`sign-in: ${fault}`);
    this.fault = fault;
  }
}

/** Of a token that was made a moment ago these say that two clocks differ. */
const OUT_OF_TIME: ReadonlySet<PersonRefusal['reason']> = new Set(['issued_in_future', 'not_yet_valid', 'expired']);

export interface SignInParts {
  readonly logins: () => readonly LoginConfig[];
  readonly verify: People['verify'];
  readonly secrets: Secrets;
  readonly signedIn: SignedIn;
  readonly sessions: SignedInPeople;
  readonly deeds: Deeds;
  /** Whether a person has the role admin by their groups. */
  readonly isAdmin: (person: Person) => boolean;
  readonly log: Logger;
  readonly now: () => number;
}

const bootstrapHash = (key: string): Buffer => hash('sha256', `wicketgate/bootstrap/v1\0${key}`, 'buffer');

/** Signs people in: the authorization code flow with PKCE, state and nonce, and the link that makes the first administrator. */
export class SignIn {
  readonly #parts: SignInParts;
  readonly #flows = new Map<string, { readonly flow: Promise<CodeFlow>; readonly until: number }>();

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /** Begins at a provider. Throws SignInFailed, or Refused when there is no such provider. */
  async begin(site: Site, provider: string, wanted: unknown, bootstrap: unknown): Promise<{ readonly url: string; readonly attempt: Attempt }> {
    const login = this.#parts.logins().find(({ name }) => name === provider);
    if (!login) throw new Refused(404, 'not_found', 'there is no such provider');
    if (bootstrap !== undefined && !(typeof bootstrap === 'string' && this.isOffered(bootstrap))) throw new SignInFailed('used');
    const begun = await this.#told(login, async () => (await this.#flowOf(login)).begin(`${site.origin}${site.base}${CALLBACK}`));
    const { url, state, nonce, verifier } = begun;
    return { url, attempt: { provider, state, nonce, verifier, returnTo: returnPath(wanted), ...(typeof bootstrap === 'string' ? { bootstrap } : {}), until: this.#parts.now() + ATTEMPT_MS } };
  }

  /** Ends what `begin` began; `callback` is the address that the browser came to. Gives the cookie of a new session. Throws SignInFailed. */
  async finish(site: Site, attempt: Attempt, query: string): Promise<{ readonly cookie: string; readonly maxAge: number }> {
    const { logins, verify, sessions, deeds, signedIn, isAdmin, log, now } = this.#parts;
    const login = logins().find(({ name }) => name === attempt.provider);
    if (!login) throw new SignInFailed('expired');
    if (new URLSearchParams(query).has('error')) throw new SignInFailed('denied');
    const callback = new URL(`${site.origin}${site.base}${CALLBACK}${query === '' ? '' : `?${query}`}`);
    const idToken = await this.#told(login, async () => (await this.#flowOf(login)).finish({ ...attempt, url: '' }, callback));
    const person = await verify(idToken, { nonce: attempt.nonce, login: login.name });
    if (isRefusal(person)) {
      log.warn({ login: login.name, reason: person.reason }, 'a person was not accepted');
      throw new SignInFailed(OUT_OF_TIME.has(person.reason) ? 'clock' : 'failed');
    }
    try {
      if (attempt.bootstrap !== undefined) await this.#bootstrap(attempt.bootstrap, person);
      await deeds.signedIn(person);
    } catch (error) {
      if (error instanceof Refused) throw new SignInFailed('unavailable');
      throw error;
    }
    if (isAdmin(person)) signedIn.administrators.seen(person, now());
    const begun = sessions.begin(person);
    if (!begun) throw new SignInFailed('expired');
    return begun;
  }

  /** A link that makes whoever opens it first and signs in an administrator. Throws Refused when there is or was one. */
  async offerBootstrap(site: Site | undefined, by: string): Promise<{ readonly url: string; readonly until: number }> {
    const { signedIn, deeds, now, logins } = this.#parts;
    if (logins().length === 0) throw new Refused(409, 'conflict', 'nobody can sign in: the configuration has no control.login');
    if (!site) throw new Refused(409, 'conflict', 'nobody can sign in safely: control.url must be https, or http on this machine');
    if (signedIn.administrators.everSeen()) throw new Refused(409, 'conflict', 'there is, or was, an administrator: from here on the role is given by groups (control.roles.admin)');
    await deeds.bootstrapLink(by);
    const key = randomBytes(32).toString('base64url');
    const until = now() + BOOTSTRAP_MS;
    signedIn.administrators.offer(bootstrapHash(key), until);
    return { url: `${site.origin}${site.base}/bootstrap/${key}`, until };
  }

  isOffered(key: string): boolean {
    const { administrators } = this.#parts.signedIn;
    return /^[A-Za-z0-9_-]{43}$/.test(key) && !administrators.everSeen() && administrators.offered(bootstrapHash(key), this.#parts.now());
  }

  async #bootstrap(key: string, person: Person): Promise<void> {
    if (!this.isOffered(key)) throw new SignInFailed('used');
    const { signedIn, deeds, now, log } = this.#parts;
    await deeds.bootstrapped(person);
    if (!signedIn.administrators.take(bootstrapHash(key), person, now())) throw new SignInFailed('used');
    log.warn({ provider: person.provider }, 'the first administrator was made by the bootstrap link');
  }

  #flowOf(login: LoginConfig): Promise<CodeFlow> {
    const { now } = this.#parts;
    const id = createHash('sha256').update(JSON.stringify(login)).digest('hex');
    const known = this.#flows.get(id);
    if (known && now() < known.until) return known.flow;
    const flow = this.#open(login);
    for (const [old, { until }] of this.#flows) if (now() >= until) this.#flows.delete(old);
    this.#flows.set(id, { flow, until: now() + FLOW_MS });
    flow.catch(() => this.#flows.delete(id));
    return flow;
  }

  async #open(login: LoginConfig): Promise<CodeFlow> {
    return openCodeFlow(login, login.clientSecret && (await this.#secret(login.clientSecret)));
  }

  async #secret(ref: SecretRef): Promise<string> {
    return (await this.#parts.secrets.lease(ref)).use((value) => value.toString('utf8'));
  }

  /** What goes wrong with a provider is told to the log in full, and to the browser in one word. */
  async #told<T>(login: LoginConfig, doing: () => Promise<T>): Promise<T> {
    try {
      return await doing();
    } catch (error) {
      const reason = error instanceof LoginFailed ? error.message : 'the client secret cannot be had';
      this.#parts.log.warn({ login: login.name, reason }, 'a sign-in did not work out');
      if (reason === CLOCKS_DIFFER) throw new SignInFailed('clock');
      throw new SignInFailed(error instanceof LoginFailed && /not accepted|provider said|gave no/.test(reason) ? 'failed' : 'provider_down');
    }
  }
}
