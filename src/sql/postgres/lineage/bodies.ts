import { allLiterals, consume, everything, literalBehind, literalFrom } from './analysis.ts';
import type { Analysis } from './analysis.ts';
import { embedded, list, offset, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { evaluate } from './expressions.ts';
import { clean, Findings, NotUnderstood } from './findings.ts';
import { holdsRows } from './row-types.ts';
import { part } from './scope.ts';
import type { Scope } from './scope.ts';

const noText = new Uint8Array(0);

/** Parameters that hold what the function makes. */
const results: ReadonlySet<string> = new Set(['FUNC_PARAM_OUT', 'FUNC_PARAM_TABLE']);

/** Notes which literals hold code, and which the values of settings, of CREATE FUNCTION, ALTER FUNCTION and DO: neither is recorded as it stands. */
export function literalsOfCode(analysis: Analysis, fields: Ast): void {
  if (fields['sql_body'] !== undefined) analysis.found.secret(allLiterals(analysis));
  for (const node of [...list(fields, 'options'), ...list(fields, 'args'), ...list(fields, 'actions')]) {
    const [kind, option] = open(node);
    if (kind !== 'DefElem') continue;
    if (text(option, 'defname') === 'as') analysis.found.code(literalBehind(analysis, offset(option)));
    const [setting, given] = open(option['arg']);
    if (setting === 'VariableSetStmt') for (const value of list(given, 'args')) analysis.found.secret(literalFrom(analysis, offset(open(value)[1])));
  }
}

/** The body of a function or procedure: SQL is analysed, and every column it touches is derived from; any other language is not understood. */
export function functionBody(analysis: Analysis, fields: Ast): void {
  literalsOfCode(analysis, fields);
  const options = list(fields, 'options').map((node) => open(node)[1]);
  const option = (name: string): unknown => options.find((each) => text(each, 'defname') === name)?.['arg'];
  const languageNode = option('language');
  const language = languageNode === undefined ? 'sql' : text(open(languageNode)[1], 'sval');
  if (language?.toLowerCase() !== 'sql') throw new NotUnderstood('a function body in a language that is not SQL');
  for (const node of list(fields, 'parameters')) {
    const [, parameter] = open(node);
    holdsRows(analysis, embedded(parameter, 'argType') ?? {}, results.has(text(parameter, 'mode') ?? ''));
  }
  holdsRows(analysis, embedded(fields, 'returnType') ?? {}, true);
  const scope = parameters(list(fields, 'parameters'), strings(list(fields, 'funcname')).at(-1) ?? '');
  const found = new Findings();
  const inside: Analysis = { ...analysis, found, parameters: false };
  for (const node of list(fields, 'parameters')) {
    const [, parameter] = open(node);
    if (parameter['defexpr'] !== undefined) evaluate(inside, { parts: [], ctes: new Map() }, parameter['defexpr']);
  }
  if (fields['sql_body'] !== undefined) {
    run(inside, scope, fields['sql_body']);
  } else {
    const source = strings(list({ as: option('as') }, 'as'))[0];
    if (source === undefined) throw new NotUnderstood('a function without a body');
    // Its literals are inside the one literal of this statement.
    const own: Analysis = { ...inside, text: noText, start: 0, end: 0, literalAt: () => undefined };
    for (const node of analysis.parse(source)) run(own, scope, (node as Ast)['stmt'] ?? node);
  }
  if (found.doubted !== undefined) analysis.found.doubt(found.doubted);
  for (const { column } of found.uses()) analysis.found.use([column], 'derive');
}

/** The names of the parameters, with and without the function's name before them: they hold what the caller gives. */
function parameters(nodes: readonly Ast[], name: string): Scope {
  const columns = nodes.flatMap((node) => {
    const parameter = text(open(node)[1], 'name');
    return parameter === undefined ? [] : [{ name: parameter, value: clean }];
  });
  return { parts: [part({ alias: name, columns, relation: false })], ctes: new Map() };
}

function run(inside: Analysis, scope: Scope, node: unknown): void {
  const [kind, fields] = open(node);
  if (kind === 'List') {
    for (const each of list(fields, 'items')) run(inside, scope, each);
  } else if (kind === 'ReturnStmt') {
    consume(inside, [evaluate(inside, scope, fields['returnval'])], 'derive');
  } else if (kind === 'SelectStmt' || kind === 'InsertStmt' || kind === 'UpdateStmt' || kind === 'DeleteStmt' || kind === 'MergeStmt') {
    consume(inside, everything(inside.query(node as Ast, scope)), 'derive');
  } else {
    throw new NotUnderstood('a function body with a statement that is not a query');
  }
}
