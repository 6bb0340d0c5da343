import { startScene } from '../../e2e/scene.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { codeOf, session } from '../expected.ts';
import { counted } from '../together.ts';

const CLIENTS = 6;

/** A deployment that replaces the gateway while clients work: transactions end as they should, clients connect to the next one. */
export const soak: Soak = {
  name: 'postgres-drains',
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs });
    let commits = 0;
    await scene.target.query('CREATE TABLE counted (id int PRIMARY KEY, n int); INSERT INTO counted SELECT n, 0 FROM generate_series(0, 5) n; ALTER TABLE counted OWNER TO app');
    /** Transactions of two statements until the gateway stops. Committed is what COMMIT was answered for. */
    const worker = async (n: number): Promise<number> => {
      const client = await session(scene, 'writer');
      const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
      for (let done = 0; ; done++) {
        const code = await codeOf((async () => {
          await client.query('BEGIN');
          await client.query('UPDATE counted SET n = n + 1 WHERE id = $1', [n]);
          await client.query('COMMIT');
        })());
        if (code === undefined) {
          commits += 1;
          continue;
        }
        if (code !== '57P01' && !/Connection terminated|not queryable|ECONNRESET|EPIPE/.test(code)) throw new Error(`expected the end of the gateway, and got ${code}`);
        await ended;
        return done * 3;
      }
    };
    return {
      gateway: scene.gateway,
      async round() {
        const before = commits;
        const working = counted(CLIENTS, worker);
        await until(() => commits >= before + CLIENTS * 5, 30_000, 'transactions');
        const code = await scene.gateway.terminate();
        if (code !== 0) throw new Error(`the gateway ended with ${code}`);
        const done = await working;
        const [row] = await scene.target.query('SELECT sum(n)::int AS n FROM counted');
        if (row?.['n'] !== commits) throw new Error(`${commits} were answered as committed, and ${String(row?.['n'])} are`);
        await scene.gateway.start();
        return done;
      },
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
