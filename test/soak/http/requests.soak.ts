import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { inTurn, startHttpWork } from './http-work.ts';

const CLIENTS = 16;
const REQUESTS = 100;

/** Clients with kept connections that ask, send and are refused in turn. */
export const soak: Soak = {
  name: 'http-requests',
  start: (nodeArgs) => startHttpWork(nodeArgs, {}, async ({ ask, agent }) => {
    const kept = agent({ maxSockets: CLIENTS });
    await together(CLIENTS, (client) => inTurn(REQUESTS, async (n) => {
      if (n % 3 === 0) await ask(200, 'reader', `/things/${client}/${n}`, { agent: kept });
      else if (n % 3 === 1) await ask(200, 'writer', '/things', { agent: kept, method: 'POST', body: `thing ${client}/${n}` });
      else await ask(403, 'reader', '/things', { agent: kept, method: 'POST', body: `thing ${client}/${n}` });
    }));
  }),
};
