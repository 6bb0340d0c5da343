import type { StatementFacts } from '../facts.ts';

/** What conditions in policies see of one statement as `statement`: its tag, verbs, tables and schemas. No client-chosen text. */
export function statementSummary(facts: StatementFacts): Readonly<Record<string, unknown>> {
  const tables = new Set<string>();
  const schemas = new Set<string>();
  const verbs = new Set<string>();
  const classes = new Set<string>();
  for (const { class: granted, verb, object } of facts.effects) {
    verbs.add(verb);
    classes.add(granted);
    if (object?.schema !== undefined) schemas.add(object.schema);
    if (object && TABLES.has(object.kind)) tables.add(object.schema === undefined ? object.name : `${object.schema}.${object.name}`);
  }
  return {
    tag: facts.tag,
    verbs: [...verbs],
    classes: [...classes],
    tables: [...tables],
    schemas: [...schemas],
    hasWhere: facts.clauses?.where === true,
    hasLimit: facts.clauses?.limit === true,
  };
}

const TABLES: ReadonlySet<string> = new Set(['table', 'view', 'materialized_view', 'foreign_table']);
