import { isCount, isObject, textOf } from './bytes.ts';

/** A record that is canonical JSON with the members that every record has. */
export interface Leaf {
  readonly log: string;
  readonly seq: number;
  readonly prev: string;
  readonly time: string;
  readonly mono: number;
  readonly bodies: readonly { readonly c: string; readonly part: string }[];
  readonly record: Readonly<Record<string, unknown>> & { readonly kind: string };
}

const DEEPEST = 32;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const PLAIN = /^[ !#-[\]-~]*$/;

/** Reads a record strictly. Gives a sentence when it is not as it must be. */
export const readLeaf = (bytes: Uint8Array): Leaf | string => {
  const text = textOf(bytes);
  if (text === undefined) return 'it is not UTF-8';
  let value: unknown;
  try {
    value = JSON.parse(text);
    // One text, one meaning: no name twice, which programs read differently.
    if (canonical(value, 0) !== text) return 'it is not canonical JSON';
  } catch {
    return 'it is not JSON as a record is';
  }
  if (!isObject(value)) return 'it is no object';
  const { v, log, seq, prev, time, mono, bodies = [], record } = value;
  if (v !== 1) return `it has version ${typeof v === 'number' ? v : 'none'}: this verifier reads version 1`;
  if (typeof log !== 'string' || !isCount(seq) || typeof prev !== 'string' || typeof time !== 'string' || !TIME.test(time) || !isCount(mono)) return 'a member that every record has is missing or wrong';
  if (!isObject(record) || typeof record['kind'] !== 'string') return 'it has no kind';
  if (!Array.isArray(bodies) || !bodies.every((body) => isObject(body) && typeof body['c'] === 'string' && typeof body['part'] === 'string')) return 'its references to bodies are malformed';
  return { log, seq, prev, time, mono, bodies: bodies as Leaf['bodies'], record: record as Leaf['record'] };
};

/** RFC 8785 over what JSON.parse gives, integers only. Throws for what a record may not hold. */
const canonical = (value: unknown, depth: number): string => {
  if (typeof value === 'string') {
    if (PLAIN.test(value)) return `"${value}"`;
    if (!value.isWellFormed()) throw new Error('lone surrogate');
    return JSON.stringify(value);
  }
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new Error('not an integer');
    return JSON.stringify(value);
  }
  if (typeof value === 'boolean' || value === null) return String(value);
  if (depth > DEEPEST) throw new Error('too deep');
  let text = '';
  if (Array.isArray(value)) {
    for (const one of value) text += `${text === '' ? '' : ','}${canonical(one, depth + 1)}`;
    return `[${text}]`;
  }
  const members = value as Record<string, unknown>;
  for (const name of inOrder(Object.keys(members))) text += `${text === '' ? '' : ','}${canonical(name, 0)}:${canonical(members[name], depth + 1)}`;
  return `{${text}}`;
};

/** By UTF-16 code units. Mostly they are already; names that are numbers come in another order from JSON.parse. */
const inOrder = (names: string[]): string[] => {
  for (let i = 1; i < names.length; i += 1) if ((names[i - 1] as string) > (names[i] as string)) return names.sort();
  return names;
};

/** The records of `leaves.bin`, each after its length in two bytes. Throws LeavesCut when it ends within one. */
export async function* entriesIn(pieces: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  let rest = new Uint8Array(0);
  for await (const piece of pieces) {
    let bytes = piece;
    if (rest.length > 0) {
      bytes = new Uint8Array(rest.length + piece.length);
      bytes.set(rest);
      bytes.set(piece, rest.length);
    }
    const entries: Uint8Array[] = [];
    let at = 0;
    while (at + 2 <= bytes.length) {
      const end = at + 2 + ((bytes[at] as number) << 8) + (bytes[at + 1] as number);
      if (end > bytes.length) break;
      entries.push(bytes.subarray(at + 2, end));
      at = end;
    }
    rest = bytes.slice(at);
    yield entries;
  }
  if (rest.length > 0) throw new LeavesCut('the file of records ends within a record');
}

/** A file of records that ends in the middle of one. */
export class LeavesCut extends Error {}
