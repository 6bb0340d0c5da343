import type { DatabaseSync } from 'node:sqlite';
import type { ProtectionStore, RememberedColumn } from '../masking/protection-memory.ts';

/** Appended to the migrations of the state. */
export const PROTECTED_SCHEMA = `
  CREATE TABLE protected_column (cluster TEXT NOT NULL, pattern TEXT NOT NULL, relation INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (cluster, pattern, relation, number)) STRICT, WITHOUT ROWID;`;

/** Columns that a mask has protected once, in SQLite. Catalog numbers and patterns of the configuration: nothing of a row. */
export const protectionStore = (database: DatabaseSync): ProtectionStore => {
  const select = database.prepare('SELECT pattern, relation, number FROM protected_column WHERE cluster = ?');
  const insert = database.prepare('INSERT INTO protected_column (cluster, pattern, relation, number) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const remove = database.prepare('DELETE FROM protected_column WHERE cluster = ? AND pattern = ? AND relation = ? AND number = ?');
  const each = (columns: readonly RememberedColumn[], statement: typeof insert): void => {
    database.exec('BEGIN IMMEDIATE');
    try {
      for (const { cluster, pattern, relation, column } of columns) statement.run(cluster, pattern, relation, column);
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  };
  return {
    load: (cluster) => select.all(cluster).map((row) => ({ cluster, pattern: String(row['pattern']), relation: Number(row['relation']), column: Number(row['number']) })),
    add: (columns) => each(columns, insert),
    remove: (columns) => each(columns, remove),
  };
};
