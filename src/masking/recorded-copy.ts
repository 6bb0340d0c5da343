import type { Catalog } from '../sql/catalog.ts';
import type { CopyFacts } from '../sql/facts.ts';
import { Finds, recordedFinds } from './bodies/finds.ts';
import { BodyNotMasked } from './bodies/not-masked.ts';
import { TextMasker } from './bodies/text-masker.ts';
import { copyForm, CopyTooLong, TextCopyParser } from './copying.ts';
import type { MaskSet } from './plan.ts';
import { markerOf, starred } from './recorded.ts';
import { Tallies } from './tallies.ts';

/** Bytes that are looked at in one go: of data that cannot be read somewhere, what stands before that stretch is kept. */
const stretch = 4096;
const unreadable = Buffer.from('<unreadable>');

/** As in the text form of COPY: a field has no tab and no end of a line of its own. */
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** What makes the recorded form of readable data. Throws CopyTooLong or BodyNotMasked where it can read no further. */
interface Reading {
  push(piece: Uint8Array): Uint8Array | undefined;
  end(): Uint8Array | undefined;
}

/**
 * What is written down of the rows that COPY brings, with names of kinds in the place of what any detector finds. Into a table with protected columns: in
 * the text form of COPY, whatever the form of the data, with markers in the place of their fields. Binary data, and what does not fit any more, is counted.
 * Never throws for what the data says.
 */
export class CopyRecorder {
  readonly #most: number;
  #reading: Reading | undefined;
  readonly #counted: (bytes: number) => string;
  #kept = 0;
  /** Bytes that came and are not written down. */
  #rest = 0;

  /** @param most bytes of the recorded form that are worth making: what comes behind them is only counted */
  constructor(facts: CopyFacts | undefined, masks: MaskSet, catalog: Catalog, most: number) {
    this.#most = most;
    this.#reading = facts && readingOf(facts, masks, catalog);
    this.#counted = this.#reading === undefined ? (bytes) => `<copy:${facts?.format ?? 'unknown'} ${bytes}>` : (bytes) => `<${bytes} bytes more>`;
  }

  /** The payload of CopyData messages, cut anywhere. Keeps none of its memory. */
  push(data: Uint8Array): Uint8Array | undefined {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < data.length; at += stretch) {
      if (this.#reading === undefined) {
        this.#rest += data.length - at;
        break;
      }
      const piece = data.subarray(at, at + stretch);
      this.#read(pieces, (reading) => reading.push(piece), piece.length);
    }
    return joined(pieces);
  }

  /** The client has sent all of it, or gave up. */
  end(): Uint8Array | undefined {
    const pieces: Uint8Array[] = [];
    this.#read(pieces, (reading) => reading.end(), 0);
    if (this.#rest > 0) pieces.push(Buffer.from(this.#counted(this.#rest)));
    this.#rest = 0;
    return joined(pieces);
  }

  #read(pieces: Uint8Array[], work: (reading: Reading) => Uint8Array | undefined, bytes: number): void {
    if (this.#reading === undefined) return;
    try {
      const out = work(this.#reading);
      if (out === undefined) return;
      pieces.push(out);
      this.#kept += out.length;
      if (this.#kept > this.#most) this.#reading = undefined;
    } catch (error) {
      if (!(error instanceof CopyTooLong) && !(error instanceof BodyNotMasked)) throw error;
      pieces.push(unreadable);
      this.#reading = undefined;
      this.#rest += bytes;
    }
  }
}

/** Undefined: it can only be counted. */
function readingOf(facts: CopyFacts, masks: MaskSet, catalog: Catalog): Reading | undefined {
  if (facts.format === 'binary') return undefined;
  if (masks.columns) {
    const protection = masks.protection(catalog);
    const hidden = facts.columns.map((column) => protection.of(column) !== undefined);
    if (hidden.length === 0 || hidden.includes(true)) return new ProtectedRows(facts, hidden);
  }
  return new TextMasker(new Finds(recordedFinds, new Tallies()));
}

/** Rows of a table with protected columns. */
class ProtectedRows implements Reading {
  readonly #parser: TextCopyParser;
  readonly #hidden: readonly boolean[];
  #fields: (string | null)[] = [];
  #rows = '';

  /** @param hidden which fields are protected; none: it is not known which field is which */
  constructor(facts: CopyFacts, hidden: readonly boolean[]) {
    this.#hidden = hidden;
    this.#parser = new TextCopyParser(copyForm(facts), {
      wants: () => true,
      field: (_, value) => void this.#fields.push(typeof value === 'string' ? value : null),
      row: () => this.#row(),
    });
  }

  push(piece: Uint8Array): Uint8Array | undefined {
    this.#parser.push(piece);
    return this.#taken();
  }

  end(): Uint8Array | undefined {
    this.#parser.end();
    return this.#taken();
  }

  #row(): void {
    const fields = this.#fields;
    this.#fields = [];
    // A row without the fields of the table has them in other places: it is not of the form that the statement says, and the target will refuse it.
    const unclear = fields.length !== this.#hidden.length;
    const texts = fields.map((field, at) => (field === null ? '\\N' : unclear || this.#hidden[at] === true ? markerOf('value', 'string') : shown(field)));
    this.#rows += `${texts.join('\t')}\n`;
  }

  #taken(): Uint8Array | undefined {
    const rows = this.#rows;
    this.#rows = '';
    return rows === '' ? undefined : Buffer.from(rows);
  }
}

const shown = (field: string): string => starred(field).replaceAll(/[\\\t\n\r]/g, (character) => escapes[character] ?? character);

const joined = (pieces: readonly Uint8Array[]): Uint8Array | undefined => (pieces.length === 0 ? undefined : Buffer.concat(pieces));
