import type { ServerHttp2Session } from 'node:http2';
import { ask2 } from '../../e2e/http2-scene.ts';
import type { Soak } from '../soak.ts';
import { atATime } from './at-a-time.ts';
import { startHttp2Stage } from './http2-stage.ts';

const CLIENTS = 4;
const STREAMS = 25;
const REQUESTS = 400;
/** Requests after which the target says good-bye on a connection. */
const GOODBYE = 40;

/** Readers of a target that replaces its connections all the time, as a load balancer does: GOAWAY in the middle, what is open to its end, the next elsewhere. */
export const soak: Soak = {
  name: 'http2-goaway',
  async start(nodeArgs) {
    const served = new WeakMap<ServerHttp2Session, number>();
    const stage = await startHttp2Stage({
      nodeArgs,
      newer: (stream) => {
        const session = stream.session as ServerHttp2Session;
        const count = (served.get(session) ?? 0) + 1;
        served.set(session, count);
        stream.respond({ ':status': 200 });
        stream.write('one half');
        // Graceful: those that it has not seen yet are told to go elsewhere.
        if (count === GOODBYE) session.close();
        setImmediate(() => stream.end(' and the other'));
      },
    });
    stage.target.server.on('session', (session) => session.once('stream', () => setImmediate(() => session.destroyed || session.settings({ maxConcurrentStreams: 10 + Math.floor(Math.random() * 20) }))));
    return {
      gateway: stage.scene.gateway,
      async round() {
        await Promise.all(Array.from({ length: CLIENTS }, async () => {
          const session = await stage.connect('new');
          const authorization = await stage.authorization('reader');
          await atATime(STREAMS, REQUESTS, async (nth) => {
            const { status, text } = await ask2(session, { ':path': `/halves/${nth}`, authorization });
            if (status !== 200 || text !== 'one half and the other') throw new Error(`status ${status}: ${text}`);
          });
          session.close();
        }));
        return CLIENTS * REQUESTS;
      },
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  },
};
