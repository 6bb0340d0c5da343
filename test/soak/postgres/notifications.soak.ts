import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { answered, postgresSoak } from './clients.ts';

const WORKERS = 4;
const JOBS = 500;

/** Workers that wait for jobs by LISTEN, and what hands them out by NOTIFY, alone, within transactions and by pg_notify. */
export const soak: Soak = postgresSoak('notifications', async (scene) => {
  const heard: string[][] = [];
  const workers = await Promise.all(Array.from({ length: WORKERS }, async (_, worker) => {
    const client = await scene.client('writer');
    const mine: string[] = [];
    heard.push(mine);
    client.on('notification', ({ payload }) => void mine.push(payload ?? ''));
    await client.query('LISTEN jobs');
    await client.query(`LISTEN only_${worker}`);
    return client;
  }));
  const boss = await scene.client('writer');
  for (let n = 0; n < JOBS; n++) {
    if (n % 3 === 0) await boss.query(`NOTIFY jobs, 'job ${n}'`);
    else if (n % 3 === 1) await boss.query('SELECT pg_notify($1, $2)', ['jobs', `job ${n}`]);
    else await boss.query(`BEGIN; NOTIFY jobs, 'job ${n}'; NOTIFY nobody; COMMIT`);
  }
  await until(() => heard.every(({ length }) => length === JOBS), 30_000, 'all notifications');
  for (const mine of heard) answered(mine, Array.from({ length: JOBS }, (_, n) => `job ${n}`));
  await together(WORKERS, async (worker) => {
    await workers[worker]?.query('UNLISTEN *');
    await workers[worker]?.end();
  });
  await boss.end();
  return JOBS + 3 * WORKERS;
});
