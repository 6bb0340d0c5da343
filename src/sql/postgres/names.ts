import type { Catalog, NameContext, Relation, UserFunction, UserType } from '../catalog.ts';
import type { Ast } from './ast.ts';
import { vettedExtensions } from './reviewed.ts';
import { catalogRelations, informationSchemaRelations, systemOperators, systemTypes } from './system.ts';

/** A relation as the analysis sees it: of the catalog, of the system, or made earlier in the same message. */
export interface Known {
  readonly schema: string;
  readonly name: string;
  /** As in the catalog. */
  readonly kind: string;
  /** 0 for what has none yet. */
  readonly oid: number;
  /** Undefined when they are not known. */
  readonly columns: readonly string[] | undefined;
  readonly system: boolean;
  /** The catalog's entry. */
  readonly relation?: Relation;
  /** A view made in this message: its query. */
  readonly query?: Ast;
  /** Got a trigger or a rule in this message. */
  readonly triggers?: boolean;
  readonly rules?: boolean;
  /** Got a policy, or row security, in this message. */
  readonly policies?: boolean;
  /** Goes with the transaction. */
  readonly dropsOnCommit?: boolean;
}

const multi = <Value>(of: readonly Value[], key: (value: Value) => string): ReadonlyMap<string, readonly Value[]> => {
  const map = new Map<string, Value[]>();
  for (const value of of) {
    const values = map.get(key(value));
    if (values) values.push(value);
    else map.set(key(value), [value]);
  }
  return map;
};

/** One catalog, arranged for look-ups. */
export class CatalogIndex {
  readonly catalog: Catalog;
  readonly relations: ReadonlyMap<string, readonly Relation[]>;
  readonly functions: ReadonlyMap<string, readonly UserFunction[]>;
  /** Schemas of operators by name; those of vetted extensions apart. */
  readonly operators: ReadonlyMap<string, readonly string[]>;
  readonly vettedOperators: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, readonly UserType[]>;
  readonly typesByOid: ReadonlyMap<number, UserType>;
  readonly byOid: ReadonlyMap<number, Relation>;
  readonly functionsByOid: ReadonlyMap<number, UserFunction>;
  readonly children: ReadonlyMap<number, readonly Relation[]>;
  /** Names of the columns and fields of everything in the catalog. */
  readonly columnNames: ReadonlySet<string>;
  /** Names of types that a cast of users' own converts from or to. */
  readonly castTypes: ReadonlySet<string>;
  readonly #known = new Map<Relation, Known>();

  constructor(catalog: Catalog) {
    this.catalog = catalog;
    this.relations = multi(catalog.relations, (each) => each.name);
    this.functions = multi(catalog.functions, (each) => each.name);
    const isVetted = (extension: string | undefined): boolean => extension !== undefined && vettedExtensions.has(extension);
    const foreign = catalog.operators.filter(({ extension }) => !isVetted(extension));
    this.operators = new Map([...multi(foreign, (each) => each.name)].map(([name, all]) => [name, all.map((each) => each.schema)]));
    this.vettedOperators = new Set(catalog.operators.filter(({ extension }) => isVetted(extension)).map((each) => each.name));
    this.types = multi(catalog.types, (each) => each.name);
    this.typesByOid = new Map(catalog.types.map((each) => [each.oid, each]));
    this.functionsByOid = new Map(catalog.functions.map((each) => [each.oid, each]));
    this.byOid = new Map(catalog.relations.map((each) => [each.oid, each]));
    const children = new Map<number, Relation[]>();
    for (const relation of catalog.relations) {
      for (const parent of relation.parents ?? []) {
        const all = children.get(parent);
        if (all) all.push(relation);
        else children.set(parent, [relation]);
      }
    }
    this.children = children;
    this.columnNames = new Set(catalog.relations.flatMap((each) => each.columns.map((column) => column.name)));
    this.castTypes = new Set(catalog.casts.flatMap(({ source, target }) => [bare(source), bare(target)]));
  }

  known(relation: Relation): Known {
    let known = this.#known.get(relation);
    if (!known) {
      known = { schema: relation.schema, name: relation.name, kind: relation.kind, oid: relation.oid, columns: relation.columns.map((each) => each.name), system: false, relation };
      this.#known.set(relation, known);
    }
    return known;
  }

  /** Everything below a relation by inheritance or partitioning. */
  descendants(oid: number): readonly Relation[] {
    const found = new Set<Relation>();
    const open = [...(this.children.get(oid) ?? [])];
    for (let next = open.pop(); next; next = open.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(...(this.children.get(next.oid) ?? []));
    }
    return [...found];
  }
}

