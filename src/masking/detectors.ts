import { isDigit, isHex } from './detect/characters.ts';
import type { Span } from './detect/characters.ts';
import * as kind from './detect/hits.ts';
import { Hits, kindNames } from './detect/hits.ts';
import type { DetectorKind, Hit } from './detect/hits.ts';
import { cloudAtDash, cloudAtI, cloudAtUnderscore, jwtAtJ, privateKeyAtDash } from './detect/keys.ts';
import { cardAt, emailEnd, emailStart, ibanAt, ipv4At, ipv6At, phoneAt, phoneStart, ssnAt } from './detect/personal.ts';
import { hasPlaces, Places } from './detect/places.ts';

export type { DetectorKind, Hit } from './detect/hits.ts';

export const detectorKinds: ReadonlySet<DetectorKind> = new Set(kindNames);

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
const blank = 8;

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
  if (wanted.has('credit_card')) triggers[0x20] = triggers[0x2d] = blank;
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
 * Time is linear in the length, whatever the bytes: a matcher looks at a bounded number of bytes, or at bytes that are
 * then passed over.
 */
export function detect(bytes: Uint8Array, start: number, end: number, detectors: Detectors): Hit[] | undefined {
  // To set the vectors going takes as long as looking at so few bytes.
  return hasPlaces && end - start > FEW ? detectAt(new Places(bytes, start, end), bytes, start, end, detectors) : detectEverywhere(bytes, start, end, detectors);
}

const FEW = 24;

/** What is being looked for here is in use until the list of it is made. */
const hits = new Hits();

/** The same by looking at every byte: what `detect` does where it has no vectors, and what it must give where it has. */
export function detectEverywhere(bytes: Uint8Array, start: number, end: number, detectors: Detectors): Hit[] | undefined {
  findEverywhere(bytes, start, end, detectors, hits);
  return hits.list();
}

/** The same where `places` says what is worth a look. It may know of more than these bytes; it is asked from front to back. */
export function detectAt(places: Places, bytes: Uint8Array, start: number, end: number, detectors: Detectors): Hit[] | undefined {
  findAt(places, bytes, start, end, detectors, hits);
  return hits.list();
}

/** `detectEverywhere`, into `hits`. */
export function findEverywhere(bytes: Uint8Array, start: number, end: number, detectors: Detectors, hits: Hits): void {
  const { triggers, kinds, numbers } = detectors;
  hits.clear();
  // Nothing is looked for before the last find.
  let floor = start;
  // Colons up to here were looked at as one would-be address.
  let seen = start;
  for (let here = start; here < end; here++) {
    const trigger = triggers[bytes[here]!]!;
    if (trigger === nothing || trigger === blank) continue;
    let next = here + 1;
    let found = false;
    if (trigger === digit) {
      next = endOfRun(bytes, here, end);
      found = atDigits(bytes, floor, here, next, end, numbers, hits);
    } else if (trigger === colon) {
      if (here < seen) continue;
      const address = ipv6At(bytes, floor, here, end);
      seen = address.end;
      found = address.valid && hits.add(kind.ip, address.start, seen);
    } else found = atOther(trigger, bytes, floor, here, end, kinds, hits);
    if (found) floor = next = hits.ends[hits.count - 1]!;
    here = next - 1;
  }
}

/** `detectAt`, into `hits`. */
export function findAt(places: Places, bytes: Uint8Array, start: number, end: number, detectors: Detectors, hits: Hits): void {
  const { triggers, kinds, numbers } = detectors;
  hits.clear();
  let floor = start;
  let seen = start;
  // No stretch of colons and hexadecimal digits goes back behind this.
  let wall = start;
  for (let here = beginning(places, bytes, start, end); here !== -1; ) {
    const trigger = triggers[bytes[here]!]!;
    let found = false;
    if (trigger === digit) found = atNumber(bytes, floor, here, end, numbers, hits);
    else if (trigger === at) found = atSign(bytes, floor, here, end, hits);
    else if (trigger === blank) found = beforeGap(bytes, floor, here, end, numbers, hits);
    else if (trigger === dash) found = beforeGap(bytes, floor, here, end, numbers, hits) || atOther(dash, bytes, floor, here, end, kinds, hits);
    else if (trigger === colon) {
      if (here >= seen) {
        const first = firstColon(bytes, wall, here);
        // Where a find has cut off the first colon of a stretch, that one was no address with all that follows.
        const address = ipv6At(bytes, floor, first < floor ? here : first, end);
        seen = address.end;
        found = address.valid && first >= floor && hits.add(kind.ip, address.start, seen);
      }
    } else if (trigger !== nothing) found = atOther(trigger, bytes, floor, here, end, kinds, hits);
    if (!found) here = places.next(floor, end);
    else {
      const last = hits.count - 1;
      floor = hits.ends[last]!;
      if (mayHoldColon(hits.kinds[last]!)) wall = floor;
      here = beginning(places, bytes, floor, end);
    }
  }
}

/** The first place. A digit before hides that a number begins where the text does, or where the last find ends. */
function beginning(places: Places, bytes: Uint8Array, floor: number, end: number): number {
  return floor < end && floor > 0 && isDigit(bytes[floor - 1]) && isDigit(bytes[floor]) ? floor : places.next(floor, end);
}

