/** DER (X.690), as much as time-stamps and certificates need. */

/** Not DER, or not the structure that is expected. */
export class BadDer extends Error {}

/** One element. */
export interface Der {
  /** Class, form and number, in one byte. */
  readonly tag: number;
  readonly content: Buffer;
  /** With tag and length. */
  readonly bytes: Buffer;
}

export const TAG = {
  boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, null: 0x05, oid: 0x06, enumerated: 0x0a, utf8: 0x0c, numeric: 0x12, printable: 0x13, ia5: 0x16, utcTime: 0x17, time: 0x18, bmp: 0x1e,
  sequence: 0x30, set: 0x31,
} as const;
/** A context tag that holds others. */
export const context = (number: number): number => 0xa0 + number;

/** Reads the element at the beginning of `bytes`. Throws BadDer for indefinite, overlong and cut lengths, and numbers above 30. */
const readFirst = (bytes: Buffer): Der => {
  const tag = bytes[0];
  const first = bytes[1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new BadDer('an element is cut');
  let length = first;
  let header = 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    header += count;
    if (count === 0 || count > 3 || bytes.length < header) throw new BadDer('the length of an element is cut, indefinite or too large');
    length = bytes.readUIntBE(2, count);
    if (length < 0x80 || length < 256 ** (count - 1)) throw new BadDer('the length of an element is not in its shortest form');
  }
  if (bytes.length < header + length) throw new BadDer('an element is cut');
  return { tag, content: bytes.subarray(header, header + length), bytes: bytes.subarray(0, header + length) };
};

/** The one element that `bytes` are. */
export const readDer = (bytes: Buffer, tag: number): Der => {
  const element = readFirst(bytes);
  if (element.bytes.length !== bytes.length) throw new BadDer('something stands behind an element');
  return expect(element, tag);
};

/** What stands in an element, at most `most`. */
export const childrenOf = ({ content }: Der, most = 64): Der[] => {
  const children: Der[] = [];
  for (let at = 0; at < content.length; ) {
    if (children.length === most) throw new BadDer('an element has too many parts');
    const child = readFirst(content.subarray(at));
    children.push(child);
    at += child.bytes.length;
  }
  return children;
};

/** The element, if it is there and has that tag. */
export const expect = (element: Der | undefined, tag: number): Der => {
  if (element?.tag !== tag) throw new BadDer('an element is not what it has to be');
  return element;
};

/** The dotted form of an object identifier. */
export const oidOf = (element: Der | undefined): string => {
  const { content } = expect(element, TAG.oid);
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(arc)) throw new BadDer('an object identifier is too large');
    if (byte >= 0x80) continue;
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    arc = 0;
  }
  if (content.length === 0 || (content.at(-1) ?? 0) >= 0x80) throw new BadDer('an object identifier is cut');
  return arcs.join('.');
};

/** Writes an element. */
export const writeDer = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const count = length < 256 ? 1 : length < 65_536 ? 2 : 3;
  const header = Buffer.alloc(2 + count);
  header[0] = tag;
  header[1] = 0x80 + count;
  header.writeUIntBE(length, 2, count);
  return Buffer.concat([header, content]);
};

/** An integer that is not negative, from its bytes. */
export const writeInteger = (bytes: Buffer): Buffer => {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const value = bytes.subarray(start);
  return writeDer(TAG.integer, (value[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), value]) : value);
};
