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
}

const nothing = 0;
const digit = 1;
const at = 2;
const underscore = 3;
const dash = 4;
const letterI = 5;
const letterJ = 6;
const colon = 7;

const sets = new Map<string, Detectors>();

/** Prepares a set of kinds. Sets are few and kept. */
export function prepare(kinds: Iterable<DetectorKind>): Detectors {
  const wanted = new Set(kinds);
  const name = [...wanted].sort().join(' ');
  let found = sets.get(name);
  if (found !== undefined) return found;
  const triggers = new Uint8Array(256);
  if (['us_ssn', 'credit_card', 'phone', 'ip', 'iban'].some((kind) => wanted.has(kind as DetectorKind))) triggers.fill(digit, 0x30, 0x3a);
  if (wanted.has('email')) triggers[0x40] = at;
  if (wanted.has('cloud_key')) {
    triggers[0x5f] = underscore;
    triggers[0x49] = letterI;
  }
  if (wanted.has('cloud_key') || wanted.has('private_key')) triggers[0x2d] = dash;
  if (wanted.has('jwt')) triggers[0x4a] = letterJ;
  if (wanted.has('ip')) triggers[0x3a] = colon;
  found = { triggers, kinds: wanted };
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
      const hit = atDigits(bytes, floor, here, next, end, detectors.kinds);
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

/** A run of digits `[here..run)`: each thing that starts with one, the one with a checksum first. */
function atDigits(bytes: Uint8Array, floor: number, here: number, run: number, end: number, kinds: ReadonlySet<DetectorKind>): Hit | undefined {
  const length = run - here;
  if (length === 3 && kinds.has('us_ssn')) {
    const to = ssnAt(bytes, floor, here, end);
    if (to !== -1) return { kind: 'us_ssn', start: here, end: to };
  }
  if (length >= 4 && length <= 19 && kinds.has('credit_card')) {
    const to = cardAt(bytes, floor, here, end);
    if (to !== -1) return { kind: 'credit_card', start: here, end: to };
  }
  if (length >= 2 && kinds.has('iban')) {
    const to = ibanAt(bytes, floor, here, end);
    if (to !== -1) return { kind: 'iban', start: here - 2, end: to };
  }
  if (length <= 3 && run < end && bytes[run] === 0x2e && kinds.has('ip')) {
    const to = ipv4At(bytes, floor, here, end);
    if (to !== -1) return { kind: 'ip', start: here, end: to };
  }
  if (length <= 15 && kinds.has('phone')) {
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
