/**
 * What the target's own catalog says, as one immutable snapshot: plain data, so that it can be handed to the parser's
 * worker and compared. One is shared by all sessions of a target; a session that did DDL has its own.
 */
export interface Catalog {
  /** SHA-256 of the content: equal ids mean equal catalogs. Part of every cache key. */
  readonly id: string;
  /** One session sees it, and for as long as it makes nothing anew: what is understood under it goes with it. */
  readonly private?: true;
  /** `server_version_num`: 150018, 170010, 180004. */
  readonly serverVersion: number;
  readonly database: string;
  /** What the database is encoded in, unless that is UTF-8. */
  readonly encoding?: DatabaseEncoding;
  /** Names the cluster and the database in it, for as long as OIDs mean the same there; undefined when the target does not tell. */
  readonly cluster?: string;
  readonly relations: readonly Relation[];
  /** Functions, procedures and aggregates outside pg_catalog and information_schema. */
  readonly functions: readonly UserFunction[];
  /** Operators outside pg_catalog: name only decides, since any of them could capture an expression. */
  readonly operators: readonly UserOperator[];
  /** Types outside pg_catalog, except the row types of tables. */
  readonly types: readonly UserType[];
  /** Casts that call a function outside pg_catalog, as type names. */
  readonly casts: readonly { readonly source: string; readonly target: string }[];
}

export interface DatabaseEncoding {
  /** As in `server_encoding`: LATIN1, EUC_JP, SQL_ASCII. */
  readonly name: string;
  /** The server lowers the case of more than A to Z in names without quotes, as the database's locale has it. */
  readonly lowers: boolean;
}

export interface UserOperator {
  readonly schema: string;
  readonly name: string;
  /** As in `UserFunction`, of the function behind it. */
  readonly extension?: string;
}

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `pg_class.relkind`: r table, p partitioned, v view, m materialized view, f foreign, S sequence, i index, c composite. */
  readonly kind: string;
  readonly columns: readonly Column[];
  /** `pg_get_viewdef`, for views and materialized views. */
  readonly definition?: string;
  /** Parents by inheritance or partitioning. */
  readonly parents?: readonly number[];
  /** Changes with what runs or counts when its rows are touched: triggers, rules, row security policies, default expressions. */
  readonly attached?: string;
  /** Has user triggers, or rules other than a view's own. */
  readonly triggers?: boolean;
  readonly rules?: boolean;
  readonly rowSecurity?: boolean;
  /**
   * OIDs of the functions outside pg_catalog that its row security policies call, also through operators, domains' checks,
   * and the views and policies of what they read.
   */
  readonly policyCalls?: readonly number[];
  /** Foreign keys of other tables: what they do when rows of this one go (CASCADE, SET NULL, SET DEFAULT), and TRUNCATE ... CASCADE through each. */
  readonly cascades?: readonly Cascade[];
  /** Has a constraint, or is referenced by a foreign key, that can be put off to the end of the transaction. */
  readonly deferrable?: boolean;
}

export interface Cascade {
  /** OID of the referencing table. */
  readonly relation: number;
  /** What happens to this table's rows. */
  readonly on: 'delete' | 'update' | 'truncate';
  /** What then happens to the referencing rows. */
  readonly verb: 'delete' | 'update' | 'truncate';
}

export interface Column {
  readonly name: string;
  /** `pg_attribute.attnum`, as in RowDescription. */
  readonly number: number;
  readonly type: number;
  readonly typmod: number;
  readonly notNull?: boolean;
  /** Made from others of its row: COPY without a list of columns leaves it out. */
  readonly generated?: boolean;
  /** Its default or generated expression calls a function outside pg_catalog. */
  readonly foreignDefault?: boolean;
}

export interface UserFunction {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** As `pg_get_function_identity_arguments` without names: `integer, text`. */
  readonly arguments: string;
  /** f function, p procedure, a aggregate, w window. */
  readonly kind: string;
  /** i immutable, s stable, v volatile: what it declares of itself, which proves nothing. */
  readonly volatility: string;
  /** Changes with its definition. */
  readonly version?: string;
  /** The extension it belongs to, given only when nobody but a superuser can have made it: written in C, or owned by one. */
  readonly extension?: string;
  /** Gives any number of rows. */
  readonly rows?: true;
}

export interface UserType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** d domain, e enum, c composite, r range, m multirange, b base. */
  readonly kind: string;
  /** For a domain, its base type. */
  readonly base?: number;
  /** For a domain: has a CHECK that calls something outside pg_catalog. */
  readonly foreignCheck?: boolean;
}

/** What of a session's own state decides how a name resolves. */
export interface NameContext {
  /** The effective search_path, in order, without the implicit pg_catalog; `pg_temp_N` under its real name when in use. */
  readonly searchPath: readonly string[];
  /** The role that is logged in at the target (`session_user`), where that is known: going back to it is not taking another one. */
  readonly login?: string;
  /**
   * Of the relations that one name without a schema has on the path, so many of the first are passed over, but never the last one: what the name means when those are gone. Default 0.
   * What is the system's, or this session's own for now (temporary, or made in the same message), nobody else takes away: nothing behind it counts.
   */
  readonly passedOver?: number;
}
