import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { requireProgram } from '../../kit/present.ts';
import { environment } from '../../kit/run.ts';
import { until } from '../../kit/until.ts';
import { gatewayWire, openTls, plain, say } from '../../e2e/wire.ts';
import type { Scene } from '../../e2e/scene.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { answered, postgresSoak } from './clients.ts';

const CLIENTS = 5;
const TIMES = 20;

/** People and time limits that give up waiting: queries cancelled by a request of their own, by psql on Ctrl-C, by statement_timeout. */
export const soak: Soak = postgresSoak('cancels', async (scene) => {
  const authority = readFileSync(scene.gateway.caFile, 'utf8');
  await together(CLIENTS, async (number) => {
    using wire = await gatewayWire(scene, 'writer');
    const waits = `SELECT pg_sleep(60) AS w${number}`;
    for (let n = 0; n < TIMES; n++) {
      wire.send(say.query(waits));
      await sleeping(scene, waits);
      const socket = await openTls(scene.gateway.port(), authority);
      socket.on('error', () => {});
      socket.resume();
      socket.write(say.cancelRequest(wire.processId, wire.key));
      answered(plain(await wire.until('ReadyForQuery')).slice(-2), ['E57014', 'ZI']);
      answered(plain(await wire.query("SET statement_timeout = '20ms'; SELECT pg_sleep(60)")).slice(-2), ['E57014', 'ZI']);
      answered(plain(await wire.query('SELECT 1')).at(-1), 'ZI');
    }
  });
  const waits = 'SELECT pg_sleep(60) AS p';
  const program = spawn(requireProgram('psql'), ['-X', '-w', '-c', waits], { env: environment(await scene.env('writer')), stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  program.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  await sleeping(scene, waits);
  program.kill('SIGINT');
  await once(program, 'close');
  answered(said.includes('canceling statement due to user request'), true);
  return CLIENTS * TIMES * 3 + 1;
});

const sleeping = (scene: Scene, text: string): Promise<boolean> =>
  until(async () => (await scene.target.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND state = 'active' AND query = '${text}'`)).length === 1, 20_000, 'the statement at work');
