import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { recorded } from './whole-evidence.ts';
import { directWire, gatewayWire, plain, say } from './wire.ts';

/*
 * A text that PostgreSQL would not take is refused before it sees it, and the client is told what PostgreSQL would have told it: the
 * condition, the words and the place. Everything else is as with any refusal.
 */

/** Known to the grammar in the same words in all versions. */
const WORDED: readonly string[] = ['SELEC 1', 'SELECT (1', 'SELECT 1 +', 'SELECT 1; SELEC 2', "SELECT '\u00e9\u{1f600}', FROM orders", 'DELETE orders FROM', 'CREATE TABLE t (a int', 'EXPLAIN ANALYSE', 'SELECT 1 FROM b.docs WHER x = 1', 'DROP TABLE customers ALL'];
/** Known to the lexer: the condition and, nearly always, the place are the server's. */
const LEXED: readonly string[] = ["SELECT 'unclosed", 'SELECT "unclosed', 'SELECT $$unclosed', 'SELECT 1 /* unclosed', 'SELECT 12abc'];

const fields = (messages: readonly BackendMessage[]): Record<string, string> =>
  Object.fromEntries(messages.flatMap((message) => (message.kind === 'ErrorResponse' ? message.fields.map(({ code, value }) => [code, value]) : [])));

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      const rules = [{ name: 'not-b', match: { objects: ['b.*'] }, effect: 'deny', reason: 'not for jobs' }];
      scene = await startScene({
        postgres: { version, setup: `${TABLES} CREATE SCHEMA b; CREATE TABLE b.docs(x int)`, config: { log_statement: 'all', log_line_prefix: '%a|' } },
        policies: [
          { name: 'plain', identities: ['reader'], connections: ['*'], allow: ['read'] },
          { name: 'masked', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], rules, mask: [{ columns: ['customers.ssn'], mode: 'strict', transform: 'redact' }] },
        ],
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    test('are worded as the server words them, by Query and by Parse', async () => {
      using direct = await directWire(scene.target, 'postgres');
      for (const role of ['reader', 'writer'] as const) {
        using wire = await gatewayWire(scene, role);
        for (const text of WORDED) {
          const wanted = fields(await direct.query(text));
          assert.equal(wanted['C'], '42601', text);
          for (const send of [(): Promise<BackendMessage[]> => wire.query(text), (): Promise<BackendMessage[]> => {
            wire.send(say.parse('', text), say.sync);
            return wire.until('ReadyForQuery');
          }]) {
            const got = fields(await send());
            assert.deepEqual({ C: got['C'], M: got['M'], P: got['P'] }, { C: wanted['C'], M: wanted['M'], P: wanted['P'] }, text);
            assert.match(got['D'] ?? '', /^wicketgate session /);
          }
        }
        for (const text of LEXED) assert.deepEqual([fields(await wire.query(text))['C'], plain(await wire.query('SELECT 1')).at(-1)], ['42601', 'ZI'], text);
      }
    });

    test('have the consequences of a refusal, and nothing of them is sent', async () => {
      using wire = await gatewayWire(scene, 'writer');
      const said = async (...texts: readonly string[]): Promise<string[]> => {
        const all: string[] = [];
        for (const text of texts) all.push(...plain(await wire.query(text)));
        return all;
      };
      assert.deepEqual(await said('BEGIN', "INSERT INTO audit VALUES (9, 'gone')", 'SELEC the_mark', 'SELECT 1', 'COMMIT'), ['BEGIN', 'ZT', 'INSERT 0 1', 'ZT', 'E42601', 'ZE', 'E25P02', 'ZE', 'ROLLBACK', 'ZI']);
      assert.deepEqual(await said('BEGIN', 'SAVEPOINT s', 'SELEC the_mark', 'ROLLBACK TO s', "INSERT INTO audit VALUES (10, 'kept')", 'COMMIT').then((all) => all.slice(-4)), ['INSERT 0 1', 'ZT', 'COMMIT', 'ZI']);
      wire.send(say.parse('', "INSERT INTO audit VALUES (11, 'gone')"), say.bind('', '', [], []), say.execute(''), say.parse('', 'SELEC the_mark'), say.sync);
      assert.deepEqual(plain(await wire.until('ReadyForQuery')).slice(-2), ['E42601', 'ZI']);
      assert.deepEqual(plain(await wire.query("SELECT 1; SELEC the_mark; INSERT INTO audit VALUES (12, 'gone')")), ['E42601', 'ZI']);
      assert.deepEqual((await scene.target.query('SELECT id FROM audit WHERE id > 8 ORDER BY id')).map(({ id }) => id), [10]);
      assert.ok(!scene.target.log().includes('the_mark'));
    });

    test('are recorded as refusals, by their skeleton', async () => {
      {
        using wire = await gatewayWire(scene, 'reader');
        await wire.query("SELEC secret_word FROM x WHERE y = 'hunter2'");
      }
      await scene.gateway.terminate();
      const [command] = await recorded(scene, '<word> <word> from <word> where <word> = <literal:text>');
      assert.equal(command?.kind, 'refusal');
      assert.deepEqual(await recorded(scene, 'secret_word'), []);
    });
  });
}
