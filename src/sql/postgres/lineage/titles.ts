import { embedded, list, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';

/** Names of the first columns of the subqueries that stand as a value and were analysed, by the tree of the subquery. Absent or undefined: not known. */
export type FirstColumns = WeakMap<object, string | undefined>;

/** What the server calls a column that it has no name for. */
const NAMELESS = '?column?';

/**
 * The name that the server gives a result column which has no alias (FigureColname in parse_target.c). A subquery gives the name of its column, so that
 * it has to be analysed before; undefined where that is not known.
 */
export function titleOf(node: unknown, firstColumns: FirstColumns): string | undefined {
  const figured = figure(node, firstColumns);
  return figured === undefined ? NAMELESS : figured.name;
}

/** A name, and whether a cast's type name would be less telling. */
interface Figured {
  /** Undefined: there is one, and it is not known. */
  readonly name: string | undefined;
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

function figure(node: unknown, firstColumns: FirstColumns): Figured | undefined {
  const [kind, fields] = open(node);
  switch (kind) {
    case 'ColumnRef':
      return strong(strings(list(fields, 'fields')).at(-1));
    case 'A_Indirection':
      return strong(strings(list(fields, 'indirection')).at(-1)) ?? figure(fields['arg'], firstColumns);
    case 'FuncCall':
      return strong(strings(list(fields, 'funcname')).at(-1));
    case 'A_Expr':
      return text(fields, 'kind') === 'AEXPR_NULLIF' ? strong('nullif') : undefined;
    case 'TypeCast': {
      const argument = figure(fields['arg'], firstColumns);
      if (argument?.strong) return argument;
      const type = strings(list(embedded(fields, 'typeName') ?? {}, 'names')).at(-1);
      return type === undefined ? argument : { name: type, strong: false };
    }
    case 'CollateClause':
      return figure(fields['arg'], firstColumns);
    case 'CaseExpr': {
      const other = figure(fields['defresult'], firstColumns);
      return other?.strong ? other : { name: 'case', strong: false };
    }
    case 'MinMaxExpr':
      return strong(text(fields, 'op') === 'IS_LEAST' ? 'least' : 'greatest');
    case 'SQLValueFunction':
      return strong((text(fields, 'op') ?? '').replace(/^SVFOP_/, '').replace(/_N$/, '').toLowerCase());
    case 'SubLink':
      return ofSubLink(fields, firstColumns);
    case 'XmlExpr':
      return strong(xml[text(fields, 'op') ?? '']);
    case 'JsonFuncExpr':
      return strong(json[text(fields, 'op') ?? '']);
    default:
      return strong(fixed[kind]);
  }
}

function ofSubLink(fields: Ast, firstColumns: FirstColumns): Figured | undefined {
  const type = text(fields, 'subLinkType');
  if (type === 'EXISTS_SUBLINK') return strong('exists');
  if (type === 'ARRAY_SUBLINK') return strong('array');
  // Also where that is the name of a column without one.
  return type === 'EXPR_SUBLINK' ? { name: firstColumns.get(fields['subselect'] as object), strong: true } : undefined;
}

function strong(name: string | undefined): Figured | undefined {
  return name === undefined || name === '' ? undefined : { name, strong: true };
}
