import type { DatabaseSync } from 'node:sqlite';
import type { AccountRow, AccountStore } from '../approvals/channels/accounts.ts';
import type { Told, ToldStore } from '../approvals/channels/ports.ts';

/** Appended to the migrations of the state. Neither statements nor people's names: digests, ids, and what is sealed. */
export const CHANNELS_SCHEMA = `
  CREATE TABLE channel_told (
    channel TEXT NOT NULL, request TEXT NOT NULL, version INTEGER NOT NULL, trying TEXT NOT NULL, told TEXT, message TEXT,
    PRIMARY KEY (channel, request)) STRICT, WITHOUT ROWID;
  CREATE TABLE channel_account (owner BLOB PRIMARY KEY, account BLOB NOT NULL, at INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX channel_account_account ON channel_account (account);
  CREATE INDEX channel_account_at ON channel_account (at);`;

/** Rows forgotten at a time. */
const FORGOTTEN = 100;
/** More people with one account than this say nothing more than two. */
const MOST_OF_ONE = 8;

/** What channels were told. A lost row is a message that is sent again, so nobody waits for the disk. */
export const toldStore = (database: DatabaseSync): ToldStore => {
  const select = database.prepare('SELECT channel, request, version, trying, told, message FROM channel_told WHERE channel = ? AND request = ?');
  const put = database.prepare('INSERT INTO channel_told (channel, request, version, trying, told, message) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (channel, request) DO UPDATE SET version = excluded.version, trying = excluded.trying, told = excluded.told, message = excluded.message');
  const remove = database.prepare('DELETE FROM channel_told WHERE channel = ? AND request = ?');
  const requests = database.prepare('SELECT request FROM channel_told WHERE channel = ? LIMIT ?');
  const others = database.prepare('DELETE FROM channel_told WHERE channel NOT IN (SELECT value FROM json_each(?))');
  const unsynced = (work: () => void): void => {
    database.exec('PRAGMA synchronous = NORMAL');
    try {
      work();
    } finally {
      database.exec('PRAGMA synchronous = FULL');
    }
  };
  return {
    get: (channel, request) => {
      const row = select.get(channel, request);
      return row === undefined ? undefined : ({ ...row, told: row['told'] ?? undefined, message: row['message'] ?? undefined } as unknown as Told);
    },
    put: ({ channel, request, version, trying, told, message }) => unsynced(() => void put.run(channel, request, version, trying, told ?? null, message ?? null)),
    remove: (channel, request) => unsynced(() => void remove.run(channel, request)),
    requests: (channel, most) => requests.all(channel, most).map(({ request }) => String(request)),
    keepOnly: (channels) => unsynced(() => void others.run(JSON.stringify(channels))),
  };
};

export const accountStore = (database: DatabaseSync): AccountStore => {
  const put = database.prepare('INSERT INTO channel_account (owner, account, at, sealed) VALUES (?, ?, ?, ?) ON CONFLICT (owner) DO UPDATE SET account = excluded.account, at = excluded.at, sealed = excluded.sealed WHERE excluded.at >= channel_account.at');
  const remove = database.prepare('DELETE FROM channel_account WHERE owner = ? AND at <= ?');
  const select = database.prepare('SELECT owner, account, at, sealed FROM channel_account WHERE account = ? ORDER BY at DESC LIMIT ?');
  const forget = database.prepare('DELETE FROM channel_account WHERE owner IN (SELECT owner FROM channel_account WHERE at < ? LIMIT ?)');
  return {
    put: ({ owner, account, at, sealed }) => void put.run(owner, account, at, sealed),
    remove: (owner, at) => void remove.run(owner, at),
    of: (account) => select.all(account, MOST_OF_ONE) as unknown as readonly AccountRow[],
    forget: (before) => void forget.run(Math.floor(before), FORGOTTEN),
  };
};
