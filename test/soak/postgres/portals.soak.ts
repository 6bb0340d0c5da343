import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { answered, poolOf, postgresSoak } from './clients.ts';

const CLIENTS = 4;
const WALKS = 40;
const ROWS = 1_000;

/** Reports that take rows by the hundred from an open portal, some to the end, some only until they have seen enough. */
export const soak: Soak = postgresSoak('portals', async (scene) => {
  const sql = await poolOf(scene, 'reader', { max: CLIENTS });
  await together(CLIENTS, async () => {
    for (let walk = 0; walk < WALKS; walk++) {
      const enough = walk % 4 === 0 ? ROWS : 150;
      let seen = 0;
      for await (const rows of sql<{ g: number }[]>`SELECT g FROM generate_series(1, ${ROWS}::int) g`.cursor(100)) {
        answered(rows[0]?.g, seen + 1);
        seen += rows.length;
        if (seen >= enough) break;
      }
      answered(seen, Math.ceil(enough / 100) * 100);
    }
  });
  await sql.end();
  return CLIENTS * WALKS;
});
