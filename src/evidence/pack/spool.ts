import * as fs from 'node:fs';
import { join } from 'node:path';
import { DeflatedStream } from './deflated.ts';
import { csvLine, type Cell } from './csv.ts';
import { COLUMNS, type Table } from './populations.ts';
import type { ZipFile } from './zip-file.ts';

/** A file of the pack that grows while others do: compressed into a file of its own first, since a zip file takes one after the other. */
class Spooled {
  readonly stream: DeflatedStream;
  readonly path: string;
  readonly #file: number;

  constructor(path: string) {
    this.path = path;
    this.#file = fs.openSync(path, 'wx', 0o600);
    this.stream = new DeflatedStream((bytes) => {
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.#file, bytes, done);
    });
  }

  into(zip: ZipFile, name: string): void {
    const deflated = this.stream.finish();
    fs.closeSync(this.#file);
    zip.addDeflated(name, this.path, deflated);
    fs.rmSync(this.path);
  }
}

/** All populations of a log, each as CSV and as JSON, while their rows are found. */
export class PopulationFiles {
  readonly #tables = new Map<Table, { readonly csv: Spooled; readonly json: Spooled; readonly columns: readonly string[]; rows: number }>();

  constructor(folder: string) {
    for (const [table, columns] of Object.entries(COLUMNS) as [Table, readonly string[]][]) {
      const [csv, json] = [new Spooled(join(folder, `${table}.csv`)), new Spooled(join(folder, `${table}.json`))];
      csv.stream.write(csvLine(columns));
      json.stream.write('[');
      this.#tables.set(table, { csv, json, columns, rows: 0 });
    }
  }

  row(table: Table, cells: readonly Cell[]): void {
    const of = this.#tables.get(table);
    if (!of) return;
    of.csv.stream.write(csvLine(cells));
    of.json.stream.write(`${of.rows === 0 ? '' : ','}\n${JSON.stringify(Object.fromEntries(of.columns.map((column, i) => [column, cells[i]])))}`);
    of.rows += 1;
  }

  /** Puts them into the pack. Gives how many rows each has. */
  into(zip: ZipFile, folder: string): Record<string, number> {
    const rows: Record<string, number> = {};
    for (const [table, { csv, json, rows: count }] of this.#tables) {
      json.stream.write('\n]\n');
      csv.into(zip, `${folder}/${table}.csv`);
      json.into(zip, `${folder}/${table}.json`);
      rows[table] = count;
    }
    return rows;
  }
}
