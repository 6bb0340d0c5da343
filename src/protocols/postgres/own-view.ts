import { refusal } from '../../model/decision.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { loadCatalog, withTemporary } from './catalog.ts';
import { isWhole, LOCK_MS, lockedViewsQuery, type WithoutDefinition } from './catalog-queries.ts';
import { savepointName } from './guard.ts';
import type { Link } from './link.ts';
import { lookups } from './lookup.ts';

/** After so long it is worth asking again for the definitions that could not be had. */
const AGAIN_MS = 500;
/** How often definitions are asked for at one time. */
const ATTEMPTS = 2;

const LOCK_LIMIT = `SELECT pg_catalog.set_config('lock_timeout', '${LOCK_MS}', true)`;

/** The catalog as one session sees it, with what it has changed and others cannot see yet. */
export interface OwnView {
  readonly catalog: Catalog;
  /** The shared snapshot that was true when this was read: when that moves on, others have changed something. */
  readonly beside: string;
  /** When it is to be read again because definitions are missing, in milliseconds of the monotonic clock. */
  readonly againAt: number;
}

const run = async (link: Link, statements: readonly string[]): Promise<readonly (string | null)[][][]> => (await lookups(link, 'lookup', statements.map((sql) => ({ sql })))).map(({ rows }) => rows);

const isTemporaryView = ({ kind, schema }: Catalog['relations'][number]): boolean => kind === 'v' && schema.startsWith('pg_temp');

/**
 * Reads it in the client's session, while the target owes it nothing. Rejects when the target does not answer.
 * @param temporaryOnly nothing but temporary objects can differ from the shared snapshot
 */
export const readOwnView = async (link: Link, shared: Catalog, temporaryOnly: boolean): Promise<OwnView> => {
  const view = (catalog: Catalog, without: WithoutDefinition): OwnView => ({ catalog, beside: shared.id, againAt: isWhole(without) ? Infinity : performance.now() + AGAIN_MS });
  const besideTemporary = (without: WithoutDefinition): Promise<Catalog | undefined> => withTemporary(shared, (statements) => run(link, statements), without);
  const laid = temporaryOnly ? await besideTemporary('all') : undefined;
  // By far the most have no views among them: nothing had to be printed.
  if (laid && !laid.relations.some(isTemporaryView)) return view(laid, []);
  const whole = async (without: WithoutDefinition): Promise<Catalog> => ({ ...await loadCatalog(async (sql) => (await run(link, [sql]))[0] ?? [], without, shared.cluster), private: true });
  return withoutWaiting(link, async (without) => view((laid && await besideTemporary(without)) ?? await whole(without), without));
};

/**
 * Printing a view locks what it stands on, for the length of the transaction. So it is done in one that is undone, inside the client's where that has one open:
 * the client's own neither waits for another session, which may be waiting for it, nor keeps a lock that others wait for. What others have locked is left
 * out. Somebody may lock a view's table between the question and the printing: that is tried once more, and then without any definitions.
 */
const withoutWaiting = async <Value>(link: Link, read: (without: WithoutDefinition) => Promise<Value>): Promise<Value> => {
  const { cancels } = link;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      return await undone(link, true, read);
    } catch (error) {
      // The client has cancelled what it sent, and that is what it waits for.
      if (link.over || link.cancels !== cancels) throw error;
    }
  }
  return undone(link, false, read);
};

const undone = async <Value>(link: Link, definitions: boolean, read: (without: WithoutDefinition) => Promise<Value>): Promise<Value> => {
  const savepoint = link.status === 'T' ? savepointName() : undefined;
  const [open, close] = savepoint === undefined ? OUTSIDE : [[`SAVEPOINT ${savepoint}`], [`ROLLBACK TO SAVEPOINT ${savepoint}`, `RELEASE SAVEPOINT ${savepoint}`]];
  try {
    const answers = await run(link, [...open, LOCK_LIMIT, ...(definitions ? [lockedViewsQuery] : [])]);
    return await read(definitions ? (answers.at(-1) ?? []).map(([oid]) => Number(oid)) : 'all');
  } finally {
    await run(link, close).catch(() => {});
    // A transaction of the gateway's own must not stay open behind the client's back.
    if (savepoint === undefined && link.status !== 'I' && !link.over) link.end(refusal('internal', 'the target did not end a transaction of the gateway', { session: link.gated.session.id }));
  }
};

/** Not DEFERRABLE, whatever the session's default: that waits for other transactions. */
const OUTSIDE = [['BEGIN READ ONLY, NOT DEFERRABLE'], ['ROLLBACK']] as const;
