import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { directWire, errorText, gatewayWire, plain, say, type Wire } from './wire.ts';

/*
 * A Query within a series whose Sync is still to come. From PostgreSQL 18 on the server takes it as a part of the implicit transaction: nothing of the
 * gateway's own may end that early, and no savepoint can be set in it.
 */

/** Without what is told of settings. */
const said = (messages: readonly BackendMessage[]): string[] => plain(messages.filter(({ kind }) => kind !== 'ParameterStatus'));
const run = (text: string): Buffer[] => [say.parse('', text), say.bind('', '', [], []), say.execute('')];
const INSERT = "INSERT INTO audit VALUES (7, 'within')";
const allow = ['read', 'write', 'schema', 'session'];

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({
        postgres: { version, setup: TABLES },
        policies: [
          { name: 'all', identities: ['migrator'], connections: ['*'], allow },
          { name: 'few', identities: ['writer'], connections: ['*'], allow, limits: { rowsPerCommand: 10 } },
        ],
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    const left = async (): Promise<number> => {
      const rows = await scene.target.count('audit WHERE id = 7');
      await scene.target.query('DELETE FROM audit WHERE id = 7');
      return rows;
    };

    /** A change, this Query and another behind it, and an error: how many rows are left of the change. */
    const failing = async (wire: Wire, first: string, second: string): Promise<number> => {
      wire.send(...run(INSERT), say.query(first));
      await wire.until('ReadyForQuery');
      await wire.query(second);
      wire.send(...run('SELECT 1/0'), say.sync);
      assert.deepEqual(said(await wire.until('ReadyForQuery')).slice(-2), ['E22012', 'ZI']);
      return left();
    };

    for (const [what, first, second] of [
      ['what names mean has to be read again', 'SET search_path = public', 'SELECT count(*) FROM orders'],
      ['the catalog has to be read again', 'CREATE TEMP TABLE mine(a int)', 'SELECT count(*) FROM mine'],
      ['the name in the target has to be set again', "SET application_name = 'theirs'", 'SELECT 1'],
    ] as const) {
      test(`${what}: the series is not committed by that`, async () => {
        using direct = await directWire(scene.target, 'app');
        using wire = await gatewayWire(scene, 'migrator');
        assert.equal(await failing(wire, first, second), await failing(direct, first, second));
      });
    }

    test('rows are neither counted nor guarded in it where that would need a savepoint, and the client is told what to send', async () => {
      using direct = await directWire(scene.target, 'app');
      for (const second of ["UPDATE orders SET note = 'x' WHERE id = 1", 'INSERT INTO orders SELECT * FROM orders WHERE id = 1']) {
        using wire = await gatewayWire(scene, 'writer');
        wire.send(...run(INSERT), say.query('SELECT 1'));
        const within = plain(await wire.until('ReadyForQuery')).at(-1) === 'ZT';
        assert.equal(within, version >= 18);
        const answer = await wire.query(second);
        if (within) {
          assert.match(errorText(answer), /C:54000\nM:wicketgate: .*(send Sync first|not in its text)/);
          assert.deepEqual(said(answer).slice(-1), ['ZI']);
        } else assert.equal(errorText(answer), '');
        wire.send(say.sync);
        assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['ZI']);
        assert.equal(await left(), within ? 0 : 1);
        assert.equal(errorText(await wire.query(second)), '', 'behind Sync it is counted again');
        await direct.query("UPDATE orders SET note = 'ok'");
      }
    });

    test('a block that was begun there goes on behind Sync, and is looked into as any', async () => {
      using wire = await gatewayWire(scene, 'writer');
      wire.send(...run(INSERT), say.query('BEGIN'), say.sync);
      assert.deepEqual(plain(await wire.until('ReadyForQuery', 2)).filter((each) => each.startsWith('Z')), ['ZT', 'ZT']);
      assert.equal(errorText(await wire.query("UPDATE orders SET note = 'y' WHERE id = 1")), '');
      assert.equal(errorText(await wire.query('SET search_path = public')), '');
      assert.equal(errorText(await wire.query('SELECT count(*) FROM orders')), '');
      assert.deepEqual(said(await wire.query('ROLLBACK')), ['ROLLBACK', 'ZI']);
      await left();
    });
  });
}
