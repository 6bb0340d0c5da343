import { hash } from 'node:crypto';
import type { Bound, BoundValue, CoveredData } from '../../model/approval.ts';
import type { Effect } from '../../model/command.ts';
import { standsFor } from '../../model/stands-for.ts';
import type { Catalog, Relation } from '../../sql/catalog.ts';
import type { Understood } from '../../sql/understand.ts';
import type { Link } from './link.ts';
import type { Bind } from './messages.ts';
import type { Prepared } from './namespace.ts';

/**
 * What the target says of the session that changes what a statement means or does: who it runs as, where, and every setting that the
 * session itself has set, or that its role or database sets. One row each. Everything names pg_catalog outright, operators too: the client
 * chooses the search_path, and an operator of its own there must not answer for what is bound.
 */
export const CONTEXT = `SELECT 'current_user', current_user::pg_catalog.text UNION ALL SELECT 'session_user', session_user::pg_catalog.text
 UNION ALL SELECT 'current_database', pg_catalog.current_database()::pg_catalog.text
 UNION ALL SELECT pg_catalog.concat('setting ', name), setting FROM pg_catalog.pg_settings
   WHERE source OPERATOR(pg_catalog.=) ANY (ARRAY['session', 'client', 'user', 'database', 'database user', 'global']::pg_catalog.text[]) AND name OPERATOR(pg_catalog.<>) 'application_name'::pg_catalog.text`;

/** Settings that applications make up are in no view: each is asked for by name. */
export const customSetting = (name: string): string => `UNION ALL SELECT 'setting ${name}', pg_catalog.current_setting('${name}', true)`;

/** Names that applications make up for settings, as the server takes them unquoted. */
export const CUSTOM_NAME = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)+$/;

export type SessionContext = Readonly<Record<string, string | null>>;

export const contextOf = (rows: readonly (readonly (string | null)[])[]): SessionContext => Object.fromEntries(rows.map(([name, value]) => [name ?? '', value ?? null]).sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)) as [string, string | null][]);

/** One message as it came. */
export interface Message {
  readonly text: Buffer;
  readonly understood: Understood;
  /** Of the extended protocol: what is bound, and the types that the client declared. */
  readonly bind?: { readonly message: Bind; readonly types: readonly number[] };
  /** Rows that it brings, which were kept. */
  readonly data?: CoveredData;
}

/** A text that a name in the message stands for. */
export interface NamedText {
  readonly name: string;
  readonly text: Buffer;
  /** Types that the client declared for its parameters. */
  readonly types: readonly number[];
  /** It came with a Parse, which runs nothing and has no record: the recorded form of the message begins with it. */
  readonly parsed: Prepared | undefined;
}

/** What EXECUTE and FETCH name: the text behind the name is a part of what runs. */
export const namedTexts = (link: Link, understood: Understood): readonly NamedText[] => {
  const texts = new Map<string, NamedText>();
  // Made earlier in the same message: its text is a part of that.
  const made = new Set<string>();
  for (const { facts: { named } } of understood.statements) {
    const name = named?.name ?? '';
    if (named?.kind === 'prepare' || named?.kind === 'declare') made.add(`${NAMESPACE[named.kind]} ${name}`);
    if (named?.kind !== 'execute' && named?.kind !== 'fetch') continue;
    const key = `${NAMESPACE[named.kind]} ${name}`;
    if (made.has(key)) continue;
    const prepared = named.kind === 'execute' ? link.prepared.get(name) : undefined;
    const text = named.kind === 'execute' ? prepared?.text : link.portals.get(name)?.text;
    if (text) texts.set(key, { name, text, types: prepared?.parameterTypes ?? [], parsed: prepared?.by === 'parse' ? prepared : undefined });
  }
  return [...texts.values()];
};

const NAMESPACE = { prepare: 'statement', execute: 'statement', declare: 'cursor', fetch: 'cursor' } as const;

/**
 * The recorded form of a message, behind the texts that it executes by name and that are on no record of their own.
 * @param outer the message before EXECUTE was put in its place
 */
export const recordedWhole = (link: Link, outer: Understood, resolved: Understood, recorded: string): string =>
  outer === resolved ? recorded : [...namedTexts(link, outer).map(({ name, parsed }) => (parsed ? standsFor(name, parsed.recorded.text) : '')), recorded].join('');

/** Which row WHERE CURRENT OF means is decided by where a cursor stands: it can be neither shown to people nor bound. */
export const namesRowByCursor = (link: Link, understood: Understood): boolean =>
  understood.statements.some(({ facts: { currentOf, named } }) => currentOf !== undefined || (named?.kind === 'execute' && link.prepared.get(named.name ?? '')?.understood.statements[0]?.facts.currentOf !== undefined));

const digests = new WeakMap<object, string>();

