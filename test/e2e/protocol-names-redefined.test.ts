import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, plain, say, wireHaving, type Wire } from './wire.ts';

/*
 * EXECUTE and FETCH are looked up by the server when they are executed. Between Bind and Execute, or by a statement of the protocol that SQL
 * executes, their names can come to stand for something else: what was judged and how it is masked must be what runs.
 */

const HIDDEN = 'SELECT upper(ssn) AS x FROM customers';
const HARMLESS = "SELECT 'x' AS x";
const bound = (text: string, portal = ''): Buffer[] => [say.parse('', text), say.bind(portal, '', [], [])];
const run = (text: string): Buffer[] => [...bound(text), say.execute('')];

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({
        postgres: { version, setup: TABLES },
        policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], mask: [{ columns: ['customers.ssn'], transform: 'redact' }] }],
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    const series = async (wire: Wire, ...messages: readonly Uint8Array[]): Promise<string> => {
      wire.send(...messages, say.sync);
      const said = await wire.until('ReadyForQuery');
      return `${plain(said).join(' ')} ${errorText(said)}`;
    };
    const shown = (said: string): void => assert.doesNotMatch(said, /123-45-6789/);

    test('a statement that only the protocol can prepare is not executed by SQL', async () => {
      using wire = await wireHaving(scene, 'writer', `PREPARE s AS ${HARMLESS}`);
      await series(wire, say.parse('drop', 'DEALLOCATE s'), say.parse('define', `PREPARE s AS ${HIDDEN}`));
      assert.match(plain(await wire.query('EXECUTE drop')).join(' '), /^E42501 ZI$/);
      assert.match(plain(await wire.query('EXECUTE define')).join(' '), /^E42501 ZI$/);
      assert.match(plain(await wire.query('EXECUTE s')).join(' '), /\(x\) SELECT 1 ZI$/);
    });

    for (const [kind, define, drop, use] of [
      ['EXECUTE', 'PREPARE s AS', 'DEALLOCATE s', 'EXECUTE s'],
      ['FETCH', 'DECLARE s CURSOR FOR', 'CLOSE s', 'FETCH ALL FROM s'],
    ] as const) {
      test(`${kind}: what it names is defined anew between Bind and Execute`, async () => {
        using wire = await wireHaving(scene, 'writer', 'BEGIN', `${define} ${HARMLESS}`);
        await series(wire, ...bound(use, 'p'));
        await wire.query(drop);
        await wire.query(`${define} ${HIDDEN}`);
        const said = await series(wire, say.execute('p'));
        shown(said);
        assert.match(said, /E42501 ZE.*defined anew/s);
      });

      test(`${kind}: what it names is defined anew between Bind and Execute of one series`, async () => {
        using wire = await wireHaving(scene, 'writer', 'BEGIN', `${define} ${HARMLESS}`);
        const said = await series(wire, ...bound(use, 'p'), ...run(drop), ...run(`${define} ${HIDDEN}`), say.execute('p'));
        shown(said);
        assert.match(said, /E42501 ZE.*defined anew/s);
      });

      test(`${kind}: what it names is defined anew in front of it in one series`, async () => {
        using wire = await wireHaving(scene, 'writer', 'BEGIN', `${define} ${HARMLESS}`);
        const said = await series(wire, ...run(drop), ...run(`${define} ${HIDDEN}`), ...run(use));
        shown(said);
        assert.match(said, /\(\*\*\*\) \(\*\*\*\) (?:SELECT|FETCH) 2 ZT/);
      });

      test(`${kind}: prepared by the protocol before its name was defined anew`, async () => {
        using wire = await wireHaving(scene, 'writer', 'BEGIN', `${define} ${HARMLESS}`);
        await series(wire, say.parse('u', use));
        const said = await series(wire, ...run(drop), ...run(`${define} ${HIDDEN}`), say.bind('', 'u', [], []), say.execute(''));
        shown(said);
        assert.match(said, /\(\*\*\*\) \(\*\*\*\) (?:SELECT|FETCH) 2 ZT/);
      });

      test(`${kind}: defined and used in one series`, async () => {
        using wire = await wireHaving(scene, 'writer', 'BEGIN');
        assert.match(await series(wire, ...run(`${define} ${HARMLESS}`), ...run(use)), /\(x\) (?:SELECT|FETCH) 1 ZT/);
      });
    }
  });
}
