import { FieldPaths } from './field-paths.ts';
import type { Place } from './field-paths.ts';
import { JsonTokenizer } from './json-tokenizer.ts';
import { BodyNotMasked } from './not-masked.ts';
import { Judging } from './judging.ts';

/** The name of the mask of which a value comes back in a JSON Patch (RFC 6902): in the value of an operation, at the place that its path names. */
export function patchedMask(paths: FieldPaths, body: Uint8Array): string | undefined {
  for (const operation of operations(body)) {
    const { path, value } = operation as { readonly path?: unknown; readonly value?: unknown };
    if (typeof path !== 'string' || value === undefined) continue;
    for (const place of placesOf(paths, path)) {
      const judging = new Judging(paths, place);
      const tokenizer = new JsonTokenizer(judging);
      tokenizer.push(Buffer.from(JSON.stringify(value)));
      tokenizer.end();
      if (judging.found !== undefined) return judging.found.name;
    }
  }
  return undefined;
}

const nothing = new FieldPaths([]);

/** The operations; nothing that is deeper than a tokenizer follows. Of a name that an operation has twice the last counts, as RFC 6902 readers take it. */
function operations(body: Uint8Array): readonly object[] {
  new JsonTokenizer(new Judging(nothing)).push(body);
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body).toString());
  } catch {
    throw new BodyNotMasked('not JSON');
  }
  if (!Array.isArray(parsed) || !parsed.every((one) => typeof one === 'object' && one !== null)) throw new BodyNotMasked('not a JSON Patch');
  return parsed as object[];
}

/** Where a JSON Pointer (RFC 6901) leads: `0` and `-` may be a member's name or an element. */
function placesOf(paths: FieldPaths, pointer: string): readonly Place[] {
  let places: readonly Place[] = [paths.top];
  for (const part of pointer.split('/').slice(1)) {
    const name = paths.classOfName(part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const next = new Set<Place>();
    for (const place of places) {
      next.add(paths.member(place, name));
      if (/^(?:\d+|-)$/.test(part)) next.add(paths.element(place));
    }
    places = [...next];
  }
  return places;
}
