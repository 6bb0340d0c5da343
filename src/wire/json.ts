/** A text is not the JSON that was asked for. The message never quotes the text. */
export class JsonRefused extends Error {
  override name = 'JsonRefused';
}

/** Bounds on JSON that comes from a stranger. */
export interface JsonBounds {
  /** Deepest nesting of objects and arrays. */
  readonly depth: number;
  /** Most members and elements, all levels together. */
  readonly values: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads UTF-8 bytes as one JSON value, more strictly than `JSON.parse`: a name that stands twice in one object (RFC 8259
 * section 4 leaves its meaning open, so two readers may disagree), `__proto__` as a name, invalid UTF-8, a byte order
 * mark, and anything beyond the bounds are refused. Throws JsonRefused.
 */
export const readJson = (bytes: Uint8Array, bounds: JsonBounds): unknown => {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new JsonRefused('not UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's own message quotes the text.
    throw new JsonRefused('not JSON');
  }
  checkStructure(text, bounds);
  return value;
};

/** The same where it must be one object. */
export const readJsonObject = (bytes: Uint8Array, bounds: JsonBounds): Record<string, unknown> => {
  const value = readJson(bytes, bounds);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new JsonRefused('not an object');
  return value as Record<string, unknown>;
};

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** One pass over a text that is known to be JSON: what lies between tokens needs no checking, names do. */
const checkStructure = (text: string, bounds: JsonBounds): void => {
  // One entry per open bracket: the names seen so far, or undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  let values = 0;
  let position = 0;
  while (position < text.length) {
    switch (text.charCodeAt(position)) {
      case QUOTE: {
        const end = endOfString(text, position);
        if (isName(text, end)) addName(open.at(-1), text.slice(position, end));
        position = end;
        break;
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        open.push(text.charCodeAt(position) === OPEN_OBJECT ? new Set() : undefined);
        if (open.length > bounds.depth) throw new JsonRefused('nested too deeply');
        position += 1;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        open.pop();
        position += 1;
        break;
      case COMMA:
        values += 1;
        if (values > bounds.values) throw new JsonRefused('too many values');
        position += 1;
        break;
      default:
        position += 1;
    }
  }
};

/** Position after the closing quote of the string that starts at `start`. */
const endOfString = (text: string, start: number): number => {
  let position = start + 1;
  while (text.charCodeAt(position) !== QUOTE) position += text.charCodeAt(position) === BACKSLASH ? 2 : 1;
  return position + 1;
};

/** Whether the string that ends before `position` is a member's name: in JSON only a name is followed by a colon. */
const isName = (text: string, position: number): boolean => {
  let next = position;
  while (text.charCodeAt(next) === 0x20 || (text.charCodeAt(next) >= 0x09 && text.charCodeAt(next) <= 0x0d)) next += 1;
  return text.charCodeAt(next) === COLON;
};

const addName = (names: Set<string> | undefined, quoted: string): void => {
  // "\u0061" and "a" are one name.
  const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  if (name === '__proto__') throw new JsonRefused('forbidden name');
  if (names === undefined || names.has(name)) throw new JsonRefused('a name stands twice');
  names.add(name);
};
