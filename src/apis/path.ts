/**
 * What a request asks for, read once. The text that was judged is the text that is sent: the target gets `path` and `rawQuery` of this,
 * never the client's own spelling. What two readers could read in two ways is refused, so that no spelling of a path gets around a rule.
 */
export interface ReadTarget {
  /** Percent-encoding normalised (RFC 3986 section 6.2.2), without a query. */
  readonly path: string;
  /** Its segments, decoded. */
  readonly segments: readonly string[];
  /** Decoded names and values, in order. */
  readonly query: ReadonlyMap<string, readonly string[]>;
  /** The query as the target gets it, without the question mark; empty: none. */
  readonly rawQuery: string;
}

/** Longest request target. Signed addresses come to about 2 KiB. */
export const LONGEST_TARGET = 16_384;
const MOST_SEGMENTS = 256;
const MOST_PARAMETERS = 1_000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Doubt extends Error {}

/**
 * Reads the target of a request in origin form. `mayHoldSlash` says for which paths an encoded slash stands for itself inside a name, as in the
 * names of stored objects; everywhere else it is refused, since many servers take it for a separator. `*` of OPTIONS has no path and is refused.
 */
export const readTarget = (raw: string, mayHoldSlash: (segments: readonly string[]) => boolean = () => false): ReadTarget | { readonly refused: string } => {
  if (raw.length > LONGEST_TARGET) return TOO_LONG;
  if (!raw.startsWith('/')) return { refused: 'the address does not begin with a slash' };
  const doubt = NOT_IN_TARGET.exec(raw);
  if (doubt) return { refused: doubt[0] === '#' ? 'the address has a fragment' : 'the address has a character that must be encoded' };
  const mark = raw.indexOf('?');
  try {
    const { path, segments } = readPath(mark < 0 ? raw : raw.slice(0, mark));
    if (segments.some(holdsSlash) && !mayHoldSlash(segments)) return ENCODED_SLASH;
    return { path, segments, ...readQuery(mark < 0 ? '' : raw.slice(mark + 1)) };
  } catch (error) {
    if (error instanceof Doubt) return { refused: error.message };
    throw error;
  }
};

/** Where a target is read from: behind what the client wrote in front of it, and behind what stands there in its place. */
export interface Place {
  /** Of the path, up to where this begins; empty, or as paths are written. The path is the prefix, or goes on behind it with a slash. */
  readonly prefix: string;
  /** One segment that comes in front, which needs no encoding. */
  readonly first: string | undefined;
  /** Where an encoded slash stands for itself. */
  readonly mayHoldSlash: (segments: readonly string[]) => boolean;
}

/** A target that was read already, wherever it may hold a slash, as it is read from a place: the same as by its text. */
export const readBehind = ({ path, segments, query, rawQuery }: ReadTarget, { prefix, first, mayHoldSlash }: Place): ReadTarget | { readonly refused: string } => {
  const whole = path === prefix;
  const rest = whole ? '/' : path.slice(prefix.length);
  const behind = prefix === '' ? segments : whole ? [''] : segments.slice(prefix.split('/').length - 1);
  const read = first === undefined ? { path: rest, segments: behind, query, rawQuery } : { path: `/${first}${rest}`, segments: [first, ...behind], query, rawQuery };
  if (read.path.length + 1 + rawQuery.length > LONGEST_TARGET) return TOO_LONG;
  if (read.segments.length > MOST_SEGMENTS) return { refused: TOO_DEEP };
  return read.segments.some(holdsSlash) && !mayHoldSlash(read.segments) ? ENCODED_SLASH : read;
};

/** The same target with another query. */
export const withQuery = (target: ReadTarget, raw: string): ReadTarget | { readonly refused: string } => {
  try {
    return { ...target, ...readQuery(raw) };
  } catch (error) {
    if (error instanceof Doubt) return { refused: error.message };
    throw error;
  }
};

