import type { DatabaseEncoding } from '../catalog.ts';
import { Lexer, Token } from './lexer.ts';

/** Most bytes of a name that a server keeps, in its database's own encoding (NAMEDATALEN - 1). */
export const NAME_BYTES = 63;

/** The only character with a twin: UTF-8 has U+00A6 besides, and EUC_JP one code for both. */
export const TWIN = '\uffe4';

/** Beyond A to Z, which everybody makes small. */
const hasCapitals = (name: string): boolean => {
  const others = name.replace(/[A-Z]/g, '');
  return others.toLowerCase() !== others;
};

const isAscii = (text: Uint8Array): boolean => text.every((byte) => byte < 0x80);

/**
 * Whether a server could take a name in a text for another one than who reads it as UTF-8, because its database is in another encoding: names are
 * cut at 63 bytes of the database's encoding, and in encodings of one byte a character its locale lowers the case of more than A to Z.
 */
export function readsNamesOtherwise(text: Uint8Array, encoding: DatabaseEncoding): boolean {
  const lexer = new Lexer(text);
  for (let kind = lexer.next(); kind !== Token.end && kind !== Token.error; kind = lexer.next()) {
    if (kind === Token.unicodeWord) return true;
    if (kind !== Token.word && kind !== Token.quotedWord) continue;
    const quotes = kind === Token.quotedWord ? 1 : 0;
    const bytes = text.subarray(lexer.start + quotes, lexer.end - quotes);
    if (isAscii(bytes)) continue;
    const name = Buffer.from(bytes).toString();
    if (bytes.length > NAME_BYTES || name.includes(TWIN)) return true;
    if (kind === Token.word && encoding.lowers && (encoding.name === 'SQL_ASCII' || hasCapitals(name))) return true;
  }
  return false;
}
