import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { inTurn, startHttpWork, tokenOf } from './http-work.ts';

const IDENTITIES = 200;
const REQUESTS = 5;
const NAMES = Array.from({ length: IDENTITIES }, (_, n) => `worker-${n}`);

/** A fleet of workers at one address: each with an identity and a token of its own, some requests, and a new token at the next run. */
export const soak: Soak = {
  name: 'http-identities',
  start: (nodeArgs) => startHttpWork(nodeArgs, {
    identities: NAMES.map((name) => ({ name, owner: { contact: 'workers@acme.example' }, provider: 'ci', claims: { job: name } })),
    policies: [{ name: 'workers', identities: NAMES, connections: ['*'], allow: ['read'] }],
  }, async ({ scene, ask, agent }) => {
    const kept = agent({ maxSockets: 50 });
    await together(IDENTITIES, async (n) => {
      const headers = { Authorization: `Bearer ${await tokenOf(scene, NAMES[n]!)}` };
      await inTurn(REQUESTS, (one) => ask(200, 'reader', `/jobs/${n}/${one}`, { agent: kept, headers }));
      await ask(403, 'reader', '/work', { agent: kept, headers, method: 'DELETE' });
    });
  }),
};
