import { JsonRefused, readJson } from '../../wire/json.ts';
import { FieldPaths } from './field-paths.ts';
import type { Place } from './field-paths.ts';
import { JsonTokenizer } from './json-tokenizer.ts';
import { BodyNotMasked } from './not-masked.ts';
import { Judging } from './judging.ts';

/*
 * JSON Patch (RFC 6902): a value of an operation is written to the place that its path names. `copy` and `move` have the target write what stands at
 * another place, which the client need not know: what is masked there would be shown where it is not. `test` tells whether a guess is right.
 */

/** What of an operation counts. Names in any case, since some servers do not tell it. */
interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from: string | undefined;
  readonly value: unknown;
}

/** As deep as the tokenizer goes. */
const BOUNDS = { depth: 1024, values: Infinity };

/** Longest pointer, in characters, and how many operations are looked at in one go. */
const LONGEST_POINTER = 4096;
const STRETCH = 16;

/** Why a patch may not be sent: the mask of which a value comes back in it, or which it would get around. */
export function* patchedMask(paths: FieldPaths, operations: readonly Operation[]): Generator<undefined, { readonly mask: string; readonly shows?: true } | undefined> {
  for (const [index, { op, path, from, value }] of operations.entries()) {
    if (index % STRETCH === STRETCH - 1) yield;
    const to = placesOf(paths, path);
    const source = from === undefined ? undefined : placesOf(paths, from);
    const shown = source && leavesMask(paths, source, to);
    if (shown !== undefined) return { mask: shown, shows: true };
    if (value === undefined) continue;
    const tested = op === 'test' ? (to.covered ?? to.places.map((place) => maskWithin(paths, place, value)).find((mask) => mask !== undefined)) : undefined;
    if (tested !== undefined) return { mask: tested, shows: true };
    for (const place of to.places) {
      const judging = new Judging(paths, place);
      const tokenizer = new JsonTokenizer(judging);
      tokenizer.push(Buffer.from(JSON.stringify(value)));
      tokenizer.end();
      if (judging.found !== undefined) return { mask: judging.found.name };
    }
  }
  return undefined;
}

/** What no patch is without, also where a letter is escaped. */
const NAMES_OP = /"(?:o|\\u00[46]f)(?:p|\\u00[57]0)"/i;

/** Whether a body of JSON is a patch, whatever it is called: a list in which something is an operation. */
export function isPatch(body: Uint8Array): boolean {
  if (!NAMES_OP.test(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'))) return false;
  try {
    const parsed = JSON.parse(textOf(body)) as unknown;
    return Array.isArray(parsed) && parsed.some((one: unknown) => {
      const members = typeof one === 'object' && one !== null ? Object.entries(one) : [];
      return ['op', 'path'].every((wanted) => members.some(([name, value]) => name.toLowerCase() === wanted && typeof value === 'string'));
    });
  } catch {
    return false;
  }
}

const textOf = (body: Uint8Array): string => Buffer.from(body).toString().replace(/^\ufeff/, '');

const nothing = new FieldPaths([]);

/** Throws BodyNotMasked where two readers could take two patches from it. */
export function operationsOf(body: Uint8Array): readonly Operation[] {
  new JsonTokenizer(new Judging(nothing)).push(body);
  let parsed: unknown;
  try {
    parsed = readJson(Buffer.from(textOf(body)), BOUNDS);
  } catch (error) {
    throw new BodyNotMasked(error instanceof JsonRefused ? `not a JSON Patch: ${error.message}` : 'not JSON');
  }
  if (!Array.isArray(parsed)) throw new BodyNotMasked('not a JSON Patch');
  return parsed.map((one: unknown): Operation => {
    if (typeof one !== 'object' || one === null || Array.isArray(one)) throw new BodyNotMasked('not a JSON Patch');
    const members = new Map<string, unknown>();
    for (const [name, value] of Object.entries(one)) {
      const folded = name.toLowerCase();
      if (members.has(folded)) throw new BodyNotMasked('not a JSON Patch: a name twice');
      members.set(folded, value);
    }
    const [op, path, from] = [members.get('op'), members.get('path'), members.get('from')];
    if (typeof op !== 'string' || typeof path !== 'string') throw new BodyNotMasked('not a JSON Patch');
    if (path.length > LONGEST_POINTER || (typeof from === 'string' && from.length > LONGEST_POINTER)) throw new BodyNotMasked('a JSON Patch with a pointer that is too long');
    return { op: op.toLowerCase(), path, from: typeof from === 'string' ? from : undefined, value: members.get('value') };
  });
}

/** Where a pointer leads. */
interface Leads {
  readonly places: readonly Place[];
  /** The mask of something on the way: all below it is masked. */
  readonly covered: string | undefined;
}

/** A JSON Pointer (RFC 6901): `0` and `-` may be a member's name or an element. Some servers do without its first slash. */
function placesOf(paths: FieldPaths, pointer: string): Leads {
  let places: readonly Place[] = [paths.top];
  let covered: string | undefined;
  if (pointer === '') return { places, covered };
  for (const part of (pointer.startsWith('/') ? pointer.slice(1) : pointer).split('/')) {
    covered ??= places.find(({ mask }) => mask !== undefined)?.mask?.name;
    const name = paths.classOfName(part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const next = new Set<Place>();
    for (const place of places) {
      next.add(paths.member(place, name));
      if (/^(?:\d+|-)$/.test(part)) next.add(paths.element(place));
    }
    places = [...next];
  }
  return { places, covered };
}

/** The mask of something at or below a place that would not be masked where it is brought to: there, every pattern has to have come as far. */
function leavesMask(paths: FieldPaths, from: Leads, to: Leads): string | undefined {
  if (from.covered !== undefined) return from.covered;
  for (const place of from.places) {
    for (const other of to.places) {
      const left = place.next.find((step) => !other.next.includes(step));
      if (left !== undefined) return paths.maskOfStep(left);
    }
  }
  return undefined;
}

/** The mask of something in a value that stands at a place. */
function maskWithin(paths: FieldPaths, place: Place, value: unknown): string | undefined {
  if (place.mask !== undefined) return place.mask.name;
  if (place.dead || typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Array.isArray(value) ? value.map((one: unknown) => [undefined, one] as const) : Object.entries(value)) {
    const mask = maskWithin(paths, name === undefined ? paths.element(place) : paths.member(place, paths.classOfName(name)), member);
    if (mask !== undefined) return mask;
  }
  return undefined;
}
