import { TABLES, TARGET_PASSWORD } from '../../e2e/scene.ts';
import type { Soak } from '../soak.ts';
import { refused } from '../expected.ts';
import { together } from '../together.ts';
import { answered, postgresSoak } from './clients.ts';

const CLIENTS = 2;
const TIMES = 15;

const CODE = `
CREATE VIEW named AS SELECT id, upper(name) AS name FROM customers;
CREATE FUNCTION loud(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..n LOOP RAISE NOTICE 'step % of %', i, n; END LOOP; RETURN n; END $$;
CREATE FUNCTION listed(n int) RETURNS SETOF customers LANGUAGE sql STABLE AS 'SELECT * FROM customers WHERE id <= n ORDER BY id';
ALTER VIEW named OWNER TO app;`;

/** Maintenance that works with what the database holds besides tables: views, functions, notices, DO blocks, temporary tables, definitions that come and go. */
export const soak: Soak = postgresSoak('code', async (scene) => {
  await together(CLIENTS, async (number) => {
    const client = await scene.client('migrator');
    let notices = 0;
    client.on('notice', () => void (notices += 1));
    for (let n = 0; n < TIMES; n++) {
      answered((await client.query('SELECT name FROM named WHERE id = $1', [1])).rows, [{ name: 'ADA' }]);
      answered((await client.query('SELECT loud(20) AS n, (SELECT count(*)::int FROM listed(2)) AS c')).rows, [{ n: 20, c: 2 }]);
      await client.query("DO $$ BEGIN RAISE NOTICE 'once'; PERFORM 1; END $$");
      await refused(client.query("DO $$ BEGIN RAISE EXCEPTION 'no'; END $$"), 'P0001');
      await client.query('CREATE TEMP TABLE scratch (id int, t text)');
      await client.query("INSERT INTO scratch SELECT g, 'row ' || g FROM generate_series(1, 100) g");
      answered((await client.query('SELECT count(*)::int AS n FROM scratch s JOIN customers c ON c.id = s.id')).rows, [{ n: 2 }]);
      await client.query('DROP TABLE scratch');
      await client.query(`CREATE TABLE made_${number} (id int); CREATE VIEW seen_${number} AS SELECT id FROM made_${number}`);
      answered((await client.query(`SELECT * FROM seen_${number}`)).rows, []);
      await client.query(`DROP TABLE made_${number} CASCADE`);
      await client.query('BEGIN; CREATE TEMP TABLE short (id int) ON COMMIT DROP');
      await client.query('COMMIT');
    }
    answered(notices, TIMES * 22);
    await client.end();
  });
  return CLIENTS * TIMES * 12;
}, {
  filled: 'migrator',
  warm: 6,
  scene: {
    postgres: { users: [{ name: 'app', password: TARGET_PASSWORD }], setup: `${TABLES} ${CODE}` },
    policies: [{ name: 'maintaining', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'schema', 'session', 'unknown'] }],
  },
});
