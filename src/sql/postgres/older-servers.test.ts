import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Catalog } from '../catalog.ts';
import { createPostgresUnderstander } from './understand.ts';

const catalog = JSON.parse(readFileSync(new URL('testdata/catalog.json', import.meta.url), 'utf8')) as Catalog;
const understander = createPostgresUnderstander({ timeout: 60_000 });
after(() => understander.close());

/** Whether a server of this version reads the text as the parser does. */
const isRead = async (text: string, version: number, functions: readonly string[] = []): Promise<boolean> => {
  const made = functions.map((name, at) => ({ oid: 90_000 + at, schema: 'public', name, arguments: 'text', kind: 'f', volatility: 'v' }));
  const at: Catalog = { ...catalog, id: `${version} ${functions.join(' ')}`, serverVersion: version * 10_000, functions: [...catalog.functions, ...made] };
  const { statements } = await understander.understand(Buffer.from(text), at, { searchPath: ['public'] }, { id: '', signatures: [] });
  return statements.every(({ facts }) => facts.tag !== 'unknown');
};

for (const [since, texts] of [
  [16, ['SELECT system_user', 'SELECT 1 FROM customers WHERE system_user = name', "SELECT json_array(1, 2)", 'SELECT json_arrayagg(id) FROM customers', "SELECT json_objectagg('a': 1)", "SELECT json_object('a': 1)", 'WITH x AS (SELECT json_array(1)) SELECT 1 FROM x']],
  [17, ["SELECT json_scalar('a')", "SELECT json_serialize('{}')", "SELECT json_value('{}', '$')", "SELECT json_query('{}', '$')", "SELECT json_exists('{}', '$')", "SELECT json('{}')", 'SELECT merge_action()', "SELECT * FROM json_table('{}', '$' COLUMNS (a text)) x"]],
] as const) {
  for (const text of texts) {
    test(`since ${since}: ${text}`, async () => {
      assert.equal(await isRead(text, since - 1), false);
      assert.equal(await isRead(text, since), true);
    });
  }
}

test('what older servers read in the same way is read', async () => {
  for (const text of ["SELECT json_object('{a,1}'::text[])", "SELECT '{}'::json, x.system_user FROM (SELECT 1 AS system_user) x", 'SELECT json_build_object(1, 2), json_agg(name) FROM customers', 'SELECT "system_user" FROM (SELECT 1 AS system_user) x']) {
    for (const version of [13, 15, 16]) assert.equal(await isRead(text, version), true, text);
  }
});

test("a function of somebody's own, where the parser takes the server's", async () => {
  assert.equal(await isRead("SELECT json_object('{a,1}'::text[])", 15, ['json_object']), false);
  assert.equal(await isRead("SELECT json_object('{a,1}'::text[])", 16, ['json_object']), true);
});
