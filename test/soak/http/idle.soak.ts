import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { startHttpWork } from './http-work.ts';

const CLIENTS = 1_000;
/** So many connections are opened at a time. */
const OPENING = 50;

/** A thousand clients that keep their connection and say little: each asks, waits until all others have asked, and asks again on the same connection. */
export const soak: Soak = {
  name: 'http-idle',
  start: (nodeArgs) => startHttpWork(nodeArgs, {}, async ({ ask, agent }) => {
    const clients = Array.from({ length: CLIENTS }, () => agent({ maxSockets: 1, timeout: 60_000 }));
    for (let from = 0; from < CLIENTS; from += OPENING) await together(OPENING, (n) => ask(200, 'reader', `/first/${from + n}`, { agent: clients[from + n]! }));
    const sockets = clients.map((one) => Object.values(one.freeSockets).flat()[0]);
    for (let from = 0; from < CLIENTS; from += OPENING) await together(OPENING, (n) => ask(200, 'reader', `/second/${from + n}`, { agent: clients[from + n]! }));
    const lost = clients.filter((one, n) => Object.values(one.freeSockets).flat()[0] !== sockets[n]).length;
    if (lost > 0) throw new Error(`${lost} of ${CLIENTS} connections were not kept`);
  }),
};
