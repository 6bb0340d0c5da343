import { hidesValue } from '../settings.ts';
import type { Ast } from './ast.ts';

/**
 * What the lineage needs to know about functions of pg_catalog. Everything that is not here takes its arguments'
 * columns as an expression does: nothing about its value is promised.
 */

/**
 * Functions that cannot fail on any value of a text argument and whose other arguments are literals: a constant mask over
 * their result leaks nothing. Positions from `numbers` on must be number literals. `sized`: how long the result is depends on which characters the text holds. The
 * longest row that the gateway or the target takes then tells of them, since the client can fill the rest of the row as it likes.
 */
export const totalFunctions: ReadonlyMap<string, { readonly numbers?: number; readonly nonNegative?: number; readonly onRanges?: true; readonly sized?: true }> = new Map([
  // Of a range they are its bounds, and NULL where it has none.
  ['upper', { onRanges: true }],
  ['lower', { onRanges: true }],
  ['btrim', { sized: true }],
  ['ltrim', { sized: true }],
  ['rtrim', { sized: true }],
  ['replace', { sized: true }],
  ['concat', {}],
  ['reverse', {}],
  ['md5', {}],
  ['left', { numbers: 1 }],
  ['right', { numbers: 1 }],
  // A negative length is an error, but only where the text is not NULL.
  ['substr', { numbers: 1, nonNegative: 2 }],
  ['substring', { numbers: 1, nonNegative: 2 }],
]);

/** Functions that return what no column in the statement names: they run a text as SQL, or read tables, files or other sessions. */
const elsewhere: ReadonlySet<string> = new Set([
  'query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema', 'table_to_xml', 'table_to_xmlschema', 'table_to_xml_and_xmlschema',
  'schema_to_xml', 'schema_to_xml_and_xmlschema', 'database_to_xml', 'database_to_xml_and_xmlschema', 'cursor_to_xml', 'cursor_to_xmlschema',
  'ts_stat', 'pg_read_file', 'pg_read_file_old', 'pg_read_binary_file', 'pg_ls_dir', 'lo_get', 'lo_export', 'loread',
  'pg_stat_get_activity', 'pg_stat_get_db_temp_bytes', 'pg_stat_get_db_temp_files', 'pg_stat_get_backend_activity', 'pg_stat_statements', 'pg_mcv_list_items', 'pg_logical_slot_get_changes',
  'pg_logical_slot_peek_changes', 'pg_logical_slot_get_binary_changes', 'pg_logical_slot_peek_binary_changes', 'pg_get_wal_record_info',
  'get_raw_page', 'heap_page_items', 'heap_page_item_attrs', 'bt_page_items', 'tuple_data_split', 'pg_walinspect',
]);

export function readsElsewhere(name: string): boolean {
  return elsewhere.has(name) || name.startsWith('dblink');
}

/** Functions that tell how much was written to the write-ahead log, or how far it is. */
const logMeasuring: ReadonlySet<string> = new Set([
  'pg_stat_get_wal', 'pg_stat_get_backend_wal', 'pg_stat_get_io', 'pg_stat_get_backend_io', 'pg_stat_get_wal_senders', 'pg_stat_get_wal_receiver', 'pg_get_replication_slots',
  'pg_current_wal_lsn', 'pg_current_wal_insert_lsn', 'pg_current_wal_flush_lsn', 'pg_last_wal_receive_lsn', 'pg_last_wal_replay_lsn', 'pg_control_checkpoint',
  'pg_available_wal_summaries', 'pg_get_wal_summarizer_state',
]);

export function tellsOfLog(name: string): boolean {
  return logMeasuring.has(name);
}

/** pgcrypto: which arguments hold a key or a password. */
const secretArguments: ReadonlyMap<string, readonly number[]> = new Map([
  ['pgp_sym_encrypt', [1, 2]],
  ['pgp_sym_encrypt_bytea', [1, 2]],
  ['pgp_sym_decrypt', [1, 2]],
  ['pgp_sym_decrypt_bytea', [1, 2]],
  ['pgp_pub_decrypt', [1, 2]],
  ['pgp_pub_decrypt_bytea', [1, 2]],
  ['crypt', [0]],
  ['hmac', [1]],
  ['encrypt', [1]],
  ['encrypt_iv', [1, 2]],
  ['decrypt', [1]],
  ['decrypt_iv', [1, 2]],
]);

/**
 * The arguments of a call that hold a key, a password or a connection string. `nodes` are the same arguments in the tree: the value
 * of `set_config` is a secret unless the setting is one of the server's own.
 */
export function secretsAmong<Argument>(name: string, given: readonly Argument[], nodes: readonly unknown[]): readonly Argument[] {
  if (name === 'set_config') {
    // `new_value => 'x', setting_name => 'y'`: in whatever order.
    if (nodes.some((node) => 'NamedArgExpr' in (node as Ast))) return given;
    const constant = ((nodes[0] as Ast | undefined)?.['A_Const'] as Ast | undefined)?.['sval'] as Ast | undefined;
    const named = constant?.['sval'];
    return typeof named === 'string' && !hidesValue(named.toLowerCase()) ? [] : given.slice(1, 2);
  }
  // dblink's functions take connection strings, user names and passwords in several places.
  if (name.startsWith('dblink')) return given;
  const at = secretArguments.get(name);
  return at === undefined ? [] : given.filter((_, index) => at.includes(index));
}

/** Table functions of pg_catalog with a fixed number of result columns. */
export const tableFunctions: ReadonlyMap<string, readonly string[]> = new Map([
  ['generate_series', ['generate_series']],
  ['generate_subscripts', ['generate_subscripts']],
  ['regexp_matches', ['regexp_matches']],
  ['regexp_split_to_table', ['regexp_split_to_table']],
  ['string_to_table', ['string_to_table']],
  ['json_array_elements', ['value']],
  ['json_array_elements_text', ['value']],
  ['jsonb_array_elements', ['value']],
  ['jsonb_array_elements_text', ['value']],
  ['json_object_keys', ['json_object_keys']],
  ['jsonb_object_keys', ['jsonb_object_keys']],
  ['jsonb_path_query', ['jsonb_path_query']],
  ['json_each', ['key', 'value']],
  ['json_each_text', ['key', 'value']],
  ['jsonb_each', ['key', 'value']],
  ['jsonb_each_text', ['key', 'value']],
  ['current_schemas', ['current_schemas']],
]);

/** Functions of pg_catalog that give any number of rows: in a SELECT list they repeat the row that they stand in, or drop it. */
export const multiplying: ReadonlySet<string> = new Set([
  ...[...tableFunctions.keys()].filter((name) => name !== 'current_schemas'),
  'unnest', 'jsonb_path_query_tz', 'json_populate_recordset', 'jsonb_populate_recordset', 'json_to_recordset', 'jsonb_to_recordset', 'ts_parse', 'ts_debug', 'ts_token_type', 'aclexplode', '_pg_expandarray',
  'pg_options_to_table', 'pg_snapshot_xip', 'txid_snapshot_xip', 'pg_get_multixact_members', 'pg_get_publication_tables', 'pg_extension_update_paths', 'pg_partition_ancestors', 'pg_partition_tree',
  'pg_tablespace_databases', 'pg_stat_get_backend_io', 'pg_stat_get_progress_info', 'pg_stat_get_subscription',
]);
