import { DEFAULT_POLICIES, startScene } from '../../e2e/scene.ts';
import type { Soak } from '../soak.ts';
import { one, refused, session } from '../expected.ts';
import { counted } from '../together.ts';

const CLIENTS = 4;
const RELOADS = 4;
const BETWEEN = 120;

/** Sessions that work while somebody changes the configuration again and again: what they may do stays, and they must not notice. */
export const soak: Soak = {
  name: 'postgres-reloads',
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs });
    let made = 0;
    /** Another policy and limit each time, which take nothing away. */
    const reload = async (): Promise<void> => {
      made += 1;
      const more = { name: `made-${made}`, identities: ['writer'], connections: ['*'], allow: ['read'], limits: { commandsPerMinute: 1_000_000 + made }, rules: [{ name: 'never', match: { verbs: ['drop'], objects: [`nothing_${made}`] }, effect: 'deny', reason: 'none' }] };
      await scene.gateway.reloaded({ ...scene.config, policies: [...DEFAULT_POLICIES, more] });
    };
    return {
      gateway: scene.gateway,
      async round() {
        const reloads = async (): Promise<void> => {
          for (let n = 0; n < RELOADS; n++) await reload();
        };
        const working = counted(CLIENTS, async (n) => {
          const client = await session(scene, n % 2 === 0 ? 'writer' : 'reader');
          await client.query('PREPARE noted AS SELECT note FROM audit WHERE id = 1');
          await client.query('BEGIN');
          for (let each = 0; each < BETWEEN; each++) {
            await one(client, { 0: 'EXECUTE noted', 1: 'SELECT note FROM audit WHERE id = 1', 2: 'SELECT $1::text' }[each % 3] as string, 'n1', each % 3 === 2 ? ['n1'] : undefined);
          }
          await client.query('COMMIT');
          await refused(client.query('DROP TABLE audit'), '42501');
          await client.end();
          return BETWEEN + 4;
        });
        const [done] = await Promise.all([working, reloads()]);
        return done;
      },
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