/** `public."My type"` -> `My type`. */
const bare = (printed: string): string => {
  const quoted = /(?:^|\.)"((?:[^"]|"")*)"$/.exec(printed);
  return quoted ? (quoted[1] ?? '').replaceAll('""', '"') : (printed.split('.').at(-1) ?? printed);
};

const NOT_RELATIONS = new Set(['i', 'I', 't']);

/**
 * What names mean at one place of a message: the catalog, the search path, and what earlier statements of the message
 * made, dropped or changed. `path` is undefined when an earlier statement changed it in a way that is not known.
 */
export class Names {
  readonly index: CatalogIndex;
  path: readonly string[] | undefined;
  readonly #made = new Map<string, Known[]>();
  readonly #gone = new Set<string>();
  readonly #functions = new Set<string>();
  readonly #operators = new Set<string>();
  readonly #types = new Set<string>();
  /** What was made or dropped is not known any more. */
  #lost = false;
  readonly #passedOver: number;
  /** Shared by all copies. */
  #met = { most: 1 };

  constructor(index: CatalogIndex, context: NameContext) {
    this.index = index;
    this.path = context.searchPath;
    this.#passedOver = context.passedOver ?? 0;
  }

  /** Most relations that any one name without a schema had on the path, of the names that were looked up. */
  get mostMeanings(): number {
    return this.#met.most;
  }

  /** For the definition of a view: the same catalog without this message's changes. */
  inside(view: Known): Names {
    return new Names(this.index, namesInside(view));
  }

