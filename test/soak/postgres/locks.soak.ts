import type { Soak } from '../soak.ts';
import { refused } from '../expected.ts';
import { together } from '../together.ts';
import { answered, postgresSoak } from './clients.ts';

const WORKERS = 6;
const TIMES = 40;

/** Workers that take turns: by advisory locks of session and transaction, by rows that others skip or wait for, by tables. */
export const soak: Soak = postgresSoak('locks', async (scene) => {
  let inside = 0;
  await together(WORKERS, async (worker) => {
    const client = await scene.client('writer');
    for (let n = 0; n < TIMES; n++) {
      await client.query('SELECT pg_advisory_lock($1)', [4711]);
      answered(++inside, 1);
      await client.query('SELECT 1');
      inside -= 1;
      answered((await client.query('SELECT pg_advisory_unlock($1) AS was', [4711])).rows, [{ was: true }]);
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock_shared(5, $1)', [worker]);
      await client.query('SELECT id FROM orders WHERE id = 1 FOR UPDATE');
      answered((await client.query('SELECT id FROM orders WHERE id = 1 FOR UPDATE SKIP LOCKED')).rowCount, 1);
      await client.query('UPDATE orders SET note = $1 WHERE id = 1', [`by ${worker}`]);
      await client.query(n % 2 === 0 ? 'COMMIT' : 'ROLLBACK');
      await client.query('BEGIN');
      await client.query("SET LOCAL lock_timeout = '5s'");
      await client.query('LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE');
      if (n % 10 === 0) await refused(client.query('SELECT 1 / 0'), '22012');
      await client.query('END');
    }
    await client.end();
  });
  return WORKERS * TIMES * 13;
});
