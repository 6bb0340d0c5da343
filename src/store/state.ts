import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { AccountStore } from '../approvals/channels/accounts.ts';
import type { ToldStore } from '../approvals/channels/ports.ts';
import type { ApprovalStore } from '../approvals/ports.ts';
import type { OnceStore } from '../identity/once.ts';
import type { Revocations } from '../identity/revocations.ts';
import type { ProtectionStore } from '../masking/protection-memory.ts';
import type { SignedIn } from '../identity/signed-in.ts';
import { APPROVALS_SCHEMA, StoredApprovals } from './approvals.ts';
import { accountStore, CHANNELS_SCHEMA, toldStore } from './channels.ts';
import { onceStore } from './once.ts';
import { PROTECTED_SCHEMA, protectionStore } from './protected.ts';
import { StoredRevocations } from './revocations.ts';
import { SIGNED_IN_SCHEMA, signedInStore } from './signed-in.ts';

/** The durable state of one machine's gateway processes, beside the evidence: small, and rebuilt by nobody. */
export interface State {
  readonly once: OnceStore;
  readonly revocations: Revocations;
  readonly approvals: ApprovalStore;
  readonly signedIn: SignedIn;
  readonly told: ToldStore;
  readonly accounts: AccountStore;
  readonly protected: ProtectionStore;
  close(): void;
}

/** State cannot be used as it is. The message says what to do. */
export class StateUnusable extends Error {
  override name = 'StateUnusable';
}

/** File name inside the data folder. */
export const STATE_FILE = 'state.db';

/** Each step brings the schema from its index to the next version. Never change one that was released; append. */
const MIGRATIONS = [
  `CREATE TABLE revocation (identity TEXT PRIMARY KEY, revoked_by TEXT NOT NULL, revoked_at INTEGER NOT NULL) STRICT;
   CREATE TABLE used_token (fingerprint TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX used_token_until ON used_token (until);`,
  APPROVALS_SCHEMA,
  SIGNED_IN_SCHEMA,
  CHANNELS_SCHEMA,
  PROTECTED_SCHEMA,
];

/**
 * Opens the state in a data folder, and makes it when there is none. Several processes may have it open.
 * Each change is on the disk before its call returns (WAL, synchronous FULL). Throws StateUnusable.
 *
 * @param now milliseconds since the epoch
 */
export const openState = (folder: string, now: () => number = Date.now): State => {
  const path = join(folder, STATE_FILE);
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    database = new DatabaseSync(path, { timeout: 5_000 });
    chmodSync(path, 0o600);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;');
    migrate(database, path);
  } catch (cause) {
    database?.close();
    if (cause instanceof StateUnusable) throw cause;
    throw new StateUnusable(`state ${path} cannot be opened: ${(cause as Error).message}`, { cause });
  }
  const opened = database;
  const revocations = new StoredRevocations(opened, now);
  const approvals = new StoredApprovals(opened);
  return {
    once: onceStore(opened, now),
    revocations,
    approvals,
    signedIn: signedInStore(opened),
    told: toldStore(opened),
    accounts: accountStore(opened),
    protected: protectionStore(opened),
    close: () => {
      approvals.close();
      revocations.close();
      opened.close();
    },
  };
};

const migrate = (database: DatabaseSync, path: string): void => {
  // IMMEDIATE: of two processes that start together, one migrates and the other waits and finds it done.
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version > MIGRATIONS.length) {
      throw new StateUnusable(`state ${path} was written by a newer version (schema ${version}, this one knows ${MIGRATIONS.length}): start that version, or restore a backup`);
    }
    for (const step of MIGRATIONS.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec('COMMIT');
  } catch (cause) {
    database.exec('ROLLBACK');
    throw cause;
  }
};
