import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startScene } from '../../e2e/scene.ts';
import { pgbench } from '../../kit/clients.ts';
import type { Soak } from '../soak.ts';
import { refused, session } from '../expected.ts';
import { counted } from '../together.ts';

const CLIENTS = 4;
const CONNECTIONS = 25;
const WRONG = 12;

/** Scripts that connect for each statement, as `pgbench -C` does, while jobs with expired, foreign and mistyped tokens are turned away. */
export const soak: Soak = {
  name: 'postgres-storms',
  // Logins and ends are few in a round: their code is compiled, and the verified signatures of their tokens are remembered, for longer.
  warm: 6,
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs });
    const script = join(scene.gateway.folder, 'one.sql');
    writeFileSync(script, 'SELECT note FROM audit WHERE id = 1;\n');
    const wrong: readonly (() => Promise<string>)[] = [
      () => scene.issuer.token({ claims: { job: 'reader' }, expiresIn: -600, issuedIn: -1200 }),
      () => scene.issuer.token({ claims: { job: 'nobody' } }),
      () => scene.issuer.token({ claims: { job: 'reader' }, aud: 'elsewhere' }),
      async () => `${(await scene.token('reader')).slice(0, -8)}AAAAAAAA`,
      async () => 'a password',
    ];
    return {
      gateway: scene.gateway,
      async round() {
        const env = await scene.env('reader');
        const right = pgbench(['-n', '-C', '-c', String(CLIENTS), '-j', '1', '-t', String(CONNECTIONS), '-f', script], env);
        await counted(WRONG, async (n) => {
          const password = await (wrong[n % wrong.length] as () => Promise<string>)();
          await refused(session(scene, 'reader', { password }), '28P01', '28000');
          return 0;
        });
        const { code, stderr } = await right;
        if (code !== 0 || /error|aborted/i.test(stderr)) throw new Error(`pgbench: ${code} ${stderr}`);
        return CLIENTS * CONNECTIONS;
      },
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
