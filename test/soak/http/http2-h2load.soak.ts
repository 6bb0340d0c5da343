import { run } from '../../kit/run.ts';
import { program } from '../../kit/present.ts';
import type { Soak } from '../soak.ts';
import { startHttp2Stage } from './http2-stage.ts';

const STREAMS = [1, 32, 100];
const CONNECTIONS = 4;
const REQUESTS = 1_200;

/** A client written in C on nghttp2, with 1, 32 and 100 streams on each of its connections. */
export const soak: Soak = {
  name: 'http2-h2load',
  missing: () => (program('h2load') === undefined ? 'h2load is not installed' : undefined),
  async start(nodeArgs) {
    const stage = await startHttp2Stage({ nodeArgs, newer: (stream) => (stream.respond({ ':status': 200 }), stream.end('ok\n')) });
    return {
      gateway: stage.scene.gateway,
      async round() {
        for (const to of ['new', 'old']) for (const streams of STREAMS) {
          const authorization = await stage.authorization('reader');
          const { stdout, stderr } = await run('h2load', ['-m', String(streams), '-c', String(CONNECTIONS), '-n', String(REQUESTS), '-H', `authorization: ${authorization}`, `https://localhost:${stage.scene.gateway.port(to)}/things`], { timeoutMs: 60_000 });
          if (!stdout.includes(`status codes: ${REQUESTS} 2xx`)) throw new Error(`${stdout}${stderr}`);
        }
        return 2 * STREAMS.length * REQUESTS;
      },
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  },
};
