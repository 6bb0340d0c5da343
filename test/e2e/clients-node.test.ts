import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { startScene, type Scene } from './scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

let scene: Scene;
before(async () => {
  scene = await startScene({ connection: { functions: ['pg_catalog.pg_sleep(double precision)'] } });
});
after(() => scene[Symbol.asyncDispose]());

const state = (code: string) => (error: unknown): boolean => (error as { code?: string }).code === code;

describe('pg', () => {
  test('reads, writes, binds, prepares', async () => {
    const client = await scene.client('writer');
    assert.deepEqual((await client.query('SELECT name FROM customers WHERE id = $1', [1])).rows, [{ name: 'Ada' }]);
    for (const id of [1, 2, 1]) assert.equal((await client.query({ name: 'by-id', text: 'SELECT id FROM customers WHERE id = $1', values: [id] })).rows.length, 1);
    assert.equal((await client.query('INSERT INTO audit VALUES ($1, $2), ($3, NULL)', [10, 'ten', 11])).rowCount, 2);
    assert.deepEqual((await client.query('DELETE FROM audit WHERE id = ANY($1) RETURNING id', [[10, 11]])).rows.length, 2);
    await client.end();
  });

  test('a refusal is an error of PostgreSQL, with code and detail, and the session goes on', async () => {
    const client = await scene.client('reader');
    await assert.rejects(client.query('DELETE FROM customers WHERE id = $1', [1]), (error: unknown) => {
      const { code, detail, severity } = error as { code: string; detail: string; severity: string };
      assert.deepEqual([code, severity], ['42501', 'ERROR']);
      assert.match(detail, /^wicketgate session [0-9a-z]{26}$/);
      return true;
    });
    assert.equal((await client.query<{ one: number }>('SELECT 1 AS one')).rows[0]?.one, 1);
    await client.end();
  });

  test('a transaction with a refusal rolls back', async () => {
    const client = await scene.client('writer');
    await client.query('BEGIN');
    await client.query('INSERT INTO audit VALUES (20)');
    await assert.rejects(client.query('DROP TABLE audit'), state('42501'));
    await assert.rejects(client.query('SELECT 1'), state('25P02'));
    assert.equal((await client.query('COMMIT')).command, 'ROLLBACK');
    assert.equal((await client.query<{ n: number }>('SELECT count(*)::int AS n FROM audit WHERE id = 20')).rows[0]?.n, 0);
    await client.end();
  });

  test('LISTEN hears NOTIFY', async () => {
    const ears = await scene.client('writer');
    const heard = new Promise<string | undefined>((resolve) => ears.once('notification', (notice: pg.Notification) => resolve(notice.payload)));
    await ears.query('LISTEN news');
    await scene.target.query("NOTIFY news, 'hello'");
    assert.equal(await heard, 'hello');
    await ears.end();
  });

  test('many clients of one token', async () => {
    const pool = new pg.Pool({ host: 'localhost', port: scene.gateway.port(), database: 'shop', user: 'writer', password: await scene.token('writer'), ssl: { ca: readFileSync(scene.gateway.caFile, 'utf8') }, max: 10 });
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => pool.query<{ n: number }>('SELECT $1::int AS n', [n])));
    assert.deepEqual(answers.map(({ rows }) => rows[0]?.n), Array.from({ length: 200 }, (_, n) => n));
    await pool.end();
  });
});

describe('postgres.js', () => {
  const open = async (options: postgres.Options<Record<string, never>> = {}): Promise<postgres.Sql> =>
    postgres({ host: 'localhost', port: scene.gateway.port(), database: 'shop', user: 'writer', password: await scene.token('writer'), ssl: { ca: readFileSync(scene.gateway.caFile, 'utf8') }, max: 1, onnotice: () => {}, ...options });

  test('pipelines queries on one connection, with and without prepared statements', async () => {
    for (const prepare of [true, false]) {
      const sql = await open({ prepare });
      const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => sql<{ n: number }[]>`SELECT ${n}::int AS n`));
      assert.deepEqual(answers.map((rows) => rows[0]?.n), Array.from({ length: 100 }, (_, n) => n));
      await sql.end();
    }
  });

  test('a refusal in a pipeline fails its own query only', async () => {
    const sql = await open();
    const settled = await Promise.allSettled([sql`SELECT 1 AS a`, sql`DROP TABLE audit`, sql`SELECT 2 AS b`]);
    assert.deepEqual(settled.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
    await sql.end();
  });

  test('transactions, savepoints and cursors', async () => {
    const sql = await open();
    await assert.rejects(sql.begin(async (inside) => {
      await inside`INSERT INTO audit VALUES (30, 'gone')`;
      await inside`DROP TABLE audit`;
    }), state('42501'));
    await sql.begin(async (inside) => {
      await inside`INSERT INTO audit VALUES (31, 'stays')`;
      await inside.savepoint(async (deeper) => deeper`DROP TABLE audit`).catch(() => {});
      await inside`INSERT INTO audit VALUES (32, 'stays')`;
    });
    assert.deepEqual((await sql`SELECT id FROM audit WHERE id >= 30 ORDER BY id`).map(({ id }) => id as number), [31, 32]);
    const seen: number[] = [];
    await sql`SELECT g FROM generate_series(1, 1000) g`.cursor(100, (rows) => {
      seen.push(rows.length);
    });
    assert.deepEqual(seen, Array.from({ length: 10 }, () => 100));
    await sql.end();
  });

  test('COPY as streams', async () => {
    const sql = await open();
    const into = await sql`COPY audit(id, note) FROM STDIN`.writable();
    for (let n = 0; n < 1000; n++) into.write(`${1000 + n}\tline ${n}\n`);
    await new Promise<void>((resolve, reject) => into.end((error?: Error | null) => (error ? reject(error) : resolve())));
    const from = await sql`COPY (SELECT id FROM audit WHERE id >= 1000) TO STDOUT`.readable();
    let lines = 0;
    for await (const chunk of from) lines += (chunk as Buffer).toString().split('\n').length - 1;
    assert.equal(lines, 1000);
    await sql.end();
  });

  test('cancels a query', async () => {
    const sql = await open();
    const sleeping = sql`SELECT pg_sleep(60)`;
    const settled = assert.rejects(sleeping.execute(), state('57014'));
    const other = await scene.target.client();
    while ((await other.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).rows.length === 0);
    await other.end();
    sleeping.cancel();
    await settled;
    await sql.end();
  });
});

test('the evidence of all of it is whole', () => stopAndVerify(scene));
