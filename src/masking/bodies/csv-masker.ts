import { allDetectors, detect } from '../detectors.ts';
import type { Tallies } from '../tallies.ts';
import type { Charset } from './charset.ts';
import { stricter, type FieldPaths, type PlacedMask } from './field-paths.ts';
import type { Finds } from './finds.ts';
import { bounded, BodyNotMasked } from './not-masked.ts';
import { Piecewise } from './piecewise.ts';

const atStart = 0;
const unquoted = 1;
const quoted = 2;
const behindQuote = 3;
const behindReturn = 4;

const tab = 0x09;
const quoteMark = 0x22;

/** As many as a spreadsheet has. A row of nothing but delimiters would keep everybody waiting while its names are looked at. */
const mostColumns = 16_384;

const fail = (what: string): never => {
  throw new BodyNotMasked(`not a table: ${what}`);
};

/** Signs that some tables have between their fields, or around them. Blanks stand in names as well: where there is but one, it may be several. */
// eslint-disable-next-line no-control-regex -- tables of Hive have control characters between their fields
const PARTS = /[:^~'`!\u0000-\u001f\u007f]/;
// eslint-disable-next-line no-control-regex -- the same
const ALONE_PARTS = /[:^~'`!\u0000-\u0020\u007f]/;

const byteOrderMark = [0xef, 0xbb, 0xbf];

/** Bytes that end nothing, in quotes or out of them. */
const ordinary = Uint8Array.from({ length: 256 }, (_, byte) => (byte === 0 || '",\t\r\n'.includes(String.fromCharCode(byte)) ? 0 : 1));

/** Where a field of the current row lies, from the row's start, with its quotes. */
interface Field {
  readonly from: number;
  readonly to: number;
}

/**
 * Masks CSV (RFC 4180) and TSV. Fields are columns, by the names in the first row. Rows are held back until they are complete. What
 * readers of CSV do not agree about is not understood: quotes inside a field, a bare carriage return, rows of another length.
 */
export class CsvMasker extends Piecewise {
  readonly #delimiter: number;
  readonly #paths: FieldPaths;
  readonly #finds: Finds;
  readonly #tallies: Tallies;
  readonly #charset: Charset;
  #state = atStart;
  /** Where the current field begins, from the row's start. */
  #from = 0;
  #fields: Field[] = [];
  /** The mask of each column, once the header is known. */
  #columns: readonly (PlacedMask | undefined)[] | undefined;
  /** Of the names of columns, so far. */
  #parts = 0;

  constructor(form: { readonly delimiter: ',' | '\t'; readonly charset: Charset }, paths: FieldPaths, finds: Finds, tallies: Tallies) {
    super();
    this.#delimiter = form.delimiter.charCodeAt(0);
    this.#charset = form.charset;
    this.#paths = paths;
    this.#finds = finds;
    this.#tallies = tallies;
  }

  protected take(bytes: Uint8Array, seen: number): number {
    this.#finds.begin(bytes);
    const delimiter = this.#delimiter;
    let row = 0;
    let state = this.#state;
    for (let at = seen; at < bytes.length; at++) {
      if (state === unquoted || state === quoted) while (ordinary[bytes[at]!] === 1) at++;
      if (at === bytes.length) break;
      const byte = bytes[at]!;
      if (byte === 0) fail('a zero byte');
      if (state === quoted) {
        if (byte === quoteMark) state = behindQuote;
        else if (delimiter === tab && (byte === tab || byte === 0x0a || byte === 0x0d)) fail('a quote that not all readers of TSV know');
        continue;
      }
      if (byte === 0x0a) {
        if (state !== behindReturn) this.#fields.push({ from: this.#from, to: at - row });
        this.#row(bytes, row, at + 1);
        row = at + 1;
        this.#from = 0;
        state = atStart;
      } else if (state === behindReturn) fail('a carriage return without a line feed');
      else if (byte === delimiter) {
        this.#fields.push({ from: this.#from, to: at - row });
        this.#from = at + 1 - row;
        state = atStart;
      } else if (byte === 0x0d) {
        this.#fields.push({ from: this.#from, to: at - row });
        state = behindReturn;
      } else if (state === behindQuote) {
        if (byte !== quoteMark) fail('text behind a closing quote');
        state = quoted;
      } else if (byte === quoteMark) {
        if (state !== atStart) fail('a quote inside a field');
        state = quoted;
      } else if (state === atStart && this.#isMark(at - row, byte)) this.#from = at + 1 - row;
      else state = unquoted;
    }
    this.#state = state;
    return row;
  }

  protected finish(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#state === quoted) fail('a quote that is not closed');
    if (this.#state !== behindReturn) this.#fields.push({ from: this.#from, to: bytes.length });
    this.#finds.begin(bytes);
    this.#row(bytes, 0, bytes.length);
  }

  /** Part of a byte order mark before the header. */
  #isMark(at: number, byte: number): boolean {
    return this.#columns === undefined && this.#fields.length === 0 && this.#from === at && at < 3 && byte === byteOrderMark[at];
  }

  #row(bytes: Uint8Array, start: number, end: number): void {
    bounded(end - start);
    const fields = this.#fields;
    this.#fields = [];
    const blank = fields.length === 1 && fields[0]!.from === fields[0]!.to;
    const isHeader = this.#columns === undefined && !blank;
    if (isHeader) this.#columns = this.#paths.empty ? [] : this.#named(fields.map((field) => this.#value(bytes, start, field)));
    const columns = this.#columns ?? [];
    if (!blank && !this.#paths.empty && fields.length !== columns.length) fail('a row with another number of fields than the header');
    let at = start;
    for (const [index, field] of fields.entries()) {
      const mask = isHeader || blank ? undefined : columns[index];
      const made = mask === undefined ? this.#found(bytes, start, field) : this.#masked(mask, bytes, start, field);
      if (made === undefined) continue;
      this.out.keep(bytes, at, start + field.from);
      this.out.put(this.#written(made, bytes[start + field.from] === quoteMark));
      at = start + field.to;
    }
    this.out.keep(bytes, at, end);
  }

  /** The masks of the columns. A first row that is not the header would leave them without names, and all of them unmasked. */
  #named(names: readonly Uint8Array[]): readonly (PlacedMask | undefined)[] {
    if (names.length > mostColumns) fail(`more than ${mostColumns} columns`);
    const texts = names.map((name) => this.#charset.decode(name).toString().trim());
    if (texts.every((text) => text === '')) fail('a first row without names');
    // Spreadsheets take it for a word on the delimiter, and the next row for the header.
    if (/^sep=/i.test(texts[0]!)) fail('a first row that says what the delimiter is');
    return names.map((name, index) => this.#column(name, texts[index]!, names.length === 1));
  }

  /** The mask of a column, as a member of each row, or of each element of a list of rows. */
  #column(name: Uint8Array, text: string, alone: boolean): PlacedMask | undefined {
    if (/^[-+]?[\d.,]+$/.test(text) || detect(name, 0, name.length, allDetectors) !== undefined) fail('a first row that holds values instead of names');
    if (/[;|,\t]/.test(text)) fail('another delimiter than its type says');
    const mask = this.#maskOf(text);
    if (mask === undefined && this.#hides(text, alone)) fail('another delimiter or quote than its type says');
    return mask;
  }

  #maskOf(text: string): PlacedMask | undefined {
    const { top } = this.#paths;
    const of = this.#paths.classOfName(text);
    return stricter(this.#paths.member(top, of).mask, this.#paths.member(this.#paths.element(top), of).mask);
  }

  /** A name in which that of a masked column stands between signs that part or quote fields elsewhere: this is no table of its type. `id:ssn`, `'ssn'`. */
  #hides(text: string, alone: boolean): boolean {
    const parts = text.split(alone ? ALONE_PARTS : PARTS);
    this.#parts += parts.length;
    if (this.#parts > 2 * mostColumns) fail(`more than ${2 * mostColumns} names in its columns`);
    return parts.length > 1 && parts.some((part) => part !== '' && this.#maskOf(part) !== undefined);
  }

  #masked(mask: PlacedMask, bytes: Uint8Array, start: number, field: Field): Uint8Array {
    this.#tallies.of(mask.name).cells++;
    const { treatment } = mask;
    if (treatment.constant) return treatment.text(bytes) ?? new Uint8Array(0);
    return this.#charset.encode(treatment.text(this.#charset.decode(this.#value(bytes, start, field))) ?? new Uint8Array(0));
  }

  #found(bytes: Uint8Array, start: number, field: Field): Uint8Array | undefined {
    if (!this.#finds.any) return undefined;
    const isQuoted = bytes[start + field.from] === quoteMark;
    const from = start + field.from + (isQuoted ? 1 : 0);
    const to = start + field.to - (isQuoted ? 1 : 0);
    const value = isQuoted && bytes.subarray(from, to).includes(quoteMark) ? this.#value(bytes, start, field) : undefined;
    const hits = value === undefined ? this.#finds.find(bytes, from, to) : this.#finds.find(value, 0, value.length);
    if (hits === undefined) return undefined;
    return (value === undefined ? this.#finds.masked(bytes, from, to, hits) : this.#finds.masked(value, 0, value.length, hits)) ?? new Uint8Array(0);
  }

  /** A field without its quotes. */
  #value(bytes: Uint8Array, start: number, field: Field): Uint8Array {
    const raw = bytes.subarray(start + field.from, start + field.to);
    if (raw[0] !== quoteMark) return raw;
    const inside = raw.subarray(1, -1);
    return inside.includes(quoteMark) ? Buffer.from(Buffer.from(inside).toString('latin1').replaceAll('""', '"'), 'latin1') : inside;
  }

  #written(value: Uint8Array, wasQuoted: boolean): Uint8Array {
    const text = Buffer.from(value).toString('latin1');
    if (!wasQuoted && !/["\r\n]/.test(text) && !text.includes(String.fromCharCode(this.#delimiter))) return value;
    return Buffer.from(`"${text.replaceAll('"', '""')}"`, 'latin1');
  }
}
