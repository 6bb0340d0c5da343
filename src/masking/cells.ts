import type { Places } from './detect/places.ts';
import { detectAt, detectEverywhere, detectorKinds, prepare } from './detectors.ts';
import type { DetectorKind, Hit } from './detectors.ts';
import { constantOf } from './constants.ts';
import { characters, elementOf, firstNormalOid, oid, structured } from './oids.ts';
import type { DetectorMask } from './plan.ts';
import { wins } from './strictness.ts';
import type { Tallies } from './tallies.ts';
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

/** The detector for a column's cells; undefined for a type that holds no characters. */
export function createCellDetector(masks: readonly DetectorMask[], type: number, format: 0 | 1, tallies: Tallies): CellDetector | undefined {
  const shape = shapeOf(type);
  if (shape === undefined) return undefined;
  const maskOf = detectorMasks(masks);
  const treatments = new Map([...maskOf].map(([kind, mask]) => [kind, { kept: keptBy(mask), clears: mask.transform === 'null', tally: tallies.of(mask.name) }]));
  const prepared = prepare(maskOf.keys());
  const isJson = type === oid.json || type === oid.jsonb;
  // Where lengths are kept, no cell is made anew.
  const inPlace = shape === 'structured' || [...maskOf.values()].every(keepsLength);
  return (row, places, start, end) => {
    const hits = places === undefined ? detectEverywhere(row, start, end, prepared) : detectAt(places, row, start, end, prepared);
    if (hits === undefined) return undefined;
    let clears = false;
    for (const hit of hits) {
      const treatment = treatments.get(hit.kind)!;
      treatment.tally.cells++;
      if (treatment.clears) clears = true;
      else if (inPlace) overwrite(row, hit, treatment.kept, shape === 'structured', isJson);
    }
    if (clears) return null;
    return inPlace ? undefined : replaceHits(row, start, end, hits, (kind) => maskOf.get(kind)!);
  };
}

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
export function overwrite(bytes: Uint8Array, hit: Hit, keep: number, structured: boolean, json: boolean): void {
  const kept = (hit.end - hit.start) > keep * 2 ? keep : 0;
  const until = hit.end - kept;
  if (!structured && hit.kind !== 'private_key' && hit.kind !== 'cloud_key') {
    for (let at = hit.start; at < until; at++) bytes[at] = 0x2a;
    return;
  }
  let digits = json;
  for (let at = hit.start; digits && at < hit.end; at++) digits = bytes[at]! >= 0x30 && bytes[at]! <= 0x39;
  const filler = digits ? 0x39 : 0x2a;
  for (let at = hit.start; at < until; at++) {
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
