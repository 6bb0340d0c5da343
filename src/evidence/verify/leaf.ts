import { isUtf8 } from 'node:buffer';

/** A leaf that is canonical JSON with the members that every leaf has. */
export interface VerifiedLeaf {
  readonly log: string;
  readonly seq: number;
  readonly prev: string;
  readonly time: string;
  readonly mono: number;
  readonly bodies: readonly BodyReference[];
  readonly record: Readonly<Record<string, unknown>> & { readonly kind: string };
}

export interface BodyReference {
  readonly c: string;
  readonly part: string;
  /** Absent when the piece was lost with a broken disk before the leaf was written; the leaf says so itself. */
  readonly place: { readonly frame: number; readonly entry: number; readonly sealed: string } | undefined;
}

/** Most bytes of one leaf. */
export const MOST_LEAF = 60 * 1024;
const DEEPEST = 32;
const HEX = /^[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Reads a leaf strictly. Gives a sentence when it is not as it must be. */
export const readLeaf = (bytes: Buffer): VerifiedLeaf | string => {
  if (bytes.length > MOST_LEAF) return `the record has ${bytes.length} bytes, more than a leaf may have`;
  if (!isUtf8(bytes)) return 'the record is not UTF-8';
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
    if (serialise(value, 0) !== text) return 'the record is not canonical JSON';
  } catch {
    return 'the record is not JSON';
  }
  return isObject(value) ? shaped(value) : 'the record is no JSON object';
};

const shaped = (value: Record<string, unknown>): VerifiedLeaf | string => {
  // Digests that are compared with what was computed need no look at their form.
  const { v, log, seq, prev, time, mono, bodies = [], record } = value;
  if (v !== 1) return `the record has version ${typeof v === 'number' ? v : 'none'}: this verifier reads version 1`;
  if (typeof log !== 'string' || !isCount(seq) || typeof prev !== 'string' || typeof time !== 'string' || !TIME.test(time) || !isCount(mono)) return 'a member that every record has is missing or wrong';
  if (!isObject(record) || typeof record['kind'] !== 'string') return 'the record has no kind';
  if (!Array.isArray(bodies)) return 'the references to bodies are no list';
  const references: BodyReference[] = [];
  for (const reference of bodies) {
    const read = readReference(reference);
    if (read === undefined) return 'a reference to a body is malformed';
    references.push(read);
  }
  return { log, seq, prev, time, mono, bodies: references, record: record as VerifiedLeaf['record'] };
};

const readReference = (value: unknown): BodyReference | undefined => {
  if (!isObject(value)) return undefined;
  const { c, part, frame, entry, sealed, lost } = value;
  if (!isHex(c) || typeof part !== 'string') return undefined;
  if (lost === true) return { c, part, place: undefined };
  return isCount(frame) && isCount(entry) && typeof sealed === 'string' ? { c, part, place: { frame, entry, sealed } } : undefined;
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isHex = (value: unknown): value is string => typeof value === 'string' && HEX.test(value);

/** RFC 8785 over what JSON.parse gives, integers only. Throws for what a leaf may not hold. */
const serialise = (value: unknown, depth: number): string => {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw new Error('not an integer');
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    default:
  }
  if (value === null) return 'null';
  if (depth > DEEPEST) throw new Error('too deep');
  let text = '';
  if (Array.isArray(value)) {
    for (const one of value) text += `${text === '' ? '' : ','}${serialise(one, depth + 1)}`;
    return `[${text}]`;
  }
  const members = value as Record<string, unknown>;
  for (const name of inOrder(Object.keys(members))) text += `${text === '' ? '' : ','}${quoted(name)}:${serialise(members[name], depth + 1)}`;
  return `{${text}}`;
};

const quoted = (text: string): string => {
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new Error('lone surrogate');
  return JSON.stringify(text);
};

/** By UTF-16 code units, which a canonical leaf already is: sorting is for the others. */
const inOrder = (names: string[]): string[] => {
  for (let i = 1; i < names.length; i += 1) if ((names[i - 1] as string) > (names[i] as string)) return names.sort();
  return names;
};
