import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readLeaf } from './leaf.ts';
import { LeafScanner } from './scan.ts';
import { sorted } from './testdata/made-log.ts';

const LOG = 'prod/gw-1/00c0ffee';
const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const plain = fc.stringMatching(/^[a-zA-Z0-9 :._-]{0,8}$/);
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 3 }, { arbitrary: plain, weight: 8 }, { arbitrary: fc.nat(), weight: 4 }, fc.string(), fc.string({ unit: 'grapheme' }), fc.integer(), fc.maxSafeInteger(), fc.boolean(), fc.constant(null), { arbitrary: fc.array(tie('any'), { maxLength: 3 }), weight: 3 }, { arbitrary: fc.dictionary(plain, tie('any'), { maxKeys: 4 }), weight: 4 }, fc.dictionary(fc.string({ maxLength: 6 }), tie('any'), { maxKeys: 4 })),
})).any;

const leaf = fc.record({
  v: fc.constantFrom(1, 1, 1, 2),
  log: fc.constantFrom(LOG, LOG, LOG, `${LOG}0`),
  seq: fc.oneof({ arbitrary: fc.nat(), weight: 9 }, fc.maxSafeNat()),
  time: fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((date) => date.toISOString()),
  mono: fc.nat(),
  prev: hex,
  record: fc.record({ kind: fc.constantFrom('intent', 'outcome', 'x'), session: fc.oneof(fc.uuid(), value), command: fc.oneof(fc.nat(), value), detail: value }, { requiredKeys: ['kind'] }),
  bodies: fc.array(fc.record({ c: hex, part: fc.constantFrom('statement', 'answer'), frame: fc.nat(), entry: fc.nat(9), sealed: hex }), { minLength: 1, maxLength: 3 }),
}, { requiredKeys: ['v', 'log', 'seq', 'time', 'mono', 'prev', 'record'] });

/** Changes to a text that a lenient reader would not mind. */
const edits = fc.array(fc.tuple(fc.nat(), fc.constantFrom(' ', '\t', '0', '-', '+', '.5', 'e1', '"', '\\u0041', ',', ',,', '{}', '[]', ':', '\u00e9', '\u0000', 'null', '}', '\u007f'), fc.constantFrom('insert', 'replace', 'drop')), { maxLength: 1 });

/** What the scanner found, in the shape that the strict reader gives. */
const scanned = (bytes: Buffer): unknown => {
  const scan = new LeafScanner(LOG);
  const around = Buffer.concat([Buffer.from('}"0'), bytes, Buffer.from('"}]0')]);
  if (!scan.scan(around, 3, 3 + bytes.length)) return undefined;
  const text = (from: number, to: number): string => around.toString('latin1', from, to);
  return {
    log: LOG,
    seq: scan.seq,
    prev: text(scan.prevAt, scan.prevAt + 64),
    time: text(scan.timeAt, scan.timeAt + 24),
    mono: scan.mono,
    bodies: Array.from({ length: scan.references }, (_, i) => ({
      c: text(scan.commitmentAt[i] as number, (scan.commitmentAt[i] as number) + 64),
      part: text(scan.partAt[i] as number, scan.partEnd[i] as number),
      place: { frame: scan.frame[i], entry: scan.entry[i], sealed: text(scan.sealedAt[i] as number, (scan.sealedAt[i] as number) + 64) },
    })),
    record: JSON.parse(text(scan.recordAt, scan.recordEnd)) as unknown,
  };
};

test('what the scanner accepts, the strict reader accepts with the same result', () => {
  let accepted = 0;
  fc.assert(
    fc.property(leaf, edits, (one, changes) => {
      let text = sorted(one);
      for (const [place, piece, how] of changes) {
        const at = place % (text.length + 1);
        text = text.slice(0, at) + (how === 'drop' ? '' : piece) + text.slice(how === 'insert' ? at : at + 1);
      }
      const bytes = Buffer.from(text);
      const found = scanned(bytes);
      if (found === undefined) return;
      accepted += 1;
      assert.deepEqual(found, readLeaf(bytes));
    }),
    { numRuns: 3000 },
  );
  assert.ok(accepted > 200, `${accepted} were accepted: too few to mean anything`);
});

test('the usual records are scanned, so that the strict reader is for the others', () => {
  const usual = { v: 1, log: LOG, seq: 7, time: '2026-11-22T00:00:00.000Z', mono: 12, prev: 'a'.repeat(64), record: { kind: 'intent', session: 's', command: 3, effects: [{ class: 'read' }], masks: [], decision: { rules: [] } } };
  const scan = new LeafScanner(LOG);
  const bytes = Buffer.from(sorted(usual));
  assert.ok(scan.scan(bytes, 0, bytes.length));
  assert.deepEqual([scan.seq, scan.mono, scan.command, bytes.toString('latin1', scan.sessionAt, scan.sessionEnd), bytes.toString('latin1', scan.kindAt, scan.kindEnd)], [7, 12, 3, 's', 'intent']);
});

test('texts that are not canonical are left to the strict reader, which refuses them', () => {
  const canonical = sorted({ v: 1, log: LOG, seq: 7, time: '2026-11-22T00:00:00.000Z', mono: 12, prev: 'a'.repeat(64), record: { a: 1, b: 'x', kind: 'intent' } });
  assert.equal(typeof readLeaf(Buffer.from(canonical)), 'object');
  const harmed = [
    canonical.replace('"a":1', '"a":01'), canonical.replace('"a":1', '"a":1.0'), canonical.replace('"a":1', '"a":1e0'), canonical.replace('"a":1', '"a":-0'), canonical.replace('"a":1', '"a": 1'),
    canonical.replace('"a":1', '"a":9007199254740993'), canonical.replace('"a":1', '"a":1,"a":1'), canonical.replace('"a":1,"b":"x"', '"b":"x","a":1'), canonical.replace('"x"', '"\\u0078"'), canonical.replace('"x"', '"\\/"'),
    canonical.replace('"x"', '"\t"'), `${canonical} `, canonical.slice(0, -1), canonical.replace('{"log"', '{"extra":1,"log"').replace('"mono":12', '"mono":012'), canonical.replace('"x"', '[1,]'),
    canonical.replace('"x"', '['.repeat(40) + ']'.repeat(40)),
  ];
  for (const text of harmed) {
    assert.equal(scanned(Buffer.from(text)), undefined, text);
    assert.equal(typeof readLeaf(Buffer.from(text)), 'string', text);
  }
});
