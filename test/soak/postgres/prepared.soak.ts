import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { Soak } from '../soak.ts';
import { refused } from '../expected.ts';
import { together } from '../together.ts';
import { answered, poolOf, postgresSoak } from './clients.ts';

const NAMES = 40;
const TIMES = 10;

/** Services with pools: `pg` with and without names of its own for what it prepares, `postgres` that prepares and pipelines all of it. */
export const soak: Soak = postgresSoak('prepared', async (scene) => {
  const pool = new pg.Pool({ host: 'localhost', port: scene.gateway.port(), database: 'shop', user: 'writer', password: await scene.token('writer'), ssl: { ca: readFileSync(scene.gateway.caFile, 'utf8') }, max: 4 });
  pool.on('error', () => {});
  const sql = await poolOf(scene, 'writer', { max: 4 });
  await together(NAMES, async (name) => {
    for (let n = 0; n < TIMES; n++) {
      answered((await pool.query({ name: `by-${name}`, text: `SELECT $1::int + ${name} AS sum, name FROM customers WHERE id = $2`, values: [n, 1 + (n % 2)] })).rows, [{ sum: n + name, name: n % 2 === 0 ? 'Ada' : 'Bob' }]);
      answered((await pool.query('SELECT $1::text AS t, $2::jsonb AS j, $3::int[] AS a', [`${name}`, { n }, [n, name]])).rows, [{ t: `${name}`, j: { n }, a: [n, name] }]);
    }
    await refused(pool.query({ name: `fails-${name}`, text: 'SELECT 1 / $1::int', values: [0] }), '22012');
    await refused(pool.query({ name: `refused-${name}`, text: 'DROP TABLE audit' }), '42501');
  });
  await together(NAMES, async (name) => {
    const rows = await Promise.all(Array.from({ length: TIMES }, (_, n) => sql<{ n: number; name: number }[]>`SELECT ${n}::int AS n, ${sql.unsafe(String(name))} AS name`));
    answered(rows.map(([row]) => row?.n), Array.from({ length: TIMES }, (_, n) => n));
    await sql.begin(async (block) => {
      await block`INSERT INTO audit (id, note) VALUES (${10_000 + name}, ${`note ${name}`})`;
      await refused(block.savepoint((inner) => inner`SELECT 1 / ${0}::int`), '22012');
      answered([...(await block`DELETE FROM audit WHERE id = ${10_000 + name} RETURNING note`)], [{ note: `note ${name}` }]);
    });
    await refused(sql`DROP TABLE ${sql(`missing_${name}`)}`, '42501');
  });
  await Promise.all([pool.end(), sql.end()]);
  return NAMES * (3 * TIMES + 9);
});
