import { eachBehindLength } from './detect/behind-lengths.ts';
import type { Places } from './detect/places.ts';
import { Hits, kindNames } from './detect/hits.ts';
import { detectorKinds, findAt, findEverywhere, prepare } from './detectors.ts';
import type { DetectorKind, Hit } from './detectors.ts';
import { constantOf } from './constants.ts';
import { characters, elementOf, firstNormalOid, oid, structured } from './oids.ts';
import type { DetectorMask } from './plan.ts';
import { wins } from './strictness.ts';
import type { Tallies, Tally } from './tallies.ts';
import { cellMask } from './transforms.ts';

/**
 * Looks at one cell, `row[start..end)`, where `places` says that there is something to look at. Undefined: the cell stays as
 * it is, or was changed in place with its length kept. Else its new contents, NULL included.
 */
export type CellDetector = (row: Uint8Array, places: Places | undefined, start: number, end: number) => Uint8Array | null | undefined;

/** Where characters lie in a cell, and what may stand in a hit's place. */
type Shape =
  /** All of it is text, and any text may stand there. */
  | 'text'
  /** Text inside a form of its own (JSON, XML, rows, arrays, types of extensions): only as many characters may change as were there. */
  | 'structured';

function shapeOf(type: number): Shape | undefined {
  if (characters.has(type)) return 'text';
  if (structured.has(type)) return 'structured';
  const element = elementOf.get(type);
  if (element !== undefined) return shapeOf(element) === undefined ? undefined : 'structured';
  // OIDs from here on are those of types made in the database: citext, hstore, enums, composites.
  return type >= firstNormalOid ? 'structured' : undefined;
}

/** Texts stand behind their lengths in the cells of such a column: in arrays, rows and types of extensions, in binary. */
export const holdsLengths = (type: number, format: 0 | 1): boolean => format === 1 && shapeOf(type) === 'structured';

/** The detector for a column's cells; undefined for a type that holds no characters. */
export function createCellDetector(masks: readonly DetectorMask[], type: number, format: 0 | 1, tallies: Tallies): CellDetector | undefined {
  const shape = shapeOf(type);
  if (shape === undefined) return undefined;
  const maskOf = detectorMasks(masks);
  const treatments = kindNames.map((kind): Treatment => {
    const mask = maskOf.get(kind);
    return { kept: mask === undefined ? 0 : keptBy(mask), clears: mask?.transform === 'null', key: kind === 'private_key' || kind === 'cloud_key', tally: mask === undefined ? none : tallies.of(mask.name) };
  });
  const prepared = prepare(maskOf.keys());
  const isJson = type === oid.json || type === oid.jsonb;
  const formed = shape === 'structured';
  // Where lengths are kept, no cell is made anew.
  const inPlace = formed || [...maskOf.values()].every(keepsLength);
  /** Treats the finds; true: the cell goes. */
  const treat = (row: Uint8Array): boolean => {
    let clears = false;
    for (let at = 0; at < hits.count; at++) {
      const { kept, clears: all, key, tally } = treatments[hits.kinds[at]!]!;
      tally.cells++;
      if (all) clears = true;
      else if (inPlace) star(row, hits.starts[at]!, hits.ends[at]!, kept, formed, isJson, key);
    }
    return clears;
  };
  const lengths = holdsLengths(type, format);
  return (row, places, start, end) => {
    let clears = false;
    if (lengths) {
      eachBehindLength(row, start, end, (from, to) => {
        findEverywhere(row, from, to, prepared, hits);
        if (treat(row)) clears = true;
      });
    }
    if (places === undefined) findEverywhere(row, start, end, prepared, hits);
    else findAt(places, row, start, end, prepared, hits);
    if (hits.count === 0 && !clears) return undefined;
    if (treat(row) || clears) return null;
    return inPlace ? undefined : replaceHits(row, start, end, hits.list()!, (kind) => maskOf.get(kind)!);
  };
}

/** What happens to the finds of one kind. */
interface Treatment {
  /** Characters at their end that stay. */
  readonly kept: number;
  /** The cell goes as a whole. */
  readonly clears: boolean;
  /** They may have line ends inside. */
  readonly key: boolean;
  readonly tally: Tally;
}

/** Of kinds that nobody looks for. */
const none: Tally = { cells: 0 };

/** Of the cell that is looked at. */
const hits = new Hits();

const keepsLength = ({ transform }: DetectorMask): boolean => transform === 'redact' || (typeof transform === 'object' && 'partial' in transform);

function keptBy(mask: DetectorMask): number {
  return typeof mask.transform === 'object' && 'partial' in mask.transform ? mask.transform.partial : 0;
}

/** Which mask stands for each kind: the strictest of those that name it. */
export function detectorMasks(masks: readonly DetectorMask[]): ReadonlyMap<DetectorKind, DetectorMask> {
  const found = new Map<DetectorKind, DetectorMask>();
  for (const mask of masks) {
    for (const kind of mask.kinds as readonly DetectorKind[]) {
      if (!detectorKinds.has(kind)) throw new Error(`an unknown detector: ${kind}`);
      const other = found.get(kind);
      if (other === undefined || wins(mask.transform, other.transform)) found.set(kind, mask);
    }
  }
  return found;
}

/**
 * Writes over a hit with its length kept: `*` for each character, the last `keep` of which stay (none when that would be
 * half of it or more). In JSON a hit of digits alone may be a number and gets nines, which are one too.
 */
export function overwrite(bytes: Uint8Array, { kind, start, end }: Hit, keep: number, structured: boolean, json: boolean): void {
  star(bytes, start, end, keep, structured, json, kind === 'private_key' || kind === 'cloud_key');
}

/** @param key it may have line ends inside */
function star(bytes: Uint8Array, start: number, end: number, keep: number, structured: boolean, json: boolean, key: boolean): void {
  const until = end - (end - start > keep * 2 ? keep : 0);
  if (!structured && !key) {
    for (let at = start; at < until; at++) bytes[at] = 0x2a;
    return;
  }
  let digits = json;
  for (let at = start; digits && at < end; at++) digits = bytes[at]! >= 0x30 && bytes[at]! <= 0x39;
  const filler = digits ? 0x39 : 0x2a;
  for (let at = start; at < until; at++) {
    // Line ends stay, and so do escapes in forms that have them: a key block keeps its lines, and JSON stays JSON.
    if (structured && bytes[at] === 0x5c) at += bytes[at + 1] === 0x75 ? 5 : 1;
    else if (bytes[at] !== 0x0a && bytes[at] !== 0x0d) bytes[at] = filler;
  }
}

/** Replaces the hits of a text. Undefined when lengths stayed and it was changed in place. */
export function replaceHits(bytes: Uint8Array, start: number, end: number, hits: readonly Hit[], maskOf: (kind: DetectorKind) => DetectorMask): Uint8Array | undefined {
  let pieces: Uint8Array[] | undefined;
  let at = start;
  for (const hit of hits) {
    const mask = maskOf(hit.kind);
    if (keepsLength(mask)) {
      overwrite(bytes, hit, keptBy(mask), false, false);
      continue;
    }
    const made = cellMask(mask.transform, oid.text, -1, 0, mask.key);
    (pieces ??= []).push(bytes.subarray(at, hit.start), made.kind === 'each' ? made.apply(bytes.subarray(hit.start, hit.end)) : (made.bytes ?? constantOf(oid.text, -1, 0)!));
    at = hit.end;
  }
  if (pieces === undefined) return undefined;
  pieces.push(bytes.subarray(at, end));
  return Buffer.concat(pieces);
}
