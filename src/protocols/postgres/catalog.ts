import { hash } from 'node:crypto';
import type { Cascade, Catalog, Column, Relation, UserFunction, UserOperator, UserType } from '../../sql/catalog.ts';

/** Runs one statement and returns its rows in text format. */
export type RunQuery = (sql: string) => Promise<(string | null)[][]>;

/**
 * Everything here names pg_catalog outright, operators too, so that no search_path and no object of a user can change what
 * it means. It runs on 15 to 18, as any role, also inside a read-only transaction.
 */
const EQUALS = 'OPERATOR(pg_catalog.=)';
const UNEQUAL = 'OPERATOR(pg_catalog.<>)';

/** Namespaces that hold users' objects and, of the temporary ones, this session's own. */
const OWN_NAMESPACE = `n.nspname ${UNEQUAL} ALL (ARRAY['pg_catalog','information_schema','pg_toast']::pg_catalog.name[])
  AND NOT pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_toast_temp_') AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)`;

const SERVER = `SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.current_database()`;

// One array, so that the elements are computed in this order: the definition is printed for an empty path (everything
// outside pg_catalog with its schema), and the path is what it was before and after.
const relationsQuery = (withoutDefinition: readonly number[]): string => `
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity,
    CASE WHEN c.relkind ${EQUALS} ANY (ARRAY['v','m']::pg_catalog."char"[]) AND NOT c.oid ${EQUALS} ANY (ARRAY[${withoutDefinition.join(',')}]::pg_catalog.oid[]) THEN
      (ARRAY[pg_catalog.set_config('search_path', '', true), pg_catalog.pg_get_viewdef(c.oid), pg_catalog.set_config('search_path', p.path, true)])[2] END
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} c.relnamespace
    CROSS JOIN (SELECT pg_catalog.current_setting('search_path') AS path OFFSET 0) p
  WHERE c.relkind ${EQUALS} ANY (ARRAY['r','p','v','m','f','S','c','i','I']::pg_catalog."char"[]) AND ${OWN_NAMESPACE}
  ORDER BY c.oid`;

const COLUMNS = `
  SELECT a.attrelid, a.attname, a.attnum, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated ${UNEQUAL} ''
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid ${EQUALS} a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} c.relnamespace
  WHERE a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
    AND c.relkind ${EQUALS} ANY (ARRAY['r','p','v','m','f','S','c']::pg_catalog."char"[]) AND ${OWN_NAMESPACE}
  ORDER BY a.attrelid, a.attnum`;

const PARENTS = `SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY 1, 2`;
const TRIGGERS = `SELECT DISTINCT tgrelid FROM pg_catalog.pg_trigger WHERE NOT tgisinternal`;
const RULES = `SELECT DISTINCT ev_class FROM pg_catalog.pg_rewrite WHERE rulename ${UNEQUAL} '_RETURN'`;
// By what they say and not by their OIDs: a job that makes the same ones anew, in a transaction that it tries again, makes the same.
const ATTACHED = `
  SELECT o.of, pg_catalog.md5(pg_catalog.string_agg(o.said::pg_catalog.text, ' ' ORDER BY o.said::pg_catalog.text)) FROM (
      SELECT t.tgrelid AS of, pg_catalog.json_build_array('t', t.tgname, f.pronamespace, f.proname, t.tgtype, t.tgenabled, t.tgattr, t.tgargs, t.tgqual, t.tgdeferrable, t.tginitdeferred) AS said
        FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc f ON f.oid ${EQUALS} t.tgfoid WHERE NOT t.tgisinternal
      UNION ALL SELECT ev_class, pg_catalog.json_build_array('r', rulename, ev_type, ev_enabled, is_instead, ev_qual, ev_action) FROM pg_catalog.pg_rewrite WHERE rulename ${UNEQUAL} '_RETURN'
      UNION ALL SELECT polrelid, pg_catalog.json_build_array('p', polname, polcmd, polpermissive, polroles, polqual, polwithcheck) FROM pg_catalog.pg_policy
      UNION ALL SELECT adrelid, pg_catalog.json_build_array('d', adnum, adbin) FROM pg_catalog.pg_attrdef
    ) o JOIN pg_catalog.pg_class c ON c.oid ${EQUALS} o.of JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} c.relnamespace
  WHERE ${OWN_NAMESPACE} GROUP BY o.of ORDER BY o.of`;
