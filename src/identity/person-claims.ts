import { createHash, timingSafeEqual } from 'node:crypto';
import type { LoginConfig } from '../config/resolved.ts';
import type { Person } from '../model/person.ts';
import { claimAt, parseClaimPath } from './claimpath.ts';
import { leftOut } from './match.ts';
import type { PersonReason } from './person-refusal.ts';
import type { ParsedToken } from './token.ts';

type Claims = ParsedToken['claims'];

/** Most groups of one person, and the longest name of one. More than a company gives to anybody; a token of 16 KiB holds hardly more. */
const MOST_GROUPS = 1_000;
const LONGEST_NAME = 256;
/** OpenID Connect Core 1.0 section 2: "It MUST NOT exceed 255 ASCII characters in length." */
const LONGEST_SUBJECT = 255;
const LONGEST_SHOWN = 100;

/** Where a login finds groups and accounts in its ID tokens. */
export interface PersonPaths {
  readonly groups: readonly string[];
  readonly accounts: readonly (readonly [provider: string, path: readonly string[]])[];
}

/** Throws when a path has an empty name; the configuration is checked for that. */
export const personPaths = ({ groupsClaim, accounts }: LoginConfig): PersonPaths => ({
  groups: parseClaimPath(groupsClaim),
  accounts: Object.entries(accounts).map(([provider, path]) => [provider, parseClaimPath(path)] as const),
});

/**
 * What an ID token must have beyond any other token (OpenID Connect Core 1.0 section 3.1.3.7), and what tells a program from a person.
 * Undefined when nothing is wrong. Call only after the signature holds.
 */
export const checkPerson = ({ claims, type }: Pick<ParsedToken, 'claims' | 'type'>, clientId: string, nonce: string | undefined): PersonReason | undefined => {
  if (isOtherToken(claims, type)) return 'not_id_token';
  if (claims['azp'] !== undefined && claims['azp'] !== clientId) return 'party_wrong';
  if (nonce !== undefined && !(typeof claims['nonce'] === 'string' && isSame(claims['nonce'], nonce))) return 'nonce_wrong';
  if (isMachine(claims, clientId)) return 'machine';
  // Issuers of people also sign tokens for jobs, with an audience of the job's choice (GitLab CI, Google service accounts). Those come
  // from no login, so they have neither.
  const interactive = (typeof claims['nonce'] === 'string' && claims['nonce'] !== '') || typeof claims['auth_time'] === 'number';
  return interactive ? undefined : 'not_interactive';
};

/** The person whom verified claims stand for, or why groups cannot be told: a group that is not seen could be one that must not approve. */
export const personOf = (claims: Claims, subject: string, { name: provider, issuer }: LoginConfig, paths: PersonPaths): Person | PersonReason => {
  if (subject.length > LONGEST_SUBJECT || hasUnseen(subject)) return 'claim_malformed';
  const absent = leftOut(claims);
  if (absent !== undefined && [paths.groups, ...paths.accounts.map(([, path]) => path)].some(([first = '']) => absent.has(first))) return 'groups_left_out';
  const groups = groupsIn(claimAt(claims, paths.groups));
  if (groups === undefined) return 'groups_malformed';
  const accounts: Record<string, string> = {};
  for (const [of, path] of paths.accounts) {
    const account = claimAt(claims, path);
    if (isName(account)) accounts[of] = account;
  }
  return { provider, issuer, subject, name: shownName(claims, subject), groups: groups.map((group) => `${provider}/${group}`), accounts };
};

/** Marks of access tokens (RFC 9068, Keycloak, Cognito), logout tokens and security events, which are signed by the same keys. */
const isOtherToken = (claims: Claims, type: string | undefined): boolean => {
  const { typ, token_use: use, events } = claims;
  return (type !== undefined && type !== 'jwt') || (typ !== undefined && typ !== 'ID') || (use !== undefined && use !== 'id') || events !== undefined;
};

/** Tokens that a program got for itself: RFC 9068 section 5, Auth0, Entra, Keycloak, Google. */
const isMachine = ({ sub, client_id: client, gty, idtyp, preferred_username: username, email }: Claims, clientId: string): boolean => {
  if (sub === clientId || (client !== undefined && sub === client)) return true;
  if (idtyp === 'app' || (Array.isArray(gty) ? gty : [gty]).some((grant) => typeof grant === 'string' && /^client[-_]credentials$/i.test(grant))) return true;
  if (typeof username === 'string' && username.startsWith('service-account-')) return true;
  return typeof email === 'string' && email.toLowerCase().endsWith('.gserviceaccount.com');
};

/** One name is a list of one. Undefined when it is anything but names. */
const groupsIn = (claim: unknown): readonly string[] | undefined => {
  if (claim === undefined) return [];
  const listed: unknown = typeof claim === 'string' ? [claim] : claim;
  if (!Array.isArray(listed) || listed.length > MOST_GROUPS || !listed.every(isName)) return undefined;
  return [...new Set(listed)];
};

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME && !hasUnseen(value);

/** Control characters, direction marks, zero-width ones, line separators, private use: what makes one name look like another. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;
const hasUnseen = (text: string): boolean => UNSEEN.test(text);

const shownName = (claims: Claims, subject: string): string => {
  for (const claim of [claims['name'], claims['preferred_username'], claims['email']]) {
    if (typeof claim !== 'string') continue;
    const shown = shortened(claim.replaceAll(new RegExp(UNSEEN, 'gu'), '').replaceAll(/\s+/g, ' ').trim());
    if (shown !== '') return shown;
  }
  return shortened(subject);
};

/** By code points, so that none is cut in two. */
const shortened = (text: string): string => Array.from(text).slice(0, LONGEST_SHOWN).join('');

const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
