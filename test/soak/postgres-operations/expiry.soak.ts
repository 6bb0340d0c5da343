import { startScene } from '../../e2e/scene.ts';
import type { Soak } from '../soak.ts';
import { one, refused, session } from '../expected.ts';
import { counted } from '../together.ts';

const CLIENTS = 6;
const LIFE_S = 2;

/** Long sessions that were opened with short tokens: they go on when these have expired, and a new session needs a new one. */
export const soak: Soak = {
  name: 'postgres-expiry',
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs, provider: { clockSkew: '0s' } });
    return {
      gateway: scene.gateway,
      round: () => counted(CLIENTS, async () => {
        const password = await scene.issuer.token({ claims: { job: 'writer' }, expiresIn: LIFE_S });
        const client = await session(scene, 'writer', { password });
        const over = performance.now() + (LIFE_S + 1) * 1000;
        let done = 0;
        for (; performance.now() < over; done++) await one(client, 'SELECT note FROM audit WHERE id = $1', 'n1', [1]);
        await refused(session(scene, 'writer', { password }), '28P01', '28000');
        await one(client, 'SELECT note FROM audit WHERE id = 1', 'n1');
        await client.end();
        return done + 1;
      }),
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