const CONSTRAINTS = `
  SELECT confrelid, conrelid, confdeltype, confupdtype, condeferrable, contype ${EQUALS} 'f' FROM pg_catalog.pg_constraint
  WHERE contype ${EQUALS} 'f' OR condeferrable ORDER BY oid`;

const FUNCTIONS = `
  SELECT p.oid, n.nspname, p.proname, p.prokind, p.provolatile, p.proargtypes, p.provariadic ${UNEQUAL} 0,
    CASE WHEN l.lanname ${EQUALS} 'c' OR r.rolsuper THEN (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid ${EQUALS} d.refobjid
      WHERE d.classid ${EQUALS} 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid ${EQUALS} p.oid AND d.deptype ${EQUALS} 'e'
        AND d.refclassid ${EQUALS} 'pg_catalog.pg_extension'::pg_catalog.regclass LIMIT 1) END,
    pg_catalog.md5(pg_catalog.json_build_array(p.proowner, p.prolang, p.prosecdef, p.proisstrict, p.proretset, p.prorettype, p.proconfig, p.proargdefaults,
      p.prosrc, p.probin, p.prosqlbody)::pg_catalog.text)
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} p.pronamespace JOIN pg_catalog.pg_language l ON l.oid ${EQUALS} p.prolang
    LEFT JOIN pg_catalog.pg_roles r ON r.oid ${EQUALS} p.proowner
  WHERE ${OWN_NAMESPACE} ORDER BY p.oid`;

const OPERATORS = `
  SELECT n.nspname, o.oprname, o.oprcode::pg_catalog.oid
  FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} o.oprnamespace
  WHERE ${OWN_NAMESPACE} ORDER BY o.oid`;

// Types of the system too: signatures name them. format_type prints those the same under every path.
const TYPES = `
  SELECT t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, t.typelem, t.typrelid,
    CASE WHEN n.nspname ${EQUALS} 'pg_catalog' THEN pg_catalog.format_type(t.oid, NULL) END, c.relkind
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid ${EQUALS} t.typrelid
  WHERE NOT pg_catalog.pg_is_other_temp_schema(n.oid) ORDER BY t.oid`;

const CASTS = `SELECT castsource, casttarget, castfunc FROM pg_catalog.pg_cast WHERE castfunc OPERATOR(pg_catalog.>=) 16384 ORDER BY oid`;

// Dependencies on the system's own functions are not recorded: what is here is outside pg_catalog.
const CALLS = (of: string, object: string): string => `
  SELECT ${object}, d.refobjid, d.refclassid ${EQUALS} 'pg_catalog.pg_proc'::pg_catalog.regclass FROM ${of}
  JOIN pg_catalog.pg_depend d ON d.objid ${EQUALS} o.oid
  WHERE d.refclassid ${EQUALS} ANY (ARRAY['pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass]::pg_catalog.oid[])`;
const DEFAULTS = `${CALLS('pg_catalog.pg_attrdef o', 'o.adrelid, o.adnum')} AND d.classid ${EQUALS} 'pg_catalog.pg_attrdef'::pg_catalog.regclass`;
const CHECKS = `${CALLS('pg_catalog.pg_constraint o', 'o.contypid, 0')} AND d.classid ${EQUALS} 'pg_catalog.pg_constraint'::pg_catalog.regclass AND o.contypid ${UNEQUAL} 0`;

// What policies, views and domains' checks rest on: for each its relation or type, and the function, relation or type.
const RESTS_ON = `
  SELECT o.of, o.kind, d.refobjid, d.refclassid ${EQUALS} 'pg_catalog.pg_class'::pg_catalog.regclass, p.oprcode::pg_catalog.oid, d.refclassid ${EQUALS} 'pg_catalog.pg_type'::pg_catalog.regclass
  FROM (
      SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass AS class, oid, polrelid AS of, 'p' AS kind FROM pg_catalog.pg_policy
      UNION ALL SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, oid, ev_class, 'v' FROM pg_catalog.pg_rewrite WHERE rulename ${EQUALS} '_RETURN'
      UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid, contypid, 't' FROM pg_catalog.pg_constraint WHERE contypid ${UNEQUAL} 0
    ) o JOIN pg_catalog.pg_depend d ON d.classid ${EQUALS} o.class AND d.objid ${EQUALS} o.oid
    LEFT JOIN pg_catalog.pg_operator p ON d.refclassid ${EQUALS} 'pg_catalog.pg_operator'::pg_catalog.regclass AND p.oid ${EQUALS} d.refobjid
  WHERE d.refobjid OPERATOR(pg_catalog.>=) 16384
    AND d.refclassid ${EQUALS} ANY (ARRAY['pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass,
      'pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass]::pg_catalog.oid[])
  ORDER BY 1, 2, 3`;