  /** A copy whose changes are its own: for what is only planned. */
  fork(): Names {
    const copy = new Names(this.index, { searchPath: [], passedOver: this.#passedOver });
    copy.path = this.path;
    copy.#met = this.#met;
    copy.#lost = this.#lost;
    for (const [name, all] of this.#made) copy.#made.set(name, [...all]);
    for (const each of this.#gone) copy.#gone.add(each);
    for (const each of this.#functions) copy.#functions.add(each);
    for (const each of this.#operators) copy.#operators.add(each);
    for (const each of this.#types) copy.#types.add(each);
    return copy;
  }

  /** A transaction ended inside the message: with a rollback nothing that was made before it is sure. */
  ended(rolledBack: boolean): void {
    if (rolledBack) this.#lost ||= this.#made.size > 0 || this.#gone.size > 0;
    else for (const [name, all] of this.#made) this.#made.set(name, all.filter((each) => each.dropsOnCommit !== true));
  }

  #schemas(): readonly string[] {
    const path = this.path ?? [];
    if (path.includes('pg_catalog')) return path;
    const temporary = path.filter((each) => isTemporary(each));
    return [...temporary, 'pg_catalog', ...path.filter((each) => !isTemporary(each))];
  }

  /** Where an object made without a schema goes. */
  creation(temporary: boolean): string | undefined {
    if (temporary) return this.path?.find(isTemporary) ?? 'pg_temp';
    return this.path?.find((each) => !isTemporary(each) && each !== 'pg_catalog');
  }

  relation(schema: string | undefined, name: string): Known | undefined {
    if (this.#lost) return undefined;
    if (schema !== undefined) return this.#in(schema === 'pg_temp' ? (this.path?.find(isTemporary) ?? schema) : schema, name);
    if (this.path === undefined) return undefined;
    const schemas = this.#schemas();
    // The temporary schema comes first, unless the path names it elsewhere.
    if (!schemas.some(isTemporary)) {
      const made = this.#in('pg_temp', name);
      if (made) return made;
    }
    let meanings = 0;
    let meant: Known | undefined;
    for (const each of schemas) {
      const found = this.#in(each, name) ?? (isTemporary(each) ? this.#in('pg_temp', name) : undefined);
      if (!found) continue;
      if (meanings <= this.#passedOver) meant = found;
      meanings += 1;
      if (staysInFront(found)) break;
    }
    this.#met.most = Math.max(this.#met.most, meanings);
    return meant;
  }

  /** As `relation`, for the text of a view: what the server printed without a schema must be the only one of its name. */
  printed(schema: string | undefined, name: string): Known | undefined {
    const found = this.relation(schema, name);
    if (found || schema !== undefined) return found;
    const all = (this.index.relations.get(name) ?? []).filter((each) => !NOT_RELATIONS.has(each.kind));
    return all.length === 1 ? this.index.known(all[0]!) : undefined;
  }

  #in(schema: string, name: string): Known | undefined {
    const made = this.#made.get(name)?.findLast((each) => each.schema === schema);
    if (made) return made;
    if (this.#gone.has(`${schema}.${name}`)) return undefined;
    if (schema === 'pg_catalog') return catalogRelations.has(name) ? system(schema, name) : undefined;
    if (schema === 'information_schema') return informationSchemaRelations.has(name) ? system(schema, name) : undefined;
    const relation = this.index.relations.get(name)?.find((each) => each.schema === schema && !NOT_RELATIONS.has(each.kind));
    return relation && this.index.known(relation);
  }

  /** Functions outside the system's schemas that a call could mean. */
  functions(schema: string | undefined, name: string): { readonly known: readonly UserFunction[]; readonly unsure: boolean } {
    const all = this.index.functions.get(name) ?? [];
    const unsure = this.#functions.has(name);
    if (schema !== undefined) return { known: all.filter((each) => each.schema === schema), unsure };
    const { path } = this;
    // A path that is not known could lead anywhere.
    return { known: path === undefined ? all : all.filter((each) => path.includes(each.schema)), unsure };
  }

  /** Whether an operator can only be one of pg_catalog or of a vetted extension. */
  vettedOperator(schema: string | undefined, name: string): boolean {
    if (schema === 'pg_catalog') return true;
    if (this.#operators.has(name)) return false;
    const schemas = this.index.operators.get(name);
    const reachable = schemas !== undefined && (schema === undefined ? this.path === undefined || schemas.some((each) => this.path?.includes(each)) : schemas.includes(schema));
    return !reachable && ((schema === undefined && systemOperators.has(name)) || this.index.vettedOperators.has(name));
  }

  /** What a type name means: of the system, of a user, a table's row, or not known. */
  type(schema: string | undefined, name: string): 'system' | 'unknown' | UserType | Known {
    // The type of an array is its element's name behind an underscore.
    const plain = name.startsWith('_') && !systemTypes.has(name) ? name.slice(1) : name;
    if (this.#types.has(plain)) return 'unknown';
    const candidates = (this.index.types.get(plain) ?? []).filter((each) => (schema === undefined ? this.path === undefined || this.path.includes(each.schema) : each.schema === schema));
    const isSystem = (schema === undefined || schema === 'pg_catalog' || schema === 'information_schema') && systemTypes.has(plain);
    // pg_catalog comes first unless the path names it.
    if (isSystem && (schema !== undefined || !this.path?.includes('pg_catalog') || candidates.length === 0)) return 'system';
    return candidates.find((each) => each.foreignCheck) ?? candidates[0] ?? this.relation(schema, plain) ?? 'unknown';
  }

  made(known: Known): void {
    const all = this.#made.get(known.name);
    if (all) all.push(known);
    else this.#made.set(known.name, [known]);
  }

  /** A relation dropped, renamed or changed in a way that is not followed: its name means nothing any more. */
  gone(schema: string, name: string): void {
    this.#gone.add(`${schema}.${name}`);
    const all = this.#made.get(name);
    if (all) this.#made.set(name, all.filter((each) => each.schema !== schema));
  }

  /** Functions, operators and types made in this message: whatever they are named is unknown from here. */
  madeFunction(name: string): void {
    this.#functions.add(name);
  }

  madeOperator(name: string): void {
    this.#operators.add(name);
  }

  madeType(name: string): void {
    this.#types.add(name);
  }
}

/**
 * The path that the server prints the definition of a view for. That is the empty one, in which everything outside pg_catalog has its schema. A
 * temporary view is printed by its own session, which sees its temporary relations first under every path; other views cannot stand on them.
 */
export const namesInside = ({ schema }: Pick<Relation, 'schema'>): NameContext => ({ searchPath: isTemporary(schema) ? [schema] : [] });

const isTemporary = (schema: string): boolean => schema.startsWith('pg_temp');

/** No other session can take it away while this one's message waits: see `NameContext.passedOver`. */
const staysInFront = ({ system, schema, oid }: Known): boolean => system || isTemporary(schema) || oid === 0;

const systems = new Map<string, Known>();
const system = (schema: string, name: string): Known => {
  const key = `${schema}.${name}`;
  let known = systems.get(key);
  if (!known) systems.set(key, (known = { schema, name, kind: 'r', oid: 0, columns: undefined, system: true }));
  return known;
};

/** Whether pg_catalog has a type of this name. */
export const isSystemType = (name: string): boolean => systemTypes.has(name);
