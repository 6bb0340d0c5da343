import type { Catalog, NameContext, Relation } from '../../catalog.ts';
import type { ColumnRef, ColumnUse } from '../../facts.ts';
import { NotUnderstood } from './findings.ts';
import type { Value } from './findings.ts';
import type { Named } from './scope.ts';

/** A relation that a name stands for. */
export type Resolved =
  | { readonly kind: 'relation'; readonly relation: Relation }
  /** One of the system's own that the snapshot does not list: its columns are unknown, and hold no user column. */
  | { readonly kind: 'system'; readonly schema: string; readonly name: string };

/** A view's columns and what its body does with columns besides passing them on. */
export interface Expanded {
  readonly columns: readonly Named[];
  readonly uses: readonly ColumnUse[];
}

const systemSchemas: ReadonlySet<string> = new Set(['pg_catalog', 'information_schema', 'pg_toast']);

/** OIDs of the ranges and multiranges of pg_catalog (pg_type.dat). */
const systemRanges: ReadonlySet<number> = new Set([3904, 3906, 3908, 3910, 3912, 3926, 4451, 4532, 4533, 4534, 4535, 4536]);
/** FirstNormalObjectId in transam.h. */
const firstNormalOid = 16_384;

export function isSystemSchema(schema: string): boolean {
  return systemSchemas.has(schema);
}

/** One catalog, arranged for look-ups; lives as long as the catalog does. */
export class CatalogIndex {
  readonly catalog: Catalog;
  readonly #byOid = new Map<number, Relation>();
  readonly #byName = new Map<string, Relation>();
  readonly #byBareName = new Map<string, Relation[]>();
  readonly #functions = new Set<string>();
  readonly #givingRows = new Set<string>();
  readonly #references = new Map<Relation, readonly ColumnRef[]>();
  readonly #columns = new Map<Relation, readonly Named[]>();
  /** Expanded views. `undefined` while one is being expanded. */
  readonly views = new Map<Relation, Expanded | NotUnderstood | undefined>();

  constructor(catalog: Catalog) {
    this.catalog = catalog;
    for (const relation of catalog.relations) {
      this.#byOid.set(relation.oid, relation);
      // Indexes share the name space but cannot stand in FROM.
      if (relation.kind === 'i' || relation.kind === 'I') continue;
      this.#byName.set(`${relation.schema}\0${relation.name}`, relation);
      const same = this.#byBareName.get(relation.name);
      if (same === undefined) this.#byBareName.set(relation.name, [relation]);
      else same.push(relation);
    }
    for (const each of catalog.functions) {
      this.#functions.add(each.name);
      if (each.rows === true) this.#givingRows.add(each.name);
    }
  }

  /** A function of this name outside pg_catalog exists, so that the name alone does not say which one is called. */
  hasFunction(name: string): boolean {
    return this.#functions.has(name);
  }

  /** A function of this name outside pg_catalog gives any number of rows. */
  givesRows(name: string): boolean {
    return this.#givingRows.has(name);
  }

  /** A type of this name exists outside pg_catalog, if only as the row of a table. */
  hasType(name: string): boolean {
    return this.#byBareName.has(name) || this.catalog.types.some((type) => type.name === name);
  }

  /** OID of a column's type; 0 when it is not known. */
  typeOf({ relation, number }: ColumnRef): number {
    return this.#byOid.get(relation)?.columns.find((column) => column.number === number)?.type ?? 0;
  }

  /** A value of the type can be a range: of one that is not known it is taken to be so. */
  mayBeRange(oid: number): boolean {
    if (oid > 0 && oid < firstNormalOid) return systemRanges.has(oid);
    const type = this.catalog.types.find((each) => each.oid === oid);
    if (type?.kind === 'd') return this.mayBeRange(type.base ?? 0);
    return type === undefined || type.kind === 'r' || type.kind === 'm';
  }

  inSchema(schema: string): readonly Relation[] {
    return this.catalog.relations.filter((relation) => relation.schema === schema);
  }

