import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Revocation, RevocationChange, Revocations } from '../identity/revocations.ts';

/** How often a change by another process (`wicketgate identities revoke`) is looked for, in milliseconds. */
const POLL = 500;

/** Revocations in SQLite, with all of them in memory for the question that each login asks. */
export class StoredRevocations implements Revocations {
  readonly #now: () => number;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #select: StatementSync;
  readonly #version: StatementSync;
  readonly #callbacks = new Set<(change: RevocationChange) => void>();
  readonly #poll: NodeJS.Timeout;
  #known: ReadonlyMap<string, Revocation>;
  #seen: unknown;

  constructor(database: DatabaseSync, now: () => number) {
    this.#now = now;
    this.#insert = database.prepare('INSERT INTO revocation (identity, revoked_by, revoked_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
    this.#delete = database.prepare('DELETE FROM revocation WHERE identity = ?');
    this.#select = database.prepare('SELECT identity, revoked_by, revoked_at FROM revocation ORDER BY revoked_at, identity');
    // Moves when another connection, of any process, has changed the file; reading it costs microseconds.
    this.#version = database.prepare('PRAGMA data_version');
    this.#seen = this.#dataVersion();
    this.#known = this.#read();
    this.#poll = setInterval(() => {
      const version = this.#dataVersion();
      if (version === this.#seen) return;
      this.#seen = version;
      this.#reload();
    }, POLL);
    this.#poll.unref();
  }

  revoke(identity: string, by: string): void {
    this.#insert.run(identity, by, Math.floor(this.#now()));
    this.#reload();
  }

  restore(identity: string): boolean {
    const { changes } = this.#delete.run(identity);
    this.#reload();
    return changes === 1;
  }

  isRevoked(identity: string): boolean {
    return this.#known.has(identity);
  }

  list(): readonly Revocation[] {
    return [...this.#known.values()];
  }

  onChange(callback: (change: RevocationChange) => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  close(): void {
    clearInterval(this.#poll);
    this.#callbacks.clear();
  }

  #dataVersion(): unknown {
    return this.#version.get()?.['data_version'];
  }

  #read(): ReadonlyMap<string, Revocation> {
    const rows = this.#select.all() as { identity: string; revoked_by: string; revoked_at: number }[];
    return new Map(rows.map((row) => [row.identity, { identity: row.identity, by: row.revoked_by, at: row.revoked_at }]));
  }

  #reload(): void {
    const before = this.#known;
    this.#known = this.#read();
    const revoked = [...this.#known.keys()].filter((identity) => !before.has(identity));
    const restored = [...before.keys()].filter((identity) => !this.#known.has(identity));
    if (revoked.length + restored.length === 0) return;
    for (const callback of this.#callbacks) callback({ revoked, restored });
  }
}
