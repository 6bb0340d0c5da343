import type { Relation } from '../../catalog.ts';
import { namesInside } from '../names.ts';
import type { Analysis } from './analysis.ts';
import { open } from './ast.ts';
import type { Ast } from './ast.ts';
import { Findings, NotUnderstood } from './findings.ts';
import { nothingForgotten } from './looked-at.ts';
import type { Expanded } from './relations.ts';
import type { Named } from './scope.ts';

/**
 * A view's columns, with the base columns behind them followed through its definition.
 * What its body compares, orders by or combines with set operations counts as used by the statement that reads the view;
 * what its expressions are made from counts only through the columns that the statement takes from it.
 */
export function viewColumns(analysis: Analysis, view: Relation): readonly Named[] {
  const { index } = analysis;
  if (index.views.has(view)) {
    const known = index.views.get(view);
    if (known === undefined) throw new NotUnderstood('a view that reads itself');
    if (known instanceof NotUnderstood) throw known;
    return report(analysis, known);
  }
  index.views.set(view, undefined);
  try {
    const expanded = expand(analysis, view);
    index.views.set(view, expanded);
    return report(analysis, expanded);
  } catch (error) {
    const failure = error instanceof NotUnderstood ? error : new NotUnderstood('a view whose definition could not be analysed');
    index.views.set(view, failure);
    throw failure;
  }
}

function report(analysis: Analysis, expanded: Expanded): readonly Named[] {
  for (const { column, role } of expanded.uses) analysis.found.use([column], role);
  return expanded.columns;
}

const noText = new Uint8Array(0);

function expand(analysis: Analysis, view: Relation): Expanded {
  if (view.definition === undefined) throw new NotUnderstood('a view without a definition in the catalog');
  const statements = analysis.parse(view.definition);
  if (statements.length !== 1) throw new NotUnderstood('a view whose definition does not parse');
  const first = statements[0] as Ast;
  const statement = 'stmt' in first ? first['stmt'] : first;
  if (open(statement)[0] !== 'SelectStmt') throw new NotUnderstood('a view whose definition is not a query');
  const found = new Findings();
  const body: Analysis = { ...analysis, names: namesInside(view), found, text: noText, start: 0, end: 0, literalAt: () => undefined, parameters: false, printed: true };
  const result = body.query(statement as Ast, { parts: [], ctes: new Map() });
  nothingForgotten(body, statement);
  if (found.doubted !== undefined) throw new NotUnderstood(found.doubted);
  const own = analysis.index.own(view);
  if (result.rest !== undefined ? result.columns.length > 0 : result.columns.length !== own.length) throw new NotUnderstood('a view whose definition does not fit its columns');
  const columns = own.map((column, at): Named => {
    const value = result.rest ?? result.columns[at]!.value;
    return { name: column.column, value: { ...value, sources: [column, ...value.sources] } };
  });
  return { columns, uses: found.uses().filter((use) => use.role !== 'expression') };
}
