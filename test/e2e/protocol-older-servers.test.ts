import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startScene, TABLES, type Scene } from './scene.ts';
import { gatewayWire, plain, say, type Wire } from './wire.ts';

/* Words that newer servers give a meaning of their own are names of columns and functions to an older one. */

let scene: Scene;
let wire: Wire;
before(async () => {
  scene = await startScene({
    postgres: { version: 15, setup: `${TABLES} CREATE FUNCTION json_value(text, text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM audit; SELECT ssn FROM customers LIMIT 1';` },
    policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], mask: [{ columns: ['customers.ssn'], transform: 'redact' }] }],
  });
  wire = await gatewayWire(scene, 'writer');
});
after(async () => {
  wire.close();
  await scene[Symbol.asyncDispose]();
});

test('a column under the name of a later key word is protected', async () => {
  for (const text of [`SELECT system_user || '' FROM (SELECT ssn AS "system_user" FROM customers) x`, `SELECT id FROM (SELECT id, ssn AS "system_user" FROM customers) x WHERE system_user LIKE '1%'`]) {
    assert.deepEqual(plain(await wire.query(text)), ['E42501', 'ZI'], text);
    wire.send(say.parse('', text), say.bind('', '', [], []), say.execute(''), say.sync);
    assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['E42501', 'ZI'], text);
  }
  assert.deepEqual(plain(await wire.query(`SELECT "system_user" FROM (SELECT ssn AS "system_user" FROM customers) x`)), ['[system_user:25:0]', '(***)', '(***)', 'SELECT 2', 'ZI']);
});

test('a function under the name of a later one is called by those whom policy lets', async () => {
  assert.deepEqual(plain(await wire.query("SELECT json_value('a', 'b')")), ['E42501', 'ZI']);
  assert.equal(await scene.target.count('audit'), 2);
  assert.deepEqual(plain(await wire.query("SELECT json_object('{a,1}'::text[]) AS made")), ['[made:114:0]', '({"a" : "1"})', 'SELECT 1', 'ZI']);
});
