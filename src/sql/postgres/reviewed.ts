import type { CommandClass, Timing } from '../../model/command.ts';

/**
 * What was decided by hand about functions of pg_catalog. `tools/vet-functions.ts` takes every other one from real servers
 * into `vetted.ts` when the server itself declares it immutable or stable, which for its own functions can be believed;
 * volatile ones are vetted only by being listed here.
 */
export interface Reviewed {
  readonly class: CommandClass;
  readonly verb: string;
  readonly timing: Timing;
  /** For class unknown and admin: why. */
  readonly why?: string;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Declared volatile, but only look, or give a value of their own. */
export const harmlessVolatile: readonly string[] = words(`
  array_sample array_shuffle clock_timestamp current_query currval gen_random_uuid lastval pg_available_wal_summaries
  pg_blocking_pids pg_collation_actual_version pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system
  pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_database_collation_actual_version pg_database_size
  pg_get_multixact_members pg_get_sequence_data pg_get_shmem_allocations pg_get_wait_events pg_get_wal_replay_pause_state
  pg_get_wal_resource_managers pg_get_wal_summarizer_state pg_indexes_size pg_is_in_backup pg_backup_start_time pg_is_in_recovery
  pg_is_wal_replay_paused pg_isolation_test_session_is_blocked pg_jit_available pg_last_committed_xact pg_last_wal_receive_lsn
  pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status pg_notification_queue_usage pg_partition_ancestors
  pg_partition_tree pg_prepared_xact pg_relation_size pg_safe_snapshot_blocking_pids pg_sequence_last_value
  pg_show_replication_origin_status pg_stat_clear_snapshot pg_stat_force_next_flush pg_stat_have_stats pg_table_size pg_tablespace_size
  pg_total_relation_size pg_xact_commit_timestamp pg_xact_commit_timestamp_origin pg_xact_status random random_normal setseed
  timeofday txid_status uuidv4 uuidv7 pg_stat_get_xact_numscans pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_fetched
  pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_updated pg_stat_get_xact_tuples_deleted
  pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_newpage_updated pg_stat_get_xact_blocks_fetched
  pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls pg_stat_get_xact_function_total_time
  pg_stat_get_xact_function_self_time pg_stat_get_backend_io pg_stat_get_backend_wal pg_stat_get_io pg_stat_get_recovery_prefetch`);

const group = (reviewed: Reviewed, names: string): readonly (readonly [string, Reviewed])[] => words(names).map((name) => [name, reviewed]);

/** Functions with effects, or not to be believed. Everything in pg_catalog that is neither here nor vetted is unknown. */
export const reviewed: ReadonlyMap<string, Reviewed> = new Map<string, Reviewed>([
  ...group({ class: 'write', verb: 'nextval', timing: 'immediate' }, 'nextval'),
  // As ALTER SEQUENCE ... RESTART would, but at once and for good.
  ...group({ class: 'schema', verb: 'setval', timing: 'immediate' }, 'setval'),
  ...group({ class: 'write', verb: 'notify', timing: 'transactional' }, 'pg_notify'),
  ...group({ class: 'write', verb: 'call', timing: 'transactional' }, 'lo_creat lo_create lo_from_bytea lo_open lo_put lo_truncate lo_truncate64 lo_unlink lowrite'),
  ...group({ class: 'read', verb: 'call', timing: 'read' }, 'lo_close lo_get lo_lseek lo_lseek64 lo_tell lo_tell64 loread'),
  // They outlive the transaction, keep others waiting, or move data to other sessions.
  ...group(
    { class: 'session', verb: 'lock', timing: 'immediate' },
    `pg_advisory_lock pg_advisory_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared pg_advisory_unlock
     pg_advisory_unlock_shared pg_advisory_unlock_all`,
  ),
  ...group(
    { class: 'session', verb: 'lock', timing: 'transactional' },
    'pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared',
  ),
  ...group({ class: 'session', verb: 'sleep', timing: 'read' }, 'pg_sleep pg_sleep_for pg_sleep_until'),
  ...group({ class: 'session', verb: 'set', timing: 'read' }, 'set_config'),
  ...group({ class: 'session', verb: 'call', timing: 'read' }, 'pg_export_snapshot'),
  ...group(
    { class: 'unknown', verb: 'call', timing: 'immediate', why: 'runs SQL that is held in a string or reads what a string names' },
    `query_to_xml query_to_xmlschema query_to_xml_and_xmlschema table_to_xml table_to_xmlschema table_to_xml_and_xmlschema
     schema_to_xml schema_to_xmlschema schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema
     database_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema ts_stat ts_rewrite pg_input_is_valid pg_input_error_info currtid2`,
  ),
  ...group({ class: 'admin', verb: 'signal', timing: 'immediate', why: 'acts on other sessions or the server' }, 'pg_cancel_backend pg_terminate_backend pg_reload_conf pg_rotate_logfile pg_rotate_logfile_old pg_log_backend_memory_contexts pg_promote'),
  ...group(
    { class: 'admin', verb: 'file', timing: 'immediate', why: 'reads or writes files of the server' },
    `pg_read_file pg_read_file_old pg_read_binary_file pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_archive_statusdir pg_ls_tmpdir
     pg_ls_logicalsnapdir pg_ls_logicalmapdir pg_ls_replslotdir pg_ls_summariesdir pg_stat_file pg_current_logfile lo_import lo_export
     pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings pg_wal_summary_contents pg_config`,
  ),
  ...group(
    { class: 'admin', verb: 'replication', timing: 'immediate', why: 'replication, backup or write-ahead log' },
    `pg_backup_start pg_backup_stop pg_start_backup pg_stop_backup pg_create_restore_point pg_switch_wal pg_log_standby_snapshot
     pg_logical_emit_message pg_logical_slot_get_changes pg_logical_slot_get_binary_changes pg_logical_slot_peek_changes
     pg_logical_slot_peek_binary_changes pg_create_logical_replication_slot pg_create_physical_replication_slot
     pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_drop_replication_slot pg_replication_slot_advance
     pg_sync_replication_slots pg_replication_origin_advance pg_replication_origin_create pg_replication_origin_drop
     pg_replication_origin_progress pg_replication_origin_session_is_setup pg_replication_origin_session_progress
     pg_replication_origin_session_reset pg_replication_origin_session_setup pg_replication_origin_xact_reset
     pg_replication_origin_xact_setup pg_wal_replay_pause pg_wal_replay_resume`,
  ),
  ...group(
    { class: 'admin', verb: 'statistics', timing: 'immediate', why: 'changes statistics or internals of the server' },
    `pg_stat_reset pg_stat_reset_backend_stats pg_stat_reset_replication_slot pg_stat_reset_shared
     pg_stat_reset_single_function_counters pg_stat_reset_single_table_counters pg_stat_reset_slru pg_stat_reset_subscription_stats
     pg_clear_attribute_stats pg_clear_relation_stats pg_restore_attribute_stats pg_restore_relation_stats
     pg_import_system_collations pg_nextoid pg_stop_making_pinned_objects pg_extension_config_dump gin_clean_pending_list
     brin_summarize_new_values brin_summarize_range brin_desummarize_range`,
  ),
  // Texts of other sessions' statements, connection strings, sampled values.
  ...group(
    { class: 'admin', verb: 'select', timing: 'read', why: 'shows what other sessions run, connection strings or sampled values' },
    'pg_stat_get_activity pg_stat_get_backend_activity pg_stat_get_wal_receiver pg_mcv_list_items pg_get_backend_memory_contexts pg_get_aios pg_get_loaded_modules',
  ),
]);

/** Functions of pg_catalog that are made to be triggers, and do no more than change the row or skip the write. */
export const trigger: ReadonlySet<string> = new Set(words('suppress_redundant_updates_trigger tsvector_update_trigger tsvector_update_trigger_column'));

/** Those of them that put what some columns hold into another. */
export const readsWholeRows: ReadonlySet<string> = new Set(words('tsvector_update_trigger tsvector_update_trigger_column'));

/** Functions of information_schema: SQL functions of the server that its own views and the JDBC driver use. */
export const informationSchemaFunctions: ReadonlySet<string> = new Set(words(`
  _pg_char_max_length _pg_char_octet_length _pg_datetime_precision _pg_expandarray _pg_index_position _pg_interval_type
  _pg_keysequal _pg_numeric_precision _pg_numeric_precision_radix _pg_numeric_scale _pg_truetypid _pg_truetypmod`));

/** System relations that hold only secrets, sampled values, or files of the server: reading them is class admin. */
export const guardedRelations: ReadonlySet<string> = new Set(words(`
  pg_statistic pg_statistic_ext_data pg_stats pg_stats_ext
  pg_stats_ext_exprs pg_stat_wal_receiver pg_file_settings pg_hba_file_rules pg_ident_file_mappings pg_config pg_largeobject
  pg_backend_memory_contexts pg_replication_origin_status pg_aios user_mapping_options user_mappings _pg_user_mappings`));

/**
 * System relations of which only these columns are guarded: the rest is what every monitoring reads. The target's user is
 * shared by all identities, so that the server itself would show each the statements of the others.
 */
export const guardedColumns: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['pg_stat_activity', new Set(['query'])],
  ['pg_authid', new Set(['rolpassword'])],
  ['pg_shadow', new Set(['passwd'])],
  ['pg_user_mapping', new Set(['umoptions'])],
  ['pg_user_mappings', new Set(['umoptions'])],
  ['pg_subscription', new Set(['subconninfo'])],
]);

/**
 * Extensions whose functions are known to compute and nothing else. The catalog names the extension of a function only when
 * a superuser made it, so that it is no client's choice.
 */
export const vettedExtensions: ReadonlySet<string> = new Set(words(`
  btree_gin btree_gist citext cube earthdistance fuzzystrmatch hstore intarray isn ltree pg_trgm pgcrypto seg unaccent uuid-ossp vector`));
