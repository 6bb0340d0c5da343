import type { Column } from '../catalog.ts';
import type { ColumnRef, CopyFacts } from '../facts.ts';
import type { Around } from './around.ts';
import { list, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { expression } from './expressions.ts';
import { from } from './from.ts';
import { query } from './query.ts';
import { NOT_IN_CATALOG, objectOf, rangeOf, readRelation, resolve, target, writeRelation } from './relations.ts';
import { scopeIn } from './scope.ts';

/** The value of an option of COPY, EXPLAIN, VACUUM and the like: words and literals look alike in the tree. */
export function optionText(around: Around, option: Ast): string | undefined {
  if (!('arg' in option)) return undefined;
  around.dependsOnLiteral();
  const [kind, value] = open(option['arg']);
  if (kind === 'String') return text(value, 'sval') ?? '';
  if (kind === 'Integer') return `${typeof value['ival'] === 'number' ? value['ival'] : 0}`;
  if (kind === 'Boolean') return value['boolval'] === true ? 'true' : 'false';
  return undefined;
}

/** The options of a list of DefElem, by name; the last of one name wins where the server lets it. */
export function options(nodes: readonly Ast[]): ReadonlyMap<string, Ast> {
  const found = new Map<string, Ast>();
  for (const node of nodes) {
    const [kind, fields] = open(node);
    if (kind === 'DefElem') found.set(text(fields, 'defname') ?? '', fields);
  }
  return found;
}

/** COPY. With the client it is reading or inserting; with a file or program of the server it is class admin. */
export function copy(around: Around, fields: Ast): CopyFacts | undefined {
  const { effects } = around;
  const into = fields['is_from'] === true;
  const range = rangeOf(fields, 'relation');
  const columns = strings(list(fields, 'attlist'));
  const known = 'relation' in fields ? resolve(around, range) : undefined;
  if ('query' in fields) query(around, fields['query'], undefined);
  else if (into) {
    const write = writeRelation(around, range, 'insert');
    for (const column of columns.length === 0 ? ['*'] : columns) write(column);
    const scope = scopeIn(undefined);
    if ('whereClause' in fields) {
      from(around, { RangeVar: range }, scope);
      expression(around, fields['whereClause'], scope);
    }
  } else if (known) {
    const read = readRelation(around, known);
    for (const column of columns.length === 0 ? ['*'] : columns) read(column);
  } else effects.unknown('copy', NOT_IN_CATALOG, target(around, range));
  const withServer = fields['is_program'] === true || 'filename' in fields;
  if (withServer) {
    const kind = fields['is_program'] === true ? 'program' : 'file';
    effects.add({ class: 'admin', verb: 'copy', object: { kind, name: '*' }, why: `COPY with a ${kind} of the server` }, 'immediate');
    return undefined;
  }
  const object = known && objectOf(known);
  // Its own verb, so that rules can tell bulk transfer from a query.
  const growing = effects.add({ class: into ? 'write' : 'read', verb: 'copy', ...(object ? { object } : {}) }, into ? 'transactional' : 'read');
  if (object) for (const column of columns) growing.columns.add(column);
  return { direction: into ? 'in' : 'out', ...formatOf(around, list(fields, 'options')), columns: columnsOf(known?.relation, columns) };
}

function columnsOf(relation: { readonly oid: number; readonly schema: string; readonly name: string; readonly columns: readonly Column[] } | undefined, named: readonly string[]): readonly ColumnRef[] {
  if (!relation) return [];
  const refer = ({ name, number }: Column): ColumnRef => ({ relation: relation.oid, number, schema: relation.schema, table: relation.name, column: name });
  if (named.length === 0) return relation.columns.filter(({ generated }) => generated !== true).map(refer);
  const found = named.map((name) => relation.columns.find((each) => each.name === name));
  return found.every((each) => each !== undefined) ? found.map(refer) : [];
}

function formatOf(around: Around, nodes: readonly Ast[]): Omit<CopyFacts, 'direction' | 'columns'> {
  const given = options(nodes);
  const value = (name: string): string | undefined => {
    const option = given.get(name);
    return option && optionText(around, option);
  };
  const written = value('format');
  const format = written === 'csv' || written === 'binary' ? written : 'text';
  const header = given.has('header') ? !/^(?:false|off|0)$/i.test(value('header') ?? 'true') : undefined;
  const delimiter = value('delimiter');
  const nullString = value('null');
  const quote = value('quote');
  const escape = value('escape');
  return {
    format,
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(nullString === undefined ? {} : { nullString }),
    ...(header === undefined ? {} : { header }),
    ...(quote === undefined ? {} : { quote }),
    ...(escape === undefined ? {} : { escape }),
  };
}
