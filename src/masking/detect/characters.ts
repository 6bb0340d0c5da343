/** Stretch of bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
const isUpper = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;
const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a;
export const isLetter = (byte: number | undefined): boolean => byte !== undefined && (isUpper(byte) || isLower(byte));
export const isHex = (byte: number | undefined): boolean => byte !== undefined && (isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66));

/** Letters, digits, `_`: what a token may not be continued by on either side. */
const word = table((byte) => isDigit(byte) || isLetter(byte) || byte === 0x5f);
/** Letters and digits. */
export const alphanumeric = table((byte) => isDigit(byte) || isLetter(byte));
/** What stands in a label of a domain's name. */
export const inLabel = table((byte) => alphanumeric[byte] === 1 || byte === 0x2d);
/** Upper-case letters and digits. */
export const upperAlphanumeric = table((byte) => isDigit(byte) || isUpper(byte));
/** base64url: letters, digits, `-`, `_`. */
export const base64url = table((byte) => word[byte] === 1 || byte === 0x2d);
/** What stands before the `@` of an address in practice. */
export const local = table((byte) => word[byte] === 1 || [0x2e, 0x25, 0x2b, 0x27, 0x2d].includes(byte));
/** Letters, digits and `_`. */
export const wordCharacters = word;

function table(has: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (has(byte) ? 1 : 0));
}

/** A token may start at `at`: the byte before it, if any, does not continue one. */
export function startsToken(bytes: Uint8Array, floor: number, at: number): boolean {
  return at <= floor || word[bytes[at - 1]!] === 0;
}

/** A token may end before `at`. */
export function endsToken(bytes: Uint8Array, at: number, end: number): boolean {
  return at >= end || word[bytes[at]!] === 0;
}

/** Where a run of a class ends, looking at no more than `most` bytes. */
export function runOf(of: Uint8Array, bytes: Uint8Array, from: number, end: number, most: number): number {
  const until = Math.min(end, from + most);
  let at = from;
  while (at < until && of[bytes[at]!] === 1) at++;
  return at;
}

/** Whether the bytes at `at` are this ASCII text. */
export function isAt(bytes: Uint8Array, at: number, end: number, text: string): boolean {
  if (at < 0 || at + text.length > end) return false;
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text.charCodeAt(index)) return false;
  return true;
}
