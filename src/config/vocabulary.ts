import type { CommandClass } from '../model/command.ts';
import { kindWords } from '../sql/kinds.ts';

/** Classes that a command's effects fall in. */
export const classes: readonly CommandClass[] = ['read', 'write', 'schema', 'session', 'unknown', 'admin'];

const write: readonly CommandClass[] = ['write'];
const readOrWrite: readonly CommandClass[] = ['read', 'write'];
const definition: readonly CommandClass[] = ['schema', 'session'];
const any: readonly CommandClass[] = ['read', 'write', 'schema', 'session'];

/**
 * Every verb that a rule can name, with the classes that its effects can have, as far as that is certain. `unknown` and `admin` are
 * possible for each: anything can stand in a statement that is not understood, and most verbs can reach roles or files of the server.
 */
export const verbs: ReadonlyMap<string, readonly CommandClass[]> = new Map([
  // Rows.
  ['select', readOrWrite], ['insert', write], ['update', write], ['delete', write], ['truncate', write], ['copy', readOrWrite], ['lock', any],
  // What changes of rows set off: triggers, foreign keys, sequences.
  ['trigger', any], ['cascade', any], ['nextval', any], ['setval', any],
  // Definitions.
  ['create', definition], ['alter', definition], ['drop', definition], ['references', definition], ['comment', definition], ['grant', definition], ['revoke', definition],
  ['label', any], ['import', any], ['shadow', any],
  // Code.
  ['call', any], ['do', any], ['load', any],
  // Prepared statements and cursors; what is in them has effects of its own.
  ['explain', any], ['prepare', any], ['execute', any], ['deallocate', any], ['declare', any], ['fetch', any], ['close', any],
  // Transactions.
  ['begin', any], ['commit', any], ['rollback', any], ['savepoint', any], ['release', any], ['rollback_to', any], ['prepare_transaction', any],
  ['commit_prepared', any], ['rollback_prepared', any], ['transaction', any],
  // The session.
  ['set', any], ['reset', any], ['show', any], ['discard', any], ['listen', any], ['unlisten', any], ['notify', any], ['sleep', any],
  // Maintenance and the server itself.
  ['vacuum', any], ['analyze', any], ['refresh', any], ['cluster', any], ['reindex', any], ['checkpoint', any], ['signal', any], ['file', any],
  ['replication', any], ['statistics', any], ['statement', any], ['unknown', any],
]);

/** Words of SQL that are no verbs here, since commands are judged by what they do, and what to write for them. */
export const otherWords: Readonly<Record<string, string>> = {
  merge: 'write insert, update, delete: MERGE is judged by what it does',
  upsert: 'write insert, update',
  rename: 'write alter',
  reassign: 'write alter, with objects: [role]',
  move: 'write fetch',
  start: 'write begin',
  end: 'write commit',
  abort: 'write rollback',
  values: 'write select',
  table: 'write select',
  with: 'write what it does: select, insert, update, delete',
  replace: 'write create',
  ddl: 'write create, alter, drop, or classes: [schema]',
  dml: 'write insert, update, delete, truncate, or classes: [write]',
};

/** Protocols that are planned, and that a connection may not name yet. */
export const plannedProtocols: readonly string[] = ['mysql', 'sqlserver', 'ssh', 'kubernetes'];

/** Kinds of things that stand in `objects`, alone or as `kind:pattern`. */
export const kinds: readonly string[] = kindWords;

/** What `detect` can look for. */
export const detectors: readonly string[] = ['us_ssn', 'credit_card', 'email', 'phone', 'iban', 'ip', 'jwt', 'cloud_key', 'private_key'];

/** Signature algorithms that an issuer may use (RFC 7518, RFC 8037, RFC 9864). All asymmetric. */
export const algorithms: readonly string[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
