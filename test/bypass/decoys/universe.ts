/**
 * A database in which few names are columns, tables, schemas, views, composite fields and types at once, so that nearly each reference is valid somewhere
 * and the question is which one the server means. Every column that can be is text.
 */
export const NAMES = ['s', 'a', 'b', 't', 'u'] as const;

export type Kind = 'text' | 'row' | 'rows' | 'texts' | 'json' | 'number';

export interface Column {
  readonly name: string;
  readonly kind: Kind;
  /** Its value is, or is made from, a protected one. */
  readonly secret: boolean;
}

export interface Table {
  readonly name: string;
  readonly schema: string;
  readonly columns: readonly Column[];
  /** Can be written to with no more than texts. */
  readonly writable: boolean;
  /** Holds rows of its own, of which a sample can be taken. */
  readonly rows: boolean;
  /** Name of a unique column. */
  readonly key?: string;
}

const SECRETS: ReadonlySet<string> = new Set(['t.s', 'w.a', 'vv.a', 'vs.u', 'mm.t', 'h.s', 'h1.s', 'p.s', 'p1.s']);
const KINDS: Readonly<Record<string, Kind>> = { 'k.t': 'row', 'k.s': 'rows', 'k.u': 'texts', 'k.b': 'json', 'q.last_value': 'number' };

const table = (name: string, columns: string, more: Partial<Table> = {}): Table => ({
  name,
  schema: 'public',
  writable: false,
  rows: !/^[vwq]/.test(name),
  columns: columns.split(' ').map((column) => ({ name: column, kind: KINDS[`${name}.${column}`] ?? 'text', secret: (more.schema ?? 'public') === 'public' && SECRETS.has(`${name}.${column}`) })),
  ...more,
});

/** What statements name; the sequence `q` has columns that no catalog lists. */
export const TABLES: readonly Table[] = [
  table('t', 'a s b', { writable: true, key: 'a' }), table('t', 'a s b', { writable: true, key: 'a' }), table('t', 'a s b', { writable: true, key: 'a' }),
  table('b', 'b s t', { writable: true, key: 'b' }), table('a', 'a b', { writable: true, key: 'a' }), table('u', 't u', { writable: true, key: 'u' }), table('k', 'a t s u b'),
  table('t', 'a s b', { schema: 's', writable: true, key: 'a' }), table('b', 'b', { schema: 's' }), table('s', 'a s', { schema: 't' }),
  table('v', 'a b'), table('w', 's a'), table('vj', 'a s u'), table('vs', 'u b'), table('vv', 's a'), table('m', 's b'), table('mm', 'a t'),
  table('h', 'a s b'), table('h1', 'a s b'), table('p', 'a s'), table('p1', 'a s'), table('q', 'last_value'),
];

/** Columns under strict masks; and the one that a column rule protects. */
export const MASKED = ['public.t.s', 'public.h1.s', 'public.p.s'];
export const RULED = { schema: 'public', table: 't', column: 's' } as const;

export const SCHEMA = `
  CREATE SCHEMA s; CREATE SCHEMA t;
  CREATE TYPE c AS (s text, a text); CREATE DOMAIN d AS text;
  CREATE TABLE t(a text PRIMARY KEY, s text, b text);
  CREATE TABLE b(b text PRIMARY KEY, s text, t d);
  CREATE TABLE a(a text PRIMARY KEY, b text);
  CREATE TABLE u(t text, u text PRIMARY KEY);
  CREATE TABLE k(a text, t c, s c[], u text[], b jsonb);
  CREATE TABLE s.t(a text PRIMARY KEY, s text, b text); CREATE TABLE s.b(b text); CREATE TABLE t.s(a text, s text);
  CREATE TABLE h(a text, s text, b text); CREATE TABLE h1() INHERITS (h);
  CREATE TABLE p(a text, s text) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p DEFAULT;
  CREATE SEQUENCE q;
  CREATE VIEW v AS SELECT a, b FROM t;
  CREATE VIEW w(s, a) AS SELECT a, s FROM t;
  CREATE VIEW vj AS SELECT t.a, b.s, u.u FROM (t JOIN b ON true) LEFT JOIN u USING (t);
  CREATE VIEW vs WITH (security_barrier) AS SELECT s AS u, b FROM t;
  CREATE VIEW vv AS SELECT * FROM w;
  CREATE MATERIALIZED VIEW m AS SELECT s, b FROM b WITH NO DATA; CREATE MATERIALIZED VIEW mm AS SELECT a, s AS t FROM h WITH NO DATA;`;

/** Rows of one database: in each the same number in the same order, so that they have the same places. */
export function rows(secret: (at: number) => string | null, alsoOthers: boolean): string {
  const value = (at: number, own = true): string => {
    const text = own ? secret(at) : ['pp', 'qq', 'pp'][at]!;
    return text === null ? 'NULL' : `'${text}'`;
  };
  return `
  INSERT INTO t VALUES ('1', ${value(0)}, 'x'), ('2', ${value(1)}, 'y'), ('3', ${value(2)}, 'x');
  INSERT INTO b VALUES ('x', 'bs', 'bt'), ('y', '1', 'tt'); INSERT INTO a VALUES ('1', 'x'), ('2', 'ab'); INSERT INTO u VALUES ('bt', 'uu');
  INSERT INTO k VALUES ('1', ('ks', 'ka'), ARRAY[('es', 'ea')::c], '{k,l}', '{"s": "js", "a": [1]}');
  INSERT INTO s.t VALUES ('1', 'ss', 'x'); INSERT INTO s.b VALUES ('x'); INSERT INTO t.s VALUES ('1', 'ts');
  INSERT INTO h VALUES ('1', ${value(0, alsoOthers)}, 'x'); INSERT INTO h1 VALUES ('2', ${value(1, alsoOthers)}, 'y');
  INSERT INTO p VALUES ('1', ${value(0, alsoOthers)}), ('2', ${value(1, alsoOthers)});
  REFRESH MATERIALIZED VIEW m; REFRESH MATERIALIZED VIEW mm;`;
}
