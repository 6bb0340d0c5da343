import { inHex, textOf, utf8, type Sha256 } from './bytes.ts';
import { asCsv, asJson, TABLES, type Cell } from './rows.ts';
import type { Zip } from './zip.ts';

const HELD = 32 * 1024;

/** The text that a file must have, as it comes: hashed, not kept. */
class Expected {
  readonly #hash: ReturnType<Sha256['stream']>;
  #text = '';

  constructor(sha256: Sha256) {
    this.#hash = sha256.stream();
  }

  add(text: string): void {
    this.#text += text;
    if (this.#text.length > HELD) this.#flush();
  }

  digest(): string {
    this.#flush();
    return inHex(this.#hash.digest());
  }

  #flush(): void {
    this.#hash.update(utf8(this.#text));
    this.#text = '';
  }
}

/** Both files of all populations, as the records say they must be. */
export class ExpectedPopulations {
  readonly #files = new Map<string, { readonly csv: Expected; readonly json: Expected; readonly columns: readonly string[]; rows: number }>();

  constructor(sha256: Sha256) {
    for (const [table, columns] of TABLES) {
      const file = { csv: new Expected(sha256), json: new Expected(sha256), columns, rows: 0 };
      file.csv.add(asCsv(columns));
      file.json.add('[');
      this.#files.set(table, file);
    }
  }

  row(table: string, cells: readonly Cell[]): void {
    const file = this.#files.get(table);
    if (!file) return;
    file.csv.add(asCsv(cells));
    file.json.add(`${file.rows === 0 ? '' : ','}\n${asJson(file.columns, cells)}`);
    file.rows += 1;
  }

  /** How many rows each has, and the digest of each file by its name. */
  finish(): { readonly rows: Record<string, number>; readonly digests: ReadonlyMap<string, string> } {
    const digests = new Map<string, string>();
    const rows: Record<string, number> = {};
    for (const [table, file] of this.#files) {
      file.json.add('\n]\n');
      digests.set(`${table}.csv`, file.csv.digest());
      digests.set(`${table}.json`, file.json.digest());
      rows[table] = file.rows;
    }
    return { rows, digests };
  }
}

/** Finds the first row of a file that is not what it must be: given the rows one after the other, which must be computed again. */
export class RowFinder {
  readonly #table: string;
  readonly #json: boolean;
  readonly #pieces: AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;
  #rest: Uint8Array = new Uint8Array(0);
  #due: string[] = [];
  #rows = 0;
  #line = 1;
  found: number | undefined;

  constructor(zip: Zip, path: string) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    this.#table = name.slice(0, name.indexOf('.'));
    this.#json = name.endsWith('.json');
    this.#pieces = zip.read(path);
    this.#due.push(this.#json ? '[' : asCsv(TABLES.get(this.#table) ?? []));
  }

  row(table: string, cells: readonly Cell[]): void {
    if (table !== this.#table || this.found !== undefined) return;
    this.#due.push(this.#json ? `${this.#rows === 0 ? '' : ','}\n${asJson(TABLES.get(table) ?? [], cells)}` : asCsv(cells));
    this.#rows += 1;
  }

  /** Compares what was given so far. */
  async compare(): Promise<void> {
    for (const text of this.#due) {
      if (this.found === undefined && !(await this.#expect(utf8(text)))) this.found = this.#line;
      this.#line += 1;
    }
    this.#due = [];
  }

  /** Line of the first difference, or of what stands behind the last row. */
  async finish(): Promise<number | undefined> {
    if (this.#json) this.#due.push('\n]\n');
    await this.compare();
    if (this.found === undefined && (await this.#take(1)).length > 0) this.found = this.#line;
    await this.#pieces.return();
    return this.found;
  }

  async #expect(bytes: Uint8Array): Promise<boolean> {
    const there = await this.#take(bytes.length);
    return textOf(there) === textOf(bytes);
  }

  async #take(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count) {
      const { done, value } = await this.#pieces.next();
      if (done) break;
      const joined = new Uint8Array(this.#rest.length + value.length);
      joined.set(this.#rest);
      joined.set(value, this.#rest.length);
      this.#rest = joined;
    }
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }
}
