import * as https from 'node:https';
import type { ServerHttp2Stream } from 'node:http2';
import { ask2 } from '../../e2e/http2-scene.ts';
import type { HttpScene } from '../../e2e/http-scene.ts';
import type { Handler } from '../../kit/http-target.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { counted } from '../together.ts';
import { startHttp2Stage, type Http2Stage } from './http2-stage.ts';

const WORKERS = 8;
const REQUESTS = 80;
const PIECES = 4;
const EVERY_MS = 5;

/** An answer that comes in pieces, and says what it answers. */
const textOf = (path: string): string => Array.from({ length: PIECES }, (_, piece) => `${path} ${piece}\n`).join('');

const inPieces = (path: string, write: (text: string) => void, end: () => void): void => {
  let piece = 0;
  const timer = setInterval(() => {
    if (piece === PIECES) {
      clearInterval(timer);
      end();
    } else {
      write(`${path} ${piece}\n`);
      piece += 1;
    }
  }, EVERY_MS);
};

/** Services whose APIs are restarted while they work: each request is answered whole, refused as it should be, or seen to break off; nothing is sent twice that changes something. */
export const soak: Soak = {
  name: 'http-restarts',
  async start(nodeArgs) {
    /** How often each POST has come to a target. */
    const sent = new Map<string, number>();
    const came = (method: string, path: string): void => {
      if (method === 'POST') sent.set(path, (sent.get(path) ?? 0) + 1);
    };
    const older: Handler = (request, response) => {
      const path = request.url ?? '';
      came(request.method ?? '', path);
      request.resume().once('end', () => inPieces(path, (text) => response.write(text), () => response.end()));
    };
    const newer = (stream: ServerHttp2Stream, { ':method': method = '', ':path': path = '' }: Readonly<Record<string, unknown>>): void => {
      came(String(method), String(path));
      stream.resume().respond({ ':status': 200 });
      stream.once('end', () => inPieces(String(path), (text) => void (stream.destroyed || stream.write(text)), () => stream.destroyed || stream.end()));
    };
    const stage = await startHttp2Stage({ nodeArgs, older, newer });
    let rounds = 0;
    return {
      gateway: stage.scene.gateway,
      async round() {
        sent.clear();
        const mark = `${(rounds += 1)}`;
        for (const to of ['new', 'old'] as const) await restarted(stage, to, mark);
        for (const [path, times] of sent) if (times !== 1) throw new Error(`POST ${path} came ${times} times`);
        return 2 * WORKERS * REQUESTS;
      },
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  },
};

type Came = 'whole' | 'down' | 'cut';

const restarted = async (stage: Http2Stage, to: 'new' | 'old', mark: string): Promise<void> => {
  const { scene } = stage;
  const target = to === 'old' ? scene.target : stage.target;
  const authorization = await stage.authorization('writer');
  const session = await stage.connect(to);
  const agent = new https.Agent({ keepAlive: true, ca: scene.ca, maxSockets: WORKERS });
  let whole = 0;
  let down = 0;
  /** Half of the clients of the older target speak HTTP/2 as well; what comes in HTTP/1.1 goes on in it. */
  const ask = async (worker: number, n: number): Promise<Came> => {
    const [path, method] = [`/${mark}/${to}/${worker}/${n}`, n % 2 === 0 ? 'GET' : 'POST'];
    const { status, text, code } = await (to === 'new' || worker % 2 === 0
      ? ask2(session, { ':path': path, ':method': method, authorization }, method === 'GET' ? undefined : 'a thing').then(({ problem, ...one }) => ({ ...one, code: problem['code'] }), () => CUT)
      : ask1(scene, scene.gateway.port(to), agent, path, method, authorization));
    if (status === 200 && text === textOf(path)) return 'whole';
    if (status === 502 && code === 'target_unavailable') return 'down';
    if (status === undefined) return 'cut';
    throw new Error(`${method} ${path} by ${to}: ${status} ${text.slice(0, 200)}`);
  };
  const working = counted(WORKERS, async (worker) => {
    for (let n = 0; n < REQUESTS; n++) {
      if (await ask(worker, n) === 'whole') whole += 1;
      else down += 1;
    }
    return REQUESTS;
  });
  await Promise.race([working, until(() => whole >= 2 * WORKERS, 30_000, 'requests at work')]);
  await target.down();
  await Promise.race([working, until(() => down >= WORKERS, 30_000, 'requests that find nobody')]);
  await target.start();
  await until(async () => await ask(1, REQUESTS) === 'whole' && await ask(2, REQUESTS + 1) === 'whole', 30_000, 'work after the restart');
  await working;
  // From here on nothing fails.
  await counted(WORKERS, async (worker) => {
    const came = await ask(worker, REQUESTS + 2);
    if (came !== 'whole') throw new Error(`${came} after the restart`);
    return 1;
  });
  session.close();
  agent.destroy();
};

interface Said {
  /** Undefined: no whole answer came. */
  readonly status: number | undefined;
  readonly text: string;
  readonly code?: unknown;
}
const CUT: Said = { status: undefined, text: '' };

const ask1 = async (scene: HttpScene, port: number, agent: https.Agent, path: string, method: string, authorization: string): Promise<Said> =>
  scene.ask(undefined, path, { port, agent, method, headers: { authorization }, ...(method === 'GET' ? {} : { body: 'a thing' }) }).then(({ status, text, problem }) => ({ status, text, code: problem['code'] }), () => CUT);
