import fc from 'fast-check';
import { mutatedOf } from './mutated.ts';
import { AnswerReader } from '../h1-answer.ts';
import { NotHttp } from '../h1-fields.ts';
import type { Seen } from './node-client.ts';

/** The bytes in pieces that end at such places. */
export const cutAt = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1))), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter((piece) => piece.length > 0);
};

/** What our reader makes of an answer after which the connection ends; 'not http': it refuses it. */
export const seenByReader = (pieces: readonly Buffer[], method: string): (Seen & { readonly rest: string }) | 'not http' => {
  const reader = new AnswerReader(method === 'HEAD');
  const data: Buffer[] = [];
  try {
    for (const piece of pieces) {
      reader.push(piece);
      data.push(...reader.take());
    }
    reader.end();
  } catch (error) {
    if (!(error instanceof NotHttp)) throw error;
    return 'not http';
  }
  const { answer, rest } = reader;
  if (!answer) throw new Error('over without an answer');
  return { status: answer.status, fields: answer.fields, body: Buffer.concat(data), rest: rest.toString('latin1') };
};

const name = fc.constantFrom('Content-Type', 'X-A', 'ETag', 'Set-Cookie', 'Connection', 'Keep-Alive', 'Content-Encoding', 'Trailer');
const value = fc.oneof(fc.constantFrom('', 'close', 'keep-alive', 'timeout=5, max=100', 'a b', '"x"', 'é'), fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,20}[\x21-\x7e])?$/));
const field = fc.tuple(name, fc.constantFrom(': ', ':', ':  ', ':\t'), value).map(([one, colon, text]) => `${one}${colon}${text}\r\n`);
const body = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const chunked = fc.tuple(fc.array(fc.tuple(body, fc.constantFrom('', ';a', ';a=b', ';a="b c"', ';a="\\""'))), fc.array(field.filter((line) => !line.startsWith('Connection')), { maxLength: 2 }))
  .map(([chunks, trailers]) => `Transfer-Encoding: chunked\r\n\r\n${chunks.filter(([data]) => data !== '').map(([data, extension]) => `${data.length.toString(16)}${extension}\r\n${data}\r\n`).join('')}0\r\n${trailers.join('')}\r\n`);
const measured = body.map((data) => `Content-Length: ${data.length}\r\n\r\n${data}`);
const untilClose = body.map((data) => `\r\n${data}`);
const statusLine = fc.constantFrom('HTTP/1.1 200 OK\r\n', 'HTTP/1.1 404 Not Found\r\n', 'HTTP/1.1 599 \r\n', 'HTTP/1.0 200 OK\r\n', 'HTTP/1.1 204 No Content\r\n', 'HTTP/1.1 304 Not Modified\r\n', 'HTTP/1.1 206\r\n');
const interim = fc.constantFrom('', '', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');

/** Answers as servers write them, in all ways of saying where they end. */
export const wellFormed = fc
  .tuple(interim, statusLine, fc.array(field, { maxLength: 5 }), fc.oneof(chunked, measured, untilClose))
  .map((parts) => parts.flat().join(''))
  // RFC 9112 section 6.1: no server says so.
  .filter((text) => !/^HTTP\/1\.0[^]*Transfer-Encoding/m.test(text))
  .map((text) => Buffer.from(text, 'latin1'));

const POISON = ['\r\n', '\n', '\r', '\0', ' ', '\t', ':', ';', '0', '0\r\n\r\n', 'Content-Length: 3\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: identity\r\n', 'transfer-encoding: gzip, chunked\r\n', 'Content-Length : 3\r\n', ' folded\r\n', 'HTTP/1.1 200 OK\r\n\r\n', '+1', '0x', '-', '\x0b', '\x7f', '\xff', '1'];

/** Nearly such answers. */
export const mutated = mutatedOf(wellFormed.map((answer) => answer.toString('latin1')), { poison: POISON, how: ['put', 'put', 'over', 'cut', 'line'], least: 0 });

export const method = fc.constantFrom('GET', 'GET', 'GET', 'HEAD');
export const places = fc.array(fc.nat({ max: 400 }), { maxLength: 12 });
