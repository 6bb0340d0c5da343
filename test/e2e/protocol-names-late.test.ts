import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, TABLES, type Scene } from './scene.ts';
import { errorText, plain, say, wireHaving, type Wire } from './wire.ts';

/*
 * What is not planned looks its names up when it is executed, not when it is bound; and what a Query prepares or deallocates last stays so, although
 * the transaction behind it fails and the server never says that it was done. Neither may make something else of what was judged.
 */

const SETUP = `${TABLES}
CREATE SCHEMA a AUTHORIZATION app; CREATE SCHEMA b AUTHORIZATION app;
CREATE TABLE a.customers(ssn text); INSERT INTO a.customers VALUES ('in a'); ALTER TABLE a.customers OWNER TO app;
CREATE TABLE a.docs(t text); ALTER TABLE a.docs OWNER TO app; CREATE TABLE b.docs(t text); INSERT INTO b.docs VALUES ('kept'); ALTER TABLE b.docs OWNER TO app;`;

const HIDDEN = 'SELECT upper(ssn) AS x FROM public.customers';
const HARMLESS = "SELECT 'x' AS x";
/** Its rows are computed when its transaction ends, and cannot be. */
const FAILS_LATER = 'DECLARE h CURSOR WITH HOLD FOR SELECT 1 / (id - 2) FROM public.orders';

const bound = (text: string, portal = ''): Buffer[] => [say.parse('', text), say.bind(portal, '', [], [])];
const run = (text: string): Buffer[] => [...bound(text), say.execute('')];
const shown = (said: string): void => assert.doesNotMatch(said, /123-45-6789/);

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({
        postgres: { version, setup: SETUP },
        policies: [
          {
            name: 'all',
            identities: ['writer'],
            connections: ['*'],
            allow: ['read', 'write', 'session'],
            mask: [{ columns: ['public.customers.ssn'], transform: 'redact' }],
            rules: [{ name: 'not-b', match: { objects: ['b.docs'] }, effect: 'deny', reason: 'not for jobs' }],
          },
        ],
      });
    });
    after(() => scene[Symbol.asyncDispose]());

    const series = async (wire: Wire, ...messages: readonly Uint8Array[]): Promise<string> => {
      wire.send(...messages, say.sync);
      const said = await wire.until('ReadyForQuery');
      return `${plain(said).join(' ')} ${errorText(said)}`;
    };
    const asked = async (wire: Wire, text: string): Promise<string> => plain(await wire.query(text)).join(' ');
    const inA = (...more: readonly string[]): Promise<Wire> => wireHaving(scene, 'writer', 'SET search_path = a', ...more);
    const MOVED = /E42501 .*Z[EI] .*bind it anew/s;

    describe('names move between Bind and Execute', () => {
      test('within one series', async () => {
        using wire = await inA();
        const said = await series(wire, ...bound('COPY customers TO STDOUT', 'p'), ...run('SET search_path = public'), say.execute('p'));
        shown(said);
        assert.match(said, MOVED);
      });

      for (const [text, path] of [
        ['COPY customers TO STDOUT', 'public'],
        ['TRUNCATE docs', 'b'],
        ['EXECUTE s', 'public'],
      ] as const) {
        test(text, async () => {
          using wire = await inA('PREPARE s AS SELECT upper(ssn) FROM customers', 'BEGIN');
          await series(wire, ...bound(text, 'p'));
          await wire.query(`SET search_path = ${path}`);
          const said = await series(wire, say.execute('p'));
          shown(said);
          assert.match(said, MOVED);
        });
      }

      test('PREPARE', async () => {
        using wire = await inA('BEGIN');
        await series(wire, ...bound('PREPARE x AS SELECT upper(ssn) FROM customers', 'p'));
        await wire.query('SET search_path = public');
        await wire.query('SELECT FROM orders');
        assert.match(await series(wire, say.execute('p')), MOVED);
      });

      test('what is planned goes on, and so does what is executed where it was bound', async () => {
        using wire = await inA('BEGIN');
        await series(wire, ...bound('SELECT ssn FROM customers', 'p'));
        await wire.query('SET search_path = public');
        assert.match(await series(wire, say.execute('p')), /\(in a\) SELECT 1 ZT/);
        assert.match(await series(wire, ...bound('COPY a.customers TO STDOUT', 'q'), ...run('SELECT 1'), say.execute('q')), /din a\n CopyDone COPY 1 ZT/);
      });
    });

    describe('the transaction of a Query fails behind its last statement', () => {
      for (const drop of ['DEALLOCATE s', 'DEALLOCATE ALL']) {
        test(`${drop}, in one message`, async () => {
          using wire = await wireHaving(scene, 'writer', `PREPARE s AS ${HARMLESS}`);
          for (const text of [drop, `PREPARE s AS ${HIDDEN}`]) assert.equal(await asked(wire, `${FAILS_LATER}; ${text}`), 'DECLARE CURSOR E22012 ZI');
          assert.equal(await asked(wire, 'EXECUTE s'), 'E26000 ZI');
        });
      }

      test('behind an open series', async () => {
        using wire = await wireHaving(scene, 'writer', `PREPARE s AS ${HARMLESS}`);
        for (const text of ['DEALLOCATE s', `PREPARE s AS ${HIDDEN}`]) {
          wire.send(...run(FAILS_LATER), say.query(text));
          await wire.until('ReadyForQuery');
          // From PostgreSQL 18 on a Query is part of the series.
          wire.send(...run('CLOSE ALL'), say.sync);
          await wire.until('ReadyForQuery');
        }
        shown(await asked(wire, 'EXECUTE s'));
      });

      test('a PREPARE that fails by itself leaves the statement of its name', async () => {
        using wire = await wireHaving(scene, 'writer', `PREPARE s AS ${HARMLESS}`);
        assert.equal(await asked(wire, `PREPARE s AS ${HIDDEN}`), 'E42P05 ZI');
        assert.match(await asked(wire, 'EXECUTE s'), /\(x\) SELECT 1 ZI/);
      });
    });
  });
}
