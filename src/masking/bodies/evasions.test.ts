import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { MaskConfig } from '../../config/resolved.ts';
import { BodyNotMasked } from './not-masked.ts';
import { bodyMasks, through } from './testdata/bodies.ts';

/** A way around the masking of bodies, and what becomes of it. */
interface Evasion {
  readonly name: string;
  readonly why: string;
  readonly type: string;
  readonly charset?: string;
  /** As text or as bytes. */
  readonly body?: string;
  readonly base64?: string;
  readonly masks: readonly Partial<Pick<MaskConfig, 'fields' | 'detect'>>[];
  /** What comes out; that it is refused; or that it is not covered, and what the client then sees. */
  readonly expect: { readonly out: string } | { readonly base64: string } | { readonly refused: 'at once' | 'when seen' } | { readonly notCovered: string };
}

const evasions = JSON.parse(readFileSync(new URL('testdata/evasions.json', import.meta.url), 'utf8')) as readonly Evasion[];

for (const { name, why, type, charset, body, base64, masks, expect } of evasions) {
  test(`${name}: ${why}`, () => {
    const compiled = bodyMasks(masks);
    const bytes = base64 === undefined ? Buffer.from(body!) : Buffer.from(base64, 'base64');
    const about = { mediaType: type, ...(charset === undefined ? {} : { charset }) };
    // Whole, in pieces of each length, and in two at each place.
    const cuts = [[], ...Array.from({ length: 7 }, (_, size) => new Array<number>(bytes.length).fill(size + 1)), ...Array.from({ length: bytes.length }, (_, at) => [at])];
    for (const lengths of cuts) {
      const run = (): ReturnType<typeof through> => through(compiled, about, bytes, lengths);
      if ('refused' in expect) {
        if (expect.refused === 'at once') assert.ok('refused' in (run() as object));
        else assert.throws(run, BodyNotMasked);
        continue;
      }
      const made = run();
      assert.ok(made !== 'pass' && 'bytes' in made);
      if ('out' in expect) assert.equal(made.text, expect.out);
      else if ('base64' in expect) assert.equal(made.bytes.toString('base64'), expect.base64);
      else assert.ok(made.text.includes(expect.notCovered), 'now it is covered: say so');
    }
  });
}

test('there are many of them, of every outcome', () => {
  assert.ok(evasions.length >= 80);
  assert.equal(new Set(evasions.map(({ name }) => name)).size, evasions.length);
  for (const outcome of ['out', 'refused', 'notCovered']) assert.ok(evasions.filter(({ expect }) => outcome in expect).length >= 10, outcome);
});
