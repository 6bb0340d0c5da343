import { alphanumeric, base64url, endsToken, isAt, runOf, startsToken, upperAlphanumeric, wordCharacters } from './characters.ts';
import type { Span } from './characters.ts';

/** More characters than any of these keys has. */
const longestKey = 512;

/** A key with a fixed beginning: its characters behind that, and how many there are at least. */
function behind(bytes: Uint8Array, floor: number, start: number, from: number, end: number, of: Uint8Array, least: number, most = longestKey): Span | undefined {
  if (start < floor || !startsToken(bytes, floor, start)) return undefined;
  const to = runOf(of, bytes, from, end, most + 1);
  return to - from >= least && to - from <= most ? { start, end: to } : undefined;
}

const githubPrefixes: readonly string[] = ['ghp', 'gho', 'ghu', 'ghs', 'ghr'];
const stripePrefixes: readonly string[] = ['sk', 'rk'];

/** GitHub (`ghp_...`, `github_pat_...`) and Stripe (`sk_live_...`) keys, at their first underscore. */
export function cloudAtUnderscore(bytes: Uint8Array, floor: number, at: number, end: number): Span | undefined {
  if (githubPrefixes.some((prefix) => isAt(bytes, at - 3, end, prefix))) return behind(bytes, floor, at - 3, at + 1, end, alphanumeric, 36);
  if (isAt(bytes, at - 6, end, 'github_pat_')) return behind(bytes, floor, at - 6, at + 5, end, wordCharacters, 22);
  if (stripePrefixes.some((prefix) => isAt(bytes, at - 2, end, prefix)) && (isAt(bytes, at, end, '_live_') || isAt(bytes, at, end, '_test_'))) {
    return behind(bytes, floor, at - 2, at + 6, end, alphanumeric, 16);
  }
  return undefined;
}

/** AWS access key ids (`AKIA...`, `ASIA...`) and Google API keys (`AIza...`), at their letter I. */
export function cloudAtI(bytes: Uint8Array, floor: number, at: number, end: number): Span | undefined {
  if (isAt(bytes, at - 2, end, 'AKIA') || isAt(bytes, at - 2, end, 'ASIA')) {
    const found = behind(bytes, floor, at - 2, at + 2, end, upperAlphanumeric, 16, 16);
    return found !== undefined && endsToken(bytes, found.end, end) ? found : undefined;
  }
  return isAt(bytes, at - 1, end, 'AIza') ? behind(bytes, floor, at - 1, at + 3, end, base64url, 35, 39) : undefined;
}

const slackKinds = 'abeoprs';

/** GitLab (`glpat-...`) and Slack (`xoxb-...`) tokens, at their first dash. */
export function cloudAtDash(bytes: Uint8Array, floor: number, at: number, end: number): Span | undefined {
  if (isAt(bytes, at - 5, end, 'glpat')) return behind(bytes, floor, at - 5, at + 1, end, base64url, 20);
  if (isAt(bytes, at - 4, end, 'xox') && slackKinds.includes(String.fromCharCode(bytes[at - 1]!))) return behind(bytes, floor, at - 4, at + 1, end, base64url, 10);
  return undefined;
}

/** The longest and the shortest header of a token that is looked into: `{"alg"` has eight characters in base64. */
const longestHeader = 4096;
const shortestHeader = 8;

/** A JSON Web Token at the J of its `eyJ`: three base64url parts, the first of which decodes to JSON with `alg`. */
export function jwtAtJ(bytes: Uint8Array, floor: number, at: number, end: number): Span | undefined {
  const start = at - 2;
  // Only the first of a run can start one, so that each run is looked at no more than three times, as each of the parts.
  if (start < floor || bytes[start] !== 0x65 || bytes[start + 1] !== 0x79 || (start > floor && base64url[bytes[start - 1]!] === 1)) return undefined;
  const header = runOf(base64url, bytes, at, end, end);
  if (header >= end || bytes[header] !== 0x2e || header - start > longestHeader || header - start < shortestHeader) return undefined;
  const payload = runOf(base64url, bytes, header + 1, end, end);
  if (payload >= end || bytes[payload] !== 0x2e || payload === header + 1) return undefined;
  const json = Buffer.from(latin1(bytes, start, header), 'base64url').toString('latin1');
  if (!json.startsWith('{') || !json.includes('"alg"')) return undefined;
  return { start, end: runOf(base64url, bytes, payload + 1, end, end) };
}

const begin = '-----BEGIN ';
const endMark = '-----END ';
const dash = 0x2d;
const quote = 0x22;
const titled = 'PRIVATE KEY';

/** The longest title of a block: `ENCRYPTED PRIVATE KEY`, `PGP PRIVATE KEY BLOCK`. */
const longestTitle = 40;

/**
 * A PEM block of a private key at its first dash, up to its end mark; one that is cut short up to the
 * next double quote (the end of a string in JSON) or the end of the text. `inField`: only as the value of a JSON field `private_key`.
 */
export function privateKeyAtDash(bytes: Uint8Array, floor: number, at: number, end: number, inField: boolean): Span | undefined {
  if (!isAt(bytes, at, end, begin)) return undefined;
  if (inField && !latin1(bytes, Math.max(floor, at - 20), at).includes('private_key"')) return undefined;
  let close = at + begin.length;
  while (close < end && close - at < longestTitle && bytes[close] !== 0x2d) close++;
  const title = latin1(bytes, at + begin.length, close);
  // A title that is cut off is taken for one of a private key as long as it may become one.
  if (!title.includes(titled) && !(close >= end && couldBecome(title))) return undefined;
  let to = close;
  while (to < end && bytes[to] !== quote && !(bytes[to] === dash && isAt(bytes, to, end, endMark))) to++;
  if (to < end && bytes[to] === dash) {
    const mark = to;
    to += endMark.length;
    while (to < end && to - mark < endMark.length + longestTitle && bytes[to] !== dash) to++;
    for (let dashes = 0; dashes < 5 && to < end && bytes[to] === dash; dashes++) to++;
  }
  return { start: at, end: to };
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}

function couldBecome(title: string): boolean {
  return ['RSA ', 'EC ', 'DSA ', 'OPENSSH ', 'ENCRYPTED ', 'PGP ', ''].some((prefix) => (prefix + titled).startsWith(title) || title.startsWith(prefix + titled));
}
