import { readFileSync } from 'node:fs';
import pg from 'pg';
import { startScene } from '../../e2e/scene.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { codeOf, one } from '../expected.ts';
import { counted } from '../together.ts';

const WORKERS = 6;
const COMMANDS = 120;

/** What a pool may see while the target is down: the session was ended, cannot be opened, or is gone. */
const DOWN = /^(?:57P0[123]|08006|08001|08P01|ECONNRESET|EPIPE)$|Connection terminated|not queryable/;

/** Services with pools, whose target is restarted while they work: each statement goes well or fails, the pool connects again, and work goes on. */
export const soak: Soak = {
  name: 'postgres-restarts',
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs });
    const ca = readFileSync(scene.gateway.caFile, 'utf8');
    return {
      gateway: scene.gateway,
      async round() {
        const pool = new pg.Pool({ host: 'localhost', port: scene.gateway.port(), database: 'shop', user: 'writer', password: () => scene.token('writer'), ssl: { ca }, max: WORKERS });
        pool.on('error', () => {});
        let done = 0;
        const worker = async (): Promise<number> => {
          for (let n = 0; n < COMMANDS; n++) {
            const code = await codeOf(pool.query('UPDATE audit SET note = $1 WHERE id = 2', ['n2']));
            if (code === undefined) done += 1;
            else if (!DOWN.test(code)) throw new Error(`an answer that no restart explains: ${code}`);
          }
          return COMMANDS;
        };
        const working = counted(WORKERS, worker);
        await until(() => done > WORKERS, 20_000, 'the pool at work');
        await scene.target.restart();
        await until(async () => await codeOf(one(pool, 'SELECT note FROM audit WHERE id = 1', 'n1')) === undefined, 20_000, 'work after the restart');
        await working;
        await counted(WORKERS, async () => (await one(pool, 'SELECT note FROM audit WHERE id = 1', 'n1'), 1));
        await pool.end();
        return done + WORKERS;
      },
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