  /** Resolves as the server does: a schema if given, else pg_catalog and then the search path. */
  resolve(names: NameContext, schema: string | undefined, name: string): Resolved {
    if (schema !== undefined) {
      const real = schema === 'pg_temp' ? names.searchPath.find((each) => each.startsWith('pg_temp_')) : schema;
      const relation = real === undefined ? undefined : this.#byName.get(`${real}\0${name}`);
      if (relation !== undefined) return { kind: 'relation', relation };
      if (isSystemSchema(schema)) return { kind: 'system', schema, name };
      throw new NotUnderstood('a relation that the catalog does not know');
    }
    const path = names.searchPath.includes('pg_catalog') ? names.searchPath : withCatalog(names.searchPath);
    let left = names.passedOver ?? 0;
    let meant: Relation | undefined;
    for (const each of path) {
      const relation = this.#byName.get(`${each}\0${name}`);
      if (relation === undefined) continue;
      meant = relation;
      if (left === 0 || isSystemSchema(each) || each.startsWith('pg_temp_')) break;
      left -= 1;
    }
    if (meant !== undefined) return { kind: 'relation', relation: meant };
    if (name.startsWith('pg_')) return { kind: 'system', schema: 'pg_catalog', name };
    throw new NotUnderstood('a relation that the catalog does not know');
  }

  /**
   * Resolves a name in the text of a view. The server prints names without a schema when the search path at that moment
   * made them visible, which the snapshot does not say: so a bare name must be the only one of its kind. Temporary relations are named by
   * temporary views only, and come first there.
   */
  resolvePrinted({ searchPath }: NameContext, schema: string | undefined, name: string): Resolved {
    if (schema !== undefined) return this.resolve({ searchPath }, schema, name);
    const [temporary] = searchPath;
    const mine = temporary === undefined ? undefined : this.#byName.get(`${temporary}\0${name}`);
    if (mine !== undefined) return { kind: 'relation', relation: mine };
    const found = (this.#byBareName.get(name) ?? []).filter((each) => !each.schema.startsWith('pg_temp_'));
    if (found.length === 1) return { kind: 'relation', relation: found[0]! };
    if (found.length === 0 && name.startsWith('pg_')) return { kind: 'system', schema: 'pg_catalog', name };
    throw new NotUnderstood('a view that names a relation ambiguously');
  }

  /** The columns themselves, without what they inherit. */
  own(relation: Relation): readonly ColumnRef[] {
    let found = this.#references.get(relation);
    if (found === undefined) {
      found = relation.columns.map((column) => ({ relation: relation.oid, number: column.number, schema: relation.schema, table: relation.name, column: column.name }));
      this.#references.set(relation, found);
    }
    return found;
  }

  /** A base relation's columns, each with the columns of the same name that it inherits from or is a partition's. */
  columns(relation: Relation): readonly Named[] {
    let found = this.#columns.get(relation);
    if (found === undefined) {
      const ancestors = this.#ancestors(relation);
      found = this.own(relation).map((column) => {
        const sources = [column];
        for (const ancestor of ancestors) sources.push(...this.own(ancestor).filter((each) => each.column === column.column));
        return { name: column.column, value: { sources, direct: true, total: true, atoms: [] } satisfies Value };
      });
      this.#columns.set(relation, found);
    }
    return found;
  }

  /** Children and partitions, and theirs. */
  descendants(relation: Relation): readonly Relation[] {
    return this.catalog.relations.filter((each) => this.#ancestors(each).has(relation));
  }

  #ancestors(relation: Relation): ReadonlySet<Relation> {
    const found = new Set<Relation>();
    const open = [...(relation.parents ?? [])];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      const parent = this.#byOid.get(oid);
      if (parent === undefined || found.has(parent)) continue;
      found.add(parent);
      open.push(...(parent.parents ?? []));
    }
    return found;
  }
}

function withCatalog(path: readonly string[]): readonly string[] {
  // Temporary relations come before pg_catalog; everything else after it.
  const temporary = path.filter((each) => each.startsWith('pg_temp_'));
  return [...temporary, 'pg_catalog', ...path.filter((each) => !each.startsWith('pg_temp_'))];
}

const indexes = new WeakMap<Catalog, CatalogIndex>();

export function indexOf(catalog: Catalog): CatalogIndex {
  let found = indexes.get(catalog);
  if (found === undefined) {
    found = new CatalogIndex(catalog);
    indexes.set(catalog, found);
  }
  return found;
}
