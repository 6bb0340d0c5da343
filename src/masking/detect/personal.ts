import { alphanumeric, endsToken, inLabel, isDigit, isHex, isLetter, local, startsToken, upperAlphanumeric, wordCharacters } from './characters.ts';
import type { Span } from './characters.ts';

/*
 * Loops over the bytes of a would-be find compare by themselves and have their tables at hand: a function or a table of another module is looked up anew
 * with each byte, which takes longer than the comparison.
 */

/** What exactly `count` digits are worth; -1 when they are not all digits. They must lie inside the bytes. */
function number(bytes: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) {
    // Of all bytes only digits come to less than ten.
    const digit = bytes[at]! ^ zero;
    if (digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

const zero = 0x30;

/** Digits only, exactly `count` of them. */
const digits = (bytes: Uint8Array, from: number, count: number, end: number): boolean => from + count <= end && number(bytes, from, count) !== -1;

/** Not continued by another digit, letter, or a dash or dot with a digit behind it. */
function endsNumber(bytes: Uint8Array, at: number, end: number): boolean {
  if (!endsToken(bytes, at, end)) return false;
  return !(at + 1 < end && (bytes[at] === 0x2d || bytes[at] === 0x2e) && isDigit(bytes[at + 1]));
}

/** Not the continuation of a number with dashes or dots. */
function startsNumber(bytes: Uint8Array, floor: number, at: number): boolean {
  if (!startsToken(bytes, floor, at)) return false;
  return !(at - 2 >= floor && (bytes[at - 1] === 0x2d || bytes[at - 1] === 0x2e) && isDigit(bytes[at - 2]));
}

/**
 * A US social security number with dashes, 3-2-4, none of its parts all zeros and not in the areas never given out (666, 900-999).
 * Without dashes a third of all nine-digit numbers would be one. Returns where it ends, or -1.
 */
export function ssnAt(bytes: Uint8Array, floor: number, at: number, end: number): number {
  if (at + 11 > end || bytes[at + 3] !== 0x2d || bytes[at + 6] !== 0x2d) return -1;
  const area = number(bytes, at, 3);
  if (area <= 0 || area === 666 || area >= 900 || number(bytes, at + 4, 2) <= 0 || number(bytes, at + 7, 4) <= 0) return -1;
  return startsNumber(bytes, floor, at) && endsNumber(bytes, at + 11, end) ? at + 11 : -1;
}

/** Issuer ranges of ISO/IEC 7812: first six digits from, to, and the lengths in use. */
const issuers: readonly (readonly [from: number, to: number, shortest: number, longest: number])[] = [
  [400000, 499999, 13, 19], // Visa
  [510000, 559999, 16, 16], [222100, 272099, 16, 16], // Mastercard
  [340000, 349999, 15, 15], [370000, 379999, 15, 15], // American Express
  [601100, 601199, 16, 19], [644000, 659999, 16, 19], // Discover
  [300000, 305999, 14, 19], [360000, 369999, 14, 19], [380000, 399999, 14, 19], // Diners Club
  [352800, 358999, 16, 19], // JCB
  [620000, 629999, 16, 19], // UnionPay
  [501800, 501899, 13, 19], [502000, 502099, 13, 19], [503800, 503899, 13, 19], [589300, 589399, 13, 19], [630400, 630499, 13, 19], [675900, 676399, 13, 19], // Maestro
  [220000, 220499, 16, 19], // Mir
];

const card = new Uint8Array(19);

/** Whether the first `count` digits of a number pass ISO/IEC 7812's check and begin as an issuer's cards do. */
function isCard(of: Uint8Array, count: number): boolean {
  let sum = 0;
  for (let at = count - 1, double = false; at >= 0; at--, double = !double) {
    const value = double ? of[at]! * 2 : of[at]!;
    sum += value > 9 ? value - 9 : value;
  }
  if (sum % 10 !== 0) return false;
  let prefix = 0;
  for (let at = 0; at < 6; at++) prefix = prefix * 10 + of[at]!;
  return issuers.some(([from, to, shortest, longest]) => prefix >= from && prefix <= to && count >= shortest && count <= longest);
}

/** A payment card number: 13 to 19 digits, in one piece or in groups of three and more with one blank or dash between. */
export function cardAt(bytes: Uint8Array, floor: number, at: number, end: number): number {
  if (!startsNumber(bytes, floor, at)) return -1;
  let found = -1;
  let count = 0;
  let group = 0;
  let separator = 0;
  let here = at;
  for (; here < end; here++) {
    const byte = bytes[here]!;
    if (isDigit(byte)) {
      if (count === 19) return found;
      card[count++] = byte - 0x30;
      group++;
      if (count >= 13 && endsNumberOrGroup(bytes, here + 1, end, separator) && isCard(card, count)) found = here + 1;
    } else if ((byte === 0x20 || byte === 0x2d) && (separator === 0 || separator === byte) && group >= (separator === 0 ? 4 : 3) && isDigit(bytes[here + 1]) && here + 1 < end) {
      separator = byte;
      group = 0;
    } else {
      break;
    }
  }
  return found;
}

/** A card may be followed by another number, but only behind a separator. */
function endsNumberOrGroup(bytes: Uint8Array, at: number, end: number, separator: number): boolean {
  if (!endsToken(bytes, at, end)) return false;
  if (at + 1 >= end || !isDigit(bytes[at + 1])) return true;
  return bytes[at] === 0x20 || (separator === 0x2d && bytes[at] !== 0x2e) || (bytes[at] !== 0x2d && bytes[at] !== 0x2e);
}

/** Lengths of IBANs by country, from the registry (ISO 13616). */
const ibanLengths: ReadonlyMap<string, number> = new Map(
  Object.entries({
    AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BI: 27, BR: 29, BY: 28, CH: 21, CR: 22, CY: 28, CZ: 24, DE: 22, DJ: 27, DK: 18,
    DO: 28, EE: 20, EG: 29, ES: 24, FI: 18, FK: 18, FO: 18, FR: 27, GB: 22, GE: 22, GI: 23, GL: 18, GR: 27, GT: 28, HR: 21, HU: 28, IE: 22, IL: 23, IQ: 23,
    IS: 26, IT: 27, JO: 30, KW: 30, KZ: 20, LB: 28, LC: 32, LI: 21, LT: 20, LU: 20, LV: 21, LY: 25, MC: 27, MD: 24, ME: 22, MK: 19, MN: 20, MR: 27, MT: 31,
    MU: 30, NI: 28, NL: 18, NO: 15, OM: 23, PK: 24, PL: 28, PS: 29, PT: 25, QA: 29, RO: 24, RS: 22, RU: 33, SA: 24, SC: 31, SD: 18, SE: 24, SI: 19, SK: 24,
    SM: 27, SO: 23, ST: 25, SV: 28, TL: 23, TN: 24, TR: 26, UA: 29, VA: 22, VG: 24, XK: 20, YE: 30,
  }),
);

/** An IBAN whose check digits start at `at`, in one piece or in groups of four, with the remainder 1 of ISO 7064. */
export function ibanAt(bytes: Uint8Array, floor: number, at: number, end: number): number {
  const start = at - 2;
  if (start < floor || !startsToken(bytes, floor, start)) return -1;
  const length = ibanLengths.get(String.fromCharCode(bytes[start]!, bytes[start + 1]!));
  if (length === undefined) return -1;
  const grouped = at + 2 < end && bytes[at + 2] === 0x20;
  // The country and check digits are moved to the end before the remainder is taken.
  let remainder = 0;
  let count = 4;
  let here = at + 2;
  for (; count < length; count++, here++) {
    if (grouped && count % 4 === 0) {
      if (bytes[here] !== 0x20) return -1;
      here++;
    }
    if (here >= end || upperAlphanumeric[bytes[here]!] === 0) return -1;
    remainder = feed(remainder, bytes[here]!);
  }
  if (!endsToken(bytes, here, end)) return -1;
  for (const each of [start, start + 1, at, at + 1]) remainder = feed(remainder, bytes[each]!);
  return remainder === 1 ? here : -1;
}

function feed(remainder: number, byte: number): number {
  // A letter counts as 10 to 35: two digits.
  return isDigit(byte) ? (remainder * 10 + byte - 0x30) % 97 : (remainder * 100 + byte - 0x37) % 97;
}

/** An IPv4 address in dotted decimal. */
export function ipv4At(bytes: Uint8Array, floor: number, at: number, end: number): number {
  if (!startsNumber(bytes, floor, at)) return -1;
  let here = at;
  for (let octet = 0; octet < 4; octet++) {
    if (octet > 0 && bytes[here++] !== 0x2e) return -1;
    let value = 0;
    const from = here;
    while (here < end && here - from < 4 && isDigit(bytes[here])) value = value * 10 + bytes[here++]! - 0x30;
    if (here === from || here - from > 3 || value > 255) return -1;
  }
  return endsNumber(bytes, here, end) ? here : -1;
}

/**
 * An IPv6 address around a colon. In any case says up to where the colons and hexadecimal digits go, so that they are
 * looked at once.
 */
export function ipv6At(bytes: Uint8Array, floor: number, colon: number, end: number): Span & { readonly valid: boolean } {
  let start = colon;
  while (start > floor && colon - start < 5 && isHex(bytes[start - 1])) start--;
  let here = colon;
  let groups = colon > start ? 1 : 0;
  let gap = false;
  let valid = colon - start <= 4 && startsToken(bytes, floor, start);
  while (here < end && (bytes[here] === 0x3a || isHex(bytes[here]))) {
    if (bytes[here] === 0x3a) {
      const double = here + 1 < end && bytes[here + 1] === 0x3a;
      if (double) {
        if (gap) valid = false;
        gap = true;
        here++;
      } else if (here === start) {
        valid = false;
      }
      here++;
      // A colon behind the last group is punctuation, and no address ends in one.
      if (!double && !(here < end && isHex(bytes[here]))) valid = false;
    } else {
      const from = here;
      while (here < end && isHex(bytes[here])) here++;
      if (here - from > 4) valid = false;
      groups++;
    }
  }
  if (!endsToken(bytes, here, end)) valid = false;
  if (gap ? groups < 1 || groups > 7 : groups !== 8) valid = false;
  return { start, end: Math.max(here, colon + 1), valid };
}

/**
 * A phone number around a digit: international with `+` (8 to 15 digits), or North American with separators
 * (`(415) 555-0100`, `415-555-0100`, `1 415 555 0100`). Ten bare digits are not one. Returns where it ends, or -1.
 */
export function phoneAt(bytes: Uint8Array, floor: number, at: number, end: number): number {
  if (at > floor && bytes[at - 1] === 0x2b) return at - 2 >= floor && wordCharacters[bytes[at - 2]!] === 1 ? -1 : spaced(bytes, at, end);
  if (!startsNumber(bytes, floor, at)) return -1;
  let here = at;
  if (bytes[here] === one && here + 1 < end && separates(bytes[here + 1])) here += bytes[here + 2] === bracket ? 3 : 2;
  const bracketed = here > floor && bytes[here - 1] === bracket;
  if (!digits(bytes, here, 3, end) || bytes[here]! < 0x32) return -1;
  here += 3;
  if (bracketed) {
    if (bytes[here] !== 0x29) return -1;
    here++;
    if (here < end && bytes[here] === 0x20) here++;
  } else {
    if (here >= end || !separates(bytes[here])) return -1;
    here++;
  }
  if (!digits(bytes, here, 3, end) || bytes[here]! < 0x32 || !separates(bytes[here + 3]) || !digits(bytes, here + 4, 4, end)) return -1;
  return endsNumber(bytes, here + 8, end) ? here + 8 : -1;
}

/** Where the phone number that `phoneAt` found at `at` begins: its `+` and the bracket around its area code are a part of it. */
export function phoneStart(bytes: Uint8Array, floor: number, at: number): number {
  if (at === floor) return at;
  const before = bytes[at - 1];
  return before === 0x2b || (before === bracket && bytes[at] !== one) ? at - 1 : at;
}

const bracket = 0x28;
const one = 0x31;

const separates = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x2d || byte === 0x2e;

/** The rest of an international number: digits with single separators or brackets between. */
function spaced(bytes: Uint8Array, at: number, end: number): number {
  let count = 0;
  let last = at;
  if (bytes[at] === zero) return -1;
  for (let here = at; here < end && count <= 15; here++) {
    const byte = bytes[here]!;
    if ((byte ^ zero) <= 9) {
      count++;
      last = here + 1;
    } else if (here - last >= 2 || !(byte === 0x20 || byte === 0x2d || byte === 0x2e || byte === 0x28 || byte === 0x29)) {
      break;
    }
  }
  return count >= 8 && count <= 15 && endsToken(bytes, last, end) ? last : -1;
}

/** The longest local part (RFC 5321, 4.5.3.1.1), domain (4.5.3.1.2) and label of a domain (RFC 1035, 2.3.4). */
const longestLocal = 64;
const longestDomain = 255;
const longestLabel = 63;

/** Where an e-mail address begins whose `@` stands at `at`: a local part without quotes. -1 when there is none. */
export function emailStart(bytes: Uint8Array, floor: number, at: number): number {
  const table = local;
  const least = Math.max(floor, at - longestLocal);
  let start = at;
  while (start > least && table[bytes[start - 1]!] === 1) start--;
  while (start < at && (bytes[start] === 0x2e || bytes[start] === 0x27)) start++;
  return start === at || bytes[at - 1] === 0x2e ? -1 : start;
}

/** Where it ends: behind a domain of two labels and more that ends in letters. -1 when there is none. */
export function emailEnd(bytes: Uint8Array, at: number, end: number): number {
  const table = inLabel;
  const until = Math.min(end, at + 1 + longestDomain);
  let best = -1;
  for (let label = at + 1, labels = 0; label < until && alphanumeric[bytes[label]!] === 1; labels++) {
    let to = label + 1;
    while (to < until && table[bytes[to]!] === 1) to++;
    if (to - label > longestLabel) return -1;
    let last = to;
    while (bytes[last - 1] === 0x2d) last--;
    // A label of letters (or of an encoded name, xn--) behind a dot can be the last.
    if (labels > 0 && last - label >= 2 && isLetter(bytes[label])) best = last;
    if (last !== to || to >= until || bytes[to] !== 0x2e) break;
    label = to + 1;
  }
  return best;
}