/** By content, and without OIDs: a job that is tried again may have made the same objects anew. */
const digestOf = (of: object, content: () => unknown): string => {
  let digest = digests.get(of);
  if (digest === undefined) digests.set(of, (digest = hash('sha256', JSON.stringify(content()))));
  return digest;
};

const relationDigest = (relation: Relation): string =>
  digestOf(relation, () => {
    const { kind, columns, definition, attached, triggers, rules, rowSecurity } = relation;
    return { kind, columns: columns.map(({ name, type, typmod }) => [name, type, typmod]), definition, attached, triggers, rules, rowSecurity };
  });

/** All code of users in the target: what calls what inside of it is not followed. */
const codeDigest = (catalog: Catalog): string =>
  digestOf(catalog.functions, () => [catalog.functions.map(({ schema, name, arguments: types, version }) => [schema, name, types, version]), catalog.operators, catalog.casts]);

/** Something of it runs code of users beyond the message. */
const runsCode = ({ triggers, rules, policyCalls, columns }: Relation): boolean =>
  triggers === true || rules === true || policyCalls !== undefined || columns.some(({ foreignDefault }) => foreignDefault);

const relationsByName = new WeakMap<Catalog, ReadonlyMap<string, Relation>>();

/** The relations that the command touches, views and what is behind them, by name. */
export const touched = (effects: readonly Effect[], catalog: Catalog): ReadonlyMap<string, Relation> => {
  let byName = relationsByName.get(catalog);
  if (!byName) relationsByName.set(catalog, (byName = new Map(catalog.relations.map((relation) => [`${relation.schema}.${relation.name}`, relation]))));
  const found = new Map<string, Relation>();
  for (const { object } of effects) {
    const name = object?.schema === undefined ? undefined : `${object.schema}.${object.name}`;
    const relation = name === undefined ? undefined : byName.get(name);
    if (name !== undefined && relation) found.set(name, relation);
  }
  return found;
};

/** How what the command touches is defined now: a view, a trigger or a function may be replaced while people think. */
const definitions = (effects: readonly Effect[], catalog: Catalog): BoundValue => {
  const relations = [...touched(effects, catalog)].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const code = effects.some(({ function: called }) => called !== undefined && !called.startsWith('pg_catalog.')) || relations.some(([, relation]) => runsCode(relation));
  return [relations.map(([name, relation]) => [name, relationDigest(relation)]), code ? codeDigest(catalog) : null];
};

/**
 * Asks whether another session holds a lock under which definitions are changed, on anything that the command touches ('t': the command would wait
 * for that session, and then run on what it has made of them), or holds or waits for one that keeps others from changing rows ('f'). One row;
 * null when there is none. Undefined when the command touches nothing.
 */
export const changingQuery = (effects: readonly Effect[], catalog: Catalog): string | undefined => {
  const oids = [...touched(effects, catalog).values()].map(({ oid }) => oid);
  if (oids.length === 0) return undefined;
  return `SELECT pg_catalog.bool_or(l.granted AND l.mode OPERATOR(pg_catalog.=) ANY (ARRAY['AccessExclusiveLock', 'ShareRowExclusiveLock']::pg_catalog.text[]))
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database
    WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND l.relation OPERATOR(pg_catalog.=) ANY (ARRAY[${oids.join(',')}]::pg_catalog.oid[])
      AND l.mode OPERATOR(pg_catalog.=) ANY (ARRAY['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']::pg_catalog.text[])
      AND (l.pid IS NULL OR l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid())`;
};

/** Where the message stands, and under what it was understood. */
export interface Standpoint {
  /** The server that the session is on, as it is configured, and the user there. */
  readonly reached: BoundValue;
  readonly context: SessionContext;
  readonly searchPath: readonly string[];
  readonly catalog: Catalog;
  readonly inTransaction: boolean;
  /** Something of its series was sent: others run and fail with it, and a block may have been opened that nobody has told of yet. */
  readonly inSeries: boolean;
}

/** What an approval of this message is bound to. `understood` of the message is the one before EXECUTE and FETCH were put in their place. */
export const boundOf = (named: readonly NamedText[], { reached, context: session, searchPath, catalog, inTransaction, inSeries }: Standpoint, { text, understood, bind, data }: Message, effects: readonly Effect[]): Bound => {
  const context: Record<string, BoundValue> = {
    protocol: bind ? 'extended' : 'simple',
    reached,
    session,
    searchPath,
    inTransaction,
    inSeries,
    named: named.map(({ name, types }) => [name, types]),
    definitions: definitions(effects, catalog),
    ...(bind ? { formats: bind.message.formats, types: bind.types, values: bind.message.values.length } : {}),
  };
  const copies = understood.statements.some(({ facts }) => facts.copy?.direction === 'in');
  return {
    context,
    parts: [text, ...named.map((one) => one.text), ...(bind ? bind.message.values : [])],
    ...(data ? { data } : copies ? { notCovered: 'the rows that COPY brings: they come after the approval and are not known yet' } : {}),
  };
};
