import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { ApprovalState } from '../approvals/approvals.ts';
import type { ApprovalStore, Moved, StoredAnswer, StoredRequest } from '../approvals/ports.ts';

/** How often a change by another process is looked for, in milliseconds. */
const POLL = 100;
/** Requests forgotten at a time: nothing may wait for a year's rows. */
const FORGOTTEN = 200;

/** Appended to the migrations of the state. */
export const APPROVALS_SCHEMA = `
  CREATE TABLE approval (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used', 'expired', 'withdrawn')),
    session TEXT NOT NULL, identity TEXT NOT NULL, connection TEXT NOT NULL,
    asked_at INTEGER NOT NULL, last_asked_at INTEGER NOT NULL, approved_at INTEGER, expires_at INTEGER NOT NULL, ended_at INTEGER,
    sealed BLOB NOT NULL) STRICT;
  CREATE UNIQUE INDEX approval_open ON approval (digest) WHERE state IN ('pending', 'approved');
  CREATE INDEX approval_due ON approval (expires_at) WHERE state IN ('pending', 'approved');
  CREATE INDEX approval_identity ON approval (identity) WHERE state = 'pending';
  CREATE INDEX approval_state ON approval (state, number);
  CREATE INDEX approval_ended ON approval (ended_at) WHERE ended_at IS NOT NULL;
  CREATE TABLE approval_answer (
    request TEXT NOT NULL REFERENCES approval (id) ON DELETE CASCADE, place INTEGER NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('approve', 'deny', 'force')), provider TEXT NOT NULL, channel TEXT NOT NULL, at INTEGER NOT NULL,
    sealed BLOB NOT NULL, PRIMARY KEY (request, place)) STRICT, WITHOUT ROWID;`;

const COLUMNS = 'id, digest, state, session, identity, connection, asked_at, last_asked_at, approved_at, expires_at, sealed';
const OPEN = `state IN ('pending', 'approved')`;

