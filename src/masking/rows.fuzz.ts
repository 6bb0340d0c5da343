import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../test/kit/campaign.ts';
import { backendFrames, Frame } from '../protocols/postgres/frames.ts';
import { detectEverywhere, prepare } from './detectors.ts';
import type { DetectorKind } from './detectors.ts';
import { constantOf } from './constants.ts';
import { HashKey } from './hash-key.ts';
import type { AnswerPlan, ColumnMask, DetectorMask } from './plan.ts';
import { createRowMasker } from './rows.ts';
import type { DescribedColumn } from './rows.ts';
import { cellMask } from './transforms.ts';

const key = new HashKey(Buffer.alloc(32, 5));
type Cell = Buffer | null;
type Transform = ColumnMask['transform'];

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const message = (cells: readonly Cell[]): Buffer => {
  const body = Buffer.concat([Buffer.from([cells.length >> 8, cells.length & 255]), ...cells.flatMap((cell) => (cell === null ? [int32(-1)] : [int32(cell.length), cell]))]);
  return Buffer.concat([Buffer.from('D'), int32(body.length + 4), body]);
};

/** What a mask makes of a cell, by the plain functions. */
const maskedCell = (cell: Cell, transform: Transform, { type, typmod, format }: DescribedColumn): Cell => {
  if (cell === null) return null;
  const mask = cellMask(transform, type, typmod, format, key);
  const made = mask.kind === 'constant' ? mask.bytes : mask.apply(cell);
  return made === null ? null : Buffer.from(made);
};

/** What detectors make of a text cell, hit by hit. */
const detectedCell = (cell: Cell, kinds: readonly DetectorKind[], transform: Transform): Cell => {
  const hits = cell === null ? undefined : detectEverywhere(cell, 0, cell.length, prepare(kinds));
  if (cell === null || hits === undefined) return cell;
  if (transform === 'null') return null;
  let result = Buffer.alloc(0);
  let at = 0;
  for (const hit of hits) {
    const found = cell.subarray(hit.start, hit.end);
    const stars = Buffer.from(found);
    const keep = typeof transform === 'object' && 'partial' in transform && found.length > transform.partial * 2 ? transform.partial : 0;
    for (let byte = 0; byte < stars.length - keep; byte++) if (stars[byte] !== 10 && stars[byte] !== 13) stars[byte] = 0x2a;
    const made = transform === 'hash' ? Buffer.from(key.pseudonym(found)) : typeof transform === 'object' && 'fixed' in transform ? Buffer.from(transform.fixed) : stars;
    result = Buffer.concat([result, cell.subarray(at, hit.start), made]);
    at = hit.end;
  }
  return Buffer.concat([result, cell.subarray(at)]);
};

const transform = fc.constantFrom<Transform>('redact', 'null', 'hash', { partial: 2 }, { partial: 4 }, { fixed: 'gone' });
const text = fc.oneof(
  fc.constantFrom('123-45-6789', 'ada@example.com', '1', '***', '4111 1111 1111 1111', 'x'.repeat(70), 'äöü 123-45-6789 ü', '0123456789-ABC  ', '\u0000\u0000\u0001', '-----BEGIN PRIVATE KEY-----\nMII',
    // The last byte of its length is a digit, so that its first one does not look like the beginning of a number.
    `123-45-6789${' x'.repeat(19)}`),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(...'0123456789-. @:+ab'.split('')), maxLength: 24 }),
);
const column = fc.record({
  transform: fc.option(transform, { nil: undefined }),
  type: fc.constantFrom(25, 25, 1043, 1042, 23, 1700, 17, 16, 2950, 1184, 99_999),
  typmod: fc.constantFrom(-1, -1, 9),
  format: fc.constantFrom<0 | 1>(0, 1),
});
const kinds: readonly DetectorKind[] = ['us_ssn', 'email', 'credit_card', 'private_key'];
const answer = fc.record({ columns: fc.array(column, { maxLength: 6 }), detect: fc.option(transform, { nil: undefined }), rows: fc.array(fc.array(fc.option(text), { minLength: 6, maxLength: 6 }), { maxLength: 6 }) });

const maskerOf = ({ columns, detect }: { readonly columns: readonly { readonly transform: Transform | undefined; readonly type: number; readonly typmod: number; readonly format: 0 | 1 }[]; readonly detect: Transform | undefined }) => {
  const described = columns.map((each, at): DescribedColumn => ({ name: 'c', table: 0, column: at + 1, type: each.type, typmod: each.typmod, format: each.format }));
  const detectors: readonly DetectorMask[] = detect === undefined ? [] : [{ name: 'd', kinds, transform: detect, key }];
  const plan: AnswerPlan = { pass: false, complete: true, columns: columns.map((each) => each.transform && { name: 'm', transform: each.transform, key }), detect: detectors, protects: () => undefined, knows: () => true };
  return { described, masker: () => createRowMasker(plan, described) };
};

