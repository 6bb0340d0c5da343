import type { Catalog, NameContext } from '../../catalog.ts';
import type { Lineage, Output } from '../../facts.ts';
import type { Analysis } from './analysis.ts';
import { everything, literalFrom } from './analysis.ts';
import { list, offset, strings } from './ast.ts';
import type { Ast } from './ast.ts';
import { Findings, NotUnderstood } from './findings.ts';
import type { Atom } from './findings.ts';
import { secretsAmong } from './functions.ts';
import { indexOf, isSystemSchema } from './relations.ts';
import type { Columns } from './scope.ts';
import { queryOf, statement } from './statements.ts';

/** What the analysis of a statement needs from around it. */
export interface LineageContext {
  readonly catalog: Catalog;
  readonly names: NameContext;
  /** The message's text; the tree's locations are byte offsets in it. */
  readonly text: Uint8Array;
  /** The ordinal, in the lexer's list, of the literal token that starts at a byte offset. */
  literalAt(offset: number): number | undefined;
  /** Parses a view's definition or a function's body: one node for each statement. Throws when it does not parse. */
  parse(sql: string): readonly unknown[];
}

/**
 * Where the values of one statement come from and go to.
 * `node` is libpg-query's tree of one statement, with or without its RawStmt around it.
 * Never throws: what it cannot follow is `understood: false`, with the reason; uses and operands then hold what was found
 * until there and prove nothing.
 */
export function lineageOf(node: unknown, context: LineageContext): Lineage {
  const raw = node as Ast;
  const start = Number(raw['stmt_location'] ?? 0);
  const length = Number(raw['stmt_len'] ?? 0);
  const found = new Findings();
  let given: readonly (readonly Atom[])[] | undefined;
  const analysis: Analysis = {
    index: indexOf(context.catalog),
    names: context.names,
    found,
    text: context.text,
    start,
    end: length === 0 ? context.text.length : start + length,
    literalAt: (offset) => context.literalAt(offset),
    parse: (sql) => context.parse(sql),
    parameters: true,
    printed: false,
    firstColumns: new WeakMap(),
    lookedAt: new WeakSet(),
    query(tree, scope) {
      return queryOf(this, tree, scope);
    },
    execute(atoms) {
      given = atoms;
    },
  };
  try {
    const result = statement(analysis, raw['stmt'] ?? node);
    if (found.doubted !== undefined) throw new NotUnderstood(found.doubted);
    const nulled = found.assigned('null');
    const falsified = found.assigned('false');
    const computed = found.computed();
    return {
      understood: true,
      uses: found.uses(),
      operands: found.operands(),
      ...(nulled.length === 0 ? {} : { nulled }),
      ...(falsified.length === 0 ? {} : { falsified }),
      ...(computed.length === 0 ? {} : { computed }),
      ...(found.measured ? { measured: true as const } : {}),
      ...(result === undefined ? {} : outputsOf(result)),
      ...(given === undefined ? {} : { arguments: given }),
    };
  } catch (error) {
    // A RangeError is a tree too deep for the stack; anything else is a shape of tree that this code does not know.
    secretsIn(analysis, raw);
    const why = error instanceof NotUnderstood ? error.message : 'the statement could not be analysed';
    return { understood: false, why, uses: found.uses(), operands: found.operands() };
  }
}

/** Finds keys and passwords in calls anywhere in a tree that was not followed to its end, so that records do not hold them. */
function secretsIn(analysis: Analysis, tree: unknown): void {
  const open: unknown[] = [tree];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    for (const value of Object.values(node) as unknown[]) open.push(value);
    const call = (node as Ast)['FuncCall'] as Ast | undefined;
    if (call === undefined) continue;
    const secret: unknown[] = [...secretsAmong(strings(list(call, 'funcname')).at(-1) ?? '', list(call, 'args'), list(call, 'args'))];
    for (let inside = secret.pop(); inside !== undefined; inside = secret.pop()) {
      if (typeof inside !== 'object' || inside === null) continue;
      const constant = (inside as Ast)['A_Const'] as Ast | undefined;
      const parameter = (inside as Ast)['ParamRef'] as Ast | undefined;
      if (constant !== undefined) analysis.found.secret(literalFrom(analysis, offset(constant)));
      else if (parameter !== undefined) analysis.found.secret([{ kind: 'parameter', index: Number(parameter['number'] ?? 0) }]);
      else for (const value of Object.values(inside) as unknown[]) secret.push(value);
    }
  }
}

function outputsOf(result: Columns): { outputs?: readonly Output[] } {
  if (result.rest !== undefined) {
    // Columns of unknown number: nothing can be planned for them, so none may come from a user's column.
    const user = everything(result).some((value) => value.sources.some((source) => !isSystemSchema(source.schema)));
    if (user) throw new NotUnderstood('columns of unknown number');
    return {};
  }
  return { outputs: result.columns.map(({ name, value }) => ({ name, sources: value.sources, direct: value.direct && value.sources.length > 0, total: value.total, ...(value.several === 'sized' ? { sized: true } : {}) })) };
}