const TOO_LONG = { refused: `the address is longer than ${LONGEST_TARGET} characters` };
const TOO_DEEP = `the path has more than ${MOST_SEGMENTS} segments`;
const ENCODED_SLASH = { refused: 'the path has an encoded slash' };
/** What stands in no target: it has to be encoded, or is behind it. */
const NOT_IN_TARGET = /[^\x21\x22\x24-\x7e]/;
/** A segment without anything that could be read in two ways, unless it is one or two dots. */
const PLAIN = /^[\w~!$&'()*+,=:@.-]+$/;

const holdsSlash = (segment: string): boolean => segment.includes('/');

function readPath(raw: string): { readonly path: string; readonly segments: readonly string[] } {
  const written = raw.slice(1).split('/');
  if (written.length > MOST_SEGMENTS) throw new Doubt(TOO_DEEP);
  const segments = written.map((segment, index) => {
    if (PLAIN.test(segment) && segment !== '.' && segment !== '..') return segment;
    // A slash at the end is one empty segment. Elsewhere servers differ: some take two slashes for one.
    if (segment === '' && index < written.length - 1) throw new Doubt('the path has an empty segment');
    // Some servers cut a segment off at a semicolon (path parameters), others do not.
    if (segment.includes(';')) throw new Doubt('the path has a semicolon');
    if (segment.includes('\\')) throw new Doubt('the path has a backslash');
    const decoded = decode(segment, 'path');
    for (let at = 0; at < decoded.length; at += 1) {
      const code = decoded.charCodeAt(at);
      if (code < 0x20 || (code >= 0x7f && code < 0xa0)) throw new Doubt('the path has an encoded control character');
    }
    if (decoded.includes('\\')) throw new Doubt('the path has an encoded backslash');
    if (/%[0-9A-Fa-f]{2}/.test(decoded)) throw new Doubt('the path is encoded twice');
    const parts = decoded.split('/');
    // Servers behind a proxy that decodes cut `..%3Bx` off at its semicolon, and those on Windows drop blanks at the end.
    if (parts.some((part) => /^\.{1,2} *(?:;|$)/.test(part))) throw new Doubt('the path has a dot segment');
    if (parts.length > 1 && parts.slice(0, -1).includes('')) throw new Doubt('the path has an encoded empty segment');
    return decoded;
  });
  return { path: `/${written.map(normalise).join('/')}`, segments };
}

function readQuery(raw: string): { readonly query: ReadonlyMap<string, readonly string[]>; readonly rawQuery: string } {
  const query = new Map<string, string[]>();
  const kept: string[] = [];
  const parts = raw === '' ? [] : raw.split('&');
  if (parts.length > MOST_PARAMETERS) throw new Doubt(`the query has more than ${MOST_PARAMETERS} parameters`);
  for (const part of parts) {
    if (part === '') continue;
    // Some servers take a semicolon for the end of a parameter.
    if (part.includes(';')) throw new Doubt('the query has a semicolon');
    const equals = part.indexOf('=');
    const name = formDecode(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? '' : formDecode(part.slice(equals + 1));
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    if (/[\u0000-\u001f\u007f]/.test(name) || value.includes('\0')) throw new Doubt('the query has an encoded control character');
    const values = query.get(name);
    if (values === undefined) query.set(name, [value]);
    else values.push(value);
    kept.push(normalise(part));
  }
  return { query, rawQuery: kept.join('&') };
}

const formDecode = (text: string): string => decode(text.replaceAll('+', ' '), 'query');

function decode(text: string, where: 'path' | 'query'): string {
  if (!text.includes('%')) return text;
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    let byte = text.charCodeAt(at);
    if (byte === PERCENT) {
      byte = hexPair(text, at + 1);
      if (byte < 0) throw new Doubt(`the ${where} has a percent sign that encodes nothing`);
      at += 2;
    }
    bytes[length] = byte;
    length += 1;
  }
  try {
    return utf8.decode(bytes.subarray(0, length));
  } catch {
    throw new Doubt(`the ${where} does not decode to UTF-8`);
  }
}

const PERCENT = 0x25;

/** The byte that two hexadecimal digits say, or -1. */
function hexPair(text: string, at: number): number {
  const pair = text.slice(at, at + 2);
  return /^[0-9A-Fa-f]{2}$/.test(pair) ? Number.parseInt(pair, 16) : -1;
}

/** Unreserved characters decoded, all that may not stand in an address encoded, digits of encodings in upper case. Says the same. */
const normalise = (text: string): string => (AS_IT_IS.test(text) ? text : text.replace(REWRITTEN, (found) => {
  if (found.length === 1) return `%${found.charCodeAt(0).toString(16).toUpperCase()}`;
  const decoded = String.fromCharCode(Number.parseInt(found.slice(1), 16));
  return UNRESERVED.test(decoded) ? decoded : found.toUpperCase();
}));

/** Encodings, and ASCII that RFC 3986 lets stand neither in a path nor in a query, and that some clients send all the same. */
const REWRITTEN = /%[0-9A-Fa-f]{2}|["<>\\^`{|}[\]]/g;
const AS_IT_IS = /^[^%"<>\\^`{|}[\]]*$/;
const UNRESERVED = /[A-Za-z0-9._~-]/;
