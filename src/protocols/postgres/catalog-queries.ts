/**
 * Everything here names pg_catalog outright, operators too, so that no search_path and no object of a user can change what
 * it means. It runs on 15 to 18, as any role, also inside a read-only transaction.
 */
const EQUALS = 'OPERATOR(pg_catalog.=)';
const UNEQUAL = 'OPERATOR(pg_catalog.<>)';

/** How long a look-up waits for a lock that somebody holds on an object, in milliseconds. Shorter than what a server lets pass before it looks for deadlocks (1 s). */
export const LOCK_MS = 250;

/** OIDs of views whose definitions are not asked for: those cannot be had now, and reading such a view is unknown. */
export type WithoutDefinition = readonly number[] | 'all';

/** No definition is left out. */
export const isWhole = (without: WithoutDefinition): boolean => without !== 'all' && without.length === 0;

/** Which relations are read. */
export interface Part {
  /** Condition on the namespace `n`. */
  readonly namespace: string;
  /** Condition on a column with the OID of a relation. */
  readonly relation: (column: string) => string;
}

/** Namespaces that hold users' objects and, of the temporary ones, this session's own. */
const OWN_NAMESPACE = `n.nspname ${UNEQUAL} ALL (ARRAY['pg_catalog','information_schema','pg_toast']::pg_catalog.name[])
  AND NOT pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_toast_temp_') AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)`;

/** All relations. */
export const WHOLE: Part = { namespace: OWN_NAMESPACE, relation: () => 'true' };

const TEMPORARY_SCHEMA = 'pg_catalog.pg_my_temp_schema()';

/** The session's temporary relations. */
export const TEMPORARY: Part = {
  namespace: `n.oid ${EQUALS} ${TEMPORARY_SCHEMA}`,
  relation: (column) => `${column} ${EQUALS} ANY (ARRAY(SELECT oid FROM pg_catalog.pg_class WHERE relnamespace ${EQUALS} ${TEMPORARY_SCHEMA}))`,
};

/**
 * Whether there is more to the session's temporary schema than relations: functions, operators, types, policies, or anything that rests on
 * the row type of one (a cast, a function elsewhere).
 */
export const BESIDES_RELATIONS = `SELECT
  EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace ${EQUALS} ${TEMPORARY_SCHEMA})
  OR EXISTS (SELECT FROM pg_catalog.pg_operator WHERE oprnamespace ${EQUALS} ${TEMPORARY_SCHEMA})
  OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typnamespace ${EQUALS} ${TEMPORARY_SCHEMA} AND typrelid ${EQUALS} 0
    AND (typelem ${EQUALS} 0 OR NOT pg_catalog.starts_with(typname::pg_catalog.text, '_')))
  OR EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace ${EQUALS} ${TEMPORARY_SCHEMA} AND relkind ${EQUALS} 'c')
  OR EXISTS (SELECT FROM pg_catalog.pg_policy WHERE ${TEMPORARY.relation('polrelid')})
  OR EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_type t ON t.oid ${EQUALS} d.refobjid
    WHERE t.typnamespace ${EQUALS} ${TEMPORARY_SCHEMA} AND d.refclassid ${EQUALS} 'pg_catalog.pg_type'::pg_catalog.regclass
      AND d.classid ${UNEQUAL} ALL (ARRAY['pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass]::pg_catalog.oid[]))`;

/** Which server and database, its encoding, and whether names without quotes are lower-cased by its locale: where a character is one byte, and the locale knows more than ASCII. */
export const SERVER = `SELECT pg_catalog.current_setting('server_version_num'), datname, pg_catalog.pg_encoding_to_char(encoding),
  pg_catalog.pg_encoding_max_length(encoding) ${EQUALS} 1 AND datctype ${UNEQUAL} ALL (ARRAY['C', 'POSIX'])
  FROM pg_catalog.pg_database WHERE datname ${EQUALS} pg_catalog.current_database()`;

// One array, so that the elements are computed in this order: the definition is printed for an empty path (everything
// outside pg_catalog with its schema), and the path is what it was before and after.
const printed = (withoutDefinition: readonly number[]): string => `
    CASE WHEN c.relkind ${EQUALS} ANY (ARRAY['v','m']::pg_catalog."char"[]) AND NOT c.oid ${EQUALS} ANY (ARRAY[${withoutDefinition.join(',')}]::pg_catalog.oid[]) THEN
      (ARRAY[pg_catalog.set_config('search_path', '', true), pg_catalog.pg_get_viewdef(c.oid), pg_catalog.set_config('search_path', p.path, true)])[2] END`;

