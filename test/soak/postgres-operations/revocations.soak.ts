import { startScene } from '../../e2e/scene.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { codeOf, one, session } from '../expected.ts';
import { counted } from '../together.ts';

const CLIENTS = 4;
const READS = 300;

/** Jobs whose identity is revoked while they work, and given back: they are out, come back, and nobody else notices. */
export const soak: Soak = {
  name: 'postgres-revocations',
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs });
    const identities = async (verb: 'revoke' | 'restore'): Promise<void> => {
      const { code, stderr } = await scene.gateway.cli('identities', verb, 'writer', '--config', scene.gateway.configFile);
      if (code !== 0) throw new Error(`${verb}: ${stderr}`);
    };
    /** Until it is thrown out. The statement under way fails, or the next one finds no session. */
    const untilOut = async (): Promise<number> => {
      const client = await session(scene, 'writer');
      const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
      let done = 0;
      for (;;) {
        const code = await codeOf(client.query('UPDATE audit SET note = note WHERE id = $1', [2]));
        if (code === undefined) done += 1;
        else if (code === '57P01' || /Connection terminated|not queryable/.test(code)) break;
        else throw new Error(`expected to be thrown out, and got ${code}`);
      }
      await ended;
      return done;
    };
    const reader = async (): Promise<number> => {
      const client = await session(scene, 'reader');
      for (let n = 0; n < READS; n++) await one(client, 'SELECT note FROM audit WHERE id = 1', 'n1');
      await client.end();
      return READS;
    };
    return {
      gateway: scene.gateway,
      async round() {
        const [done, read] = await Promise.all([counted(CLIENTS, untilOut), reader(), identities('revoke')]);
        const turnedAway = await codeOf(session(scene, 'writer'));
        if (turnedAway !== '28000') throw new Error(`expected 28000, and got ${turnedAway ?? 'a session'}`);
        await identities('restore');
        const client = await until(() => session(scene, 'writer').catch(() => undefined), 20_000, 'a login after the restore');
        await one(client, 'SELECT note FROM audit WHERE id = 2', 'n2');
        await client.end();
        return done + 1 + read;
      },
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
