import type { Literal } from '../understand.ts';
import { Lexer, Token } from './lexer.ts';

/** The literals of a text in order, with the values that the server would read. The text must have a shape. */
export function literalsOf(text: Uint8Array): readonly Literal[] {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const lexer = new Lexer(bytes);
  const literals: Literal[] = [];
  for (let kind = lexer.next(); kind !== Token.end && kind !== Token.error; kind = lexer.next()) {
    const { start, end } = lexer;
    switch (kind) {
      case Token.integer:
      case Token.decimal:
        literals.push({ start, end, kind: 'number', value: bytes.toString('latin1', start, end) });
        break;
      case Token.bits:
      case Token.hexBits:
        literals.push({ start, end, kind: 'bit', value: joined(bytes, start + 2, end).toString('latin1') });
        break;
      case Token.string:
        literals.push({ start, end, kind: 'string', value: joined(bytes, start + 1, end).toString('utf8') });
        break;
      case Token.escapeString:
        literals.push({ start, end, kind: 'string', value: unescaped(bytes, start + 2, end) });
        break;
      case Token.unicodeString:
        literals.push({ start, end, kind: 'string', value: unicode(joined(bytes, start + 3, end).toString('utf8'), escapeOf(bytes, end)) });
        break;
      case Token.dollarString: {
        const size = bytes.indexOf(0x24, start + 1) - start + 1;
        literals.push({ start, end, kind: 'string', value: bytes.toString('utf8', start + size, end - size) });
        break;
      }
      default:
    }
  }
  return literals;
}

/** Byte offsets at which the literals of a text begin, in order. */
export function literalStarts(text: Uint8Array): ReadonlyMap<number, number> {
  const starts = new Map<number, number>();
  const lexer = new Lexer(text);
  for (let kind = lexer.next(); kind !== Token.end && kind !== Token.error; kind = lexer.next()) {
    if (kind >= Token.string && kind <= Token.decimal) starts.set(lexer.start, starts.size);
  }
  return starts;
}

/** The bytes between the quotes, doubled quotes halved and continued parts put together. `from` is behind the opening quote. */
function joined(bytes: Buffer, from: number, end: number): Buffer {
  const quote = bytes.indexOf(0x27, from);
  if (quote === end - 1) return bytes.subarray(from, quote);
  const to = Buffer.allocUnsafe(end - from);
  let at = 0;
  for (let i = from; i < end; i++) {
    const c = bytes[i] as number;
    if (c !== 0x27) to[at++] = c;
    else if (bytes[i + 1] === 0x27 && i + 1 < end) {
      to[at++] = c;
      i++;
    } else i = nextPart(bytes, i + 1, end);
  }
  return to.subarray(0, at);
}

/** Where the opening quote of the next part of a continued string stands; `end` when there is none. */
function nextPart(bytes: Buffer, from: number, end: number): number {
  let i = from;
  while (i < end && bytes[i] !== 0x27) {
    if (bytes[i] === 0x2d) while (i < end && bytes[i] !== 0x0a && bytes[i] !== 0x0d) i++;
    else i++;
  }
  return i;
}

const SIMPLE: Readonly<Record<number, number>> = { 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9, 0x76: 11 };

/** The value of E'...': escapes may make single bytes, so that it is built from bytes. */
function unescaped(bytes: Buffer, from: number, end: number): string {
  const to = Buffer.allocUnsafe((end - from) * 2);
  let at = 0;
  let high: number | undefined;
  for (let i = from; i < end; i++) {
    const c = bytes[i] as number;
    if (c === 0x27) {
      if (bytes[i + 1] === 0x27 && i + 1 < end) {
        to[at++] = c;
        i++;
      } else i = nextPart(bytes, i + 1, end);
      continue;
    }
    if (c !== 0x5c) {
      to[at++] = c;
      continue;
    }
    const e = bytes[++i] as number;
    const rest = bytes.toString('latin1', i, Math.min(i + 9, end));
    const octal = /^[0-7]{1,3}/.exec(rest);
    const hex = /^x([0-9a-fA-F]{1,2})/.exec(rest);
    const wide = /^(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(rest);
    if (octal) {
      to[at++] = Number.parseInt(octal[0], 8) & 0xff;
      i += octal[0].length - 1;
    } else if (hex) {
      to[at++] = Number.parseInt(hex[1] ?? '', 16);
      i += hex[0].length - 1;
    } else if (wide) {
      const unit = Number.parseInt(wide[1] ?? wide[2] ?? '', 16);
      i += wide[0].length - 1;
      if (unit >= 0xd800 && unit < 0xdc00) high = unit;
      else {
        const point = unit >= 0xdc00 && unit < 0xe000 && high !== undefined ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit;
        high = undefined;
        at += to.write(point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd', at, 'utf8');
      }
    } else to[at++] = SIMPLE[e] ?? e;
  }
  return to.toString('utf8', 0, at);
}

/** The escape character of `U&'...' UESCAPE 'c'`, else the backslash. */
function escapeOf(bytes: Buffer, after: number): string {
  const lexer = new Lexer(bytes);
  lexer.end = after;
  if (lexer.next() !== Token.word || bytes.toString('latin1', lexer.start, lexer.end).toLowerCase() !== 'uescape') return '\\';
  return lexer.next() === Token.string ? bytes.toString('utf8', lexer.start + 1, lexer.end - 1) : '\\';
}

function unicode(written: string, escape: string): string {
  let value = '';
  for (let i = 0; i < written.length; i++) {
    if (written[i] !== escape) value += written[i];
    else if (written[i + 1] === escape) {
      value += escape;
      i++;
    } else {
      const long = written[i + 1] === '+';
      const digits = written.slice(i + (long ? 2 : 1), i + (long ? 8 : 5));
      const point = Number.parseInt(digits, 16);
      // Surrogate halves come as two escapes and join by themselves in UTF-16.
      value += Number.isNaN(point) ? digits : point > 0xffff ? (point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd') : String.fromCharCode(point);
      i += long ? 7 : 4;
    }
  }
  return value;
}
