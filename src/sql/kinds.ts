/**
 * The kinds of things that effects name: the one vocabulary of what the understanders say and what rules of policy can be about.
 */

/** Kinds whose objects stand in no schema. */
export const outsideSchemas: ReadonlySet<string> = new Set([
  'access_method', 'cast', 'channel', 'database', 'default_privileges', 'event_trigger', 'extension', 'file', 'foreign_data_wrapper', 'language',
  'large_object', 'library', 'program', 'publication', 'role', 'schema', 'security_label', 'server', 'setting', 'subscription', 'system',
  'tablespace', 'transform', 'user_mapping',
]);

/** Kinds whose objects stand in a schema, by themselves or with the table they belong to. */
export const insideSchemas: ReadonlySet<string> = new Set([
  'aggregate', 'collation', 'column', 'constraint', 'conversion', 'domain', 'foreign_table', 'function', 'index', 'materialized_view', 'operator',
  'operator_class', 'operator_family', 'policy', 'procedure', 'routine', 'rule', 'sequence', 'statistics', 'table',
  'text_search_configuration', 'text_search_dictionary', 'text_search_parser', 'text_search_template', 'trigger', 'type', 'view',
]);

/** Kinds whose objects statements can name as ones of a wider kind, too. */
export const widerKinds: ReadonlyMap<string, string> = new Map([['function', 'routine'], ['procedure', 'routine'], ['aggregate', 'routine'], ['domain', 'type']]);

/** Words that people use for a kind of another name. */
export const kindSynonyms: Readonly<Record<string, string>> = { user: 'role', group: 'role', parameter: 'setting' };

/** Whether a word is the name of a kind. */
export const isKind = (word: string): boolean => outsideSchemas.has(word) || insideSchemas.has(word);

/** Everything that can stand for a kind in a rule, in alphabetical order. */
export const kindWords: readonly string[] = [...outsideSchemas, ...insideSchemas, ...Object.keys(kindSynonyms)].toSorted();
