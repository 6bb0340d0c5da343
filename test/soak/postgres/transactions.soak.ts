import type { Soak } from '../soak.ts';
import { refused } from '../expected.ts';
import { together } from '../together.ts';
import { answered, postgresSoak } from './clients.ts';

const CLIENTS = 4;
const TIMES = 10;
let transactions = 0;

/** Workers that go forth and back: savepoints, errors within, chains of transactions, and some that are prepared and ended by others. */
export const soak: Soak = postgresSoak('transactions', async (scene) => {
  let sent = 0;
  await together(CLIENTS, async () => {
    const client = await scene.client('writer');
    const other = await scene.client('writer');
    const run = async (text: string, end?: string): Promise<void> => {
      sent += 1;
      const { command } = await client.query(text);
      if (end !== undefined) answered(command, end);
    };
    const id = (): number => 100_000 + ++transactions;
    for (let n = 0; n < TIMES; n++) {
      await run('BEGIN');
      const kept = id();
      await run(`INSERT INTO audit VALUES (${kept}, 'kept')`);
      for (let depth = 0; depth < 5; depth++) {
        await run('SAVEPOINT same');
        await run(`INSERT INTO audit VALUES (${id()}, 'undone')`);
        await refused(client.query('SELECT 1 / 0'), '22012');
        await refused(client.query('SELECT 1'), '25P02');
        await run('ROLLBACK TO same');
        if (depth % 2 === 0) await run('RELEASE same');
      }
      await run('COMMIT AND CHAIN', 'COMMIT');
      await run('DELETE FROM audit');
      await run('ROLLBACK AND CHAIN', 'ROLLBACK');
      await refused(client.query('DROP TABLE audit'), '42501');
      await run('COMMIT', 'ROLLBACK');
      answered((await client.query(`DELETE FROM audit WHERE id >= ${kept} AND note = 'kept' AND id < ${kept + 1} RETURNING note`)).rows, [{ note: 'kept' }]);
      const prepared = `job ${id()}`;
      await run('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await run(`INSERT INTO audit VALUES (${id()}, '${prepared}')`);
      await run(`PREPARE TRANSACTION '${prepared}'`);
      await other.query(`${n % 2 === 0 ? 'COMMIT' : 'ROLLBACK'} PREPARED '${prepared}'`);
      answered((await other.query(`DELETE FROM audit WHERE note = '${prepared}'`)).rowCount, n % 2 === 0 ? 1 : 0);
    }
    await client.end();
    await other.end();
  });
  return sent;
}, { scene: { postgres: { config: { max_prepared_transactions: 10 } } } });
