import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../test/kit/campaign.ts';
import type { CopyFacts } from '../sql/facts.ts';
import { createCopyInGuard } from './copy-guard.ts';
import type { ProtectedColumn } from './protection.ts';
import { catalog, columns, customers, maskSet, ready } from './testdata/scene.ts';
import { containsMask } from './writeback.ts';
import type { WrittenValue } from './writeback.ts';

before(() => ready());

const masks = { redact: maskSet([{ columns: ['customers.ssn'] }]), null: maskSet([{ columns: ['customers.ssn'], transform: 'null' }]), partial: maskSet([{ columns: ['customers.ssn'], transform: { partial: 4 } }]) };
const refs = columns(['id', 23], ['name', 25], ['ssn', 25]).map((each) => ({ relation: customers.oid, number: each.number, schema: 'public', table: 'customers', column: each.name }));

type Set = (typeof masks)[keyof typeof masks];
const protectedOf = (set: Set, facts: CopyFacts): readonly (ProtectedColumn | undefined)[] => facts.columns.map((column) => set.protection(catalog).of(column));

const verdict = (facts: CopyFacts, set: Set, chunks: readonly Uint8Array[]): boolean => {
  const guard = createCopyInGuard(facts, set, catalog)!;
  for (const chunk of [...chunks, undefined]) if (guard.push(chunk) !== undefined) return true;
  return false;
};

const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...at, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : at[index - 1], end));
};

/** The whole data at once, as the documentation of COPY says it ("File Formats"): rows of fields, null for NULL. */
const rowsOfText = (data: Buffer, delimiter: string, nullString: string): (string | null)[][] => {
  const text = data.toString('latin1');
  const rows: (string | null)[][] = [];
  let row: string[] = [];
  let raw = '';
  const endRow = (): void => {
    rows.push([...row, raw].map((field) => (field === nullString ? null : Buffer.from(unescaped(field), 'latin1').toString())));
    row = [];
    raw = '';
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '\\') raw += character + (text[++at] ?? '');
    else if (character === delimiter) {
      row.push(raw);
      raw = '';
    } else if (character === '\n' || character === '\r') {
      endRow();
      if (character === '\r' && text[at + 1] === '\n') at++;
    } else raw += character;
  }
  if (raw !== '' || row.length > 0) endRow();
  return rows;
};
const letters: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const unescaped = (field: string): string =>
  field.replaceAll(/\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|([^]|$))/g, (_, octal: string | undefined, hex: string | undefined, other: string | undefined) =>
    octal !== undefined ? String.fromCharCode(parseInt(octal, 8) & 255) : hex !== undefined ? String.fromCharCode(parseInt(hex, 16)) : (letters[other ?? ''] ?? other ?? ''));

/** The same for csv: quotes may begin and end anywhere in a field. */
const rowsOfCsv = (data: Buffer, delimiter: string, nullString: string): (string | null)[][] => {
  const text = data.toString('latin1');
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  let field = '';
  let quotes = false;
  let begun = false;
  const endField = (): void => {
    row.push(!quotes && field === nullString ? null : Buffer.from(field, 'latin1').toString());
    field = '';
    quotes = false;
  };
  const endRow = (): void => {
    endField();
    rows.push(row);
    row = [];
    begun = false;
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') {
      quotes = begun = true;
      for (at++; at < text.length && (text[at] !== '"' || text[at + 1] === '"'); at++) {
        if (text[at] === '"') at++;
        field += text[at] ?? '';
      }
    } else if (character === delimiter) {
      endField();
      begun = true;
    } else if (character === '\n' || character === '\r') {
      endRow();
      if (character === '\r' && text[at + 1] === '\n') at++;
    } else {
      field += character;
      begun = true;
    }
  }
  if (begun) endRow();
  return rows;
};

const expected = (facts: CopyFacts, set: Set, rows: readonly (readonly (WrittenValue)[])[]): boolean => {
  const covered = protectedOf(set, facts);
  return rows.slice(facts.header === true ? 1 : 0).some((row) => row.some((value, at) => covered[at] !== undefined && containsMask(covered[at], value)));
};

const anySet = fc.constantFrom(...Object.values(masks));
const order = fc.constantFrom(refs, [refs[2]!, refs[0]!], [refs[0]!, refs[2]!, refs[1]!]);
const places = fc.array(fc.nat(), { maxLength: 8 });
const piece = (more: readonly string[]) => fc.oneof(fc.constantFrom('***', '*', '**', '\\*', '1234', '*******6789', 'Ada', 'é', '\n', '\r\n', '\r', '', ' ', ...more), fc.string({ unit: fc.constantFrom('*', 'a', '1', ' ', '\n', ...more), maxLength: 6 }));

