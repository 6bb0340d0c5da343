import type { MaskConfig } from '../config/resolved.ts';
import type { Catalog, Column, Relation } from '../sql/catalog.ts';
import type { ColumnRef } from '../sql/facts.ts';
import type { HashKey } from './hash-key.ts';
import { columnPattern } from './patterns.ts';
import type { ColumnPattern } from './patterns.ts';
import type { ColumnMask } from './plan.ts';
import { firstNormalOid } from './oids.ts';
import type { ProtectionMemory } from './protection-memory.ts';
import { wins } from './strictness.ts';

/** How one column is protected. */
export interface ProtectedColumn {
  readonly mask: ColumnMask;
  /** Some mask of the column is strict. */
  readonly strict: boolean;
  /** The column itself, for messages. */
  readonly label: string;
  /** Type OID; 0 when it is not known. */
  readonly type: number;
}

/** The protected columns of one catalog. */
export interface Protection {
  /** By identity, as RowDescription gives it. */
  at(relation: number, column: number): ProtectedColumn | undefined;
  /** By identity; a column whose relation is unknown, by name. One that has gone since it was looked up, as a cursor may still hold it, by its name then and by what was protected before. */
  of(column: ColumnRef): ProtectedColumn | undefined;
  /** The catalog has the column, or its relation is the server's own. A number that is not positive stands for no column of a table's own. */
  knows(relation: number, column: number): boolean;
  /** Both at once: the transform that wins, strict if either is. */
  stricter(one: ProtectedColumn, other: ProtectedColumn): ProtectedColumn;
  /** Patterns that match no column: nothing is protected by them. */
  readonly unmatched: readonly string[];
}

/** One pattern of one mask. */
export interface ColumnRule {
  readonly pattern: ColumnPattern;
  readonly mask: ColumnMask;
  readonly strict: boolean;
}

/** Compiles the column patterns of masks. Throws when one is malformed. */
export function columnRules(masks: readonly MaskConfig[], key: HashKey): readonly ColumnRule[] {
  return masks.flatMap((mask) =>
    mask.columns.map((text) => ({ pattern: columnPattern(text), mask: { name: mask.name, transform: mask.transform, key }, strict: mask.mode === 'strict' })),
  );
}

function join(one: ProtectedColumn | undefined, mask: ColumnMask, strict: boolean, label: string, type: number): ProtectedColumn {
  if (one === undefined) return { mask, strict, label, type };
  return { mask: wins(mask.transform, one.mask.transform) ? mask : one.mask, strict: strict || one.strict, label: one.label, type: one.type };
}

/** Finds the protected columns of a catalog: by name, by what was protected before, and along inheritance and partitioning. */
export function protectionOf(rules: readonly ColumnRule[], catalog: Catalog, memory: ProtectionMemory): Protection {
  const byRelation = new Map<number, Map<number, ProtectedColumn>>();
  const byOid = new Map(catalog.relations.map((relation) => [relation.oid, relation]));
  const matched = new Set<string>();
  const family = descendants(catalog);
  const known = memory.on(catalog);
  const done = new Map<ColumnRule, Set<Column>>(rules.map((rule) => [rule, new Set<Column>()]));
  const protect = (rule: ColumnRule, relation: Relation, column: Column): void => {
    // A child of several parents leads on from one to the other.
    const before = done.get(rule)!;
    if (before.has(column)) return;
    before.add(column);
    known.remember(rule.pattern.text, relation.oid, column.number);
    let columns = byRelation.get(relation.oid);
    if (columns === undefined) byRelation.set(relation.oid, (columns = new Map<number, ProtectedColumn>()));
    columns.set(column.number, join(columns.get(column.number), rule.mask, rule.strict, `${relation.schema}.${relation.name}.${column.name}`, column.type));
    // A row of a child shows through its parents, and a parent's rows may be any child's.
    for (const oid of [...family(relation.oid), ...ancestors(byOid, relation)]) {
      const other = byOid.get(oid);
      const same = other?.columns.find((each) => each.name === column.name);
      if (other !== undefined && same !== undefined) protect(rule, other, same);
    }
  };
  for (const relation of catalog.relations) {
    for (const column of relation.columns) {
      for (const rule of rules) {
        const byName = rule.pattern.matches(relation.schema, relation.name, column.name);
        if (!byName && !known.has(rule.pattern.text, relation.oid, column.number)) continue;
        matched.add(rule.pattern.text);
        protect(rule, relation, column);
      }
    }
  }
  known.keep();
  const byName = new Map<string, ProtectedColumn | undefined>();
  const named = (column: ColumnRef): ProtectedColumn | undefined => {
    const label = `${column.schema}.${column.table}.${column.column}`;
    if (!byName.has(label)) {
      let found: ProtectedColumn | undefined;
      for (const rule of rules) if (rule.pattern.matches(column.schema, column.table, column.column)) found = join(found, rule.mask, rule.strict, label, 0);
      byName.set(label, found);
    }
    return byName.get(label);
  };
  // Asked for each column of an answer: tables can have many.
  const numbers = new Map<number, ReadonlySet<number>>();
  const knows = (relation: number, column: number): boolean => {
    const has = numbers.get(relation) ?? new Set(byOid.get(relation)?.columns.map(({ number }) => number));
    numbers.set(relation, has);
    return byOid.has(relation) && (column <= 0 || has.has(column));
  };
  /** Dropped since. */
  const gone = (column: ColumnRef): ProtectedColumn | undefined => {
    let found = named(column);
    for (const rule of rules) if (known.has(rule.pattern.text, column.relation, column.number)) found = join(found, rule.mask, rule.strict, `${column.schema}.${column.table}.${column.column}`, 0);
    return found;
  };
  const present = (column: ColumnRef): ProtectedColumn | undefined => byRelation.get(column.relation)?.get(column.number) ?? (column.relation < firstNormalOid || knows(column.relation, column.number) ? undefined : gone(column));
  return {
    at: (relation, column) => byRelation.get(relation)?.get(column),
    // `*` with number 0 is a whole relation of the system, and not a column.
    of: (column) => (column.relation === 0 ? (column.column === '*' ? undefined : named(column)) : present(column)),
    knows: (relation, column) => relation < firstNormalOid || knows(relation, column),
    stricter: (one, other) => join(one, other.mask, other.strict, other.label, other.type),
    unmatched: [...new Set(rules.map((rule) => rule.pattern.text))].filter((text) => !matched.has(text)),
  };
}

function ancestors(byOid: ReadonlyMap<number, Relation>, relation: Relation): Set<number> {
  const found = new Set<number>();
  const open = [...(relation.parents ?? [])];
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    if (found.has(oid)) continue;
    found.add(oid);
    open.push(...(byOid.get(oid)?.parents ?? []));
  }
  return found;
}

function descendants(catalog: Catalog): (relation: number) => Set<number> {
  const children = new Map<number, number[]>();
  for (const relation of catalog.relations) {
    for (const parent of relation.parents ?? []) {
      const known = children.get(parent);
      if (known === undefined) children.set(parent, [relation.oid]);
      else known.push(relation.oid);
    }
  }
  return (relation) => {
    const found = new Set<number>();
    const open = [...(children.get(relation) ?? [])];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (found.has(oid)) continue;
      found.add(oid);
      open.push(...(children.get(oid) ?? []));
    }
    return found;
  };
}
