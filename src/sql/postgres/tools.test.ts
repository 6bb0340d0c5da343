import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import type { Catalog } from '../catalog.ts';
import { analyse } from './analyse.ts';
import { withinCaps } from './caps.ts';
import { Granted } from './granted.ts';
import { CatalogIndex } from './names.ts';
import { loadParser, parseDefinition, parseText } from './parse.ts';
import { shapeOf } from './shape.ts';

/*
 * What unmodified tools say, recorded from a server's log by tools/capture-tool-statements.ts, and in clients.sql what other
 * clients and frameworks ask at their start. Nothing of it may be unknown but code that is attached: that would lock the tool out.
 */
before(loadParser);

const read = (name: string): string => readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8');
const index = new CatalogIndex(JSON.parse(read('catalog.json')) as Catalog);
const recorded = JSON.parse(read('tools.json')) as readonly { readonly tool: string; readonly sql: string }[];
const others = read('clients.sql')
  .split(/^-- (.*)$/m)
  .slice(1)
  .reduce<{ tool: string; sql: string }[]>((all, part, i, parts) => (i % 2 === 0 ? [...all, { tool: part, sql: (parts[i + 1] ?? '').trim() }] : all), []);

/** Statements of tools that look at secrets or change roles: they need a rule. */
const ADMIN: readonly RegExp[] = [/pg_user_mappings/, /subconninfo/];

/** Definitions of code that nobody can look into, or that reaches tables: they need a grant of their own. */
const CODE: readonly RegExp[] = [/^CREATE FUNCTION public\.touch\(\)/, /^CREATE TRIGGER orders_touch /];

test('no statement of a tool is unknown, and few need more than classes', (t) => {
  const needed = new Map<string, Set<string>>();
  const unknown: string[] = [];
  const admin: string[] = [];
  for (const { tool, sql } of [...recorded, ...others]) {
    const text = Buffer.from(sql);
    assert.ok(shapeOf(text, '') && withinCaps(text), sql);
    const statements = parseText(sql);
    assert.ok(statements, sql);
    const { facts } = analyse(text, statements, { index, granted: new Granted({ id: '', signatures: [] }), parse: parseDefinition }, { searchPath: ['public'] });
    assert.ok(facts.length > 0, sql);
    for (const { class: granted, why, object } of facts.flatMap(({ effects }) => effects)) {
      const classes = needed.get(tool) ?? new Set();
      needed.set(tool, classes.add(granted));
      if (granted === 'unknown' && !CODE.some((pattern) => pattern.test(sql))) unknown.push(`${tool}: ${why} ${JSON.stringify(object)}: ${sql.slice(0, 200)}`);
      if (granted === 'admin' && !ADMIN.some((pattern) => pattern.test(sql))) admin.push(`${tool}: ${why} ${JSON.stringify(object)}: ${sql.slice(0, 200)}`);
    }
  }
  assert.ok(recorded.length > 500);
  assert.deepEqual(unknown, []);
  assert.deepEqual(admin, []);
  for (const [tool, classes] of needed) t.diagnostic(`${tool}: ${[...classes].join(' ')}`);
});
