import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test, type TestContext } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { java, pgbench, pgProgram, psql, python } from '../../kit/clients.ts';
import type { PostgresVersion } from '../../kit/postgres.ts';
import { skipUnless } from '../../kit/present.ts';
import type { Ran } from '../../kit/run.ts';
import { tempFolder } from '../../kit/temp.ts';
import { tallies } from './tally.ts';
import { startToolScene, type Env, type ToolScene } from './tool-scene.ts';

/** Most refused of all that innocent tools send. */
const MOST_REFUSED = 0.01;

const source = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

const done = (ran: Ran): string => {
  assert.equal(ran.code, 0, `${ran.stdout.slice(-2000)}${ran.stderr.slice(-4000)}`);
  return ran.stdout;
};

/** Whether a client of version 15 can do it: newer servers are refused by the older pg_dump itself. */
const dumps = (version: PostgresVersion): string | false => (version === 15 ? false : 'pg_dump 15 refuses a newer server');

/** Unmodified tools do their whole work through the gateway, with the same result as without it; what is refused is counted. */
export const liveTools = (version: PostgresVersion): void => {
  void describe(`tools on PostgreSQL ${version}`, { concurrency: false }, () => {
    let scene: ToolScene;
    const files = tempFolder('tools');
    before(async () => {
      scene = await startToolScene(version);
    });
    after(async () => {
      await scene[Symbol.asyncDispose]();
      files.remove();
    });

    /** Runs a tool that only looks, directly and through the gateway, and compares what it printed. */
    const sameBothWays = async (look: (env: Env) => Promise<Ran>): Promise<void> => {
      const direct = await look(scene.direct('shop'));
      const through = await look(await scene.through('shop'));
      assert.equal(through.code, direct.code, through.stderr);
      for (const stream of ['stderr', 'stdout'] as const) {
        const [got, wanted] = [withoutPassing(through[stream]), withoutPassing(direct[stream])];
        assert.deepEqual({ missing: without(wanted, got), more: without(got, wanted) }, { missing: [], more: [] }, stream);
        assert.ok(got === wanted, `${stream} has the same lines in another order`);
      }
      assert.ok(through.stdout.length > 100, 'it printed next to nothing');
    };

    void test('psql shows everything that it can describe', () => sameBothWays((env) => psql(['-f', '-'], env, { input: source('psql.sql') })));

    void test('psql \\copy in, \\gexec, -1 and a here-document', async () => {
      const env = await scene.through('shop');
      const input = `CREATE TABLE public.copied (id int, note text);\n\\copy public.copied FROM STDIN\n1\ta\\tb\n2\t\\N\n\\.\n\\copy public.copied TO '${files.file('copied.csv')}' CSV HEADER\nSELECT 'SELECT ' || g FROM generate_series(1, 3) g \\gexec\n`;
      assert.match(done(await psql(['-v', 'ON_ERROR_STOP=1', '-f', '-'], env, { input })), /COPY 2\nCOPY 2/);
      assert.equal(readFileSync(files.file('copied.csv'), 'utf8'), 'id,note\n1,a\tb\n2,\n');
      done(await psql(['-1', '-v', 'ON_ERROR_STOP=1', '-c', 'DROP TABLE public.copied', '-c', 'SELECT 1'], env));
    });

    void test('pg_dump says the same through the gateway', { skip: dumps(version) }, async () => {
      for (const args of [['--schema-only'], ['--data-only'], ['--inserts', '--clean', '--if-exists'], ['--column-inserts', '--no-owner', '--no-privileges', '-t', 'shop.sale'], ['--serializable-deferrable']]) {
        await sameBothWays((env) => pgProgram('pg_dump', args, env));
      }
    });

    void test('pg_dump in custom and directory format, and pg_restore of both', { skip: dumps(version), timeout: 120_000 }, async () => {
      const from = await scene.through('shop');
      done(await pgProgram('pg_dump', ['-Fc', '-f', files.file('custom')], from));
      done(await pgProgram('pg_dump', ['-Fd', '-j', '2', '-f', files.file('directory')], from));
      // Comments on extensions and what belongs to the superuser are not the user's to restore, with or without a gateway.
      done(await pgProgram('pg_restore', ['--exit-on-error', '-d', 'restored', files.file('custom')], await scene.through('restored')));
      done(await pgProgram('pg_restore', ['--exit-on-error', '-j', '2', '-d', 'restored2', files.file('directory')], await scene.through('restored2')));
      const dumped = async (database: 'shop' | 'restored' | 'restored2'): Promise<string> => withoutPassing(done(await pgProgram('pg_dump', ['--inserts'], scene.direct(database))));
      const wanted = await dumped('shop');
      assert.equal(await dumped('restored'), wanted);
      assert.equal(await dumped('restored2'), wanted);
    });

    void test('large objects go by the fast path, which is refused: pg_dump needs --no-blobs', { skip: dumps(version) }, async () => {
      await scene.target.query('SET ROLE app; SELECT lo_from_bytea(4711, $$x$$)', undefined, 'bench');
      const env = await scene.through('bench', 'vouched');
      const ran = await pgProgram('pg_dump', [], env);
      assert.equal(ran.code, 1);
      assert.match(ran.stderr, /could not open large object 4711: ERROR: {2}wicketgate: function calls by the fast path are not supported/);
      done(await pgProgram('pg_dump', ['--no-blobs'], env));
    });

    void test('pg_dumpall -g is refused: roles are class admin, which no class grants', { skip: dumps(version) }, async () => {
      const ran = await pgProgram('pg_dumpall', ['-g', '-l', 'shop'], await scene.through('shop', 'vouched'));
      assert.notEqual(ran.code, 0);
      assert.match(ran.stderr, /pg_authid/);
    });

    void test('JDBC DatabaseMetaData and typical use', { skip: skipUnless('jdbc'), timeout: 120_000 }, async () => {
      for (const options of ['currentSchema=shop', 'currentSchema=shop&preferQueryMode=simple']) await sameBothWays((env) => java(source('Metadata.java'), [options], env));
    });

    void test('SQLAlchemy introspection', { skip: skipUnless('sqlalchemy', 'psycopg2') }, () => sameBothWays((env) => python(source('sqlalchemy_use.py'), env)));

    void test('SQLAlchemy ORM round trip', { skip: skipUnless('sqlalchemy', 'psycopg2') }, () => sameBothWays((env) => python(source('sqlalchemy_use.py'), { ...env, WRITE: '1' })));

    void test('psycopg 3', { skip: skipUnless('psycopg') }, () => sameBothWays((env) => python(source('psycopg_use.py'), env)));

    void test('Django migrates its applications up, uses them, and goes down again', { skip: skipUnless('django', 'psycopg2'), timeout: 180_000 }, async () => {
      assert.match(done(await python(source('django_use.py'), await scene.through('django'), { timeoutMs: 170_000 })), /unique True[^]*example\.com/);
    });

    void test('Alembic runs a history up and down', { skip: skipUnless('alembic', 'psycopg2'), timeout: 120_000 }, async () => {
      mkdirSync(files.file('alembic'));
      assert.match(done(await python(source('alembic_use.py'), { ...(await scene.through('alembic')), WORK: files.file('alembic') }, { timeoutMs: 110_000 })), /done\n$/);
    });

    void test('pgbench makes its tables and runs in all three protocols', { timeout: 120_000 }, async () => {
      const env = await scene.through('bench');
      done(await pgbench(['-i', '-q', '-s', '1', '--foreign-keys', '--partitions=2'], env));
      done(await pgbench(['-i', '-q', '-s', '1', '-I', 'dtGvp'], env));
      for (const protocol of ['simple', 'extended', 'prepared']) {
        for (const script of ['tpcb-like', 'select-only']) assert.match(done(await pgbench(['-n', '-M', protocol, '-b', script, '-c', '2', '-t', '10'], env)), /number of failed transactions: 0/);
      }
      done(await pgbench(['-n', '-M', 'extended', '-t', '2', '-f', '-'], env, { input: '\\startpipeline\nSELECT 1;\nSELECT 2;\n\\endpipeline\n' }));
    });

    void test('node-postgres', async () => {
      const env = await scene.through('shop');
      const pool = new pg.Pool({ host: env['PGHOST'], port: Number(env['PGPORT']), database: 'shop', user: 'tool', password: env['PGPASSWORD'], ssl: { ca: readFileSync(env['PGSSLROOTCERT'] ?? '', 'utf8') }, max: 2 });
      try {
        await pool.query('CREATE TABLE public.node (id serial PRIMARY KEY, note text, at timestamptz DEFAULT now(), extra jsonb)');
        const added = await pool.query<{ id: number }>('INSERT INTO public.node (note, extra) VALUES ($1, $2), ($3, $4) RETURNING id', ['a', { k: 1 }, "b'", null]);
        assert.deepEqual(added.rows, [{ id: 1 }, { id: 2 }]);
        assert.deepEqual((await pool.query('SELECT note, extra FROM public.node WHERE id = ANY($1) ORDER BY id', [[1, 2]])).rows, [{ note: 'a', extra: { k: 1 } }, { note: "b'", extra: null }]);
        assert.equal((await pool.query({ name: 'by-id', text: 'SELECT note FROM public.node WHERE id = $1', values: [1] })).rowCount, 1);
        assert.equal((await pool.query({ name: 'by-id', text: 'SELECT note FROM public.node WHERE id = $1', values: [2] })).rowCount, 1);
        const client = await pool.connect();
        await client.query('BEGIN');
        await client.query('UPDATE public.node SET note = $1 WHERE id = 1', ['z']);
        await assert.rejects(client.query('INSERT INTO public.node (id) VALUES (1)'), { code: '23505' });
        await client.query('ROLLBACK');
        client.release();
        assert.equal((await pool.query("SELECT count(*)::int AS n FROM public.node WHERE note = 'z'; SELECT 1")) instanceof Array, true);
        await pool.query('DROP TABLE public.node');
      } finally {
        await pool.end();
      }
    });

    void test('postgres (porsager)', async () => {
      const env = await scene.through('shop');
      const sql = postgres({ host: env['PGHOST'] ?? '', port: Number(env['PGPORT']), database: 'shop', user: 'tool', password: env['PGPASSWORD'] ?? '', ssl: { ca: readFileSync(env['PGSSLROOTCERT'] ?? '', 'utf8'), servername: 'localhost' }, max: 2, onnotice: () => {} });
      try {
        await sql`CREATE TABLE public.porsager (id int PRIMARY KEY, note text, tags text[])`;
        await sql`INSERT INTO public.porsager ${sql([{ id: 1, note: 'a', tags: ['x'] }, { id: 2, note: 'b', tags: [] }])}`;
        assert.equal((await sql`SELECT * FROM public.porsager WHERE id IN ${sql([1, 2])}`).length, 2);
        await sql.begin(async (inside) => {
          await inside`UPDATE public.porsager SET ${sql({ note: 'c' }, 'note')} WHERE id = 1`;
          await inside.savepoint((deeper) => deeper`SELECT 1`);
        });
        const seen: number[] = [];
        await sql`SELECT id FROM public.porsager ORDER BY id`.cursor(1, (rows) => { seen.push(...rows.map((row) => Number(row['id']))); });
        assert.deepEqual(seen, [1, 2]);
        await sql`DROP TABLE public.porsager`;
      } finally {
        await sql.end();
      }
    });

    void test('psql runs a migration file in one transaction', async () => {
      const args = ['-1', '-v', 'ON_ERROR_STOP=1', '-f', '-'];
      assert.match(done(await psql(args, await scene.through('migrated'), { input: source('migration.sql') })), /\b30\.00\b/);
    });

    void test('DO blocks and calls of functions that nobody vouched for are refused, and pass where class unknown is granted', async () => {
      const statements = source('opaque.sql').split('\n').filter((line) => line !== '' && !line.startsWith('--'));
      for (const statement of statements) {
        const refused = await psql(['-c', statement], await scene.through('migrated', 'asking'));
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, /^ERROR: {2}wicketgate: /);
        done(await psql(['-c', statement], await scene.through('migrated', 'vouched')));
      }
    });

    void test('at most 1 % of what innocent tools send is refused', async (context: TestContext) => {
      await scene.gateway.terminate();
      const found = await tallies(scene.gateway);
      const tool = found.find(({ identity }) => identity === 'tool');
      assert.ok(tool !== undefined && tool.all > 500, `only ${tool?.all} statements were sent`);
      const logged = scene.target.log().split('\n').filter((line) => /^wg:[0-9a-z]{12}:\w+[^|]*\|LOG: {2}(?:statement|execute )/.test(line)).length;
      context.diagnostic(`over-denial on PostgreSQL ${version}: ${tool.refused.length} refused / ${tool.all} statements = ${((100 * tool.refused.length) / tool.all).toFixed(2)} % (${logged} in the target's log)`);
      for (const { code, effects, statement } of tool.refused) context.diagnostic(`refused (${code}): ${statement.replaceAll(/\s+/g, ' ').slice(0, 200)} -- ${effects}`);
      assert.ok(tool.refused.length <= tool.all * MOST_REFUSED, `${tool.refused.length} of ${tool.all} refused`);
      assert.ok(logged >= (tool.all - tool.refused.length) / 2, `the target logged only ${logged}`);
    });
  });
};

/** Lines of one text that the other does not have. */
const without = (text: string, other: string): string[] => {
  const there = new Set(other.split('\n'));
  return text.split('\n').filter((line) => !there.has(line));
};

/** Without what differs from one run to the next: pg_dump's restriction key, sizes that grow, and times. */
const withoutPassing = (text: string): string =>
  text
    .replaceAll(/^\\(un)?restrict \w+$/gm, '')
    .replaceAll(/\b\d+(?:\.\d+)? (?:bytes|kB|MB)\b/g, 'SIZE')
    // The gateway's mark in application_name.
    .replaceAll(/wg:[0-9a-z]{12}:tool ?/g, '')
    .replaceAll(/ +$/gm, '')
    .replaceAll(/-{3,}/g, '---')
    .replaceAll(/ {2,}/g, ' ');

