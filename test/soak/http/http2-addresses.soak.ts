import { once } from 'node:events';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { ask2, http2Client } from '../../e2e/http2-scene.ts';
import { startHttpScene } from '../../e2e/http-scene.ts';
import type { Soak } from '../soak.ts';
import { atATime } from './at-a-time.ts';

const CLIENTS = 250;
const AT_A_TIME = 25;
const REQUESTS = 4;

/** Jobs that come and go: each from an address of its own, with a token of its own, for a few requests on one connection. */
export const soak: Soak = {
  name: 'http2-addresses',
  async start(nodeArgs) {
    const scene = await startHttpScene({ nodeArgs, http: { sessionIdle: '1s' } });
    return {
      gateway: scene.gateway,
      async round() {
        await atATime(AT_A_TIME, CLIENTS, async (nth) => {
          const socket = connectTls({ host: '127.0.0.1', port: scene.gateway.port(), localAddress: `127.0.${Math.floor(nth / 200) + 1}.${(nth % 200) + 1}`, ca: scene.ca, servername: 'localhost', ALPNProtocols: ['h2'] } as ConnectionOptions);
          await once(socket, 'secureConnect');
          const session = http2Client(scene, scene.gateway.port(), { createConnection: () => socket });
          const authorization = `Bearer ${await scene.issuer.token({ claims: { job: 'reader' } })}`;
          const answers = await Promise.all(Array.from({ length: REQUESTS }, (_, n) => ask2(session, { ':path': `/jobs/${nth}/${n}`, authorization })));
          if (answers.some(({ status }) => status !== 200)) throw new Error(answers.map(({ status, text }) => `${status} ${text}`).join('\n'));
          session.close();
        });
        scene.target.clear();
        return CLIENTS * REQUESTS;
      },
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
