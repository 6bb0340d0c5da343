import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { MaskConfig, PostgresConnectionConfig } from '../../config/resolved.ts';
import type { Command } from '../../model/command.ts';
import type { Decision } from '../../model/decision.ts';
import type { Catalog, Relation } from '../../sql/catalog.ts';
import { createPostgresUnderstander } from '../../sql/postgres/understand.ts';
import { understandText } from './explain-text.ts';

const understander = createPostgresUnderstander();
after(() => understander.close());

const table = (oid: number, schema: string, ...columns: readonly string[]): Relation => ({ oid, schema, name: 'people', kind: 'r', columns: columns.map((name, at) => ({ name, number: at + 1, type: 25, typmod: -1 })) });
const catalog: Catalog = { id: 'explained', serverVersion: 180000, database: 'shop', functions: [], operators: [], types: [], casts: [], relations: [table(1, 'app', 'id', 'ssn'), table(2, 'legacy', 'id', 'ssn')] };
const connection = { functions: [], credential: { username: 'app' } } as unknown as PostgresConnectionConfig;
const mask = (columns: readonly string[]): MaskConfig => ({ name: 'pii', columns, detect: [], fields: [], otherwise: 'refuse', transform: 'redact', mode: 'strict', origin: { file: '', line: 0 } });
const deciding = (denied: string) => (command: Command): Decision => {
  const falls = command.effects.some(({ object }) => object?.schema === denied);
  return { effect: falls ? 'deny' : 'allow', rules: [], reason: falls ? 'not for jobs' : '', policyVersion: '' };
};
const objection = async (text: string, masks: readonly MaskConfig[], denied = ''): Promise<string> => {
  const explained = await understandText(text, connection, understander, { catalog, searchPath: ['app', 'legacy'] });
  return explained.objection({ masks, decide: deciding(denied) }) ?? 'none';
};

test('a relation behind another one of its name counts, for policy and for masks', async () => {
  assert.match(await objection('SELECT id FROM people', [], 'legacy'), /can come to mean legacy\.people .*not for jobs: write the schema/);
  assert.equal(await objection('SELECT id FROM app.people', [], 'legacy'), 'none');
  assert.equal(await objection('SELECT id FROM people', []), 'none');
  // What is denied as it stands is for policy to say.
  assert.equal(await objection('SELECT id FROM people', [], 'app'), 'none');
  assert.match(await objection("SELECT ssn || '' FROM people", [mask(['legacy.people.ssn'])]), /legacy\.people .*stands in an expression \(mask pii\)/);
  assert.match(await objection('SELECT ssn FROM people', [mask(['legacy.people.ssn'])]), /masked in another way/);
  assert.match(await objection("INSERT INTO people VALUES ('1', '***')", [mask(['legacy.people.ssn'])]), /legacy\.people/);
  assert.match(await objection('COPY people FROM STDIN', [mask(['legacy.people.ssn'])]), /values would go to a masked column unseen/);
});

test('where both are masked alike, or no masked column is touched, nothing is said', async () => {
  for (const text of ['SELECT ssn FROM people', 'SELECT * FROM people', 'COPY people FROM STDIN']) assert.equal(await objection(text, [mask(['*.people.ssn'])]), 'none', text);
  assert.equal(await objection('SELECT upper(id) FROM people WHERE id = $1', [mask(['legacy.people.ssn'])]), 'none');
});
