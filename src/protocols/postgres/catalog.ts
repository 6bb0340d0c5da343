import { hash } from 'node:crypto';
import type { Cascade, Catalog, Column, Relation, UserFunction, UserOperator, UserType } from '../../sql/catalog.ts';
import { BESIDES_RELATIONS, CASTS, CHECKS, FUNCTIONS, OPERATORS, relationQueries, RESTS_ON, SERVER, TEMPORARY, TYPES, WHOLE, type WithoutDefinition } from './catalog-queries.ts';

/** Runs one statement and returns its rows in text format. */
export type RunQuery = (sql: string) => Promise<(string | null)[][]>;

type Rows = readonly (string | null)[][];

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
 * Reads the whole catalog through a connection. Rejects when the target fails a query.
 * @param cluster what `clusterQuery` gave on this target
 */
export async function loadCatalog(run: RunQuery, withoutDefinition: WithoutDefinition = [], cluster?: string): Promise<Catalog> {
  const [[version, database, encoding, lowers] = []] = await run(SERVER);
  const typeRows = await run(TYPES);
  const functions = functionsOf(await run(FUNCTIONS), typeNames(typeRows));
  const extensions = new Map(functions.map((each) => [each.oid, each.extension]));
  const checks = new Set((await run(CHECKS)).filter((row) => isForeign(row, extensions)).map(([type]) => number(type)));
  const answers: Rows[] = [];
  for (const query of relationQueries(WHOLE, withoutDefinition)) answers.push(await run(query));
  const relations = relationsFrom(answers, extensions, policyCallsOf(await run(RESTS_ON)));
  const names = typeNames(typeRows);
  const operators = (await run(OPERATORS)).map(([schema, name, code]): UserOperator => {
    const extension = extensions.get(number(code));
    return { schema: schema ?? '', name: name ?? '', ...(extension === undefined ? {} : { extension }) };
  });
  const casts = (await run(CASTS))
    .filter(([, , called]) => extensions.get(number(called)) === undefined)
    .map(([source, target]) => ({ source: names.get(number(source)) ?? '', target: names.get(number(target)) ?? '' }));
  const content = { serverVersion: number(version), database: database ?? '', ...(encoding === 'UTF8' ? {} : { encoding: { name: encoding ?? '', lowers: yes(lowers) } }), ...(cluster === undefined ? {} : { cluster }), relations, functions, operators, types: typesOf(typeRows, checks), casts };
  return { id: hash('sha256', JSON.stringify(content)), ...content };
}

/**
 * The shared snapshot with the temporary relations of a session, which is asked for nothing else. Undefined when more than relations are
 * temporary there: then the session's whole catalog has to be read.
 * @param run runs statements in the session, one behind the other
 */
export async function withTemporary(shared: Catalog, run: (statements: readonly string[]) => Promise<readonly Rows[]>, withoutDefinition: WithoutDefinition = []): Promise<Catalog | undefined> {
  const [first = '', ...others] = relationQueries(TEMPORARY, withoutDefinition);
  const [besides, rows = []] = await run([BESIDES_RELATIONS, first]);
  if (besides?.[0]?.[0] !== 'f') return undefined;
  if (rows.length === 0) return shared;
  const relations = relationsFrom([rows, ...await run(others)], new Map(shared.functions.map((each) => [each.oid, each.extension])), new Map());
  return { ...shared, id: hash('sha256', JSON.stringify([shared.id, relations])), private: true, relations: [...shared.relations, ...relations] };
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
  return rows.map(([oid, schema, name, kind, volatility, types, variadic, extension, version, rows]) => {
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
      ...(yes(rows) ? { rows: true } : {}),
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

/** CASCADE takes the referencing rows along; SET NULL and SET DEFAULT change them. NO ACTION and RESTRICT do nothing, but for TRUNCATE ... CASCADE all are alike. */
function cascadesOf([, referencing, onDelete, onUpdate]: (string | null)[]): readonly Cascade[] {
  const relation = number(referencing);
  const found: Cascade[] = [{ relation, on: 'truncate', verb: 'truncate' }];
  if (onDelete === 'c') found.push({ relation, on: 'delete', verb: 'delete' });
  if (onDelete === 'n' || onDelete === 'd') found.push({ relation, on: 'delete', verb: 'update' });
  if (onUpdate === 'c' || onUpdate === 'n' || onUpdate === 'd') found.push({ relation, on: 'update', verb: 'update' });
  return found;
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

/** What a default or a check calls is not the system's, nor of an extension that only a superuser can have made. */
const isForeign = (row: (string | null)[], extensions: ReadonlyMap<number, string | undefined>): boolean => !(yes(row[3]) && extensions.get(number(row[2])) !== undefined);

/** @param answers to `relationQueries` */
function relationsFrom(answers: readonly Rows[], extensions: ReadonlyMap<number, string | undefined>, policyCalls: ReadonlyMap<number, readonly number[]>): readonly Relation[] {
  const [rows = [], columnRows = [], attachedRows = [], parentRows = [], constraints = [], triggerRows = [], ruleRows = [], defaultRows = []] = answers;
  const defaults = new Set(defaultRows.filter((row) => isForeign(row, extensions)).map(([relation, column]) => `${relation}.${column}`));
  const columns = grouped(columnRows, (row) => columnOf(row, defaults));
  const attached = new Map(attachedRows.map(([oid, said]) => [number(oid), said ?? '']));
  const parents = grouped(parentRows, (row) => number(row[1]));
  const cascades = grouped(constraints.filter((row) => yes(row[5])), cascadesOf);
  const deferrable = new Set(constraints.filter((row) => yes(row[4])).flatMap(([referenced, own]) => [number(referenced), number(own)]));
  const triggers = new Set(triggerRows.map(([oid]) => number(oid)));
  const rules = new Set(ruleRows.map(([oid]) => number(oid)));
  return rows.map(([cell, schema, name, kind, rowSecurity, definition]) => {
    const oid = number(cell);
    const said = attached.get(oid);
    const above = parents.get(oid);
    const calls = policyCalls.get(oid);
    const acting = cascades.get(oid)?.flat() ?? [];
    return {
      oid,
      schema: schema ?? '',
      name: name ?? '',
      kind: kind ?? 'r',
      columns: columns.get(oid) ?? [],
      ...(definition == null ? {} : { definition }),
      ...(said === undefined ? {} : { attached: said }),
      ...(above ? { parents: above } : {}),
      ...(triggers.has(oid) ? { triggers: true } : {}),
      ...(rules.has(oid) ? { rules: true } : {}),
      ...(yes(rowSecurity) ? { rowSecurity: true } : {}),
      ...(calls ? { policyCalls: calls } : {}),
      ...(acting.length > 0 ? { cascades: acting } : {}),
      ...(deferrable.has(oid) ? { deferrable: true } : {}),
    };
  });
}
