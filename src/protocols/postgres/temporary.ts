import type { Effect } from '../../model/command.ts';
import type { StatementFacts } from '../../sql/facts.ts';

/** Kinds of temporary objects that nothing shared can rest on, as long as CASCADE takes nothing along. */
const KINDS: ReadonlySet<string> = new Set(['table', 'index', 'sequence']);
const VERBS: ReadonlySet<string> = new Set(['create', 'alter', 'drop', 'references', 'comment', 'cluster', 'reindex', 'vacuum']);

/**
 * Whether a statement that changes the catalog can only have changed temporary tables, indexes and sequences of its session. What it calls
 * could do anything, and so could what is not understood. PostgreSQL moves nothing into or out of temporary schemas, and lets nobody else
 * make a schema that is called like one.
 */
export const changesTemporaryOnly = ({ effects }: StatementFacts): boolean => effects.every((effect) => effect.class === 'read' || isShadow(effect) || isOnTemporary(effect));

const isShadow = (effect: Effect): boolean => effect.class === 'session' && effect.verb === 'shadow';

const isOnTemporary = ({ class: granted, verb, object }: Effect): boolean =>
  granted === 'schema' && VERBS.has(verb) && object !== undefined && KINDS.has(object.kind) && object.schema?.startsWith('pg_temp') === true;
