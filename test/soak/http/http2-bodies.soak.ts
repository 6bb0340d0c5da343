import { hash, randomBytes } from 'node:crypto';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as after } from 'node:timers/promises';
import { pipeline } from 'node:stream';
import type { Soak } from '../soak.ts';
import { atATime } from './at-a-time.ts';
import { startHttp2Stage } from './http2-stage.ts';

/** Streams that a connection has open at a time, and how many requests it makes in all. */
const CONNECTIONS = [[1, 20], [32, 64], [100, 100]] as const;
/** Seldom the large ones: by the number of the request. */
const SIZES = [0, 1, 100, 4_096, 16_384, 16_385, 65_535, 65_536, 300_000, 1_048_576];
const LARGEST = 5 * 1_048_576;
const BODY = randomBytes(LARGEST);

/** Clients that send bodies of all sizes and get them back, on few connections with many streams; some of them read slowly. */
export const soak: Soak = {
  name: 'http2-bodies',
  async start(nodeArgs) {
    const stage = await startHttp2Stage({
      nodeArgs,
      newer: (stream) => {
        stream.respond({ ':status': 200 });
        pipeline(stream, stream, () => {});
      },
      older: (request, response) => void pipeline(request, response, () => {}),
    });
    return {
      gateway: stage.scene.gateway,
      async round() {
        await Promise.all((['new', 'old'] as const).flatMap((to) => CONNECTIONS.map(async ([streams, total]) => {
          const session = await stage.connect(to);
          const authorization = await stage.authorization('writer');
          await atATime(streams, total, (nth) => echo(session, authorization, nth % 40 === 19 ? LARGEST : (SIZES[nth % SIZES.length] as number), nth % 10 === 7));
          session.close();
        })));
        return 2 * CONNECTIONS.reduce((sum, [, total]) => sum + total, 0);
      },
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  },
};

const echo = async (session: ClientHttp2Session, authorization: string, size: number, slow: boolean): Promise<void> => {
  const body = BODY.subarray(0, size);
  const stream = session.request({ ':path': `/echo/${size}`, ':method': 'PUT', authorization });
  let status: number | undefined;
  stream.once('response', (head) => (status = head[':status']));
  stream.end(body);
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    if (slow) await after(1);
  }
  const came = Buffer.concat(chunks);
  if (status !== 200 || hash('sha256', came) !== hash('sha256', body)) throw new Error(`${size} bytes: status ${status}, reset ${stream.rstCode}, ${came.length} bytes came: ${came.subarray(0, 300).toString()}`);
};
