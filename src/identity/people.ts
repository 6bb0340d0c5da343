import type { IdentityProviderConfig, LoginConfig } from '../config/resolved.ts';
import type { Logger } from '../model/logger.ts';
import type { Person } from '../model/person.ts';
import { verifySignature } from './algorithms.ts';
import { checkClaims, hasAudience } from './claims.ts';
import { keyLog } from './keylog.ts';
import { IssuerKeys, type KeyStatus } from './keys.ts';
import { checkPerson, personOf, personPaths, type PersonPaths } from './person-claims.ts';
import { personRefusal, type PersonReason, type PersonRefusal } from './person-refusal.ts';
import { keySource } from './source.ts';
import { parseToken } from './token.ts';

/** Turns an ID token of one of `control.login` into the person whom it stands for. Never a machine. */
export interface People {
  /** Judges an ID token. Never rejects. `nonce`: of the login that it must belong to; `login`: the only `control.login[].name` that it may come from. */
  verify(idToken: string, options?: { readonly nonce?: string; readonly login?: string }): Promise<Person | PersonRefusal>;
  /** Fetches every provider's keys once. Never rejects: what is missing is fetched when a token needs it. */
  ready(): Promise<void>;
  status(): readonly (KeyStatus & { readonly login: string })[];
}

/** What people need from the rest of the gateway. */
export interface PeoplePorts {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** No field ever holds a token or a claim. */
  readonly log?: Pick<Logger, 'info' | 'warn'>;
  /** Called with everybody who was accepted, and the claims of their token. Must not throw. */
  readonly proved?: (person: Person, claims: Readonly<Record<string, unknown>>) => void;
}

/** As for machines by default. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];
const CLOCK_SKEW = 30_000;
const MAX_KEY_AGE = 24 * 3_600_000;

interface Login {
  readonly config: LoginConfig;
  readonly sourceId: string;
  readonly keys: IssuerKeys;
  readonly paths: PersonPaths;
}

/** `logins` gives what is in force now; the keys of a login whose source is the same stay known when that changes. */
export const createPeople = (logins: () => readonly LoginConfig[], ports: PeoplePorts): People => {
  let from: readonly LoginConfig[] | undefined;
  let compiled: readonly Login[] = [];
  const inForce = (): readonly Login[] => {
    const now = logins();
    if (now !== from) compiled = compile(now, compiled, ports);
    from = now;
    return compiled;
  };
  return {
    verify: (idToken, { nonce, login } = {}) => verify(idToken, login === undefined ? inForce() : inForce().filter(({ config }) => config.name === login), nonce, ports),
    ready: async () => {
      await Promise.all(inForce().map(({ keys }) => keys.refresh()));
    },
    status: () => inForce().map(({ config: { name }, keys }) => ({ login: name, ...keys.status(MAX_KEY_AGE) })),
  };
};

const compile = (logins: readonly LoginConfig[], previous: readonly Login[], ports: PeoplePorts): readonly Login[] =>
  logins.map((config) => {
    const source = keySource(asProvider(config));
    const known = previous.find(({ sourceId }) => sourceId === source.id);
    return { config, sourceId: source.id, keys: known?.keys ?? new IssuerKeys(source, ports.clock, keyLog(config.name, ports.log)), paths: personPaths(config) };
  });

/** A login in the words of what verifies the tokens of machines: the same code judges both. */
const asProvider = ({ name, issuer, clientId, keys, maxTokenAge, ca, allowPrivate, origin }: LoginConfig): IdentityProviderConfig => ({
  name,
  issuer,
  audience: clientId,
  keys,
  algorithms: ALGORITHMS,
  once: false,
  maxTokenAge,
  clockSkew: CLOCK_SKEW,
  maxKeyAge: MAX_KEY_AGE,
  ...(ca === undefined ? {} : { ca }),
  allowPrivate,
  origin,
});

const verify = async (text: unknown, logins: readonly Login[], nonce: string | undefined, ports: PeoplePorts): Promise<Person | PersonRefusal> => {
  // It comes from another process as it was sent.
  const token = typeof text === 'string' ? parseToken(text) : 'token_malformed';
  if (typeof token === 'string') return personRefusal(token);
  const login = chooseLogin(token.claims, logins);
  if (typeof login === 'string') return personRefusal(login);
  const { config, keys, paths } = login;
  const refuse = (reason: PersonReason): PersonRefusal => personRefusal(reason, config.name);

  if (!ALGORITHMS.includes(token.algorithm)) return refuse('algorithm_refused');
  const candidates = await keys.find(token.algorithm, token.keyId, MAX_KEY_AGE);
  if (typeof candidates === 'string') return refuse(candidates);
  if (!candidates.some((key) => verifySignature(token.algorithm, key, token.signingInput, token.signature))) return refuse('signature_invalid');

  const standard = checkClaims(token.claims, asProvider(config), ports.clock());
  if (typeof standard === 'string') return refuse(standard);
  const wrong = checkPerson(token, config.clientId, nonce);
  if (wrong !== undefined) return refuse(wrong);
  const person = personOf(token.claims, standard.subject, config, paths);
  if (typeof person === 'string') return refuse(person);
  ports.proved?.(person, token.claims);
  return person;
};

/** Nothing is verified yet: this only chooses whose keys must have signed. */
const chooseLogin = (claims: Readonly<Record<string, unknown>>, logins: readonly Login[]): Login | PersonReason => {
  const { iss } = claims;
  if (typeof iss !== 'string') return 'issuer_missing';
  const ofIssuer = logins.filter(({ config }) => config.issuer === iss);
  const ofClient = ofIssuer.filter(({ config }) => hasAudience(claims, config.clientId));
  if (ofClient.length > 1) return 'login_ambiguous';
  return ofClient[0] ?? ofIssuer[0] ?? 'issuer_unknown';
};
