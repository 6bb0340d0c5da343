import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { fileNameOf } from '../keys.ts';
import { LEDGER_SCHEMA, LEDGER_TABLES } from './ledger.ts';

/** Another number: the file is made again. It holds nothing that the log does not. */
const VERSION = 3;

/** How long another process or thread is waited for. */
const WAIT_MS = 10_000;

/** Prepared statements that are kept; beyond that the oldest are forgotten. */
const MOST_STATEMENTS = 500;

const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE name (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (kind, text)) STRICT;
CREATE TABLE session (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, identity INTEGER NOT NULL, segment INTEGER NOT NULL, position INTEGER NOT NULL) STRICT;
CREATE TABLE command (
  seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, session INTEGER, number INTEGER,
  identity INTEGER, connection INTEGER, verb INTEGER, decision INTEGER NOT NULL, rows INTEGER,
  segment INTEGER NOT NULL, position INTEGER NOT NULL, bodies INTEGER,
  outcome INTEGER, outcome_segment INTEGER, outcome_position INTEGER
) STRICT;
CREATE TABLE pending (session INTEGER NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (session, number)) STRICT, WITHOUT ROWID;
CREATE TABLE object (object INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (object, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE text (id INTEGER PRIMARY KEY, key TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL, filter BLOB NOT NULL, texts BLOB NOT NULL) STRICT;
CREATE INDEX command_time ON command (time);
CREATE INDEX command_identity ON command (identity);
CREATE INDEX command_connection ON command (connection);
CREATE INDEX command_verb ON command (verb);
CREATE INDEX command_decision ON command (decision);
CREATE INDEX command_rows ON command (rows);
CREATE INDEX text_key ON text (key);
CREATE INDEX text_last ON text (last);
${LEDGER_SCHEMA}
PRAGMA user_version = ${VERSION};`;

/** The index of one log: a SQLite file that can be deleted at any time and is made again from the log. */
export class IndexFile {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(path: string, database: DatabaseSync) {
    this.path = path;
    this.#database = database;
  }

  /** Opens the index of a log in a folder, and makes it when there is none or when it is of another version or damaged. */
  static open(folder: string, log: string): IndexFile {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${fileNameOf(log)}.db`);
    const found = attempt(path, log);
    if (found) return new IndexFile(path, found);
    removeFile(path);
    const made = attempt(path, log);
    if (!made) throw new Error(`the index ${path} cannot be made`);
    return new IndexFile(path, made);
  }

  /** Statements are prepared once. What people look for stands in some of them, so they are not kept without end. */
  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (!statement) {
      if (this.#statements.size >= MOST_STATEMENTS) this.#statements.delete(this.#statements.keys().next().value ?? '');
      this.#statements.set(text, (statement = this.#database.prepare(text)));
    }
    return statement;
  }

  get(key: string): SQLInputValue | undefined {
    return this.sql('SELECT value FROM meta WHERE key = ?').get(key)?.['value'];
  }

  set(key: string, value: SQLInputValue): void {
    this.sql('INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value').run(key, value);
  }

  /** All or nothing, and one at a time. `wait`: until another one is through; otherwise it throws when there is one. */
  transaction<T>(work: () => T, wait = true): T {
    if (wait) this.#database.exec('BEGIN IMMEDIATE');
    else this.#beginAtOnce();
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #beginAtOnce(): void {
    this.#database.exec('PRAGMA busy_timeout = 0');
    try {
      this.#database.exec('BEGIN IMMEDIATE');
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${WAIT_MS}`);
    }
  }

  /** Forgets everything: the log is read again from its beginning. */
  empty(): void {
    this.transaction(() => {
      for (const table of ['name', 'session', 'command', 'pending', 'object', 'text', ...LEDGER_TABLES]) this.#database.exec(`DELETE FROM ${table}`);
      this.#database.exec(`DELETE FROM meta WHERE key <> 'log'`);
      this.set('made', randomUUID());
    });
  }

  /** Leaves nothing of deleted rows in the file. */
  vacuum(): void {
    this.#statements.clear();
    this.#database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE);');
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  /** Removes the file: for one that turned out to be damaged. */
  discard(): void {
    this.close();
    removeFile(this.path);
  }
}

const removeFile = (path: string): void => {
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
};

/** Whether SQLite says that the file is not what it should be. */
export const isDamage = (error: unknown): boolean => {
  const code = (error as { errcode?: unknown }).errcode;
  // SQLITE_CORRUPT, SQLITE_NOTADB, and a schema that somebody changed.
  return typeof code === 'number' && [11, 26, 1].includes(code & 0xff);
};

const attempt = (path: string, log: string): DatabaseSync | undefined => {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: WAIT_MS });
    chmodSync(path, 0o600);
    // What a purge takes out is overwritten, in the file and in its log.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON; PRAGMA cache_size = -32000;');
    const made = database;
    database.exec('BEGIN IMMEDIATE');
    const version = Number(made.prepare('PRAGMA user_version').get()?.['user_version']);
    const tables = Number(made.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
    if (version === 0 && tables === 0) {
      made.exec(SCHEMA);
      // Whoever keeps something that was drawn from an index sees by `made` that it is another one.
      made.prepare(`INSERT INTO meta (key, value) VALUES ('log', ?), ('made', ?)`).run(log, randomUUID());
    }
    made.exec('COMMIT');
    const of = made.prepare(`SELECT value FROM meta WHERE key = 'log'`).get()?.['value'];
    if ((version === VERSION || (version === 0 && tables === 0)) && of === log) return made;
    made.close();
    return undefined;
  } catch (error) {
    database?.close();
    if (isDamage(error)) return undefined;
    throw error;
  }
};
