/** Characters of text bodies. */
export interface Charset {
  /** As UTF-8. */
  decode(bytes: Uint8Array): Buffer;
  encode(utf8: Uint8Array): Uint8Array;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

const utf8: Charset = { decode: asBuffer, encode: (bytes) => bytes };
/** And its kin: bytes from 0x80 on are single characters, which come back as they were. */
const latin1: Charset = { decode: (bytes) => Buffer.from(asBuffer(bytes).toString('latin1')), encode: (bytes) => Buffer.from(asBuffer(bytes).toString(), 'latin1') };

const known: ReadonlyMap<string, Charset> = new Map([
  ['utf-8', utf8], ['utf8', utf8], ['us-ascii', utf8], ['ascii', utf8],
  ['iso-8859-1', latin1], ['iso8859-1', latin1], ['latin1', latin1], ['windows-1252', latin1],
]);

/** The characters of a `charset` parameter; undefined where values in them cannot be seen. */
export function charsetOf(name: string | undefined): Charset | undefined {
  return name === undefined ? utf8 : known.get(name.trim().replace(/^"(.*)"$/, '$1').toLowerCase());
}