/** Requests for approval in SQLite. A unique index keeps one open request for a digest; the state column decides who uses it. */
export class StoredApprovals implements ApprovalStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #watchers = new Set<() => void>();
  #poll: NodeJS.Timeout | undefined;
  #seen: unknown;

  /** @param database journal_mode WAL, synchronous FULL, foreign_keys ON: each change is on the disk when its call returns */
  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  exclusively<Result>(work: () => Result, unsynced = false): Result {
    return unsynced ? this.#unsynced(() => this.#transaction(work)) : this.#transaction(work);
  }

  #transaction<Result>(work: () => Result): Result {
    // IMMEDIATE: what is read inside cannot be changed by another process before it is written.
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  insert({ id, digest, state, session, identity, connection, askedAt, lastAskedAt, approvedAt, expiresAt, sealed }: StoredRequest): boolean {
    const insert = this.#sql(`INSERT INTO approval (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`);
    return insert.run(id, digest, state, session, identity, connection, whole(askedAt), whole(lastAskedAt), approvedAt === undefined ? null : whole(approvedAt), whole(expiresAt), sealed).changes === 1;
  }

  get(id: string): StoredRequest | undefined {
    return this.#one(`SELECT ${COLUMNS} FROM approval WHERE id = ?`, id);
  }

  open(digest: string): StoredRequest | undefined {
    return this.#one(`SELECT ${COLUMNS} FROM approval WHERE digest = ? AND ${OPEN}`, digest);
  }

  list({ state, exceptions, limit, before }: Parameters<ApprovalStore['list']>[0]): readonly StoredRequest[] {
    const conditions = [...(state === undefined ? [] : ['state = ?']), ...(exceptions === true ? ["id IN (SELECT request FROM approval_answer WHERE verdict = 'force')"] : []), ...(before === undefined ? [] : ['number < (SELECT number FROM approval WHERE id = ?)'])];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    return this.#many(`SELECT ${COLUMNS} FROM approval ${where} ORDER BY number DESC LIMIT ?`, ...[state, before].filter((value) => value !== undefined), limit);
  }

  renew(id: string, { lastAskedAt, expiresAt, sealed }: Parameters<ApprovalStore['renew']>[1]): boolean {
    const renew = this.#sql(`UPDATE approval SET last_asked_at = ?, expires_at = ?, sealed = coalesce(?, sealed) WHERE id = ? AND state = 'pending'`);
    return this.#unsynced(() => renew.run(whole(lastAskedAt), whole(expiresAt), sealed ?? null, id).changes === 1);
  }

  /** What is written survives the end of the process at once, and a power cut with the next change that is synced. */
  #unsynced<Result>(work: () => Result): Result {
    this.#database.exec('PRAGMA synchronous = NORMAL');
    try {
      return work();
    } finally {
      this.#database.exec('PRAGMA synchronous = FULL');
    }
  }

  move(id: string, from: ApprovalState, to: ApprovalState, { expiresAt, approvedAt, at }: Moved): boolean {
    const ended = to === 'pending' || to === 'approved' ? null : whole(at);
    const move = this.#sql(`UPDATE approval SET state = ?, expires_at = coalesce(?, expires_at), approved_at = coalesce(?, approved_at), ended_at = ? WHERE id = ? AND state = ?`);
    return move.run(to, expiresAt === undefined ? null : whole(expiresAt), approvedAt === undefined ? null : whole(approvedAt), ended, id, from).changes === 1;
  }

  addAnswer({ request, verdict, provider, channel, at, sealed }: StoredAnswer): void {
    const next = '(SELECT coalesce(max(place), 0) + 1 FROM approval_answer WHERE request = ?)';
    this.#sql(`INSERT INTO approval_answer (request, place, verdict, provider, channel, at, sealed) VALUES (?, ${next}, ?, ?, ?, ?, ?)`).run(request, request, verdict, provider, channel, whole(at), sealed);
  }

  answers(request: string): readonly StoredAnswer[] {
    return this.#sql('SELECT request, verdict, provider, channel, at, sealed FROM approval_answer WHERE request = ? ORDER BY place').all(request) as unknown as StoredAnswer[];
  }

  pending(identity?: string): number {
    const row = identity === undefined
      ? this.#sql(`SELECT count(*) AS count FROM approval WHERE state = 'pending'`).get()
      : this.#sql(`SELECT count(*) AS count FROM approval WHERE state = 'pending' AND identity = ?`).get(identity);
    return Number(row?.['count']);
  }

  due(now: number, limit: number): readonly StoredRequest[] {
    return this.#many(`SELECT ${COLUMNS} FROM approval WHERE expires_at <= ? AND ${OPEN} ORDER BY expires_at LIMIT ?`, whole(now), limit);
  }

  nextDue(): number | undefined {
    const next = this.#sql(`SELECT min(expires_at) AS next FROM approval WHERE ${OPEN}`).get()?.['next'];
    return typeof next === 'number' ? next : undefined;
  }

  forget(endedBefore: number, most: number, mostBytes: number): void {
    this.#sql('DELETE FROM approval WHERE id IN (SELECT id FROM approval WHERE ended_at < ? ORDER BY ended_at LIMIT ?)').run(whole(endedBefore), FORGOTTEN);
    const ended = Number(this.#sql('SELECT count(*) AS count FROM approval WHERE ended_at IS NOT NULL').get()?.['count']);
    if (ended > most) this.#sql('DELETE FROM approval WHERE id IN (SELECT id FROM approval WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT ?)').run(Math.min(FORGOTTEN, ended - most));
    // Few long texts take as much room as many short ones.
    this.#sql(
      `DELETE FROM approval WHERE id IN (SELECT id FROM (SELECT id, ended_at, sum(length(sealed)) OVER (ORDER BY ended_at DESC, number DESC) AS bytes FROM approval WHERE ended_at IS NOT NULL)
       WHERE bytes > ? ORDER BY ended_at LIMIT ?)`,
    ).run(mostBytes, FORGOTTEN);
  }

  watch(then: () => void): () => void {
    const watcher = (): void => then();
    this.#watchers.add(watcher);
    if (this.#poll === undefined) this.#startPolling();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.close();
    };
  }

  close(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#watchers.clear();
  }

  #startPolling(): void {
    // Moves when another connection, of any process, has changed the file; reading it costs microseconds.
    const version = (): unknown => this.#sql('PRAGMA data_version').get()?.['data_version'];
    this.#seen = version();
    this.#poll = setInterval(() => {
      const now = version();
      if (now === this.#seen) return;
      this.#seen = now;
      for (const watcher of this.#watchers) watcher();
    }, POLL);
    this.#poll.unref();
  }

  #one(sql: string, value: SQLInputValue): StoredRequest | undefined {
    const row = this.#sql(sql).get(value);
    return row === undefined ? undefined : requestOf(row);
  }

  #many(sql: string, ...values: SQLInputValue[]): StoredRequest[] {
    return this.#sql(sql).all(...values).map(requestOf);
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) this.#statements.set(text, (statement = this.#database.prepare(text)));
    return statement;
  }
}

const whole = (milliseconds: number): number => Math.floor(milliseconds);

function requestOf(row: Record<string, unknown>): StoredRequest {
  const { asked_at: askedAt, last_asked_at: lastAskedAt, approved_at: approvedAt, expires_at: expiresAt, ...same } = row;
  return { ...same, askedAt, lastAskedAt, approvedAt: approvedAt ?? undefined, expiresAt } as unknown as StoredRequest;
}
