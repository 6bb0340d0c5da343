import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startScene, TABLES, type Scene } from './scene.ts';
import { gatewayWire, plain, say, type Wire } from './wire.ts';

/*
 * The gateway speaks UTF-8 with a database in another encoding. Names are cut there at 63 bytes of that encoding, so that two which are one name in
 * UTF-8 are two: what is understood must be what the database reads.
 */
for (const { encoding, character } of [{ encoding: 'LATIN1', character: 'é' }, { encoding: 'EUC_JP', character: 'あ' }, { encoding: 'SQL_ASCII', character: 'é' }]) {
  describe(encoding, () => {
    let scene: Scene;
    let wire: Wire;
    const [one, other] = ['a', 'b'].map((last) => character.repeat(encoding === 'EUC_JP' ? 30 : 40) + last) as [string, string];
    before(async () => {
      scene = await startScene({
        postgres: { setup: `CREATE DATABASE old ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0` },
        policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], mask: [{ columns: ['customers.ssn'], transform: 'redact' }] }],
        connectionsAt: (port) => [{ name: 'shop', protocol: 'postgres', target: { host: '127.0.0.1', port, database: 'old', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' } }],
      });
      await scene.target.query(`${TABLES.replace('GRANT CREATE, TEMP ON DATABASE postgres TO app;', '')} CREATE TABLE "${character}t"("${character}" text); INSERT INTO "${character}t" VALUES ('${character}'); GRANT ALL ON "${character}t" TO app`, [], 'old');
      wire = await gatewayWire(scene, 'writer');
    });
    after(async () => {
      wire.close();
      await scene[Symbol.asyncDispose]();
    });

    test('two names that are one in UTF-8 do not lead to a protected column', async () => {
      for (const text of [
        `WITH ${one} AS (SELECT ssn AS s FROM customers), ${other} AS (SELECT name AS s FROM customers) SELECT s || '' FROM ${one}`,
        `SELECT ${other}.s || '' FROM (SELECT name AS s FROM customers) ${one}, (SELECT ssn AS s FROM customers) ${other}`,
      ]) {
        assert.deepEqual(plain(await wire.query(text)), ['E42501', 'ZI'], text);
        wire.send(say.parse('', text), say.bind('', '', [], []), say.execute(''), say.sync);
        assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['E42501', 'ZI'], text);
      }
    });

    // Two characters of UTF-8 are one in this encoding.
    if (encoding === 'EUC_JP') test('nor does a prepared statement whose name has a twin', async () => {
      const taken = 'SELECT ssn || name FROM customers';
      wire.send(say.parse('\uffe4', 'SELECT name FROM customers'), say.sync, say.close('statement', '\u00a6'), say.parse('\u00a6', taken), say.sync, say.bind('', '\uffe4', [], []), say.execute(''), say.sync);
      assert.deepEqual(plain(await wire.until('ReadyForQuery', 3)).filter((each) => each.startsWith('(')), []);
    });

    test('names and texts of everyday length work', async () => {
      assert.deepEqual(plain(await wire.query(`SELECT ${character} = '${character}' AS ok FROM ${character}t`)), ['[ok:16:0]', '(t)', 'SELECT 1', 'ZI']);
      assert.deepEqual(plain(await wire.query(`INSERT INTO "${character}t" SELECT '${character.repeat(100)}' RETURNING 1 AS one`)), ['[one:23:0]', '(1)', 'INSERT 0 1', 'ZI']);
    });
  });
}
