import type { NameContext } from '../../catalog.ts';
import type { ColumnRef, UseRole } from '../../facts.ts';
import type { Ast } from './ast.ts';
import type { Atom, Findings, Value } from './findings.ts';
import { clean, together } from './findings.ts';
import type { CatalogIndex } from './relations.ts';
import type { Columns, Scope } from './scope.ts';
import type { FirstColumns } from './titles.ts';

/** What the analysis of one statement carries along. */
export interface Analysis {
  readonly index: CatalogIndex;
  readonly names: NameContext;
  readonly found: Findings;
  /** The text, where in it the statement stands, in bytes, and the ordinal of the literal token that starts at an offset. */
  readonly text: Uint8Array;
  readonly start: number;
  readonly end: number;
  literalAt(offset: number): number | undefined;
  parse(sql: string): readonly unknown[];
  /** `$n` is a parameter of the message, and not an argument of the function whose body this is. */
  readonly parameters: boolean;
  /** The text is a view's, as the server printed it. */
  readonly printed: boolean;
  readonly firstColumns: FirstColumns;
  /** Nodes of the tree that were evaluated. */
  readonly lookedAt: WeakSet<object>;
  /** The columns of a query (a SELECT, VALUES or a writing statement with RETURNING). */
  query(node: Ast, scope: Scope): Columns;
  /** Takes what the arguments of an EXECUTE are made from. */
  execute(given: readonly (readonly Atom[])[]): void;
}

/** Records that the values' columns are used in a role, and gives back what the result of that use is made from. */
export function consume(analysis: Analysis, values: readonly Value[], role: UseRole): Value {
  const all = together(values);
  if (all.sources.length > 0) analysis.found.use(all.sources, role);
  // What is made from no column cannot tell anything, whatever makes it.
  return all.sources.length === 0 && all.atoms.length === 0 ? clean : { ...all, direct: false, total: all.sources.length === 0 };
}

/** Records that how many rows there are depends on the values, whoever looks at the columns made of them. */
export function tellsByRows(analysis: Analysis, values: readonly Value[]): void {
  for (const { sources } of values) analysis.found.use(sources, 'predicate');
}

/**
 * What follows goes by the place that each of the columns has. The place is another once somebody adds a column to a table that stands beside, or drops one, which can
 * be while the statement waits for its locks. The places in a view's text stay. Those of one table alone only move for who may define that table itself.
 */
export function byPlace(analysis: Analysis, of: Columns): void {
  if (of.opened === 'several' && !analysis.printed) for (const { sources } of everything(of)) analysis.found.use(sources, 'by_place');
}

/** Records that the statement tells how much was written to the write-ahead log, by which words or functions it may: as the view does that is there for it. */
export function measuresLog(analysis: Analysis): void {
  analysis.found.use([logView], 'expression');
}

const logView: ColumnRef = { relation: 0, number: 0, schema: 'pg_catalog', table: 'pg_stat_wal', column: '*' };

/** Records that literals and parameters among the values meet the columns among them. */
export function meet(analysis: Analysis, values: readonly Value[]): void {
  const { atoms, sources } = together(values);
  if (atoms.length > 0 && sources.length > 0) analysis.found.meet(atoms, sources, 'compared');
}

/** A value is stored in a column. */
export function write(analysis: Analysis, column: ColumnRef, value: Value): void {
  analysis.found.use([column], 'written');
  consume(analysis, [value], 'derive');
  if (value.word) analysis.found.assign(value.word, column);
  if (value.atoms.length > 0) analysis.found.meet(value.atoms, [column], 'written');
}

/**
 * The columns of a query are worked out, whether somebody sees them or not: what a view makes of a column by more than total functions fails or does not. An expression
 * of the statement's own has taken note of that already.
 */
export function workedOut(analysis: Analysis, of: Columns): void {
  for (const { sources, direct, total, several } of everything(of)) if (!direct && (!total || several === 'sized')) analysis.found.use(sources, 'expression');
}

/** All columns of a query in one value. */
export function everything(of: Columns): Value[] {
  const values = of.columns.map((column) => column.value);
  if (of.rest !== undefined) values.push(of.rest);
  return values;
}

/** All literal tokens of the statement. */
export function allLiterals(analysis: Analysis): Atom[] {
  const atoms: Atom[] = [];
  for (let offset = analysis.start; offset < analysis.end; offset++) {
    const index = analysis.literalAt(offset);
    if (index !== undefined) atoms.push({ kind: 'literal', index });
  }
  return atoms;
}

const minus = 0x2d;
const plus = 0x2b;

/** The literal of a constant that stands at an offset: its token, or the number behind a sign, which the tree takes for a part of it. */
export function literalFrom(analysis: Analysis, offset: number): Atom[] {
  const sign = analysis.text[offset];
  const until = sign === minus || sign === plus ? analysis.end : offset + 1;
  for (let at = offset; at < until; at++) {
    const index = analysis.literalAt(at);
    if (index !== undefined) return [{ kind: 'literal', index }];
  }
  // A word that the grammar turns into a constant: the field of EXTRACT.
  return [];
}

/** The first literal token at or behind an offset. */
export function literalBehind(analysis: Analysis, offset: number): Atom[] {
  for (let at = offset; at < analysis.end; at++) {
    const index = analysis.literalAt(at);
    if (index !== undefined) return [{ kind: 'literal', index }];
  }
  return [];
}
