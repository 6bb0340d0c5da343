import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pgbench, psql } from '../kit/clients.ts';
import { postgresVersions } from '../kit/postgres.ts';
import { startScene, type Role, type Scene } from './scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/* PostgreSQL's own programs, unmodified. */

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await startScene({ postgres: { version } });
    });
    after(() => scene[Symbol.asyncDispose]());

    const run = async (role: Role, args: readonly string[], input?: string): Promise<{ code: number; out: string; err: string }> => {
      const ran = await psql(args, await scene.env(role), input === undefined ? {} : { input });
      return { code: ran.code, out: ran.stdout, err: ran.stderr };
    };

    test('psql -1 without ON_ERROR_STOP: a refused statement undoes everything', async () => {
      const { out, err } = await run('writer', ['-1'], "INSERT INTO audit VALUES (100, 'one');\nDROP TABLE orders;\nINSERT INTO audit VALUES (101, 'two');\n");
      assert.match(err, /wicketgate: drop on table public\.orders refused/);
      assert.match(err, /current transaction is aborted/);
      assert.match(out, /INSERT 0 1/);
      assert.deepEqual(await scene.target.query('SELECT count(*)::int AS n FROM audit WHERE id >= 100'), [{ n: 0 }]);
    });

    test('psql without -1: only the refused statement is missing', async () => {
      await run('writer', [], "INSERT INTO audit VALUES (100, 'one');\nDROP TABLE orders;\nINSERT INTO audit VALUES (101, 'two');\n");
      assert.deepEqual(await scene.target.query('SELECT count(*)::int AS n FROM audit WHERE id >= 100'), [{ n: 2 }]);
    });

    test('psql with ON_ERROR_ROLLBACK goes on behind a refusal', async () => {
      const { out } = await run('writer', ['-v', 'ON_ERROR_ROLLBACK=on'], "BEGIN;\nINSERT INTO audit VALUES (110, 'one');\nDROP TABLE orders;\nINSERT INTO audit VALUES (111, 'two');\nCOMMIT;\n");
      assert.match(out, /COMMIT/);
      assert.deepEqual(await scene.target.query('SELECT count(*)::int AS n FROM audit WHERE id >= 110'), [{ n: 2 }]);
    });

    test('psql \\copy in and out, text, csv and binary', async () => {
      const folder = scene.gateway.folder;
      for (const [n, format] of ['text', 'csv', 'binary'].entries()) {
        const file = `${folder}/copy.${format}`;
        const made = await run('migrator', ['-c', `CREATE TABLE copied_${format}(id int, v text, n numeric)`, '-c', `INSERT INTO copied_${format} SELECT g, CASE WHEN g % 7 = 0 THEN NULL ELSE E'l\\ti"n,e ' || g END, g * 1.5 FROM generate_series(1, 5000) g`]);
        assert.equal(made.code, 0, made.err);
        const out = await run('migrator', ['-c', `\\copy copied_${format} TO '${file}' (FORMAT ${format})`]);
        assert.equal(out.out, 'COPY 5000\n', out.err);
        const back = await run('migrator', ['-c', `CREATE TABLE again_${format}(LIKE copied_${format})`, '-c', `\\copy again_${format} FROM '${file}' (FORMAT ${format})`]);
        assert.match(back.out, /COPY 5000/, back.err);
        const [same] = await scene.target.query(`SELECT count(*)::int AS n FROM copied_${format} JOIN again_${format} USING (id) WHERE copied_${format}.v IS NOT DISTINCT FROM again_${format}.v`);
        assert.deepEqual(same, { n: 5000 }, `${n}`);
      }
    });

    test('a \\copy that is refused asks for no data', async () => {
      const { code, err } = await run('reader', ['-c', '\\copy audit(id) FROM PSTDIN'], '1\n2\n');
      assert.equal(code, 1);
      assert.match(err, /wicketgate: .*refused/);
    });

    test('a \\copy with a bad line leaves nothing', async () => {
      const { err } = await run('writer', ['-c', '\\copy audit(id) FROM PSTDIN'], '500\nno number\n501\n');
      assert.match(err, /invalid input syntax/);
      assert.deepEqual(await scene.target.query('SELECT count(*)::int AS n FROM audit WHERE id >= 500'), [{ n: 0 }]);
    });

    test('psql shows notices, errors with their position; \\gdesc and FETCH_COUNT work', async () => {
      const { out, err } = await run('migrator', ['-At'], "DROP TABLE IF EXISTS missing;\nSELECT id,\n 'x'::int FROM customers;\nSELECT name FROM customers WHERE id = 1 \\gdesc\nSELECT name FROM customers ORDER BY id LIMIT 1 \\g\n\\set FETCH_COUNT 1\nSELECT id FROM customers ORDER BY id;\n");
      assert.match(err, /NOTICE: {2}table "missing" does not exist, skipping/);
      assert.match(err, /LINE 2: {2}'x'::int FROM customers/);
      assert.match(out, /name\|text\nAda\n1\n2\n/);
    });

    test('pgbench: initialisation, every protocol, a connection for each transaction', async () => {
      const init = await pgbench(['-i', '-s', '1', '--quiet'], await scene.env('migrator'));
      assert.equal(init.code, 0, init.stderr);
      for (const protocol of ['simple', 'extended', 'prepared']) {
        const ran = await pgbench(['-n', '-M', protocol, '-c', '4', '-t', '50'], await scene.env('migrator'));
        assert.equal(ran.code, 0, ran.stderr);
        assert.match(ran.stdout, /number of failed transactions: 0/);
      }
      const reconnect = await pgbench(['-n', '-S', '-C', '-c', '2', '-t', '20'], await scene.env('migrator'));
      assert.equal(reconnect.code, 0, reconnect.stderr);
      const [sum] = await scene.target.query('SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history) AS even, (SELECT count(*)::int FROM pgbench_history) AS n');
      assert.deepEqual(sum, { even: true, n: 600 });
    });

    test('the evidence of all of it is whole', () => stopAndVerify(scene));
  });
}
