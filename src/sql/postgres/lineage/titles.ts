import { embedded, list, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';

/** The name that the server gives a result column which has no alias (FigureColname in parse_target.c). */
export function titleOf(node: unknown): string {
  return figure(node)?.name ?? '?column?';
}

/** A name, and whether a cast's type name would be less telling. */
interface Figured {
  readonly name: string;
  readonly strong: boolean;
}

const fixed: Readonly<Record<string, string>> = {
  A_ArrayExpr: 'array', RowExpr: 'row', CoalesceExpr: 'coalesce', MergeSupportFunc: 'merge_action', GroupingFunc: 'grouping', XmlSerialize: 'xmlserialize',
  JsonParseExpr: 'json', JsonScalarExpr: 'json_scalar', JsonSerializeExpr: 'json_serialize', JsonObjectConstructor: 'json_object',
  JsonArrayConstructor: 'json_array', JsonArrayQueryConstructor: 'json_array', JsonObjectAgg: 'json_objectagg', JsonArrayAgg: 'json_arrayagg',
};
const xml: Readonly<Record<string, string>> = {
  IS_XMLCONCAT: 'xmlconcat', IS_XMLELEMENT: 'xmlelement', IS_XMLFOREST: 'xmlforest', IS_XMLPARSE: 'xmlparse', IS_XMLPI: 'xmlpi', IS_XMLROOT: 'xmlroot', IS_XMLSERIALIZE: 'xmlserialize',
};
const json: Readonly<Record<string, string>> = { JSON_EXISTS_OP: 'json_exists', JSON_QUERY_OP: 'json_query', JSON_VALUE_OP: 'json_value' };

function figure(node: unknown): Figured | undefined {
  const [kind, fields] = open(node);
  switch (kind) {
    case 'ColumnRef':
      return strong(strings(list(fields, 'fields')).at(-1));
    case 'A_Indirection':
      return strong(strings(list(fields, 'indirection')).at(-1)) ?? figure(fields['arg']);
    case 'FuncCall':
      return strong(strings(list(fields, 'funcname')).at(-1));
    case 'A_Expr':
      return text(fields, 'kind') === 'AEXPR_NULLIF' ? strong('nullif') : undefined;
    case 'TypeCast': {
      const argument = figure(fields['arg']);
      if (argument?.strong) return argument;
      const type = strings(list(embedded(fields, 'typeName') ?? {}, 'names')).at(-1);
      return type === undefined ? argument : { name: type, strong: false };
    }
    case 'CollateClause':
      return figure(fields['arg']);
    case 'CaseExpr': {
      const other = figure(fields['defresult']);
      return other?.strong ? other : { name: 'case', strong: false };
    }
    case 'MinMaxExpr':
      return strong(text(fields, 'op') === 'IS_LEAST' ? 'least' : 'greatest');
    case 'SQLValueFunction':
      return strong((text(fields, 'op') ?? '').replace(/^SVFOP_/, '').replace(/_N$/, '').toLowerCase());
    case 'SubLink':
      return ofSubLink(fields);
    case 'XmlExpr':
      return strong(xml[text(fields, 'op') ?? '']);
    case 'JsonFuncExpr':
      return strong(json[text(fields, 'op') ?? '']);
    default:
      return strong(fixed[kind]);
  }
}

function ofSubLink(fields: Ast): Figured | undefined {
  const type = text(fields, 'subLinkType');
  if (type === 'EXISTS_SUBLINK') return strong('exists');
  if (type === 'ARRAY_SUBLINK') return strong('array');
  if (type !== 'EXPR_SUBLINK') return undefined;
  let query = embedded(embedded(fields, 'subselect') ?? {}, 'SelectStmt');
  // Of a set operation the leftmost query names the columns.
  for (let left = query && embedded(query, 'larg'); left !== undefined; left = embedded(left, 'larg')) query = left;
  const first = query && list(query, 'targetList')[0];
  if (first === undefined) return query !== undefined && list(query, 'valuesLists').length > 0 ? strong('column1') : undefined;
  const [, target] = open(first);
  const name = text(target, 'name');
  return name === undefined ? figure(target['val']) : strong(name);
}

function strong(name: string | undefined): Figured | undefined {
  return name === undefined || name === '' ? undefined : { name, strong: true };
}
