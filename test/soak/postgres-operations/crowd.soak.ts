import { readFileSync } from 'node:fs';
import pg from 'pg';
import { startScene } from '../../e2e/scene.ts';
import type { Soak } from '../soak.ts';
import { one } from '../expected.ts';

const SESSIONS = 500;
/** So many connect at a time, as workers of a fleet that start one behind the other. */
const AT_A_TIME = 10;

/** A fleet of workers, each with a session of its own that has little to do. */
export const soak: Soak = {
  name: 'postgres-crowd',
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs, postgres: { config: { max_connections: SESSIONS + 20 } } });
    const ca = readFileSync(scene.gateway.caFile, 'utf8');
    return {
      gateway: scene.gateway,
      async round() {
        const clients: pg.Client[] = [];
        const password = await scene.token('reader');
        await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
          while (clients.length < SESSIONS) {
            const client = new pg.Client({ host: 'localhost', port: scene.gateway.port(), database: 'shop', user: 'reader', password, ssl: { ca } });
            clients.push(client);
            await client.connect();
          }
        }));
        for (let n = 0; n < 2; n++) await Promise.all(clients.map((client) => one(client, 'SELECT note FROM audit WHERE id = $1', 'n1', [1])));
        await Promise.all(clients.map((client) => client.end()));
        return SESSIONS * 2;
      },
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