const fingerprint = (rows: string): string =>
  `(SELECT pg_catalog.concat(pg_catalog.count(*), '.', pg_catalog.sum(o.xmin::pg_catalog.text::pg_catalog.int8)) FROM ${rows})`;

/**
 * Answers with one row that differs whenever the catalog does: counts of rows and sums of the transactions that wrote
 * them. Temporary tables of other sessions are left out, since they come and go.
 */
export const catalogVersionQuery: string = `SELECT ${[
  `pg_catalog.pg_class o WHERE o.relpersistence ${UNEQUAL} 't'`,
  `pg_catalog.pg_attribute o JOIN pg_catalog.pg_class c ON c.oid ${EQUALS} o.attrelid WHERE c.relpersistence ${UNEQUAL} 't' AND c.oid OPERATOR(pg_catalog.>=) 16384`,
  `pg_catalog.pg_attrdef o JOIN pg_catalog.pg_class c ON c.oid ${EQUALS} o.adrelid WHERE c.relpersistence ${UNEQUAL} 't'`,
  `pg_catalog.pg_type o WHERE o.typrelid ${EQUALS} 0 AND o.typelem ${EQUALS} 0`,
  `pg_catalog.pg_constraint o WHERE o.contype ${EQUALS} 'f' OR o.contypid ${UNEQUAL} 0 OR o.condeferrable`,
  `pg_catalog.pg_trigger o WHERE NOT o.tgisinternal`,
  `pg_catalog.pg_namespace o WHERE NOT pg_catalog.starts_with(o.nspname::pg_catalog.text, 'pg_')`,
  ...['proc', 'operator', 'cast', 'rewrite', 'inherits', 'extension', 'policy'].map((name) => `pg_catalog.pg_${name} o`),
]
  .map(fingerprint)
  .join(', ')}`;

const number = (cell: string | null | undefined): number => Number(cell ?? 0);
const yes = (cell: string | null | undefined): boolean => cell === 't';

const grouped = <Value>(rows: readonly (string | null)[][], value: (row: (string | null)[]) => Value): Map<number, Value[]> => {
  const map = new Map<number, Value[]>();
  for (const row of rows) {
    const key = number(row[0]);
    const values = map.get(key);
    if (values) values.push(value(row));
    else map.set(key, [value(row)]);
  }
  return map;
};

/**
 * Views that cannot be printed now, because somebody holds an exclusive lock on them or on what they stand on. One row each.
 */
export const lockedViewsQuery = `
  SELECT DISTINCT r.ev_class FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_depend d ON d.objid ${EQUALS} r.oid AND d.classid ${EQUALS} 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid ${EQUALS} 'pg_catalog.pg_class'::pg_catalog.regclass
    JOIN pg_catalog.pg_locks l ON (l.relation ${EQUALS} d.refobjid OR l.relation ${EQUALS} r.ev_class)
  WHERE l.mode ${EQUALS} 'AccessExclusiveLock' AND l.granted`;

/** Cluster and database, as one name. Every role may ask on PostgreSQL as it comes; a target may have taken the right away. */
export const clusterQuery = `SELECT system_identifier::pg_catalog.text OPERATOR(pg_catalog.||) '/' OPERATOR(pg_catalog.||) (SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())::pg_catalog.text FROM pg_catalog.pg_control_system()`;

/**
 * Reads the whole catalog through a connection. Rejects when the target fails a query.
 * @param withoutDefinition OIDs of views whose definitions are left out: reading such a view is unknown
 * @param cluster what `clusterQuery` gave on this target
 */
