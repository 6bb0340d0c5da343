/**
 * Writes src/sql/postgres/vetted.ts and src/sql/postgres/system.ts from the catalogs of real servers, one for each major
 * version, given as connection strings:
 *
 *   node tools/vet-functions.ts postgresql://postgres@localhost:5415/postgres postgresql://postgres@localhost:5418/postgres
 *
 * A function is vetted by its name, for all versions together: when in every version all functions of that name in
 * pg_catalog may be called from SQL and are immutable or stable (or on the reviewed list of harmless volatile ones).
 */
import { writeFileSync } from 'node:fs';
import { Client } from 'pg';
import { harmlessVolatile, reviewed } from '../src/sql/postgres/reviewed.ts';

const FUNCTIONS = `
  SELECT p.proname, bool_or(p.provolatile = 'v')::text,
         bool_or(p.prokind = 'p' OR t.typname IN ('internal','cstring','trigger','event_trigger','index_am_handler','table_am_handler','tsm_handler','fdw_handler','language_handler')
           OR EXISTS (SELECT FROM unnest(p.proargtypes) a JOIN pg_type y ON y.oid = a WHERE y.typname IN ('internal','cstring')))::text
  FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype
  WHERE p.pronamespace = 'pg_catalog'::regnamespace GROUP BY 1`;
const RELATIONS = `
  SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('pg_catalog','information_schema') AND c.relkind IN ('r','v','f','p')`;
const TYPES = `
  SELECT n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname IN ('pg_catalog','information_schema') AND t.typelem = 0 OR t.typname IN ('name','point','box','lseg','line','oidvector','int2vector')`;
const COLUMNS = `
  SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  WHERE c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND a.attnum > 0
  UNION SELECT o.name FROM pg_proc p, unnest(p.proargnames, p.proargmodes) AS o(name, mode)
  WHERE p.pronamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND o.mode IN ('o', 'b', 't') AND o.name <> ''
  UNION SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proretset`;
const OPERATORS = `SELECT DISTINCT oprname FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace`;

const declared = new Map<string, { volatile: boolean; internal: boolean }>();
const relations = new Map<string, Set<string>>([['pg_catalog', new Set()], ['information_schema', new Set()]]);
const types = new Set<string>();
const operators = new Set<string>();
const columns = new Set<string>();

for (const connectionString of process.argv.slice(2)) {
  const client = new Client({ connectionString });
  await client.connect();
  const rows = async (text: string): Promise<string[][]> => (await client.query<string[]>({ text, rowMode: 'array' })).rows;
  for (const [name, volatile, internal] of await rows(FUNCTIONS)) {
    const before = declared.get(name!) ?? { volatile: false, internal: false };
    declared.set(name!, { volatile: before.volatile || volatile === 'true', internal: before.internal || internal === 'true' });
  }
  for (const [schema, name] of await rows(RELATIONS)) relations.get(schema!)?.add(name!);
  for (const [, name] of await rows(TYPES)) types.add(name!);
  for (const [name] of await rows(OPERATORS)) operators.add(name!);
  for (const [name] of await rows(COLUMNS)) columns.add(name!);
  await client.end();
}

const harmless = new Set(harmlessVolatile);
const vetted = [...declared].flatMap(([name, { volatile, internal }]) =>
  reviewed.has(name) || name.startsWith('binary_upgrade_') || internal || (volatile && !harmless.has(name) && !name.startsWith('pg_stat_get_')) ? [] : [name],
);
const isVetted = new Set(vetted);

const block = (names: Iterable<string>): string => {
  const lines: string[] = [];
  let line = ' ';
  for (const name of [...names].sort()) {
    if (line.length + name.length > 118) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${name}`;
  }
  return [...lines, line].join('\n');
};
const set = (doc: string, name: string, names: Iterable<string>): string =>
  `/** ${doc} */\nexport const ${name}: ReadonlySet<string> = new Set(\`\n${block(names)}\`.trim().split(/\\s+/));\n`;

const head = `// Written by tools/vet-functions.ts from PostgreSQL 15 to 18. Do not edit.\n\n`;
const folder = new URL('../src/sql/postgres/', import.meta.url);
writeFileSync(
  new URL('vetted.ts', folder),
  [
    head + set('Functions and aggregates of pg_catalog that compute or look, and nothing else.', 'vettedFunctions', vetted),
    set('Functions of pg_catalog that are neither vetted nor reviewed.', 'otherFunctions', [...declared.keys()].filter((name) => !isVetted.has(name) && !reviewed.has(name))),
  ].join('\n'),
);
writeFileSync(
  new URL('system.ts', folder),
  [
    head + set('Relations of pg_catalog.', 'catalogRelations', relations.get('pg_catalog') ?? []),
    set('Relations of information_schema.', 'informationSchemaRelations', relations.get('information_schema') ?? []),
    set('Columns of all these, and of what functions of pg_catalog return.', 'systemColumns', columns),
    set('Types of pg_catalog and information_schema, row types included.', 'systemTypes', types),
    // Backquotes and backslashes occur among operators.
    `/** Names of the operators of pg_catalog. */\nexport const systemOperators: ReadonlySet<string> = new Set(${JSON.stringify([...operators].sort())});\n`,
  ].join('\n'),
);
console.log(`${vetted.length} functions vetted of ${declared.size}`);