const mayHoldColon = (found: number): boolean => found === kind.ip || found === kind.cloud_key || found === kind.private_key;

function endOfRun(bytes: Uint8Array, from: number, end: number): number {
  let to = from + 1;
  // Of all bytes only digits come to less than ten.
  while (to < end && (bytes[to]! ^ 0x30) <= 9) to++;
  return to;
}

/** A number that begins at `here`, or (the 1 of a North American phone number) just before. */
function atNumber(bytes: Uint8Array, floor: number, here: number, end: number, numbers: number, hits: Hits): boolean {
  if ((numbers & phone) !== 0) {
    const one = here > floor && bytes[here - 1] === 0x28 ? here - 3 : here - 2;
    if (one >= floor && bytes[one] === 0x31 && !isDigit(bytes[one + 1]) && (one === floor || !isDigit(bytes[one - 1]))) {
      if (atDigits(bytes, floor, one, one + 1, end, numbers, hits)) return true;
    }
  }
  return atDigits(bytes, floor, here, endOfRun(bytes, here, end), end, numbers, hits);
}

/** A number, the first group of which ends at `gap`. */
function beforeGap(bytes: Uint8Array, floor: number, gap: number, end: number, numbers: number, hits: Hits): boolean {
  let from = gap;
  while (from > floor && gap - from < longestGroup && isDigit(bytes[from - 1])) from--;
  return gap - from >= 4 && gap - from < longestGroup && atDigits(bytes, floor, from, gap, end, numbers, hits);
}

/** More digits than a card has. */
const longestGroup = 20;

/** The first colon of the stretch of colons and hexadecimal digits around one. */
function firstColon(bytes: Uint8Array, wall: number, colonAt: number): number {
  let first = colonAt;
  for (let at = colonAt; at > wall && (bytes[at - 1] === 0x3a || isHex(bytes[at - 1])); at--) if (bytes[at - 1] === 0x3a) first = at - 1;
  return first;
}

const isUpper = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x41 && byte <= 0x5a;

/**
 * A run of digits `[here..run)`: each thing that starts with one, the one with a checksum first. Most runs are dates,
 * times and keys, so that each matcher is only entered when the run's length and its neighbours fit.
 */
function atDigits(bytes: Uint8Array, floor: number, here: number, run: number, end: number, numbers: number, hits: Hits): boolean {
  const length = run - here;
  const next = run < end ? bytes[run]! : 0;
  const before = here > floor ? bytes[here - 1]! : 0;
  if (length === 3 && next === 0x2d && (numbers & ssn) !== 0) {
    const to = ssnAt(bytes, floor, here, end);
    if (to !== -1) return hits.add(kind.us_ssn, here, to);
  }
  if ((numbers & card) !== 0 && (length >= 13 ? length <= 19 : length >= 4 && (next === 0x20 || next === 0x2d))) {
    const to = cardAt(bytes, floor, here, end);
    if (to !== -1) return hits.add(kind.credit_card, here, to);
  }
  if (length >= 2 && isUpper(before) && (numbers & iban) !== 0) {
    const to = ibanAt(bytes, floor, here, end);
    if (to !== -1) return hits.add(kind.iban, here - 2, to);
  }
  if (length <= 3 && next === 0x2e && (numbers & ip) !== 0) {
    const to = ipv4At(bytes, floor, here, end);
    if (to !== -1) return hits.add(kind.ip, here, to);
  }
  if ((numbers & phone) !== 0 && (before === 0x2b || (length === 3 && next !== 0) || (length === 1 && bytes[here] === 0x31))) {
    const to = phoneAt(bytes, floor, here, end);
    if (to !== -1) return hits.add(kind.phone, phoneStart(bytes, floor, here), to);
  }
  return false;
}

/** An e-mail address around its `@`. */
function atSign(bytes: Uint8Array, floor: number, here: number, end: number, hits: Hits): boolean {
  const start = emailStart(bytes, floor, here);
  if (start === -1) return false;
  const to = emailEnd(bytes, here, end);
  return to !== -1 && hits.add(kind.email, start, to);
}

function atOther(trigger: number, bytes: Uint8Array, floor: number, here: number, end: number, kinds: ReadonlySet<DetectorKind>, hits: Hits): boolean {
  if (trigger === at) return atSign(bytes, floor, here, end, hits);
  if (trigger === underscore) return addSpan(hits, kind.cloud_key, cloudAtUnderscore(bytes, floor, here, end));
  if (trigger === letterI) return addSpan(hits, kind.cloud_key, cloudAtI(bytes, floor, here, end));
  if (trigger === letterJ) return addSpan(hits, kind.jwt, jwtAtJ(bytes, floor, here, end));
  // A service account's JSON holds its key in a field, which counts as a cloud's key too.
  const block = privateKeyAtDash(bytes, floor, here, end, !kinds.has('private_key'));
  if (block !== undefined) return addSpan(hits, kinds.has('private_key') ? kind.private_key : kind.cloud_key, block);
  return kinds.has('cloud_key') && addSpan(hits, kind.cloud_key, cloudAtDash(bytes, floor, here, end));
}

const addSpan = (hits: Hits, found: number, span: Span | undefined): boolean => span !== undefined && hits.add(found, span.start, span.end);
