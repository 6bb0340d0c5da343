import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Catalog, Relation } from '../catalog.ts';
import type { StatementFacts } from '../facts.ts';
import { analyse } from './analyse.ts';
import { Granted } from './granted.ts';
import { CatalogIndex } from './names.ts';
import { loadParser, parseDefinition, parseText } from './parse.ts';

before(loadParser);

const table = (oid: number, schema: string, name: string, ...columns: readonly string[]): Relation => ({ oid, schema, name, kind: 'r', columns: columns.map((column, at) => ({ name: column, number: at + 1, type: 25, typmod: -1 })) });
const schemas = Array.from({ length: 20 }, (_, n) => `s${n}`);
const catalog: Catalog = {
  id: 'meanings', serverVersion: 180000, database: 'shop', functions: [], operators: [], types: [], casts: [],
  relations: [
    table(1, 'a', 'docs', 'id'), table(2, 'b', 'docs', 'id', 'secret'), table(3, 'c', 'docs', 'id'), table(4, 'b', 'lone', 'id'), table(5, 'pg_temp_7', 'mine', 'id'), table(6, 'a', 'mine', 'id'),
    { ...table(7, 'a', 'seen', 'id'), kind: 'v', definition: ' SELECT docs.id FROM a.docs;' },
    ...schemas.map((schema, at) => table(100 + at, schema, 'many', 'id')),
  ],
};
const index = new CatalogIndex(catalog);

const factsOf = (sql: string, searchPath: readonly string[] = ['pg_temp_7', 'a', 'b', 'c']): readonly StatementFacts[] => {
  const statements = parseText(sql);
  assert.ok(statements, sql);
  return analyse(Buffer.from(sql), statements, { index, granted: new Granted({ id: '', signatures: [] }), parse: parseDefinition }, { searchPath }).facts;
};
const objects = ({ effects }: StatementFacts): readonly string[] => effects.flatMap(({ object }) => (object ? [`${object.schema ?? ''}.${object.name}`] : []));
/** What the statement touches as it stands, and as each of what it can come to be. */
const meanings = (sql: string, searchPath?: readonly string[]): readonly (readonly (readonly string[])[])[] => factsOf(sql, searchPath).map((facts) => [facts, ...(facts.otherMeanings ?? [])].map(objects));

test('a name without a schema counts as everything of its name on the path', () => {
  assert.deepEqual(meanings('SELECT id FROM docs'), [[['a.docs'], ['b.docs'], ['c.docs']]]);
  assert.deepEqual(meanings('DELETE FROM docs'), [[['a.docs'], ['b.docs'], ['c.docs']]]);
  assert.deepEqual(meanings('DROP TABLE docs', ['b', 'a']), [[['b.docs'], ['a.docs']]]);
});

test('with the columns that it would have there', () => {
  const [facts] = factsOf('SELECT * FROM docs');
  assert.deepEqual([facts, ...(facts?.otherMeanings ?? [])].map((each) => each?.lineage.outputs?.map(({ sources }) => sources.map(({ schema, column }) => `${schema}.${column}`).join())), [['a.id'], ['b.id', 'b.secret'], ['c.id']]);
  // What one of them does not have is not understood there.
  const [named] = factsOf('SELECT secret FROM docs', ['b', 'a']);
  assert.equal(named?.lineage.understood, true);
  assert.equal(named.otherMeanings?.[0]?.lineage.understood, false);
});

test('names with a schema, with one meaning, of the system and of the session have no other', () => {
  for (const sql of ['SELECT id FROM b.docs', 'SELECT id FROM lone', 'SELECT * FROM mine', 'SELECT relname FROM pg_class', 'SELECT id FROM a.seen', 'WITH docs AS (SELECT 1 AS id) SELECT id FROM docs', 'CREATE TABLE docs2 (id int)', 'CREATE TABLE c.docs3(id int); SELECT id FROM c.docs3']) {
    assert.deepEqual(factsOf(sql).map(({ otherMeanings }) => otherMeanings), factsOf(sql).map(() => undefined), sql);
  }
  assert.deepEqual(meanings('CREATE TABLE a.fresh(id int); SELECT id FROM fresh', ['a', 'b']), [[['a.fresh']], [['a.fresh']]]);
});

test('each statement of a message has its own, and what stands in PREPARE has them as well', () => {
  assert.deepEqual(meanings('SELECT id FROM lone; SELECT id FROM docs', ['a', 'b']), [[['b.lone']], [['a.docs'], ['b.docs']]]);
  const [facts] = factsOf('PREPARE p AS SELECT id FROM docs', ['a', 'b']);
  const inner = facts?.named?.inner;
  assert.deepEqual(inner && [inner, ...(inner.otherMeanings ?? [])].map(objects), [['a.docs'], ['b.docs']]);
});

test('where too many have the name, nothing is understood', () => {
  const [facts] = factsOf('SELECT id FROM many', schemas);
  assert.equal(facts?.effects.some((effect) => effect.class === 'unknown'), true);
  assert.equal(facts?.otherMeanings?.length, 15);
  assert.equal(factsOf('SELECT id FROM many', schemas.slice(0, 16))[0]?.effects.some((effect) => effect.class === 'unknown'), false);
});