const relations = (part: Part, withoutDefinition: WithoutDefinition): string => `
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity,
    ${withoutDefinition === 'all' ? 'NULL' : printed(withoutDefinition)}
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} c.relnamespace
    CROSS JOIN (SELECT pg_catalog.current_setting('search_path') AS path OFFSET 0) p
  WHERE c.relkind ${EQUALS} ANY (ARRAY['r','p','v','m','f','S','c','i','I']::pg_catalog."char"[]) AND ${part.namespace}
  ORDER BY c.oid`;

const columns = (part: Part): string => `
  SELECT a.attrelid, a.attname, a.attnum, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated ${UNEQUAL} ''
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid ${EQUALS} a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} c.relnamespace
  WHERE a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
    AND c.relkind ${EQUALS} ANY (ARRAY['r','p','v','m','f','S','c']::pg_catalog."char"[]) AND ${part.namespace}
  ORDER BY a.attrelid, a.attnum`;

const parents = (part: Part): string => `SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits WHERE ${part.relation('inhrelid')} ORDER BY 1, 2`;
const triggers = (part: Part): string => `SELECT DISTINCT tgrelid FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND ${part.relation('tgrelid')}`;
const rules = (part: Part): string => `SELECT DISTINCT ev_class FROM pg_catalog.pg_rewrite WHERE rulename ${UNEQUAL} '_RETURN' AND ${part.relation('ev_class')}`;
// By what they say and not by their OIDs: a job that makes the same ones anew, in a transaction that it tries again, makes the same.
const attached = (part: Part): string => `
  SELECT o.of, pg_catalog.md5(pg_catalog.string_agg(o.said::pg_catalog.text, ' ' ORDER BY o.said::pg_catalog.text)) FROM (
      SELECT t.tgrelid AS of, pg_catalog.json_build_array('t', t.tgname, f.pronamespace, f.proname, t.tgtype, t.tgenabled, t.tgattr, t.tgargs, t.tgqual, t.tgdeferrable, t.tginitdeferred) AS said
        FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc f ON f.oid ${EQUALS} t.tgfoid WHERE NOT t.tgisinternal
      UNION ALL SELECT ev_class, pg_catalog.json_build_array('r', rulename, ev_type, ev_enabled, is_instead, ev_qual, ev_action) FROM pg_catalog.pg_rewrite WHERE rulename ${UNEQUAL} '_RETURN'
      UNION ALL SELECT polrelid, pg_catalog.json_build_array('p', polname, polcmd, polpermissive, polroles, polqual, polwithcheck) FROM pg_catalog.pg_policy
      UNION ALL SELECT adrelid, pg_catalog.json_build_array('d', adnum, adbin) FROM pg_catalog.pg_attrdef
    ) o JOIN pg_catalog.pg_class c ON c.oid ${EQUALS} o.of JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} c.relnamespace
  WHERE ${part.namespace} GROUP BY o.of ORDER BY o.of`;
const constraints = (part: Part): string => `
  SELECT confrelid, conrelid, confdeltype, confupdtype, condeferrable, contype ${EQUALS} 'f' FROM pg_catalog.pg_constraint
  WHERE (contype ${EQUALS} 'f' OR condeferrable) AND ${part.relation('conrelid')} ORDER BY oid`;

export const FUNCTIONS = `
  SELECT p.oid, n.nspname, p.proname, p.prokind, p.provolatile, p.proargtypes, p.provariadic ${UNEQUAL} 0,
    CASE WHEN l.lanname ${EQUALS} 'c' OR r.rolsuper THEN (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid ${EQUALS} d.refobjid
      WHERE d.classid ${EQUALS} 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid ${EQUALS} p.oid AND d.deptype ${EQUALS} 'e'
        AND d.refclassid ${EQUALS} 'pg_catalog.pg_extension'::pg_catalog.regclass LIMIT 1) END,
    pg_catalog.md5(pg_catalog.json_build_array(p.proowner, p.prolang, p.prosecdef, p.proisstrict, p.proretset, p.prorettype, p.proconfig, p.proargdefaults,
      p.prosrc, p.probin, p.prosqlbody)::pg_catalog.text), p.proretset
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} p.pronamespace JOIN pg_catalog.pg_language l ON l.oid ${EQUALS} p.prolang
    LEFT JOIN pg_catalog.pg_roles r ON r.oid ${EQUALS} p.proowner
  WHERE ${OWN_NAMESPACE} ORDER BY p.oid`;