export async function loadCatalog(run: RunQuery, withoutDefinition: readonly number[] = [], cluster?: string): Promise<Catalog> {
  const [[version, database] = []] = await run(SERVER);
  const typeRows = await run(TYPES);
  const functions = functionsOf(await run(FUNCTIONS), typeNames(typeRows));
  const extensions = new Map(functions.map((each) => [each.oid, each.extension]));
  const isForeign = (row: (string | null)[]): boolean => !(yes(row[3]) && extensions.get(number(row[2])) !== undefined);
  const defaults = new Set((await run(DEFAULTS)).filter(isForeign).map(([relation, column]) => `${relation}.${column}`));
  const checks = new Set((await run(CHECKS)).filter(isForeign).map(([type]) => number(type)));
  const constraints = await run(CONSTRAINTS);
  const relations = relationsOf(await run(relationsQuery(withoutDefinition)), {
    columns: grouped(await run(COLUMNS), (row) => columnOf(row, defaults)),
    attached: new Map((await run(ATTACHED)).map(([oid, said]) => [number(oid), said ?? ''])),
    parents: grouped(await run(PARENTS), (row) => number(row[1])),
    cascades: grouped(constraints.filter((row) => yes(row[5])), cascadesOf),
    deferrable: new Set(constraints.filter((row) => yes(row[4])).flatMap(([referenced, own]) => [number(referenced), number(own)])),
    triggers: new Set((await run(TRIGGERS)).map(([oid]) => number(oid))),
    rules: new Set((await run(RULES)).map(([oid]) => number(oid))),
    policyCalls: policyCallsOf(await run(RESTS_ON)),
  });
  const names = typeNames(typeRows);
  const operators = (await run(OPERATORS)).map(([schema, name, code]): UserOperator => {
    const extension = extensions.get(number(code));
    return { schema: schema ?? '', name: name ?? '', ...(extension === undefined ? {} : { extension }) };
  });
  const casts = (await run(CASTS))
    .filter(([, , called]) => extensions.get(number(called)) === undefined)
    .map(([source, target]) => ({ source: names.get(number(source)) ?? '', target: names.get(number(target)) ?? '' }));
  const content = { serverVersion: number(version), database: database ?? '', ...(cluster === undefined ? {} : { cluster }), relations, functions, operators, types: typesOf(typeRows, checks), casts };
  return { id: hash('sha256', JSON.stringify(content)), ...content };
}

/** OID to name as in a signature: the system's as the server prints them, others with their schema. */
function typeNames(rows: readonly (string | null)[][]): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const [oid, schema, name, , , , , printed] of rows) names.set(number(oid), printed ?? `${schema}.${name}`);
  for (const [oid, , name, , , element, , printed] of rows) {
    const of = names.get(number(element));
    if (printed === null && of !== undefined && number(element) !== 0 && name?.startsWith('_')) names.set(number(oid), `${of}[]`);
  }
  return names;
}

function functionsOf(rows: readonly (string | null)[][], names: ReadonlyMap<number, string>): readonly UserFunction[] {
  return rows.map(([oid, schema, name, kind, volatility, types, variadic, extension, version]) => {
    const list = (types ?? '').split(' ').flatMap((type) => (type === '' ? [] : [names.get(Number(type)) ?? type]));
    if (yes(variadic)) list.push(`VARIADIC ${list.pop() ?? ''}`);
    return {
      oid: number(oid),
      schema: schema ?? '',
      name: name ?? '',
      arguments: list.join(', '),
      kind: kind ?? 'f',
      volatility: volatility ?? 'v',
      ...(version == null ? {} : { version }),
      ...(extension == null ? {} : { extension }),
    };
  });
}

function typesOf(rows: readonly (string | null)[][], checks: ReadonlySet<number>): readonly UserType[] {
  return rows.flatMap(([oid, schema, name, kind, base, element, relation, , relationKind]): UserType[] => {
    const system = schema === 'pg_catalog' || schema === 'information_schema' || schema === 'pg_toast';
    // Row types of tables and arrays follow from their relation and element.
    if (system || (number(relation) !== 0 && relationKind !== 'c') || (number(element) !== 0 && name?.startsWith('_'))) return [];
    return [
      {
        oid: number(oid),
        schema: schema ?? '',
        name: name ?? '',
        kind: kind ?? 'b',
        ...(kind === 'd' ? { base: number(base) } : {}),
        ...(checks.has(number(oid)) ? { foreignCheck: true } : {}),
      },
    ];
  });
}

