import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { Gateway } from '../test/kit/gateway.ts';
import type { Env } from './targets.ts';

/** As many as PostgreSQL takes beside everything else here: each is a process of its own there. */
export const IDLE_SESSIONS = 1000;

/** Private and shared pages of a process, in KiB. */
const pss = (pid: number): number => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? NaN);
const rss = (pid: number): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN);

/** Memory of one logged-in idle session in the gateway, and of the gateway itself. */
export const idleMemory = async ({ gateway, env }: { readonly gateway: Gateway; readonly env: Env }): Promise<string> => {
  const open = async (count: number): Promise<pg.Client[]> => {
    const clients: pg.Client[] = [];
    for (let n = 0; n < count; n++) {
      const client = new pg.Client({ host: env['PGHOST'] ?? '', port: Number(env['PGPORT']), user: env['PGUSER'] ?? '', database: env['PGDATABASE'] ?? '', password: env['PGPASSWORD'] ?? '' });
      await client.connect();
      clients.push(client);
    }
    return clients;
  };
  const base = rss(gateway.pid);
  // The first sessions make what all share.
  const warm = await open(10);
  const before = pss(gateway.pid);
  const clients = await open(IDLE_SESSIONS);
  const each = (pss(gateway.pid) - before) / IDLE_SESSIONS;
  for (const client of [...warm, ...clients]) await client.end();
  return ['\nidle plaintext sessions', `  user space for each of ${IDLE_SESSIONS}         ${each.toFixed(1)} KiB   goal 24 KiB (stated for 5,000)`, `  RSS of the gateway as started       ${Math.round(base / 1024)} MB   goal 140 MB: ${base / 1024 < 140 ? 'reached' : 'MISSED'}`].join('\n');
};
