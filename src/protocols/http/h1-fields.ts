import type { Fields } from './head.ts';
import { MOST_FIELDS } from './header-section.ts';

/*
 * Header and trailer fields as they stand in a message of HTTP/1.1 (RFC 9112 section 5). Nothing is mended: what another reader could take for
 * something else is no HTTP here.
 */

/** Largest head of an answer, and all trailers together. */
export const HEAD_BYTES = 64 * 1024;

/** What came is not HTTP/1.1, or could be read in two ways. The message is words of ours. */
export class NotHttp extends Error {
  override name = 'NotHttp';
}

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Control characters, and ends of lines that are only half there. */
const BAD = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/;

/** What says where a message ends. */
export const FRAMING = /^(?:content-length|transfer-encoding)$/i;

/** Checks the characters of lines that are divided by CRLF. */
export const checkLines = (text: string): void => {
  if (BAD.test(text)) throw new NotHttp('a control character, or an end of a line without its other half');
};

/** A line as a field. A continued line (obs-fold) and a space before the colon are refused by the form of the name. */
export const readField = (line: string): [name: string, value: string] => {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  if (!NAME.test(name)) throw new NotHttp('a header field without a name');
  let start = colon + 1;
  let end = line.length;
  while (start < end && isSpace(line.charCodeAt(start))) start += 1;
  while (end > start && isSpace(line.charCodeAt(end - 1))) end -= 1;
  // Allowed, and nothing that anybody writes: some readers (llhttp is one) do not see the coding before a tab.
  if (line.length > end && line.includes('\t', end) && FRAMING.test(name)) throw new NotHttp('a tab behind what says where the message ends');
  return [name, line.slice(start, end)];
};

const TAB = 0x09;
const isSpace = (code: number): boolean => code === 0x20 || code === TAB;

/** All fields of a head: what stands behind its first line, without the empty line at its end. Its characters are checked already. */
export const readFields = (text: string, from: number): [name: string, value: string][] => {
  const fields: [string, string][] = [];
  for (let at = from; at < text.length; ) {
    const end = text.indexOf('\r\n', at);
    const next = end < 0 ? text.length : end;
    fields.push(readField(text.slice(at, next)));
    if (fields.length > MOST_FIELDS) throw new NotHttp(`more than ${MOST_FIELDS} header fields`);
    at = next + 2;
  }
  return fields;
};

/** Not what a path may have: it would end before its end. */
const NOT_PATH = /[^\x21-\x7e\x80-\xff]/;
const NOT_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Header fields as they are sent. */
export interface WrittenFields {
  /** Each on its line. */
  readonly lines: string;
  /** Of the body, as they say; undefined: in chunks. */
  readonly length: number | undefined;
}

/** Throws when one of them would be read as more than one: they were checked where they came from, and this is the last place to see it. */
export const writtenFields = (fields: Fields): WrittenFields => ({ lines: fieldLines(fields), length: lengthOf(fields) });

/** The head of a request as it is sent: one character is one byte. Throws when a part of its first line would be read as more than one. */
export const writtenHead = (method: string, path: string, { lines }: WrittenFields): string => {
  if (!NAME.test(method) || path === '' || NOT_PATH.test(path)) throw new Error('a request line that could be read in two ways was about to be sent');
  return `${method} ${path} HTTP/1.1\r\n${lines}\r\n`;
};

/** Throws where it says so twice: two readers could take two ends from it. */
const lengthOf = (fields: Fields): number | undefined => {
  let length: number | undefined;
  let chunked = false;
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (lower !== 'transfer-encoding' && lower !== 'content-length') continue;
    if (chunked || length !== undefined) throw new Error('a head that says twice where its message ends was about to be sent');
    if (lower === 'transfer-encoding') chunked = true;
    else length = Number(value);
  }
  return chunked ? undefined : length ?? 0;
};

/** Fields as they are sent, each on its line. Throws when one of them would be read as more than one. */
export const fieldLines = (fields: Fields): string => {
  let lines = '';
  for (const [name, value] of fields) {
    if (!NAME.test(name) || NOT_VALUE.test(value)) throw new Error('a header field that could be read in two ways was about to be sent');
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
};
