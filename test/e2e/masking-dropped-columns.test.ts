import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { directWire, gatewayWire, plain, say } from './wire.ts';

/*
 * A cursor WITH HOLD, and a portal of RETURNING, have their rows already: the columns that these came from can be dropped while they are open, and what is
 * fetched then is masked all the same.
 */

const RAW = /raw-of-/i;
const SECRET = 'CREATE TABLE {t}(id int, ssn text, note text); INSERT INTO {t} SELECT n, \'raw-of-\' || n, \'note\' FROM generate_series(1, 4) n; ALTER TABLE {t} OWNER TO app;';
const allow = ['read', 'write', 'schema', 'session'];
const SECRETS = ['held', 'expression', 'star', 'renamed', 'again', 'other', 'returning'].flatMap((name) => [`${name}_strict`, `${name}_display`]);

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({
        postgres: { version, setup: TABLES + SECRETS.map((name) => SECRET.replaceAll('{t}', name)).join('\n') },
        policies: (['strict', 'display'] as const).map((mode) => ({
          name: mode,
          identities: [mode === 'strict' ? 'writer' : 'migrator'],
          connections: ['*'],
          allow,
          mask: [{ columns: SECRETS.filter((name) => name.endsWith(mode)).map((name) => `${name}.ssn`), mode, transform: 'redact' }],
        })),
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    for (const mode of ['strict', 'display'] as const) {
      const role = mode === 'strict' ? 'writer' : 'migrator';
      for (const [what, select, by, ...definitions] of [
        ['held', 'SELECT id, ssn FROM {t}', 'own', 'ALTER TABLE {t} DROP COLUMN ssn'],
        ['expression', 'SELECT id, upper(ssn) AS u FROM {t}', 'own', 'ALTER TABLE {t} DROP COLUMN ssn'],
        ['star', 'SELECT * FROM {t}', 'own', 'DROP TABLE {t}'],
        ['again', 'SELECT * FROM {t}', 'own', 'ALTER TABLE {t} DROP COLUMN ssn', 'ALTER TABLE {t} ADD ssn text'],
        ['renamed', 'SELECT other FROM {t}', 'other', 'ALTER TABLE {t} DROP COLUMN other'],
        ['other', 'SELECT ssn FROM {t}', 'other', 'ALTER TABLE {t} RENAME ssn TO other', 'ALTER TABLE {t} DROP COLUMN other'],
      ] as const) {
        test(`${mode}: a cursor WITH HOLD, ${what}`, async () => {
          const named = (text: string): string => text.replaceAll('{t}', `${what}_${mode}`);
          using wire = await gatewayWire(scene, role);
          using direct = await directWire(scene.target, 'app');
          assert.match(plain(await wire.query(named('SELECT * FROM {t} LIMIT 1'))).join(' '), /SELECT 1/);
          if (what === 'renamed') await direct.query(named('ALTER TABLE {t} RENAME ssn TO other'));
          assert.deepEqual(plain(await wire.query('BEGIN')), ['BEGIN', 'ZT']);
          const declared = plain(await wire.query(named(`DECLARE c CURSOR WITH HOLD FOR ${select}`)));
          await wire.query('COMMIT');
          // Strict masks let no expression stand over what they protect.
          if (mode === 'strict' && what === 'expression' && declared[0] !== 'DECLARE CURSOR') return;
          assert.equal(declared[0], 'DECLARE CURSOR');
          for (const text of definitions) assert.match(plain(await (by === 'own' ? wire : direct).query(named(text)))[0] ?? '', /^(ALTER|DROP) TABLE$/);
          const fetched = [...plain(await wire.query('FETCH 1 FROM c'))];
          wire.send(say.execute('c', 1), say.sync);
          fetched.push(...plain(await wire.until('ReadyForQuery')));
          assert.doesNotMatch(fetched.join(' '), RAW);
        });
      }

      test(`${mode}: a portal of RETURNING, in a block that is rolled back`, async () => {
        using wire = await gatewayWire(scene, role);
        await wire.query('BEGIN');
        wire.send(say.parse('', `UPDATE returning_${mode} SET note = 'x' RETURNING id, ssn`), say.bind('p', '', [], []), say.execute('p', 1), say.sync);
        assert.match(plain(await wire.until('ReadyForQuery')).join(' '), /\(1,\*\*\*\) PortalSuspended ZT/);
        assert.deepEqual(plain(await wire.query(`ALTER TABLE returning_${mode} DROP COLUMN ssn`)), ['ALTER TABLE', 'ZT']);
        const fetched = plain(await wire.query('FETCH 1 FROM p'));
        wire.send(say.execute('p', 1), say.sync);
        fetched.push(...plain(await wire.until('ReadyForQuery')));
        assert.doesNotMatch(fetched.join(' '), RAW);
        assert.match(fetched.join(' '), /\(2,\*\*\*\)/);
        await wire.query('ROLLBACK');
      });
    }
  });
}
