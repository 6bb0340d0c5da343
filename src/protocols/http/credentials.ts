import type { Fields, RequestHead } from './head.ts';
import type { HeaderSection } from './header-section.ts';

/** Header fields in which a client may show its token. None of them ever reaches a target. */
export const CREDENTIAL_FIELDS: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'x-wicketgate-token']);

/** The longest that a token may be, as in every protocol. */
const LONGEST = 65_535;
/** A shorter text could stand somewhere else by chance. */
const TELLING = 32;

export type Shown = { readonly kind: 'token'; readonly token: string } | { readonly kind: 'none' } | { readonly kind: 'refused'; readonly why: string };

const PASSED_ON = 'the token stands in a part of the request that would be passed on';

const refused = (why: string): Shown => ({ kind: 'refused', why });

/**
 * The token of a header section: `Authorization: Bearer`, `Basic` with the token as password (the user name is nobody's), or `X-Wicketgate-Token`.
 * Two different ones are refused, and one that also stands in a field that would be passed on.
 */
export const tokenOf = ({ values, fields }: Pick<HeaderSection, 'values' | 'fields'>): Shown => {
  const own = values.get('x-wicketgate-token')?.[0];
  const authorization = values.get('authorization')?.[0];
  const inAuthorization = authorization === undefined ? undefined : fromAuthorization(authorization);
  // Beside a token of its own header, the client may have put on what its library always puts on: it is dropped.
  if (inAuthorization !== undefined && inAuthorization.token === undefined && own === undefined) return refused('Authorization is neither Bearer nor Basic with a token as its password');
  if (own !== undefined && inAuthorization?.token !== undefined && own !== inAuthorization.token) return refused('Authorization and X-Wicketgate-Token hold different tokens');
  const token = own ?? inAuthorization?.token;
  if (token === undefined) return { kind: 'none' };
  if (token === '' || token.length > LONGEST) return refused('the token is empty or too long');
  const { encoded } = inAuthorization ?? {};
  return elsewhere(fields, token) || (encoded !== undefined && elsewhere(fields, encoded)) ? refused(PASSED_ON) : { kind: 'token', token };
};

/** The token of a request. One that stands in its address too is refused. @param of what its header section shows */
export const shownToken = ({ section, target }: RequestHead, of: Shown = tokenOf(section)): Shown => (of.kind === 'token' && inAddress(target, of.token) ? refused(PASSED_ON) : of);

/** The token that the forward proxy is shown in `Proxy-Authorization`. */
export const proxyToken = (value: string | undefined): Shown => {
  if (value === undefined) return { kind: 'none' };
  const { token } = fromAuthorization(value);
  if (token === undefined) return refused('Proxy-Authorization is neither Bearer nor Basic with a token as its password');
  if (token.length > LONGEST) return refused('the token is too long');
  return token === '' ? { kind: 'none' } : { kind: 'token', token };
};

/** The token stands in the path or the query, however it is encoded there: what goes to the target is decoded as far as it can be. */
export const inAddress = (target: string, token: string): boolean =>
  token.length >= TELLING && (target.includes(token) || (target.includes('%') && target.replace(/%[0-9A-Fa-f]{2}/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16))).includes(token)));

/** The token stands in a field that would be passed on, as it is or in base64, such as of Basic. A short text could stand there by chance. */
export const elsewhere = (fields: Fields, token: string): boolean => {
  if (token.length < TELLING) return false;
  let packed: readonly string[] | undefined;
  return fields.some(([name, value]) => value.length >= token.length && !CREDENTIAL_FIELDS.has(name.toLowerCase()) && (value.includes(token) || (packed ??= inBase64(token)).some((text) => value.includes(text))));
};

/** What the text is in base64 wherever it begins, as far as what stands around it does not change that. */
const inBase64 = (text: string): readonly string[] =>
  [0, 1, 2].map((before) => {
    const bytes = Buffer.from(`${' '.repeat(before)}${text}`, 'latin1');
    return bytes.toString('base64').slice(before === 0 ? 0 : before + 1, Math.floor(bytes.length / 3) * 4);
  });

/** The token in a value of `Authorization` or `Proxy-Authorization`, where it is of a scheme that carries one; `encoded`: as it stands in Basic. */
export const fromAuthorization = (value: string): { readonly token?: string; readonly encoded?: string } => {
  const space = value.indexOf(' ');
  const scheme = (space < 0 ? value : value.slice(0, space)).toLowerCase();
  const rest = space < 0 ? '' : value.slice(space + 1).trim();
  if (scheme === 'bearer') return { token: rest };
  if (scheme !== 'basic' || rest.length > 2 * LONGEST || !/^[A-Za-z0-9+/]*={0,2}$/.test(rest)) return {};
  const decoded = Buffer.from(rest, 'base64').toString('latin1');
  const colon = decoded.indexOf(':');
  return colon < 0 ? {} : { token: decoded.slice(colon + 1), encoded: rest };
};
