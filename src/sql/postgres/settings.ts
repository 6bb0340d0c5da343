import type { CommandClass } from '../../model/command.ts';

/**
 * What changing a setting amounts to. Class `read` is for settings that decide how fast, how long or in which format a
 * client is served: every driver sends some of them. `session` is for all that decides what names and rows mean or how safe
 * a commit is, and for everything not listed. `write` lets go of read-only mode. `admin` is for roles and for settings of
 * the server.
 */
const FORMAT_AND_SPEED: ReadonlySet<string> = new Set(
  `application_name array_nulls backend_flush_after bytea_output check_function_bodies client_connection_check_interval
   constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction datestyle
   default_statistics_target default_table_access_method default_tablespace default_text_search_config
   default_toast_compression default_transaction_deferrable default_transaction_isolation effective_cache_size
   effective_io_concurrency escape_string_warning extra_float_digits from_collapse_limit geqo geqo_effort geqo_generations
   geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold gin_fuzzy_search_limit gin_pending_list_limit hash_mem_multiplier
   idle_in_transaction_session_timeout idle_session_timeout intervalstyle jit jit_above_cost jit_inline_above_cost
   jit_optimize_above_cost join_collapse_limit lc_monetary lc_numeric lc_time lock_timeout logical_decoding_work_mem
   maintenance_io_concurrency maintenance_work_mem max_parallel_maintenance_workers max_parallel_workers
   max_parallel_workers_per_gather min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation
   parallel_setup_cost parallel_tuple_cost plan_cache_mode quote_all_identifiers random_page_cost recursive_worktable_factor
   restrict_nonsystem_relation_kind seed seq_page_cost statement_timeout synchronize_seqscans tcp_keepalives_count
   tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout temp_buffers timezone timezone_abbreviations
   transaction_deferrable transaction_isolation transaction_timeout vacuum_cost_delay vacuum_cost_limit
   vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss work_mem xmlbinary xmloption`
    .trim()
    .split(/\s+/),
);

const ADMIN: ReadonlySet<string> = new Set(
  `role session_authorization session_replication_role local_preload_libraries session_preload_libraries dynamic_library_path
   lo_compat_privileges zero_damaged_pages ignore_system_indexes ignore_checksum_failure allow_system_table_mods
   allow_in_place_tablespaces is_superuser createrole_self_grant event_triggers`
    .trim()
    .split(/\s+/),
);

const ON = /^(?:on|true|tru|tr|t|yes|ye|y|1)$/i;

/** Settings of which some values are as harmless as the first group, and any other is class `session` (`write` for read-only mode). */
const BY_VALUE: ReadonlyMap<string, { readonly harmless: RegExp; readonly otherwise: CommandClass }> = new Map([
  ['transaction_read_only', { harmless: ON, otherwise: 'write' }],
  ['default_transaction_read_only', { harmless: ON, otherwise: 'write' }],
  ['standard_conforming_strings', { harmless: ON, otherwise: 'session' }],
  ['client_encoding', { harmless: /^(?:utf-?8|unicode)$/i, otherwise: 'session' }],
  // Lower levels show what the server thinks; a migration tool asks for less, not for more.
  ['client_min_messages', { harmless: /^(?:log|notice|warning|error)$/i, otherwise: 'session' }],
]);

/** Whether the class of changing a setting depends on the value. */
export function classDependsOnValue(name: string): boolean {
  return BY_VALUE.has(name);
}

/** The class of setting `name` (lower case) to `value`; undefined stands for a value that is not known, `DEFAULT` for a reset. */
export function settingClass(name: string, value: string | undefined): CommandClass {
  if (FORMAT_AND_SPEED.has(name) || name.startsWith('enable_')) return 'read';
  if (ADMIN.has(name) || name.startsWith('log_') || name.startsWith('debug_') || name.startsWith('wal_') || name.startsWith('track_')) return 'admin';
  const byValue = BY_VALUE.get(name);
  if (byValue === undefined) return 'session';
  return value !== undefined && byValue.harmless.test(value) ? 'read' : byValue.otherwise;
}

/** Settings of the server that anybody may change, besides those above: their values are worth recording and no secrets. */
const PLAIN: ReadonlySet<string> = new Set(
  `backslash_quote commit_delay commit_siblings compute_query_id deadlock_timeout exit_on_error extension_control_path
   extension_destdir file_copy_method icu_validation_level io_combine_limit lc_messages max_stack_depth md5_password_warnings
   password_encryption row_security scram_iterations search_path stats_fetch_consistency synchronous_commit temp_file_limit
   temp_tablespaces transform_null_equals update_process_title vacuum_buffer_usage_limit vacuum_failsafe_age
   vacuum_freeze_min_age vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate vacuum_multixact_failsafe_age
   vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age vacuum_truncate transaction_snapshot default_with_oids`
    .trim()
    .split(/\s+/),
);

/**
 * Whether the value of a setting stays out of records: those that applications make up for themselves, and any name that no server
 * has, may hold a key or a token.
 */
export function hidesValue(name: string): boolean {
  if (name.includes('.')) return true;
  return !(FORMAT_AND_SPEED.has(name) || ADMIN.has(name) || BY_VALUE.has(name) || PLAIN.has(name) || /^(?:enable|log|debug|wal|track)_[a-z_]+$/.test(name) || name === '*');
}