export const OPERATORS = `
  SELECT n.nspname, o.oprname, o.oprcode::pg_catalog.oid
  FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} o.oprnamespace
  WHERE ${OWN_NAMESPACE} ORDER BY o.oid`;

// Types of the system too: signatures name them. format_type prints those the same under every path.
export const TYPES = `
  SELECT t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, t.typelem, t.typrelid,
    CASE WHEN n.nspname ${EQUALS} 'pg_catalog' THEN pg_catalog.format_type(t.oid, NULL) END, c.relkind
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid ${EQUALS} t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid ${EQUALS} t.typrelid
  WHERE NOT pg_catalog.pg_is_other_temp_schema(n.oid) ORDER BY t.oid`;

export const CASTS = `SELECT castsource, casttarget, castfunc FROM pg_catalog.pg_cast WHERE castfunc OPERATOR(pg_catalog.>=) 16384 ORDER BY oid`;

// Dependencies on the system's own functions are not recorded: what is here is outside pg_catalog.
const CALLS = (of: string, object: string): string => `
  SELECT ${object}, d.refobjid, d.refclassid ${EQUALS} 'pg_catalog.pg_proc'::pg_catalog.regclass FROM ${of}
  JOIN pg_catalog.pg_depend d ON d.objid ${EQUALS} o.oid
  WHERE d.refclassid ${EQUALS} ANY (ARRAY['pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass]::pg_catalog.oid[])`;
const defaults = (part: Part): string => `${CALLS('pg_catalog.pg_attrdef o', 'o.adrelid, o.adnum')} AND ${part.relation('o.adrelid')} AND d.classid ${EQUALS} 'pg_catalog.pg_attrdef'::pg_catalog.regclass`;
export const CHECKS = `${CALLS('pg_catalog.pg_constraint o', 'o.contypid, 0')} AND d.classid ${EQUALS} 'pg_catalog.pg_constraint'::pg_catalog.regclass AND o.contypid ${UNEQUAL} 0`;

/** What is asked about relations, in the order in which `relationsFrom` takes the answers. */
export const relationQueries = (part: Part, withoutDefinition: WithoutDefinition = []): readonly string[] =>
  [relations(part, withoutDefinition), columns(part), attached(part), parents(part), constraints(part), triggers(part), rules(part), defaults(part)];

// What policies, views and domains' checks rest on: for each its relation or type, and the function, relation or type.
export const RESTS_ON = `
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

/**
 * Views that cannot be printed now without waiting, because somebody else has an exclusive lock on them or on what they stand on, or waits for one: who comes later
 * waits behind that. Not so where the session has a lock of its own, which lets it go first. One row each.
 */
export const lockedViewsQuery = `
  SELECT DISTINCT r.ev_class FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_depend d ON d.objid ${EQUALS} r.oid AND d.classid ${EQUALS} 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid ${EQUALS} 'pg_catalog.pg_class'::pg_catalog.regclass
    JOIN pg_catalog.pg_locks l ON (l.relation ${EQUALS} d.refobjid OR l.relation ${EQUALS} r.ev_class)
  WHERE l.locktype ${EQUALS} 'relation' AND l.mode ${EQUALS} 'AccessExclusiveLock'
    AND l.database ${EQUALS} ANY (ARRAY(SELECT 0 UNION ALL SELECT oid FROM pg_catalog.pg_database WHERE datname ${EQUALS} pg_catalog.current_database())::pg_catalog.oid[])
    AND NOT l.relation ${EQUALS} ANY (ARRAY(SELECT relation FROM pg_catalog.pg_locks WHERE locktype ${EQUALS} 'relation' AND granted AND pid ${EQUALS} pg_catalog.pg_backend_pid()))`;

/** Cluster and database, as one name. Every role may ask on PostgreSQL as it comes; a target may have taken the right away. */
export const clusterQuery = `SELECT system_identifier::pg_catalog.text OPERATOR(pg_catalog.||) '/' OPERATOR(pg_catalog.||) (SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())::pg_catalog.text FROM pg_catalog.pg_control_system()`;
