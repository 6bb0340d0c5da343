import { startScene } from '../../e2e/scene.ts';
import type { Soak } from '../soak.ts';
import { one, refused, session } from '../expected.ts';
import { counted } from '../together.ts';

const JOBS = 6;
const RUNS = 15;

/** CI jobs whose issuer's tokens open one session each: every step fetches its own, and a log scraper that shows one again is turned away. */
export const soak: Soak = {
  name: 'postgres-once',
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs, provider: { once: true } });
    return {
      gateway: scene.gateway,
      round: () => counted(JOBS, async () => {
        for (let n = 0; n < RUNS; n++) {
          // Used tokens are remembered until they expire; these do so while the soak runs.
          const password = await scene.issuer.token({ claims: { job: 'reader' }, expiresIn: 20 });
          const client = await session(scene, 'reader', { password });
          await one(client, 'SELECT note FROM audit WHERE id = 1', 'n1');
          await refused(session(scene, 'reader', { password }), '28P01', '28000');
          await client.end();
        }
        return RUNS;
      }),
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
