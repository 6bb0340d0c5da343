import { TABLES, TARGET_PASSWORD } from '../../e2e/scene.ts';
import { psql } from '../../kit/clients.ts';
import type { Soak } from '../soak.ts';
import { refused } from '../expected.ts';
import { together } from '../together.ts';
import { answered, poolOf, postgresSoak } from './clients.ts';

const CLIENTS = 3;
const TIMES = 40;
const ROWS = 5_000;

const PEOPLE = `CREATE TABLE people AS SELECT g AS id, 'user' || g || '@example.com' AS email, lpad(g::text, 10, '0') AS phone, 'call +1 555 ' || lpad(g::text, 7, '0') AS note FROM generate_series(1, ${ROWS}) g; ALTER TABLE people OWNER TO app;`;

/** Analysts whose columns are masked, strictly and for display, and in whose texts is looked for what nobody named: whole tables, single rows, exports, refusals. */
export const soak: Soak = postgresSoak('masks', async (scene) => {
  const sql = await poolOf(scene, 'reader', { max: CLIENTS });
  await together(CLIENTS, async () => {
    const client = await scene.client('reader');
    for (let n = 1; n <= TIMES; n++) {
      answered((await client.query('SELECT email, phone, note FROM people WHERE id = $1', [n])).rows, [{ email: '***', phone: `******${String(n).padStart(10, '0').slice(-4)}`, note: 'call **************' }]);
      answered([...(await sql`SELECT p.email AS e, upper(p.email) AS u, row_to_json(o) ->> 'id' AS o FROM people p, orders o WHERE p.id = ${n} AND o.id = 1`)], [{ e: '***', u: '***', o: '1' }]);
      await refused(client.query(`SELECT id FROM people WHERE email = 'user${n}@example.com'`), '42501');
      await refused(client.query('COPY people TO STDOUT'), '42501');
      answered((await client.query(`SELECT id FROM people WHERE phone LIKE '%${n}' AND id = $1`, [n])).rows, [{ id: n }]);
    }
    const all = (await client.query<{ readonly email: string; readonly note: string }>('SELECT * FROM people')).rows;
    answered([all.length, all.every(({ email, note }) => email === '***' && note.endsWith('**'))], [ROWS, true]);
    const shown = await psql(['-AtX', '-c', 'SELECT email, id FROM people', '-c', 'COPY (SELECT id, note FROM people ORDER BY id) TO STDOUT'], await scene.env('reader'));
    answered([shown.code, shown.stdout.split('\n').length, /@example|\+1 5/.test(shown.stdout)], [0, 2 * ROWS + 1, false]);
    await client.end();
  });
  await sql.end();
  return CLIENTS * (TIMES * 5 + 3);
}, {
  scene: {
    postgres: { users: [{ name: 'app', password: TARGET_PASSWORD }], setup: `${TABLES} ${PEOPLE}` },
    policies: [{ name: 'analysts', identities: ['reader'], connections: ['*'], allow: ['read'], mask: [{ columns: ['people.email'], transform: 'redact' }, { columns: ['people.phone'], transform: { partial: 4 }, mode: 'display' }, { detect: ['email', 'phone'], transform: 'redact' }] }],
  },
});
