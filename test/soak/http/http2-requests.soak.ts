import type { Soak } from '../soak.ts';
import { ask2 } from '../../e2e/http2-scene.ts';
import { atATime } from './at-a-time.ts';
import { startHttp2Stage } from './http2-stage.ts';

/** Streams at a time, and requests in all, of each connection. */
const CONNECTIONS = [[1, 100], [32, 400], [100, 400], [100, 400], [100, 400]] as const;
const CUSTOMERS = JSON.stringify(Array.from({ length: 40 }, (_, id) => ({ id, name: `customer ${id}`, ssn: `123-45-${6000 + id}`, address: { city: 'Springfield' } })));

/** A worker with several connections of one token, with few and with many streams: it reads, under masks and without, it writes, and is refused now and then. */
export const soak: Soak = {
  name: 'http2-requests',
  async start(nodeArgs) {
    const stage = await startHttp2Stage({
      nodeArgs,
      policies: [
        { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'], mask: [{ name: 'ssn', fields: ['ssn'], transform: 'redact' }] },
        { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'] },
      ],
      newer: (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/json' });
        stream.resume();
        stream.end(CUSTOMERS);
      },
      older: (request, response) => {
        request.resume();
        request.once('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(CUSTOMERS));
      },
    });
    let asked = 0;
    return {
      gateway: stage.scene.gateway,
      async round() {
        for (const to of ['new', 'old'] as const) {
          const [reader, writer] = await Promise.all([stage.authorization('reader'), stage.authorization('writer')]);
          await Promise.all(CONNECTIONS.map(async ([streams, total]) => {
            const session = await stage.connect(to);
            await atATime(streams, total, async (nth) => {
              asked += 1;
              const kind = nth % 4;
              const { status, text } = kind < 2 ? await ask2(session, { ':path': `/customers/${asked}`, authorization: kind === 0 ? reader : writer }) : await ask2(session, { ':path': '/customers', ':method': 'POST', 'content-type': 'application/json', authorization: kind === 2 ? writer : reader }, `{"name":"customer ${asked}"}`);
              if (status !== (kind === 3 ? 403 : 200) || text.includes('123-45-') !== (kind === 1 || kind === 2)) throw new Error(`status ${status} of kind ${kind}: ${text.slice(0, 300)}`);
            });
            session.close();
          }));
        }
        return 2 * CONNECTIONS.reduce((sum, [, total]) => sum + total, 0);
      },
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  },
};
