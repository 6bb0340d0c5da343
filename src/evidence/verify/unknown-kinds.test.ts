import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Follow, type Gap } from './pack/follow.ts';
import { Records } from './records.ts';

/** The kinds that the gateway writes, from where they are declared. */
const KINDS = [...readFileSync(join(import.meta.dirname, '..', 'log.ts'), 'utf8').matchAll(/readonly kind: '(\w+)'/g)].map(([, kind]) => kind as string);
const TIME = Buffer.from('2026-11-22T00:00:00.000Z');
const unknown = (what: string): boolean => what.includes('which this verifier does not know');

test('a record of a kind that the verifier does not know makes a log and a pack incomplete; no kind that the gateway writes does', () => {
  assert.ok(KINDS.includes('intent') && KINDS.includes('purge'));
  for (const kind of [...KINDS, 'session_opem', 'x'.repeat(500)]) {
    const records = new Records('log');
    records.any({ kind }, 0, TIME, 0, 0);
    const gaps: Gap[] = [];
    const leaf = { log: 'log', seq: 7, prev: '', time: TIME.toString(), mono: 0, record: { kind } };
    new Follow((gap) => void gaps.push(gap)).take(leaf as unknown as Parameters<Follow['take']>[0]);
    for (const found of [records.follow.gaps, gaps]) assert.equal(found.filter(({ what }) => unknown(what) && what.length < 200).length, KINDS.includes(kind) ? 0 : 1, kind);
  }
});
