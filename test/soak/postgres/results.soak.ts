import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { answered, poolOf, postgresSoak } from './clients.ts';

const CLIENTS = 3;
const ROWS = 60_000;

/** Reports that read all at once: many rows, wide ones, and single cells of megabytes. */
export const soak: Soak = postgresSoak('results', async (scene) => {
  const sql = await poolOf(scene, 'reader', { max: 1 });
  await together(CLIENTS, async (number) => {
    const client = await scene.client('reader');
    const { rows } = await client.query<{ readonly g: number; readonly t: string }>(`SELECT g, repeat('x', g % 200) AS t FROM generate_series(1, ${ROWS}) g`);
    answered(rows.length, ROWS);
    answered(rows.every(({ g, t }, n) => g === n + 1 && t.length === g % 200), true);
    const wide = await client.query(`SELECT ${Array.from({ length: 500 }, (_, n) => `g + ${n} AS c${n}`).join(', ')} FROM generate_series(1, 200) g`);
    answered(wide.rows.every((row: Readonly<Record<string, number>>, n) => row['c499'] === n + 500), true);
    const [cell] = (await client.query<{ readonly cell: string }>(`SELECT repeat('${number}', 4000000) AS cell`)).rows;
    answered(cell?.cell.length, 4_000_000);
    await client.end();
  });
  answered((await sql`SELECT g, md5(g::text) AS digest FROM generate_series(1, ${ROWS}::int) g`).length, ROWS);
  await sql.end();
  return 3 * CLIENTS + 1;
});
