import type { DatabaseSync } from 'node:sqlite';
import type { OnceStore } from '../identity/once.ts';

/** How many forgotten tokens one use may clear away at most: a login must not wait for a whole day's rows. */
const SWEEP = 100;

/** Single-use tokens in SQLite: the primary key decides which of two uses was first, across processes too. */
export const onceStore = (database: DatabaseSync, now: () => number): OnceStore => {
  const insert = database.prepare('INSERT INTO used_token (fingerprint, until) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const sweep = database.prepare('DELETE FROM used_token WHERE fingerprint IN (SELECT fingerprint FROM used_token WHERE until < ? ORDER BY until LIMIT ?)');
  return {
    use: async (fingerprint, until) => {
      const first = insert.run(fingerprint, Math.ceil(until)).changes === 1;
      if (first) sweep.run(Math.floor(now()), SWEEP);
      return first;
    },
  };
};
