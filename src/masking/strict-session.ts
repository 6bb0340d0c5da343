/**
 * Relations that hold sampled values, or the statements and notices of other sessions, under names that say nothing of the columns behind them; and the bytes of temporary files,
 * which tell how often `replace` found a text in the values that were sorted.
 */
const statistics: ReadonlySet<string> = new Set([
  'pg_stats', 'pg_statistic', 'pg_stats_ext', 'pg_stats_ext_exprs', 'pg_statistic_ext_data', 'pg_stat_activity', 'pg_stat_database', 'pg_largeobject',
  'pg_file_settings', 'pg_hba_file_rules',
]);
/**
 * Relations that tell how much was written to the write-ahead log, or how far it is. An update leaves out what a row begins and ends with as before, so that each character
 * of a guess that is right makes the record shorter.
 */
const ofLog: ReadonlySet<string> = new Set(['pg_stat_wal', 'pg_stat_io', 'pg_replication_slots', 'pg_stat_replication', 'pg_stat_wal_receiver']);
/** Those of extensions, which live in whatever schema they were made in. */
const anywhere: ReadonlySet<string> = new Set(['pg_stat_statements', 'pg_stat_monitor', 'pg_store_plans', 'pg_qualstats']);

/** Whether a relation of the system or of an extension may show what stands in protected columns. */
export function readsStatistics(schema: string, name: string): boolean {
  return anywhere.has(name) || (schema === 'pg_catalog' && statistics.has(name));
}

/** Whether a relation of the system measures the write-ahead log. */
export function measuresLog(schema: string, name: string): boolean {
  return schema === 'pg_catalog' && ofLog.has(name);
}

/** Settings that make the server print values, plans or statements to the client or its log. */
export function forbiddenSetting(name: string): boolean {
  return name === '*' ? false : name === 'client_min_messages' || name.startsWith('log_') || name.startsWith('debug_') || name.startsWith('trace_') || name.startsWith('auto_explain.');
}