const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...at, bytes.length].map((end, index) => Buffer.from(bytes.subarray(index === 0 ? 0 : at[index - 1], end)));
};

test('rows are masked as each cell by itself is, in one run, one by one, and however the stream is cut', () =>
  campaign(
    fc.property(answer, fc.array(fc.nat(), { maxLength: 8 }), (given, places) => {
      const { described, masker } = maskerOf(given);
      const rows = given.rows.map((row) => row.slice(0, given.columns.length).map((cell) => (cell === null ? null : Buffer.from(cell))));
      const expected = Buffer.concat(
        rows.map((row) =>
          message(
            row.map((cell, at) => {
              const own = given.columns[at]!;
              if (own.transform !== undefined) return maskedCell(cell, own.transform, described[at]!);
              return given.detect !== undefined && [25, 1043, 1042].includes(own.type) ? detectedCell(cell, kinds, given.detect) : cell;
            }),
          ),
        ),
      );
      // Types of the database's own are looked through with lengths kept; said elsewhere.
      if (given.detect !== undefined && given.columns.some(({ transform: own, type }) => own === undefined && type === 99_999)) return;
      const stream = Buffer.concat(rows.map(message));
      const inOneRun = masker().maskRun(Buffer.from(stream));
      assert.notEqual(inOneRun, 'withhold');
      assert.deepEqual(Buffer.from(inOneRun as Buffer), expected);

      for (const runs of [false, 'whole'] as const) {
        const rowMasker = masker();
        const frames = backendFrames(1 << 20);
        frames.stream(0x44, runs);
        const shown: Uint8Array[] = [];
        for (const chunk of cut(stream, places)) {
          frames.push(chunk);
          for (let event = frames.next(); event; event = frames.next()) {
            const bytes = event instanceof Frame ? rowMasker.mask(event.body) : rowMasker.maskRun(event.bytes);
            assert.notEqual(bytes, 'withhold');
            if (event instanceof Frame) shown.push(Buffer.from('D'), int32(bytes.length + 4));
            shown.push(bytes as Uint8Array);
          }
        }
        assert.deepEqual(Buffer.concat(shown), expected);
      }
    }),
  ));

test('lengths that lie: withheld, or every byte accounted for, and no column that is masked gets through', () =>
  campaign(
    fc.property(fc.constantFrom<Transform>('redact', 'null', { partial: 2 }), fc.array(text, { minLength: 1, maxLength: 3 }), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.option(fc.nat()), (how, around, changes, shorter) => {
      const cells = [...around, 'secret-secret-secret'].map((cell) => Buffer.from(cell));
      const { masker } = maskerOf({ columns: cells.map((_, at) => ({ transform: at === cells.length - 1 ? how : undefined, type: 25, typmod: -1, format: 0 })), detect: undefined });
      const sound = Buffer.concat([message(cells), message(cells)]);
      const bytes = Buffer.from(shorter === null ? sound : sound.subarray(0, shorter % sound.length));
      // Only what is not value: headers, counts and lengths.
      const lengths: number[] = [];
      for (let at = 0, row = 0; row < 2; row++) {
        for (let index = 1; index < 7; index++) lengths.push(at + index);
        at += 7;
        for (const cell of cells) {
          for (let index = 0; index < 4; index++) lengths.push(at + index);
          at += 4 + cell.length;
        }
      }
      for (const [place, byte] of changes) {
        const at = lengths[place % lengths.length]!;
        if (at < bytes.length) bytes[at] = byte;
      }
      const given = Buffer.from(bytes);
      const run: Buffer | 'withhold' = masker().maskRun(bytes);
      if (run === 'withhold') return;
      // Whatever is let through reads as rows of as many columns, the last of which is masked.
      for (let at = 0; at < run.length; ) {
        assert.equal(run[at], 0x44);
        const end: number = at + 1 + run.readInt32BE(at + 1);
        assert.equal(run.readInt16BE(at + 5), cells.length);
        let cell = at + 7;
        for (let index = 0; index < cells.length; index++) {
          const length: number = run.readInt32BE(cell);
          if (index === cells.length - 1) {
            const shown: Buffer | null = length === -1 ? null : run.subarray(cell + 4, cell + 4 + length);
            const plain = constantOf(25, -1, 0)!;
            if (how === 'redact' && shown !== null) assert.deepEqual(Buffer.from(shown), Buffer.from(plain));
            if (how === 'null') assert.equal(shown, null);
          }
          cell += 4 + Math.max(length, 0);
        }
        assert.equal(cell, end, given.toString('hex'));
        at = end;
      }
    }),
  ));
