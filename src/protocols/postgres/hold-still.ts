import type { Effect } from '../../model/command.ts';
import type { Catalog, Relation } from '../../sql/catalog.ts';
import { quoted } from '../../sql/postgres/threshold/target-text.ts';
import type { Understood } from '../../sql/understand.ts';
import type { Admission } from './admission.ts';
import { touched } from './bound.ts';
import { savepointName } from './guard.ts';
import { lookups, sendOwn, type OwnStatement } from './lookup.ts';

/** What a command touches is locked, so that nobody changes its definition before the command has run. */
export interface Still {
  /** The command follows, in the same transaction. */
  keep(): Promise<void>;
  /** It does not: others need not wait. */
  release(): Promise<void>;
}

/**
 * To be parsed and never run: reading a statement takes the locks of what it names, for the length of the transaction, and neither fires a trigger
 * nor needs the right to run it. A change of rows also keeps triggers and foreign keys from being added.
 */
const lockOf = ({ schema, name, kind, rules }: Relation, written: boolean): OwnStatement => {
  const table = `${quoted(schema)}.${quoted(name)}`;
  return { sql: written && (kind === 'r' || kind === 'p') && rules !== true ? `DELETE FROM ${table}` : `SELECT FROM ${table}`, describe: true };
};

const locksOf = (effects: readonly Effect[], catalog: Catalog): readonly OwnStatement[] => {
  const writes = new Set(effects.flatMap(({ class: granted, object }) => (granted === 'write' ? [`${object?.schema}.${object?.name}`] : [])));
  // In one order, so that two who do this do not wait for each other.
  return [...touched(effects, catalog)].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([name, relation]) => lockOf(relation, writes.has(name)));
};

/** It can run in a transaction that has begun: it ends none itself, and says nothing of how its own is to begin. */
const goesOn = ({ statements }: Understood): boolean => statements.every(({ facts: { timing, transaction } }) => timing !== 'commits' && transaction === 'none');

/**
 * Locks what a command touches, while the target owes nothing and nothing of a series was sent. Undefined when there is nothing to lock, or when the
 * target would not: a view may stand on tables of a schema that the role may not use.
 */
export const holdStill = async (admission: Admission, effects: readonly Effect[], understood: Understood): Promise<Still | undefined> => {
  const { link, tracking } = admission;
  const locks = locksOf(effects, tracking.catalog);
  if (locks.length === 0 || !goesOn(understood)) return undefined;
  const run = async (...statements: readonly OwnStatement[]): Promise<void> => void (await lookups(link, 'guard', statements));
  if (link.status === 'T') {
    const savepoint = savepointName();
    const undo = [{ sql: `ROLLBACK TO SAVEPOINT ${savepoint}` }, { sql: `RELEASE SAVEPOINT ${savepoint}` }];
    try {
      await run({ sql: `SAVEPOINT ${savepoint}` }, ...locks);
    } catch {
      await run(...undo).catch(() => {});
      return undefined;
    }
    return { keep: () => run({ sql: `RELEASE SAVEPOINT ${savepoint}` }), release: () => run(...undo) };
  }
  let taken = true;
  sendOwn(link, link.gated.housekeeping('guard'), locks, { done: (ok) => void (taken &&= ok) });
  // Without a Sync the transaction that this has begun is that of the command behind it, and ends with it.
  await admission.flushed();
  if (taken) return { keep: async () => {}, release: () => run() };
  await run();
  return undefined;
};