function columnOf([relation, name, attnum, type, typmod, notNull, generated]: (string | null)[], defaults: ReadonlySet<string>): Column {
  return {
    name: name ?? '',
    number: number(attnum),
    type: number(type),
    typmod: number(typmod),
    ...(yes(notNull) ? { notNull: true } : {}),
    ...(yes(generated) ? { generated: true } : {}),
    ...(defaults.has(`${relation}.${attnum}`) ? { foreignDefault: true } : {}),
  };
}

/** CASCADE takes the referencing rows along; SET NULL and SET DEFAULT change them. NO ACTION and RESTRICT do nothing. */
function cascadesOf([, referencing, onDelete, onUpdate]: (string | null)[]): readonly Cascade[] {
  const found: Cascade[] = [];
  const relation = number(referencing);
  if (onDelete === 'c') found.push({ relation, on: 'delete', verb: 'delete' });
  if (onDelete === 'n' || onDelete === 'd') found.push({ relation, on: 'delete', verb: 'update' });
  if (onUpdate === 'c' || onUpdate === 'n' || onUpdate === 'd') found.push({ relation, on: 'update', verb: 'update' });
  return found;
}

interface Parts {
  readonly columns: ReadonlyMap<number, readonly Column[]>;
  readonly attached: ReadonlyMap<number, string>;
  readonly parents: ReadonlyMap<number, readonly number[]>;
  readonly cascades: ReadonlyMap<number, readonly (readonly Cascade[])[]>;
  readonly deferrable: ReadonlySet<number>;
  readonly triggers: ReadonlySet<number>;
  readonly rules: ReadonlySet<number>;
  readonly policyCalls: ReadonlyMap<number, readonly number[]>;
}

/** For each relation with policies the functions that they reach: directly, by operators and domains, and by what they read. */
function policyCallsOf(rows: readonly (string | null)[][]): ReadonlyMap<number, readonly number[]> {
  const edges = grouped(rows, ([, kind, to, isRelation, operator, isType]) => ({ kind, to: number(to), operator: number(operator), next: yes(isRelation) || yes(isType) }));
  const found = new Map<number, readonly number[]>();
  for (const [start, own] of edges) {
    if (!own.some(({ kind }) => kind === 'p')) continue;
    const calls = new Set<number>();
    const seen = new Set([start]);
    const open = [start];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const { to, operator, next } of edges.get(at) ?? []) {
        if (!next) calls.add(operator === 0 ? to : operator);
        else if (!seen.has(to)) {
          seen.add(to);
          open.push(to);
        }
      }
    }
    // Operators can stand for functions of the system.
    const users = [...calls].filter((oid) => oid >= FIRST_NORMAL_OID).toSorted((a, b) => a - b);
    if (users.length > 0) found.set(start, users);
  }
  return found;
}

/** FirstNormalObjectId in transam.h: what initdb made is below. */
const FIRST_NORMAL_OID = 16384;

function relationsOf(rows: readonly (string | null)[][], parts: Parts): readonly Relation[] {
  return rows.map(([cell, schema, name, kind, rowSecurity, definition]) => {
    const oid = number(cell);
    const attached = parts.attached.get(oid);
    const parents = parts.parents.get(oid);
    const policyCalls = parts.policyCalls.get(oid);
    const cascades = parts.cascades.get(oid)?.flat() ?? [];
    return {
      oid,
      schema: schema ?? '',
      name: name ?? '',
      kind: kind ?? 'r',
      columns: parts.columns.get(oid) ?? [],
      ...(definition == null ? {} : { definition }),
      ...(attached === undefined ? {} : { attached }),
      ...(parents ? { parents } : {}),
      ...(parts.triggers.has(oid) ? { triggers: true } : {}),
      ...(parts.rules.has(oid) ? { rules: true } : {}),
      ...(yes(rowSecurity) ? { rowSecurity: true } : {}),
      ...(policyCalls ? { policyCalls } : {}),
      ...(cascades.length > 0 ? { cascades } : {}),
      ...(parts.deferrable.has(oid) ? { deferrable: true } : {}),
    };
  });
}
