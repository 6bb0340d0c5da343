import { action, JsonTokenizer } from './json-tokenizer.ts';
import type { JsonVisitor } from './json-tokenizer.ts';
import { BodyNotMasked } from './not-masked.ts';

const passing: JsonVisitor = { begin: () => undefined, name: () => undefined, begins: () => action.pass, taken: () => undefined, dropped: () => new Uint8Array(0), opens: () => undefined, closes: () => undefined };

/** Whether a text is JSON. */
export function isJson(text: Uint8Array): boolean {
  const tokenizer = new JsonTokenizer(passing);
  try {
    tokenizer.push(text);
    tokenizer.end();
    return true;
  } catch (error) {
    if (error instanceof BodyNotMasked) return false;
    throw error;
  }
}

/** Bytes that are looked at: white space before a document is short as a rule, and `[DONE]` is no document. */
const looked = 256;

/** Whether a text begins as an object or array in JSON does, with members or elements that may be. `NaN` and `Infinity` are none, and readers take them. */
export function looksLikeJson(text: Uint8Array): boolean {
  let start = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? 3 : 0;
  while (start < text.length && (text[start]! <= 0x20)) start++;
  const beginning = Buffer.from(text.buffer, text.byteOffset + start, Math.min(text.length - start, looked)).toString('latin1');
  return /^(?:\{|\[\s*(?:$|[[\]{"\d-]|true|false|null|NaN|Infinity))/.test(beginning);
}
