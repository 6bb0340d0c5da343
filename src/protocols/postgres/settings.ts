import type { StatementFacts } from '../../sql/facts.ts';
import type { Understood } from '../../sql/understand.ts';

/**
 * Settings of the target's session on which decisions rest are pinned or tracked; SET, RESET and DISCARD pass only for what
 * stands here. Names in lower case, PostgreSQL 18 documentation chapter 19.
 */

/** Change how names resolve: read back before the next statement is decided. */
const RESOLVING = new Set(['search_path', 'role', 'session_authorization']);

/** May be set, but only to the value that the gateway reads by. */
const PINNED: Readonly<Record<string, (value: string) => boolean>> = {
  client_encoding: (value) => /^(utf-?8|unicode|default)$/i.test(value),
  standard_conforming_strings: (value) => /^(on|true|yes|1|default)$/i.test(value),
  names: (value) => /^(utf-?8|unicode|default)$/i.test(value),
};

/** May be set to anything: they change speed, wording or time limits, never what a statement means or who runs it. */
const FREE = new Set(
  `application_name array_nulls backend_flush_after bytea_output check_function_bodies client_connection_check_interval
   client_min_messages commit_delay commit_siblings constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost
   cursor_tuple_fraction datestyle deadlock_timeout default_statistics_target default_table_access_method default_tablespace
   default_toast_compression default_transaction_deferrable default_transaction_isolation default_transaction_read_only
   effective_cache_size effective_io_concurrency escape_string_warning exit_on_error extra_float_digits from_collapse_limit
   geqo geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold gin_fuzzy_search_limit
   gin_pending_list_limit hash_mem_multiplier idle_in_transaction_session_timeout idle_session_timeout intervalstyle
   jit jit_above_cost jit_inline_above_cost jit_optimize_above_cost join_collapse_limit lc_messages lc_monetary lc_numeric
   lc_time lock_timeout logical_decoding_work_mem maintenance_io_concurrency maintenance_work_mem max_parallel_maintenance_workers
   max_parallel_workers max_parallel_workers_per_gather min_parallel_index_scan_size min_parallel_table_scan_size
   parallel_leader_participation parallel_setup_cost parallel_tuple_cost plan_cache_mode quote_all_identifiers
   random_page_cost recursive_worktable_factor restrict_nonsystem_relation_kind row_security seq_page_cost statement_timeout synchronize_seqscans
   synchronous_commit tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout temp_buffers
   temp_tablespaces timezone timezone_abbreviations transaction_deferrable transaction_isolation transaction_read_only transaction_snapshot
   transaction_timeout vacuum_cost_delay vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss
   work_mem xmlbinary xmloption seed`.split(/\s+/),
);
const isFree = (name: string): boolean => FREE.has(name) || name.startsWith('enable_') || (name.includes('.') && !name.startsWith('wicketgate.'));

/** Why a message may not change a setting, or undefined when it may. */
export const refusedSetting = (understood: Understood): string | undefined => {
  for (const { facts } of understood.statements) {
    for (const { name, action, literal, word } of facts.settings) {
      if (name === '*' || isFree(name) || RESOLVING.has(name)) continue;
      const pin = PINNED[name];
      if (!pin) return `setting ${/^[a-z_.]{1,63}$/.test(name) ? name : 'of this name'} may not be changed through the gateway`;
      if (action === 'reset') continue;
      const value = literal === undefined ? word : understood.literals[literal]?.value;
      if (value === undefined || !pin(value)) return `setting ${name} is pinned by the gateway`;
    }
  }
  return undefined;
};

/** Whether what a name means may be different after this statement. What is not understood may have changed anything. */
export const changesNames = (facts: StatementFacts): boolean =>
  facts.settings.some(({ name }) => name === '*' || RESOLVING.has(name)) || facts.effects.some((effect) => effect.class === 'unknown');

/** Whether the message relies on names after changing what they mean: it cannot be decided as a whole. */
export const reliesOnChangedNames = (understood: Understood): boolean => {
  const change = understood.statements.findIndex(({ facts }) => facts.settings.some(({ name }) => RESOLVING.has(name) || name === '*'));
  if (change < 0) return false;
  return understood.statements.slice(change + 1).some(({ facts }) => facts.effects.some(({ class: granted }) => granted !== 'session'));
};

/** The schemas in a search_path setting: SplitIdentifierString of the server. `$user` stands for the role. */
export const splitSearchPath = (value: string, role: string): readonly string[] => {
  const schemas: string[] = [];
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^\s,"]+))\s*(?:,|$)/gy;
  for (let match = pattern.exec(value); match && match[0] !== ''; match = pattern.exec(value)) {
    const name = match[1] === undefined ? (match[2] ?? '').toLowerCase() : match[1].replaceAll('""', '"');
    const schema = name === '$user' ? role : name;
    if (schema !== '' && !schemas.includes(schema)) schemas.push(schema);
  }
  return schemas;
};

/** Most bytes of application_name that PostgreSQL keeps (NAMEDATALEN - 1). */
const NAME_BYTES = 63;

/** `wg:<12 characters of the session>:<identity>` with the client's own text behind it, within 63 bytes of printable ASCII. */
export const applicationName = (sessionId: string, identity: string, own: string): string => {
  const actor = `wg:${sessionId.slice(0, 12)}:${identity}`.slice(0, NAME_BYTES);
  // The server replaces other bytes by its own escapes, which would not compare equal afterwards.
  const text = own.replace(/[^\x20-\x7e]/g, '?');
  return text === '' ? actor : `${actor} ${text}`.slice(0, NAME_BYTES).trimEnd();
};
