import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import pg from 'pg';
import type { Gateway } from '../test/kit/gateway.ts';
import type { Env } from './targets.ts';

/** As many as the goal says, where there is memory for as many processes of PostgreSQL (some 2 MB each). */
export const IDLE_SESSIONS = freemem() > 14 * 2 ** 30 ? 5000 : 1000;
/** Those among them after which the heap has grown to the size that logging in needs: with 5,000 sessions that part is small. */
const FIRST = 500;

/** Private and shared pages of a process, in KiB. */
const pss = (pid: number): number => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? NaN);
const rss = (pid: number): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN);

/** Memory of one logged-in idle session in the gateway, and of the gateway itself. */
export const idleMemory = async ({ gateway, env }: { readonly gateway: Gateway; readonly env: Env }): Promise<string> => {
  const open = async (count: number): Promise<pg.Client[]> => {
    const clients: pg.Client[] = [];
    for (let n = 0; n < count; n++) {
      const client = new pg.Client({ host: env['PGHOST'] ?? '', port: Number(env['PGPORT']), user: env['PGUSER'] ?? '', database: env['PGDATABASE'] ?? '', password: env['PGPASSWORD'] ?? '' });
      // When one cannot be opened, the gateway stops under the others: what they say of it would hide why.
      client.on('error', () => {});
      await client.connect();
      clients.push(client);
    }
    return clients;
  };
  const base = rss(gateway.pid);
  // The first sessions make what all share.
  const warm = await open(10);
  const before = pss(gateway.pid);
  const first = await open(FIRST);
  const between = pss(gateway.pid);
  const others = await open(IDLE_SESSIONS - FIRST - warm.length);
  const after = pss(gateway.pid);
  for (const client of [...warm, ...first, ...others]) await client.end();
  return [
    '\nidle plaintext sessions',
    `  user space for each of ${IDLE_SESSIONS}         ${((after - before) / (first.length + others.length)).toFixed(1)} KiB`,
    `  for each from number ${FIRST} on          ${((after - between) / others.length).toFixed(1)} KiB   goal 24 KiB (of 5,000)`, `  RSS of the gateway as started       ${Math.round(base / 1024)} MB   goal 140 MB: ${base / 1024 < 140 ? 'reached' : 'MISSED'}`,
  ].join('\n');
};
