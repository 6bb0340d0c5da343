import { stricter, type FieldPaths, type Place, type PlacedMask } from './field-paths.ts';
import { BodyNotMasked } from './not-masked.ts';

/** What a serializer of forms writes as it is. More is taken where readers agree about it; these they read in several ways, or are no form. */
const odd = Uint8Array.from({ length: 256 }, (_, byte) => (byte <= 0x20 || byte >= 0x7f || '{}"<>;'.includes(String.fromCharCode(byte)) ? 1 : 0));

/** A name or value of a form, decoded. Throws for what is no form. */
export function formDecoded(bytes: Uint8Array, start: number, end: number): Buffer {
  const made = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (odd[byte] === 1) throw new BodyNotMasked('not a form: bytes that a form has percent-encoded');
    if (byte === 0x25) {
      const value = at + 2 < end ? hex(bytes[at + 1]!) * 16 + hex(bytes[at + 2]!) : Number.NaN;
      if (Number.isNaN(value)) throw new BodyNotMasked('not a form: a percent sign without two digits');
      made[length++] = value;
      at += 2;
    } else made[length++] = byte === 0x2b ? 0x20 : byte;
  }
  return made.subarray(0, length);
}

function hex(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}

/** Percent-encoded as WHATWG's serializer writes it. */
export function formEncoded(value: Uint8Array): Uint8Array {
  let text = '';
  for (const byte of value) {
    const character = String.fromCharCode(byte);
    text += byte === 0x20 ? '+' : /[A-Za-z0-9*._-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return Buffer.from(text);
}

/**
 * The mask of a form's field: by its whole name, and as the path that `user[address][zip]`, `user.zip` and `items[].card` stand for. A
 * number in a path is a member's name and an element; a masked object or array covers what is below it.
 */
export function fieldOfForm(paths: FieldPaths, name: string): PlacedMask | undefined {
  let found = paths.member(paths.top, paths.classOfName(name)).mask;
  const parts = partsOf(name);
  if (parts.length < 2) return found;
  let places: readonly Place[] = [paths.top];
  for (const part of parts) {
    const next = new Set<Place>();
    for (const place of places) {
      if (part === '' || /^\d+$/.test(part)) next.add(paths.element(place));
      if (part !== '') next.add(paths.member(place, paths.classOfName(part)));
    }
    places = [...next];
    for (const { mask } of places) found = stricter(found, mask);
  }
  return found;
}

/** `items[][card].x` has `items`, an empty one, `card` and `x`. */
function partsOf(name: string): readonly string[] {
  const parts: string[] = [];
  for (let at = 0; at < name.length; ) {
    if (name[at] === '[') {
      const close = name.indexOf(']', at);
      parts.push(name.slice(at + 1, close === -1 ? name.length : close));
      at = close === -1 ? name.length : close + 1;
    } else {
      let end = at;
      while (end < name.length && name[end] !== '[' && name[end] !== '.') end++;
      if (end > at) parts.push(name.slice(at, end));
      at = name[end] === '.' ? end + 1 : end;
    }
  }
  return parts;
}
