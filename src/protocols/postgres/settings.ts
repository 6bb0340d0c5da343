import type { StatementFacts } from '../../sql/facts.ts';
import type { Understood } from '../../sql/understand.ts';
import { NAME_BYTES } from '../../sql/postgres/encodings.ts';

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

/** Statements that name no object: what names mean is nothing to them, and they may stand where no look-up may. */
const NAMELESS: ReadonlySet<string> = new Set(['set', 'reset', 'show', 'discard', 'transaction', 'listen', 'unlisten', 'notify', 'deallocate', 'close', 'set_constraints']);

/** Whether a statement's meaning rests on what names mean. */
export const needsNames = (understood: Understood): boolean =>
  understood.statements.some(({ facts: { tag, transaction, effects } }) => (transaction === 'none' && !NAMELESS.has(tag)) || effects.some((effect) => effect.class === 'unknown'));

/** What the server plans when it is bound: what its names mean is settled then. */
const PLANNED: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete', 'merge']);

/** Whether the server looks names of a portal up only when it is executed: EXECUTE, COPY, TRUNCATE, definitions and all else that is not planned. */
export const looksUpWhenRun = (understood: Understood): boolean => needsNames(understood) && understood.statements.some(({ facts: { tag } }) => !PLANNED.has(tag));

/** What a transaction that is open may have changed, and its end would change back. */
export interface Changed {
  /** search_path or role. */
  readonly names: boolean;
  /** Objects: made, dropped or renamed. */
  readonly objects: boolean;
}

const ENDS: ReadonlySet<StatementFacts['transaction']> = new Set(['commit', 'rollback', 'rollback_to', 'prepare']);

/** Whether names may mean something else after this statement than before, given what the open transaction has changed. */
export const bringsBack = (facts: StatementFacts, changed: Changed): boolean => ENDS.has(facts.transaction) && (changed.names || changed.objects);

/**
 * Whether the message relies on names after what they mean has changed within it: by a setting, or by the end of a
 * transaction that had changed settings or objects. Such a message cannot be decided as a whole.
 */
export const reliesOnChangedNames = (understood: Understood, open: Changed): boolean => {
  let { names, objects } = open;
  let moved = false;
  let unnamed = false;
  for (const { facts } of understood.statements) {
    if (unnamed && facts.timing !== 'read') return true;
    // The target's log names the actor by it: a change behind it would stand there under the client's own text.
    unnamed ||= facts.settings.some(({ name }) => name === 'application_name');
    if (moved && facts.effects.some(({ class: granted }) => granted !== 'session') && facts.transaction === 'none') return true;
    const changes = facts.settings.some(({ name }) => RESOLVING.has(name) || name === '*');
    if (changes || bringsBack(facts, { names, objects })) moved = true;
    names ||= changes;
    objects ||= facts.changesCatalog;
  }
  return false;
};

/** `wg:<12 characters of the session>:<identity>` with the client's own text behind it, within 63 bytes of printable ASCII. */
export const applicationName = (sessionId: string, identity: string, own: string): string => {
  const actor = `wg:${sessionId.slice(0, 12)}:${identity}`.slice(0, NAME_BYTES);
  // The server replaces other bytes by its own escapes, which would not compare equal afterwards.
  const text = own.replace(/[^\x20-\x7e]/g, '?');
  return text === '' ? actor : `${actor} ${text}`.slice(0, NAME_BYTES).trimEnd();
};
