import type { CopyFacts } from '../sql/facts.ts';

/** How the rows of a text or csv COPY are written. */
export interface CopyForm {
  readonly format: 'text' | 'csv';
  readonly delimiter: number;
  readonly quote: number;
  readonly escape: number;
  readonly nullString: string;
}

/** The form that the facts of a COPY describe, with the server's defaults. */
export function copyForm(facts: CopyFacts): CopyForm {
  const csv = facts.format === 'csv';
  const byte = (text: string | undefined, standard: string): number => (text ?? standard).charCodeAt(0);
  return {
    format: csv ? 'csv' : 'text',
    delimiter: byte(facts.delimiter, csv ? ',' : '\t'),
    quote: byte(facts.quote, '"'),
    escape: byte(facts.escape ?? facts.quote, '"'),
    nullString: facts.nullString ?? (csv ? '' : '\\N'),
  };
}

/** What a reader of COPY data is told. A field is given as it was written (quotes and escapes undone), NULL as null. */
export interface CopyReader {
  /** Whether the value of this field of a row is wanted; others are passed over without being kept. */
  wants(field: number): boolean;
  field(at: number, value: string | { readonly binary: Uint8Array } | null): void;
  row(fields: number): void;
}

/** Longer wanted fields are not kept: the reader says so and gives up. */
export class CopyTooLong extends Error {}
/** The data is not what its form says. */
export class CopyMalformed extends Error {}

/** Most bytes kept of one wanted field. */
export const longestField = 1 << 20;

const newline = 0x0a;
const carriage = 0x0d;
const backslash = 0x5c;

/** Reads the fields of a COPY in text or csv form from chunks cut anywhere. Keeps one wanted field at the most. */
export class TextCopyParser {
  readonly #form: CopyForm;
  readonly #reader: CopyReader;
  #field = 0;
  #kept: number[] = [];
  #wanted: boolean;
  /** The field had quotes (csv): it cannot be the NULL string. */
  #marked = false;
  /** The NULL string, and how many bytes of the field so far are its own, as they were written; -1 once one is not. */
  readonly #null: Buffer;
  #alike = 0;
  #quoted = false;
  /** An escape or a quote was the last byte: what follows decides. */
  #pending: 'no' | 'backslash' | 'quote' | 'escape' | 'carriage' = 'no';
  /** Digits of an octal or hexadecimal escape so far. */
  #digits: { base: 8 | 16; value: number; count: number } | undefined;
  #empty = true;

  constructor(form: CopyForm, reader: CopyReader) {
    this.#form = form;
    this.#reader = reader;
    this.#wanted = reader.wants(0);
    this.#null = Buffer.from(form.nullString);
  }

  push(chunk: Uint8Array): void {
    if (this.#form.format === 'csv') for (const byte of chunk) this.#csv(byte);
    else for (const byte of chunk) this.#text(byte);
  }

  /** The data has ended; a last row need not end in a newline. */
  end(): void {
    if (this.#pending === 'quote') this.#quoted = false;
    this.#finishDigits();
    if (!this.#empty || this.#field > 0) this.#endRow();
  }

  #keep(byte: number): void {
    this.#empty = false;
    if (!this.#wanted) return;
    if (this.#kept.length >= longestField) throw new CopyTooLong();
    this.#kept.push(byte);
  }

  /** A byte of the field as it was written: the server compares with the NULL string before it undoes escapes. */
  #written(byte: number): void {
    this.#alike = this.#alike !== -1 && this.#null[this.#alike] === byte ? this.#alike + 1 : -1;
  }

  #endField(): void {
    if (this.#wanted) this.#reader.field(this.#field, !this.#marked && this.#alike === this.#null.length ? null : Buffer.from(this.#kept).toString());
    this.#kept = [];
    this.#marked = false;
    this.#alike = 0;
    this.#field++;
    this.#wanted = this.#reader.wants(this.#field);
    this.#empty = false;
  }

  #endRow(): void {
    // `\.` alone ends the data for the server; here it counts as a row, and what follows is looked at all the same.
    this.#endField();
    this.#reader.row(this.#field);
    this.#field = 0;
    this.#wanted = this.#reader.wants(0);
    this.#empty = true;
  }

  #text(byte: number): void {
    if (this.#digits !== undefined) {
      const digit = digitOf(byte, this.#digits.base);
      const most = this.#digits.base === 8 ? 3 : 2;
      if (digit !== -1 && this.#digits.count < most) {
        this.#written(byte);
        this.#digits.value = this.#digits.value * this.#digits.base + digit;
        this.#digits.count++;
        return;
      }
      this.#finishDigits();
    }
    if (this.#pending === 'carriage') {
      this.#pending = 'no';
      if (byte === newline) return;
    }
    if (this.#pending === 'backslash') {
      this.#pending = 'no';
      this.#written(byte);
      return this.#escaped(byte);
    }
    if (byte === backslash) {
      this.#pending = 'backslash';
      this.#empty = false;
      this.#written(byte);
    } else if (byte === this.#form.delimiter) {
      this.#endField();
    } else if (byte === newline || byte === carriage) {
      this.#endRow();
      if (byte === carriage) this.#pending = 'carriage';
    } else {
      this.#written(byte);
      this.#keep(byte);
    }
  }

  #escaped(byte: number): void {
    if (byte >= 0x30 && byte <= 0x37) {
      this.#digits = { base: 8, value: byte - 0x30, count: 1 };
      return;
    }
    if (byte === 0x78) {
      this.#digits = { base: 16, value: 0, count: 0 };
      return;
    }
    this.#keep(escapes.get(byte) ?? byte);
  }

  #finishDigits(): void {
    const digits = this.#digits;
    if (digits === undefined) return;
    this.#digits = undefined;
    // `\x` without a digit is an x.
    this.#keep(digits.count === 0 ? 0x78 : digits.value & 0xff);
  }

  #csv(byte: number): void {
    const { quote, escape, delimiter } = this.#form;
    if (this.#pending === 'carriage') {
      this.#pending = 'no';
      if (byte === newline) return;
    }
    if (this.#pending === 'escape') {
      this.#pending = 'no';
      if (byte === quote || byte === escape) return this.#keep(byte);
      this.#keep(escape);
      // The escape stood for itself; this byte is read anew.
    } else if (this.#pending === 'quote') {
      this.#pending = 'no';
      // With one byte for quote and escape, two of them are one within the quotes.
      if (byte === quote) return this.#keep(byte);
      this.#quoted = false;
    }
    if (this.#quoted) {
      if (byte === escape && escape !== quote) this.#pending = 'escape';
      else if (byte === quote) {
        if (escape === quote) this.#pending = 'quote';
        else this.#quoted = false;
      } else this.#keep(byte);
      return;
    }
    if (byte === quote) {
      this.#quoted = true;
      this.#marked = true;
      this.#empty = false;
    } else if (byte === delimiter) {
      this.#endField();
    } else if (byte === newline || byte === carriage) {
      this.#endRow();
      if (byte === carriage) this.#pending = 'carriage';
    } else {
      this.#written(byte);
      this.#keep(byte);
    }
  }
}

const escapes: ReadonlyMap<number, number> = new Map([
  [0x62, 8], [0x66, 12], [0x6e, 10], [0x72, 13], [0x74, 9], [0x76, 11],
]);

function digitOf(byte: number, base: 8 | 16): number {
  if (byte >= 0x30 && byte <= (base === 8 ? 0x37 : 0x39)) return byte - 0x30;
  if (base === 16 && byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  if (base === 16 && byte >= 0x41 && byte <= 0x46) return byte - 0x37;
  return -1;
}
