import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { startScene } from './scene.ts';

const POLICIES = [
  { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'], mask: [{ columns: ['customers.ssn'] }] },
  { name: 'migrating', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'schema', 'session'] },
];
const SSN = /123-45-6789|987-65-4321/;

suite('a column that was renamed stays protected', () => {
  test('also when the gateway was killed and started again meanwhile, and by the patterns alone on another cluster', async () => {
    await using scene = await startScene({ policies: POLICIES });
    const reads = async (sql: string): Promise<string> => {
      const ran = await scene.psql('reader', '-Atc', sql);
      return ran.stdout + ran.stderr;
    };
    assert.doesNotMatch(await reads('SELECT name, ssn FROM customers'), SSN);
    const renamed = await scene.psql('migrator', '-c', 'ALTER TABLE customers RENAME COLUMN ssn TO tin', '-c', 'ALTER TABLE customers RENAME TO clients');
    assert.equal(renamed.code, 0, renamed.stderr);
    const shown = await reads('SELECT name, tin FROM clients');
    assert.match(shown, /Ada/);
    assert.doesNotMatch(shown, SSN);
    await scene.gateway.kill9();
    await scene.gateway.start();
    const again = await reads('SELECT name, tin FROM clients');
    assert.match(again, /Ada/);
    assert.doesNotMatch(again, SSN, 'remembered over the restart');
    assert.match(await reads("SELECT name FROM clients WHERE tin = '123-45-6789'"), /clients.tin is compared/, 'in every way that a name protects');
    // A table that takes the old name is protected by it; one that was dropped is forgotten.
    const made = await scene.psql('migrator', '-c', 'DROP TABLE clients', '-c', "CREATE TABLE other(a text); INSERT INTO other VALUES ('plain')");
    assert.equal(made.code, 0, made.stderr);
    await scene.gateway.terminate();
    await scene.gateway.start();
    assert.match(await reads('SELECT * FROM other'), /plain/);
  });
});
