import { startScene } from '../../e2e/scene.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { one, session } from '../expected.ts';
import { counted } from '../together.ts';

const WORKERS = 4;
const COMMANDS = 150;

/** A job that leaves its transaction open for long, with a row locked: most others work on, and one waits until it ends. */
export const soak: Soak = {
  name: 'postgres-idle-transactions',
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs });
    return {
      gateway: scene.gateway,
      async round() {
        const slow = await session(scene, 'writer');
        const waiting = await session(scene, 'writer');
        await slow.query('BEGIN');
        await slow.query("UPDATE audit SET note = 'in work' WHERE id = 2");
        const update = waiting.query("UPDATE audit SET note = 'n2' WHERE id = 2");
        await until(async () => await scene.target.count("pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'wg:%'") === 1, 20_000, 'one that waits');
        const done = await counted(WORKERS, async (n) => {
          const client = await session(scene, 'writer');
          for (let each = 0; each < COMMANDS; each++) {
            if (each % 3 === 0) await client.query('INSERT INTO orders VALUES ($1, $2, $3)', [1000 + n, n, 'kept for a moment']);
            else if (each % 3 === 1) await one(client, 'SELECT note FROM audit WHERE id = 2', 'n2');
            else await client.query('DELETE FROM orders WHERE id = $1', [1000 + n]);
          }
          await client.end();
          return COMMANDS;
        });
        await one(slow, 'SELECT note FROM audit WHERE id = 2', 'in work');
        await slow.query('COMMIT');
        const { rowCount } = await update;
        if (rowCount !== 1) throw new Error(`the one that waited changed ${rowCount} rows`);
        await Promise.all([slow.end(), waiting.end()]);
        return done + 5;
      },
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
