import type { Effect } from '../../model/command.ts';
import type { NameContext } from '../catalog.ts';
import type { Lineage, SettingChange, StatementFacts } from '../facts.ts';
import type { Around } from './around.ts';
import { open } from './ast.ts';
import type { Ast } from './ast.ts';
import { Effects } from './effects.ts';
import type { Granted } from './granted.ts';
import { literalStarts } from './literals.ts';
import { lineageOf } from './lineage/lineage.ts';
import { Names } from './names.ts';
import type { CatalogIndex } from './names.ts';
import { setsSecret } from './session.ts';
import { statement } from './statements.ts';
import { rowChange } from './threshold/change.ts';

/** One parsed statement: libpg-query's RawStmt. */
export interface RawStatement {
  readonly stmt?: Ast;
  /** Byte offset; absent for 0. */
  readonly stmt_location?: number;
  /** Bytes; absent when it reaches to the end. */
  readonly stmt_len?: number;
}

export interface Analysed {
  readonly facts: readonly StatementFacts[];
  /** The facts rest on the value of a literal: they hold for this very text only. */
  readonly exact: boolean;
}

/** Relations of one name on the search path that are looked at, one after the other. */
const MOST_MEANINGS = 16;

const NOT_FOLLOWED: Lineage = { understood: false, why: 'an earlier statement of the message changes what names mean', uses: [], operands: [] };

/** What a message is analysed with, whatever its names mean. */
export interface Ground {
  readonly index: CatalogIndex;
  readonly granted: Granted;
  /** For definitions of views; throws when it cannot. */
  readonly parse: (sql: string) => readonly Ast[];
}

/**
 * The facts of all statements of one message, in order: each sees the objects that those before it made. Where a name without a schema has more than one
 * relation on the path, the message is analysed once more for each of them.
 */
export function analyse(text: Uint8Array, statements: readonly RawStatement[], ground: Ground, context: NameContext): Analysed {
  const first = analyseAs(text, statements, ground, context);
  if (first.meanings === 1) return first;
  const others = Array.from({ length: Math.min(first.meanings, MOST_MEANINGS) - 1 }, (_, at) => analyseAs(text, statements, ground, { ...context, passedOver: at + 1 }));
  const tooMany = first.meanings > MOST_MEANINGS;
  return {
    exact: first.exact || others.some(({ exact }) => exact),
    facts: first.facts.map((facts, at) => withOthers(tooMany ? notTold(facts) : facts, others.map((other) => other.facts[at] as StatementFacts))),
  };
}

const notTold = (facts: StatementFacts): StatementFacts => ({
  ...facts,
  effects: [...facts.effects, { class: 'unknown', verb: facts.tag, why: `a name that more than ${MOST_MEANINGS} relations of the search path have` }],
});

/** Also for the statement inside of PREPARE and DECLARE, which is judged by itself later. */
function withOthers(facts: StatementFacts, others: readonly StatementFacts[]): StatementFacts {
  const own = JSON.stringify(facts);
  if (others.every((other) => JSON.stringify(other) === own)) return facts;
  const inner = facts.named?.inner;
  const named = inner && { ...facts.named, inner: withOthers(inner, others.map((other) => other.named?.inner ?? inner)) };
  return { ...facts, ...(named ? { named } : {}), otherMeanings: others };
}

interface AnalysedAs extends Analysed {
  /** Most relations that one name of it has on the path. */
  readonly meanings: number;
}

function analyseAs(text: Uint8Array, statements: readonly RawStatement[], { index, granted, parse }: Ground, context: NameContext): AnalysedAs {
  const names = new Names(index, context);
  const literals = literalStarts(text);
  const literalAt = (offset: number): number | undefined => literals.get(offset);
  let exact = false;
  const facts: StatementFacts[] = [];
  let changed = false;
  let { login } = context;
  const factsOf = (node: Ast, raw: RawStatement): StatementFacts => {
    const effects = new Effects();
    const settings: SettingChange[] = [];
    const cursors = new Set<string>();
    const around: Around = { names, login, effects, granted, settings, cursors, parse, dependsOnLiteral: () => (exact = true), literalAt, firstColumns: new WeakMap(), views: new Set() };
    const kind = statement(around, node);
    if (effects.empty) effects.add({ class: 'read', verb: kind.tag }, 'read');
    // What it creates itself is in the overlay by now, and the lineage looks at the catalog as it was before.
    const lineage = changed && !('TransactionStmt' in node) && !('VariableSetStmt' in node) ? NOT_FOLLOWED : lineageOf({ ...raw, stmt: node }, { catalog: index.catalog, names: context, text, literalAt, parse });
    const { inner } = kind.named ?? {};
    const change = statements.length === 1 && node === raw.stmt ? rowChange(around, text, node) : undefined;
    const list = effects.list();
    return {
      tag: kind.tag,
      effects: list,
      timing: effects.timing,
      transaction: kind.transaction ?? 'none',
      ...(kind.savepoint === undefined ? {} : { savepoint: kind.savepoint }),
      settings,
      ...(kind.named ? { named: { kind: kind.named.kind, ...(kind.named.name === undefined ? {} : { name: kind.named.name }), ...(inner ? { inner: factsOf(inner, raw) } : {}), ...(kind.named.held ? { held: true } : {}) } } : {}),
      ...(cursors.size > 0 ? { currentOf: [...cursors] } : {}),
      ...(kind.copy ? { copy: kind.copy } : {}),
      changesCatalog: kind.changesCatalog === true || list.some((effect) => effect.class === 'unknown' || callsUsersOwn(effect) || (effect.class === 'schema' && effect.verb === 'create')),
      ...clauses(node),
      ...(setsSecret(node) ? { hidesValue: true } : {}),
      ...(change ? { change } : {}),
      lineage,
    };
  };
  for (const raw of statements) {
    const each = factsOf(raw.stmt ?? {}, raw);
    facts.push(each);
    if (each.transaction === 'rollback' || each.transaction === 'rollback_to') names.ended(true);
    if (each.transaction === 'commit') names.ended(false);
    if (each.changesCatalog || each.settings.some(({ name }) => name === 'search_path' || name === 'role' || name === '*')) changed = true;
    const authorized = each.settings.some(({ name }) => name === 'session_authorization');
    if (authorized) login = undefined;
    // A path that was changed, or that a rollback changes back, is not known any more.
    if (authorized || each.settings.some(({ name }) => name === 'search_path' || name === '*' || name === 'role')) names.path = undefined;
  }
  return { facts, exact, meanings: names.mostMeanings };
}

/** A function that was vouched for may do anything, definitions too. */
function callsUsersOwn({ class: granted, verb, object }: Effect): boolean {
  return granted === 'write' && verb === 'call' && object?.schema !== 'pg_catalog';
}

/** Whether a query has a WHERE and a LIMIT of its own. */
function clauses(node: Ast): Pick<StatementFacts, 'clauses'> {
  const [kind, fields] = open(node);
  if (kind !== 'SelectStmt' && kind !== 'UpdateStmt' && kind !== 'DeleteStmt') return {};
  return { clauses: { where: 'whereClause' in fields, limit: 'limitCount' in fields } };
}
