import type { Catalog } from '../sql/catalog.ts';
import type { ColumnRef, Lineage, Output, StatementFacts, UseRole } from '../sql/facts.ts';
import type { AnswerPlan, ColumnMask, DetectorMask } from './plan.ts';
import type { ProtectedColumn, Protection } from './protection.ts';
import { forbiddenSetting, measuresLog, readsStatistics } from './strict-session.ts';

/** What the masks say about one statement: why not, or how its answer is masked. Holds for every text of the same shape. */
export type StatementJudgement = { readonly kind: 'refused'; readonly reason: string; readonly mask: string } | { readonly kind: 'plan'; readonly plan: AnswerPlan };

/** What a judgement rests on beside the facts. */
export interface JudgementContext {
  readonly protection: Protection;
  readonly catalog: Catalog;
  readonly strict: boolean;
  /** Some mask names columns. */
  readonly columns: boolean;
  /** Name of the mask to blame where no single column is at fault. */
  readonly blame: string;
  readonly detect: readonly DetectorMask[];
}

/** Statements that can answer with rows whose columns their own text does not say. */
const answering: ReadonlySet<string> = new Set(['execute', 'fetch', 'call', 'select']);

const whatUse: Readonly<Record<UseRole, string>> = {
  predicate: 'is compared',
  order: 'is ordered or grouped by',
  set_operation: 'stands in a set operation',
  expression: 'stands in an expression',
  beside_unknown: 'stands in FROM beside columns whose number and names are not known; select those by name in a query inside',
  by_place: 'is found by its place, or by a NATURAL JOIN, which is another once somebody changes a table beside it; write the names of the columns',
  further_out: 'could be meant by a name that a query inside has as well; write the name of the table before it, and give each table an alias of its own',
  lateral: 'is taken into a LATERAL query, or one of IN, from outside, which can be worked out once for each value; select it outside',
  derive: 'would be stored elsewhere',
  copy: 'would be copied out',
  written: 'is written',
};

/** Judges one statement by its facts alone; what it writes is the write-back guard's. */
export function judgeStatement(facts: StatementFacts, context: JudgementContext): StatementJudgement {
  const { detect, protection } = context;
  const none: ColumnMask | undefined = undefined;
  if (!context.columns) {
    // Detectors look at what is answered, wherever it came from; nothing about the statement matters to them.
    return { kind: 'plan', plan: { pass: detect.length === 0, columns: [], detect, complete: false, protects: () => none, knows: () => true } };
  }
  const refuse = (reason: string, mask = context.blame): StatementJudgement => ({ kind: 'refused', reason, mask });
  const { lineage } = facts;
  if (!lineage.understood) return refuse(`the statement could not be followed (${lineage.why ?? 'no reason is known'})`);
  if (context.strict) {
    const reason = strictReason(facts);
    if (reason !== undefined) return refuse(reason);
  }
  const told = lineage.measured && lineage.computed?.map((column) => protection.of(column)).find((column) => column?.strict);
  if (told) return refuse(`${told.label} stands in a function whose memory EXPLAIN ANALYZE would tell`, told.mask.name);
  const use = forbiddenUse(lineage, protection);
  if (use !== undefined) return refuse(`${use.column.label} ${whatUse[use.role]}`, use.column.mask.name);
  const columns: (ColumnMask | undefined)[] = [];
  for (const output of lineage.outputs ?? []) {
    const found = strictest(output.sources, protection);
    if (found === undefined) columns.push(undefined);
    else if (output.direct) columns.push(found.mask);
    else if (output.total && !(output.sized && found.strict)) columns.push({ ...found.mask, constant: true });
    else if (found.strict) return refuse(`${found.label} stands in an expression`, found.mask.name);
    else columns.push(undefined);
  }
  const protects = (relation: number, column: number): ColumnMask | undefined => protection.at(relation, column)?.mask;
  // An answer with rows is never passed unread: its description is held against what is protected, in case the catalog has moved on.
  const returnsRows = lineage.outputs !== undefined || answering.has(facts.tag);
  const pass = detect.length === 0 && !returnsRows;
  const plan: AnswerPlan = { pass, columns, detect, complete: lineage.outputs !== undefined, protects, knows: (relation, column) => protection.knows(relation, column) };
  const { named } = facts;
  if (named?.inner !== undefined && (named.kind === 'prepare' || named.kind === 'declare')) {
    const inner = judgeStatement(named.inner, context);
    return inner.kind === 'refused' ? inner : { kind: 'plan', plan: { ...plan, inner: inner.plan } };
  }
  if (named?.kind === 'execute' || named?.kind === 'fetch') {
    return { kind: 'plan', plan: { ...plan, from: { kind: named.kind === 'execute' ? 'prepare' : 'declare', name: named.name ?? '' } } };
  }
  return { kind: 'plan', plan };
}

/** The first use that a protected column may not be put to; what says most about it goes before a mere expression. */
function forbiddenUse(lineage: Lineage, protection: Protection): { readonly column: ProtectedColumn; readonly role: UseRole } | undefined {
  let found: { readonly column: ProtectedColumn; readonly role: UseRole } | undefined;
  for (const { column, role } of lineage.uses) {
    const one = protection.of(column);
    if (one === undefined) continue;
    // What is stored or copied elsewhere leaves every mask behind, so that no mode lets it pass. Whoever can write values and
    // read their pseudonyms can make a dictionary of them.
    const forbidden = role === 'written' ? one.strict && one.mask.transform === 'hash' : one.strict || role === 'derive' || role === 'copy';
    if (!forbidden) continue;
    if (role !== 'expression') return { column: one, role };
    found ??= { column: one, role };
  }
  return found;
}

function strictReason(facts: StatementFacts): string | undefined {
  if (facts.effects.some((effect) => effect.class === 'unknown')) return 'a part of the statement is not understood';
  if (facts.tag === 'listen') return 'a notification could carry a protected value';
  if (facts.tag === 'do') return 'a code block is not analysed';
  if (facts.settings.some((setting) => forbiddenSetting(setting.name))) return 'a setting that makes the server tell more';
  if (facts.lineage.uses.some((use) => readsStatistics(use.column.schema, use.column.table))) return 'a view that holds values or statements of others';
  if (facts.lineage.uses.some((use) => measuresLog(use.column.schema, use.column.table))) return 'how much an update writes to the log tells how much of a value it leaves as it was';
  if (facts.effects.some((effect) => effect.object !== undefined && readsStatistics(effect.object.schema ?? 'pg_catalog', effect.object.name))) return 'a view that holds values or statements of others';
  return undefined;
}

/** The strictest mask among the columns behind one output. */
function strictest(sources: Output['sources'], protection: Protection): ProtectedColumn | undefined {
  let found: ProtectedColumn | undefined;
  for (const source of sources satisfies readonly ColumnRef[]) {
    const one = protection.of(source);
    if (one !== undefined) found = found === undefined ? one : protection.stricter(found, one);
  }
  return found;
}
