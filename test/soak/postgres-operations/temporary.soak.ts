import { startScene } from '../../e2e/scene.ts';
import type { Soak } from '../soak.ts';
import { one, session } from '../expected.ts';
import { counted } from '../together.ts';

const JOBS = 3;
const TABLES = 12;
const READS = 100;

/** Reports and imports that put what they work on into temporary tables, while others read. */
export const soak: Soak = {
  name: 'postgres-temporary',
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs });
    const job = async (): Promise<number> => {
      const client = await session(scene, 'migrator');
      for (let n = 0; n < TABLES; n++) {
        await client.query('CREATE TEMP TABLE scratch (id int PRIMARY KEY, note text)');
        await client.query("INSERT INTO scratch SELECT n, 'note ' || n FROM generate_series(1, 50) n");
        await one(client, 'SELECT count(*) FROM scratch JOIN customers USING (id)', '2');
        await client.query('BEGIN');
        await client.query('CREATE TEMP TABLE audit ON COMMIT DROP AS SELECT * FROM scratch WHERE id > $1', [40]);
        await one(client, 'SELECT count(*) FROM audit', '10');
        await client.query(n % 2 === 0 ? 'COMMIT' : 'ROLLBACK');
        await one(client, 'SELECT note FROM audit WHERE id = 1', 'n1');
        await client.query('DROP TABLE scratch');
      }
      await client.query('CREATE TEMP TABLE kept (id int)');
      await client.end();
      return TABLES * 9 + 1;
    };
    const reader = async (): Promise<number> => {
      const client = await session(scene, 'reader');
      for (let n = 0; n < READS; n++) await one(client, 'SELECT note FROM audit WHERE id = $1', 'n2', [2]);
      await client.end();
      return READS;
    };
    return {
      gateway: scene.gateway,
      round: async () => (await Promise.all([counted(JOBS, job), reader()])).reduce((sum, each) => sum + each, 0),
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
