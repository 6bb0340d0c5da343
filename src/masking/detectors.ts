import type { Span } from './detect/characters.ts';
import { cloudAtDash, cloudAtI, cloudAtUnderscore, jwtAtJ, privateKeyAtDash } from './detect/keys.ts';
import { cardAt, emailAt, ibanAt, ipv4At, ipv6At, phoneAt, ssnAt } from './detect/personal.ts';

/** What a detector looks for, as in `mask[].detect`. */
export type DetectorKind = 'us_ssn' | 'credit_card' | 'email' | 'phone' | 'iban' | 'ip' | 'jwt' | 'cloud_key' | 'private_key';

export const detectorKinds: ReadonlySet<DetectorKind> = new Set(['us_ssn', 'credit_card', 'email', 'phone', 'iban', 'ip', 'jwt', 'cloud_key', 'private_key']);

/** A find: the bytes `[start..end)`. */
export interface Hit {
  readonly kind: DetectorKind;
  readonly start: number;
  readonly end: number;
}

/** A set of detectors, ready to run. */
export interface Detectors {
  /** For each byte value, what to try where it stands; 0 for nothing. */
  readonly triggers: Uint8Array;
  readonly kinds: ReadonlySet<DetectorKind>;
  /** Those of them that begin with a digit, as bits. */
  readonly numbers: number;
}

const nothing = 0;
const digit = 1;
const at = 2;
const underscore = 3;
const dash = 4;
const letterI = 5;
const letterJ = 6;
const colon = 7;

const ssn = 1;
const card = 2;
const phone = 4;
const ip = 8;
const iban = 16;
const numberKinds: readonly (readonly [DetectorKind, number])[] = [['us_ssn', ssn], ['credit_card', card], ['phone', phone], ['ip', ip], ['iban', iban]];

const sets = new Map<string, Detectors>();

/** Prepares a set of kinds. Sets are few and kept. */
export function prepare(kinds: Iterable<DetectorKind>): Detectors {
  const wanted = new Set(kinds);
  const name = [...wanted].sort().join(' ');
  let found = sets.get(name);
  if (found !== undefined) return found;
  const triggers = new Uint8Array(256);
  const numbers = numberKinds.reduce((sum, [kind, bit]) => sum | (wanted.has(kind) ? bit : 0), 0);
  if (numbers !== 0) triggers.fill(digit, 0x30, 0x3a);
  if (wanted.has('email')) triggers[0x40] = at;
  if (wanted.has('cloud_key')) {
    triggers[0x5f] = underscore;
    triggers[0x49] = letterI;
  }
  if (wanted.has('cloud_key') || wanted.has('private_key')) triggers[0x2d] = dash;
  if (wanted.has('jwt')) triggers[0x4a] = letterJ;
  if (wanted.has('ip')) triggers[0x3a] = colon;
  found = { triggers, kinds: wanted, numbers };
  sets.set(name, found);
  return found;
}

/** All detectors: what recordings are always looked through with. */
export const allDetectors: Detectors = prepare(detectorKinds);

/**
 * Finds what the detectors look for in UTF-8 text, in order and without overlap; undefined when there is nothing.
 * One pass: each byte costs one table look-up, and where it triggers, a matcher that looks at a bounded number of bytes
 * or at bytes that are then passed over. Time is linear in the length, whatever the bytes.
 */
export function detect(bytes: Uint8Array, start: number, end: number, detectors: Detectors): Hit[] | undefined {
  const { triggers } = detectors;
  let hits: Hit[] | undefined;
  // Nothing is looked for before the last find.
  let floor = start;
  // Colons up to here were looked at as one would-be address.
  let seen = start;
  for (let here = start; here < end; here++) {
    const trigger = triggers[bytes[here]!]!;
    if (trigger === nothing) continue;
    let next: number;
    if (trigger === digit) {
      next = here + 1;
      while (next < end && bytes[next]! >= 0x30 && bytes[next]! <= 0x39) next++;
      const hit = atDigits(bytes, floor, here, next, end, detectors.numbers);
      if (hit !== undefined) {
        (hits ??= []).push(hit);
        floor = next = hit.end;
      }
    } else if (trigger === colon) {
      if (here < seen) continue;
      const found = ipv6At(bytes, floor, here, end);
      seen = next = found.end;
      if (!found.valid) continue;
      (hits ??= []).push({ kind: 'ip', start: found.start, end: next });
      floor = next;
    } else {
      const hit = atOther(trigger, bytes, floor, here, end, detectors.kinds);
      if (hit === undefined) continue;
      (hits ??= []).push(hit);
      floor = next = hit.end;
    }
    here = next - 1;
  }
  return hits;
}

const isUpper = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x41 && byte <= 0x5a;

/**
 * A run of digits `[here..run)`: each thing that starts with one, the one with a checksum first. Most runs are dates,
 * times and keys, so that each matcher is only entered when the run's length and its neighbours fit.
 */
function atDigits(bytes: Uint8Array, floor: number, here: number, run: number, end: number, numbers: number): Hit | undefined {
  const length = run - here;
  const next = run < end ? bytes[run]! : 0;
  const before = here > floor ? bytes[here - 1]! : 0;
  if (length === 3 && next === 0x2d && (numbers & ssn) !== 0) {
    const to = ssnAt(bytes, floor, here, end);
    if (to !== -1) return { kind: 'us_ssn', start: here, end: to };
  }
  if ((numbers & card) !== 0 && (length >= 13 ? length <= 19 : length >= 4 && (next === 0x20 || next === 0x2d))) {
    const to = cardAt(bytes, floor, here, end);
    if (to !== -1) return { kind: 'credit_card', start: here, end: to };
  }
  if (length >= 2 && isUpper(before) && (numbers & iban) !== 0) {
    const to = ibanAt(bytes, floor, here, end);
    if (to !== -1) return { kind: 'iban', start: here - 2, end: to };
  }
  if (length <= 3 && next === 0x2e && (numbers & ip) !== 0) {
    const to = ipv4At(bytes, floor, here, end);
    if (to !== -1) return { kind: 'ip', start: here, end: to };
  }
  if ((numbers & phone) !== 0 && (before === 0x2b || (length === 3 && next !== 0) || (length === 1 && bytes[here] === 0x31))) {
    const found = phoneAt(bytes, floor, here, end);
    if (found !== undefined) return { kind: 'phone', start: found.start, end: found.end };
  }
  return undefined;
}

function atOther(trigger: number, bytes: Uint8Array, floor: number, here: number, end: number, kinds: ReadonlySet<DetectorKind>): Hit | undefined {
  if (trigger === at) return hitOf('email', emailAt(bytes, floor, here, end));
  if (trigger === underscore) return hitOf('cloud_key', cloudAtUnderscore(bytes, floor, here, end));
  if (trigger === letterI) return hitOf('cloud_key', cloudAtI(bytes, floor, here, end));
  if (trigger === letterJ) return hitOf('jwt', jwtAtJ(bytes, floor, here, end));
  // A service account's JSON holds its key in a field, which counts as a cloud's key too.
  const block = privateKeyAtDash(bytes, floor, here, end, !kinds.has('private_key'));
  if (block !== undefined) return hitOf(kinds.has('private_key') ? 'private_key' : 'cloud_key', block);
  return kinds.has('cloud_key') ? hitOf('cloud_key', cloudAtDash(bytes, floor, here, end)) : undefined;
}

function hitOf(kind: DetectorKind, span: Span | undefined): Hit | undefined {
  return span && { kind, start: span.start, end: span.end };
}
