import { isUtf8 } from 'node:buffer';

/** RFC 3454 table C.1.2: spaces other than U+0020, which become it. */
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** RFC 3454 table B.1: commonly mapped to nothing. U+200B stands in C.1.2 as well, which comes first. */
const MAPPED_TO_NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
/** RFC 4013, 2.3: tables C.2.1, C.2.2, C.3, C.4, C.5, C.6, C.7, C.8, C.9. */
const PROHIBITED =
  // oxlint-disable-next-line no-control-regex no-misleading-character-class -- the tables name exactly these
  /[\u0000-\u001f\u007f-\u009f\u06dd\u070f\u180e\u200c-\u200f\u2028-\u202e\u2060-\u2063\u206a-\u206f\ufeff\ufff9-\ufffd\ufdd0-\ufdef\ue000-\uf8ff\u2ff0-\u2ffb\u0340\u0341]|\p{Noncharacter_Code_Point}|\p{Co}|[\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/**
 * A password in the form in which SCRAM hashes it (RFC 4013), with PostgreSQL's rule: what cannot be prepared is used as it
 * is. Returns a new buffer; overwrite it after use. The check for code points that Unicode 3.2 did not have, and that for mixed
 * directions, are left out: they matter only to a password that has such characters and others that normalisation changes.
 */
export const saslprep = (password: Buffer): Buffer => {
  if (isPrintableAscii(password) || !isUtf8(password)) return Buffer.from(password);
  const prepared = password.toString('utf8').replace(OTHER_SPACES, ' ').replace(MAPPED_TO_NOTHING, '').normalize('NFKC');
  if (prepared === '' || PROHIBITED.test(prepared)) return Buffer.from(password);
  return Buffer.from(prepared, 'utf8');
};

const isPrintableAscii = (bytes: Buffer): boolean => bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