test('text: the same verdict as over the whole, however it is cut', () =>
  campaign(
    fc.property(anySet, order, fc.constantFrom('\t', '|'), fc.constantFrom('\\N', '\\N', '\\*', '***', '\\*\\*', 'a\\a', ''), fc.boolean(), fc.array(piece(['\t', '|', '\\', '\\N', '\\.', '\\x2a', '\\52', '\\052', '\\x', '\\n', '\\\\', '\\***', 'a\\a']), { maxLength: 20 }), places, (set, of, delimiter, nullString, header, parts, at) => {
      const facts: CopyFacts = { direction: 'in', format: 'text', columns: of, delimiter, nullString, ...(header ? { header } : {}) };
      const data = Buffer.from(parts.join(''));
      const whole = expected(facts, set, rowsOfText(data, delimiter, nullString));
      assert.equal(verdict(facts, set, [data]), whole, JSON.stringify(data.toString()));
      assert.equal(verdict(facts, set, cut(data, at)), whole);
    }),
  ));

test('csv: the same verdict as over the whole, however it is cut', () =>
  campaign(
    fc.property(anySet, order, fc.constantFrom(',', ';'), fc.constantFrom('', '', '***', 'a'), fc.boolean(), fc.array(piece([',', ';', '"', '""', '"***"']), { maxLength: 20 }), places, (set, of, delimiter, nullString, header, parts, at) => {
      const facts: CopyFacts = { direction: 'in', format: 'csv', columns: of, delimiter, nullString, ...(header ? { header } : {}) };
      const data = Buffer.from(parts.join(''));
      const whole = expected(facts, set, rowsOfCsv(data, delimiter, nullString));
      assert.equal(verdict(facts, set, [data]), whole, JSON.stringify(data.toString()));
      assert.equal(verdict(facts, set, cut(data, at)), whole);
    }),
  ));

/** Rows of a binary COPY read from the whole; undefined for data that is not one. */
const rowsOfBinary = (data: Buffer): WrittenValue[][] | undefined => {
  if (data.length < 19 || !data.subarray(0, 11).equals(Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'))) return undefined;
  const extension = data.readInt32BE(15);
  if (extension < 0) return undefined;
  const rows: WrittenValue[][] = [];
  let at = 19 + extension;
  if (at > data.length) return undefined;
  for (;;) {
    if (at === data.length) return rows;
    if (at + 2 > data.length) return undefined;
    const count = data.readInt16BE(at);
    at += 2;
    if (count === -1) return at === data.length ? rows : undefined;
    if (count < 0) return undefined;
    const row: WrittenValue[] = [];
    for (let field = 0; field < count; field++) {
      if (at + 4 > data.length) return undefined;
      const length = data.readInt32BE(at);
      at += 4;
      if (length < -1 || (length > 0 && at + length > data.length)) return undefined;
      row.push(length === -1 ? null : { binary: data.subarray(at, at + length) });
      at += Math.max(length, 0);
    }
    rows.push(row);
  }
};

const int = (value: number, size: 2 | 4): Buffer => {
  const bytes = Buffer.alloc(size);
  bytes.writeIntBE(value, 0, size);
  return bytes;
};
const cell = fc.option(fc.constantFrom('***', '*', 'Ada', '', '*******6789', '1'));
const binary = fc.array(fc.array(cell, { maxLength: 4 }), { maxLength: 4 }).map((rows) =>
  Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1'), ...rows.flatMap((row) => [int(row.length, 2), ...row.flatMap((value) => [int(value === null ? -1 : value.length, 4), Buffer.from(value ?? '')])]), int(-1, 2)]));

test('binary: the same verdict as over the whole, however it is cut; what is not of that form is refused', () =>
  campaign(
    fc.property(anySet, order, binary, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }), fc.option(fc.nat()), places, (set, of, sound, changes, shorter, at) => {
      const facts: CopyFacts = { direction: 'in', format: 'binary', columns: of };
      const data = Buffer.from(shorter === null ? sound : sound.subarray(0, shorter % (sound.length + 1)));
      for (const [place, byte] of changes) if (data.length > 0) data[place % data.length] = byte;
      const rows = rowsOfBinary(data);
      const whole = rows === undefined || expected(facts, set, rows);
      assert.equal(verdict(facts, set, [data]), whole, data.toString('hex'));
      assert.equal(verdict(facts, set, cut(data, at)), whole);
    }),
  ));
