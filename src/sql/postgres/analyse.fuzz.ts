import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../../test/kit/campaign.ts';
import type { Catalog } from '../catalog.ts';
import { analyse } from './analyse.ts';
import { withinCaps } from './caps.ts';
import { Granted } from './granted.ts';
import { CatalogIndex } from './names.ts';
import { loadParser, parseDefinition, ParserBroken, parseText } from './parse.ts';
import { shapeOf } from './shape.ts';

before(loadParser);

const catalog = JSON.parse(readFileSync(new URL('testdata/catalog.json', import.meta.url), 'utf8')) as Catalog;
const index = new CatalogIndex(catalog);
const granted = new Granted({ id: '', signatures: [] });
/** Longest time for a text of a few KiB: the thread that does this gives up after two seconds. */
const MOST_MS = 1_500;

const read = (name: string): string[] => (JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as { readonly sql?: string }[]).flatMap(({ sql }) => sql ?? []);
const statements = [...read('testdata/tools.json'), ...read('../../../test/bypass/sql-policy.json'), ...read('../../../test/bypass/masking.json')].filter((sql) => sql.length < 3000);
const words = [...new Set(statements.flatMap((sql) => sql.match(/[a-z_]+|[0-9]+|'[^']*'|\S/gi) ?? []))];

/** Statements put together from parts of others: where one is cut at a blank, another goes on. */
const crossed = fc.tuple(fc.constantFrom(...statements), fc.constantFrom(...statements), fc.nat(), fc.nat()).map(([one, other, here, there]) => {
  const [head, tail] = [one.split(/(?<=\s)/), other.split(/(?<=\s)/)];
  return head.slice(0, here % (head.length + 1)).join('') + tail.slice(there % (tail.length + 1)).join('');
});
const exchanged = fc.tuple(fc.constantFrom(...statements), fc.array(fc.tuple(fc.nat(), fc.constantFrom(...words)), { minLength: 1, maxLength: 4 })).map(([statement, changes]) => {
  const parts = statement.split(/(?<=[^a-z0-9_'])|(?=[^a-z0-9_'])/i);
  for (const [place, word] of changes) parts[place % parts.length] = ` ${word} `;
  return parts.join('');
});
/** What a nested expression is opened and closed with. */
type Around = readonly [open: string, close: string];
const nested = fc.tuple(fc.constantFrom<Around>(['(', ')'], ['(SELECT ', ')'], ['coalesce(', ',1)'], ['ARRAY[', ']'], ['(SELECT a FROM (', ') a)'], ['CASE WHEN true THEN ', ' END'], ['NOT ', ''], ['- ', '']), fc.nat(120), fc.constantFrom('1', 'ssn FROM customers', 'name')).map(([[open, close], depth, core]) => `SELECT ${open.repeat(depth)}${core}${close.repeat(depth)}`);
const several = fc.array(fc.oneof(crossed, exchanged, fc.constantFrom(...statements)), { minLength: 2, maxLength: 3 }).map((some) => some.join(';\n'));
const texts = fc.oneof({ weight: 4, arbitrary: exchanged }, { weight: 2, arbitrary: crossed }, several, nested).map((text) => text.replaceAll('\0', '')).filter((text) => text.isWellFormed());

test('facts of whatever parses: as many as there are statements, each with an effect, in little time', () =>
  campaign(
    fc.property(texts, fc.constantFrom<readonly string[]>(['public'], [], ['billing', 'public']), (sql, searchPath) => {
      const text = Buffer.from(sql);
      // What comes here has passed these.
      if (shapeOf(text, '') === undefined || !withinCaps(text)) return;
      const begun = performance.now();
      let parsed: ReturnType<typeof parseText>;
      try {
        parsed = parseText(sql);
      } catch (error) {
        assert.ok(error instanceof ParserBroken);
        return;
      }
      if (parsed === undefined) return;
      const { facts } = analyse(text, parsed, { index, granted, parse: parseDefinition }, { searchPath });
      const took = performance.now() - begun;
      assert.ok(took < MOST_MS, `${Math.round(took)} ms`);
      assert.equal(facts.length, parsed.length);
      for (const each of facts) assert.ok(each.effects.length > 0, sql);
      // They travel between threads.
      assert.deepEqual(structuredClone(facts), facts);
    }),
  ));
