import type { Around } from './around.ts';
import { embedded, list, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { expression, inside, operator } from './expressions.ts';
import { query } from './query.ts';
import { namedObject, NOT_IN_CATALOG, readRelation, resolve } from './relations.ts';
import { cte, hasColumn } from './scope.ts';
import type { Item, Scope } from './scope.ts';

const SAMPLING: ReadonlySet<string> = new Set(['system', 'bernoulli']);
const nothing = (): void => undefined;

/** Notes what one item of FROM reads, and adds it to the names of its level. */
export function from(around: Around, node: Ast, scope: Scope): void {
  const [kind, fields] = open(node);
  switch (kind) {
    case 'RangeVar':
      scope.items.push(table(around, fields, scope));
      return;
    case 'RangeSubselect': {
      const columns = query(around, fields['subquery'], scope);
      scope.items.push(derived(fields, columns));
      return;
    }
    case 'JoinExpr':
      join(around, fields, scope);
      return;
    case 'RangeFunction': {
      expression(around, list(fields, 'functions'), scope);
      expression(around, list(fields, 'coldeflist'), scope);
      scope.items.push(derived(fields, undefined));
      return;
    }
    case 'RangeTableSample': {
      const method = strings(list(fields, 'method')).at(-1) ?? '';
      if (!SAMPLING.has(method)) around.effects.unknown('sample', 'a sampling method outside pg_catalog');
      from(around, fields['relation'] as Ast, scope);
      expression(around, list(fields, 'args'), scope);
      expression(around, fields['repeatable'], scope);
      return;
    }
    case 'RangeTableFunc':
    case 'JsonTable':
      inside(around, fields, scope);
      scope.items.push(derived(fields, undefined));
      return;
    default:
      around.effects.unknown('select', `something in FROM of a kind that is not known (${kind})`);
  }
}

/** A table, view or common table expression in FROM. */
function table(around: Around, range: Ast, scope: Scope): Item {
  const name = text(range, 'relname') ?? '';
  const schema = text(range, 'schemaname');
  const alias = embedded(range, 'alias');
  const called = (alias && text(alias, 'aliasname')) ?? name;
  const common = schema === undefined ? cte(scope, name) : undefined;
  if (common) return derived(range, common.columns, called);
  const known = resolve(around, range);
  if (known === undefined) {
    const object = namedObject(range, 'table');
    around.effects.unknown('select', NOT_IN_CATALOG, object);
    const growing = around.effects.add({ class: 'read', verb: 'select', object }, 'read');
    return { name: called, columns: undefined, read: (column) => void growing.columns.add(column), ...(schema === undefined ? {} : { schema }) };
  }
  const read = readRelation(around, known);
  const renamed = alias ? strings(list(alias, 'colnames')) : [];
  const { columns } = known;
  const shown = columns === undefined || renamed.length === 0 ? columns : [...renamed, ...columns.slice(renamed.length)];
  const real = (column: string): string => {
    const at = renamed.indexOf(column);
    return at < 0 ? column : (columns?.[at] ?? '*');
  };
  return { name: called, columns: shown, read: (column) => read(real(column)), schema: known.schema };
}

/** An item whose columns come from inside it: what it reads was noted there. */
function derived(fields: Ast, columns: readonly string[] | undefined, name?: string): Item {
  const alias = embedded(fields, 'alias');
  const renamed = alias ? strings(list(alias, 'colnames')) : [];
  return {
    name: (alias && text(alias, 'aliasname')) ?? name,
    columns: columns === undefined ? undefined : [...renamed, ...columns.slice(renamed.length)],
    read: nothing,
  };
}

function join(around: Around, fields: Ast, scope: Scope): void {
  const before = scope.items.length;
  from(around, fields['larg'] as Ast, scope);
  const middle = scope.items.length;
  from(around, fields['rarg'] as Ast, scope);
  const left = scope.items.slice(before, middle);
  const right = scope.items.slice(middle);
  const using = strings(list(fields, 'usingClause'));
  if (using.length > 0 || fields['isNatural'] === true) operator(around, undefined, '=');
  for (const column of using) for (const item of [...left, ...right]) if (item.columns === undefined || hasColumn(item, column)) item.read(column);
  if (fields['isNatural'] === true) natural(left, right);
  expression(around, fields['quals'], scope);
  const alias = embedded(fields, 'alias') ?? embedded(fields, 'join_using_alias');
  if (!alias) return;
  const members = [...left, ...right];
  const all = members.every((item) => item.columns !== undefined) ? members.flatMap((item) => item.columns ?? []) : undefined;
  const renamed = strings(list(alias, 'colnames'));
  scope.items.push({
    name: text(alias, 'aliasname'),
    columns: all === undefined ? undefined : [...renamed, ...all],
    read: (column) => {
      const at = renamed.indexOf(column);
      const real = at < 0 ? column : (all?.[at] ?? '*');
      for (const item of members) if (real === '*' || item.columns === undefined || hasColumn(item, real)) item.read(real);
    },
  });
}

/** NATURAL compares the columns that both sides have. */
function natural(left: readonly Item[], right: readonly Item[]): void {
  const names = (items: readonly Item[]): readonly string[] => items.flatMap((item) => item.columns ?? []);
  const unsure = [...left, ...right].some((item) => item.columns === undefined);
  const onRight = new Set(names(right));
  const shared = new Set(unsure ? ['*'] : names(left).filter((column) => onRight.has(column)));
  for (const item of [...left, ...right]) for (const column of shared) if (column === '*' || hasColumn(item, column)) item.read(column);
}

