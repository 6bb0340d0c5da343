import type { DatabaseSync } from 'node:sqlite';
import type { Administrators, ApiTokenRow, ApiTokens, PersonSessionRow, PersonSessions, SignedIn } from '../identity/signed-in.ts';

export const SIGNED_IN_SCHEMA = `
CREATE TABLE person_session (hash BLOB PRIMARY KEY, sealed BLOB NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, seen_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX person_session_expires ON person_session (expires_at);
CREATE TABLE api_token (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, roles TEXT NOT NULL, actions TEXT, created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER, revoked_at INTEGER
) STRICT;
CREATE TABLE administrator (issuer TEXT NOT NULL, subject TEXT NOT NULL, how TEXT NOT NULL CHECK (how IN ('bootstrap', 'group')), at INTEGER NOT NULL, PRIMARY KEY (issuer, subject, how)) STRICT, WITHOUT ROWID;
CREATE TABLE bootstrap (one INTEGER PRIMARY KEY CHECK (one = 1), hash BLOB NOT NULL, expires_at INTEGER NOT NULL) STRICT;`;

/** Ended sessions that one sign-in clears away at most. */
const SWEEP = 1000;

export const signedInStore = (database: DatabaseSync): SignedIn => ({ sessions: sessions(database), tokens: tokens(database), administrators: administrators(database) });

const sessions = (database: DatabaseSync): PersonSessions => {
  const insert = database.prepare('INSERT INTO person_session (hash, sealed, created_at, expires_at, seen_at) VALUES (?, ?, ?, ?, ?)');
  const select = database.prepare('SELECT hash, sealed, created_at AS createdAt, expires_at AS expiresAt, seen_at AS seenAt FROM person_session WHERE hash = ?');
  const list = database.prepare('SELECT hash, created_at AS createdAt, expires_at AS expiresAt, seen_at AS seenAt FROM person_session ORDER BY created_at DESC, hash LIMIT ?');
  const touch = database.prepare('UPDATE person_session SET seen_at = max(seen_at, ?) WHERE hash = ?');
  const remove = database.prepare('DELETE FROM person_session WHERE hash = ?');
  const sweep = database.prepare('DELETE FROM person_session WHERE hash IN (SELECT hash FROM person_session WHERE expires_at < ? LIMIT ?)');
  return {
    put: ({ hash, sealed, createdAt, expiresAt, seenAt }) => void insert.run(hash, sealed, createdAt, expiresAt, seenAt),
    get: (hash) => select.get(hash) as PersonSessionRow | undefined,
    list: (limit) => list.all(limit) as unknown as PersonSessionRow[],
    seen: (hash, at) => void touch.run(at, hash),
    remove: (hash) => remove.run(hash).changes === 1,
    sweep: (now) => void sweep.run(now, SWEEP),
  };
};

interface TokenColumns {
  readonly id: string;
  readonly hash: Uint8Array;
  readonly name: string;
  readonly roles: string;
  readonly actions: string | null;
  readonly created_by: string;
  readonly created_at: number;
  readonly expires_at: number;
  readonly used_at: number | null;
  readonly revoked_at: number | null;
}

const tokenOf = (row: TokenColumns): ApiTokenRow => ({
  id: row.id,
  hash: row.hash,
  name: row.name,
  roles: JSON.parse(row.roles) as string[],
  actions: row.actions === null ? undefined : (JSON.parse(row.actions) as string[]),
  createdBy: row.created_by,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  usedAt: row.used_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
});

const tokens = (database: DatabaseSync): ApiTokens => {
  const insert = database.prepare('INSERT INTO api_token (id, hash, name, roles, actions, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const byHash = database.prepare('SELECT * FROM api_token WHERE hash = ?');
  const byId = database.prepare('SELECT * FROM api_token WHERE id = ?');
  const list = database.prepare('SELECT * FROM api_token ORDER BY created_at DESC, id');
  const used = database.prepare('UPDATE api_token SET used_at = max(coalesce(used_at, 0), ?) WHERE id = ?');
  const revoke = database.prepare('UPDATE api_token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL');
  const found = (row: unknown): ApiTokenRow | undefined => (row === undefined ? undefined : tokenOf(row as TokenColumns));
  return {
    add: ({ id, hash, name, roles, actions, createdBy, createdAt, expiresAt }) => void insert.run(id, hash, name, JSON.stringify(roles), actions ? JSON.stringify(actions) : null, createdBy, createdAt, expiresAt),
    byHash: (hash) => found(byHash.get(hash)),
    byId: (id) => found(byId.get(id)),
    list: () => list.all().map((row) => tokenOf(row as unknown as TokenColumns)),
    used: (id, at) => void used.run(at, id),
    revoke: (id, at) => revoke.run(at, id).changes === 1,
  };
};

const administrators = (database: DatabaseSync): Administrators => {
  const made = database.prepare(`SELECT issuer, subject, at FROM administrator WHERE how = 'bootstrap' ORDER BY at`);
  const any = database.prepare('SELECT 1 FROM administrator LIMIT 1');
  const insert = database.prepare('INSERT INTO administrator (issuer, subject, how, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const offer = database.prepare('INSERT INTO bootstrap (one, hash, expires_at) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at');
  const offered = database.prepare('SELECT 1 FROM bootstrap WHERE hash = ? AND expires_at > ?');
  const use = database.prepare('DELETE FROM bootstrap WHERE hash = ? AND expires_at > ?');
  const everSeen = (): boolean => any.get() !== undefined;
  return {
    bootstrapped: () => made.all() as unknown as { issuer: string; subject: string; at: number }[],
    everSeen,
    seen: ({ issuer, subject }, at) => void insert.run(issuer, subject, 'group', at),
    offer: (hash, expiresAt) => void offer.run(hash, expiresAt),
    offered: (hash, now) => offered.get(hash, now) !== undefined,
    take: (hash, { issuer, subject }, now) => {
      // IMMEDIATE: of two that open one link at once, in whichever process, one becomes administrator.
      database.exec('BEGIN IMMEDIATE');
      try {
        const good = !everSeen() && use.run(hash, now).changes === 1;
        if (good) insert.run(issuer, subject, 'bootstrap', now);
        database.exec('COMMIT');
        return good;
      } catch (error) {
        database.exec('ROLLBACK');
        throw error;
      }
    },
  };
};
