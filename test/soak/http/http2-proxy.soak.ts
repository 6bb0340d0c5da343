import { readFileSync } from 'node:fs';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { ask2 } from '../../e2e/http2-scene.ts';
import { startProxyScene, type ProxyScene } from '../../e2e/http-proxy-scene.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { atATime } from './at-a-time.ts';
import { IDLE, inTurn, oneRound } from './http-work.ts';

const CLIENTS = 6;
const TUNNELS = 10;
const STREAMS = 20;
const REQUESTS = 60;

/** Jobs behind `HTTPS_PROXY` whose libraries speak HTTP/2: in each tunnel many requests at a time, read and written, refused now and then, and some given up. */
export const soak: Soak = {
  name: 'http2-proxy',
  async start(nodeArgs) {
    const proxy = await startProxyScene({ nodeArgs, http: IDLE });
    const ca = readFileSync(proxy.interceptionCa, 'utf8');
    return {
      gateway: proxy.scene.gateway,
      round: () => {
        proxy.secure.clear();
        proxy.secure.handler = (request, response) => {
          request.resume();
          request.once('end', () => response.end(`${request.method} ${request.url}`));
        };
        return oneRound(proxy.scene, async ({ bearer, count }) => {
          await together(CLIENTS, (client) => inTurn(TUNNELS, async (n) => {
            const host = `bucket-${client * TUNNELS + n}.storage.example`;
            const role = n % 3 === 0 ? 'reader' : 'writer';
            const session = await tunnel(proxy, host, { 'Proxy-Authorization': bearer(role)['Authorization'] ?? '' }, ca);
            await atATime(STREAMS, REQUESTS, (nth) => request(session, host, role, nth));
            session.close();
          }));
          count(CLIENTS * TUNNELS * REQUESTS);
        });
      },
      [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
    };
  },
};

const request = async (session: ClientHttp2Session, host: string, role: 'reader' | 'writer', nth: number): Promise<void> => {
  const method = nth % 2 === 0 ? 'GET' : 'PUT';
  const head = { ':method': method, ':path': `/o/${nth}` };
  if (nth % 15 === 7) {
    const stream = session.request(head, { endStream: true });
    stream.on('error', () => {});
    await new Promise<void>((resolve) => stream.once('ready', resolve).close(8, resolve));
    return;
  }
  const { status, text } = await ask2(session, head, method === 'GET' ? undefined : 'x'.repeat(nth * 500));
  const allowed = method === 'GET' || role === 'writer';
  if (status !== (allowed ? 200 : 403) || (allowed && text !== `${method} /o/${nth}`)) throw new Error(`${method} ${nth} of ${role} in a tunnel for ${host}: ${status} ${text.slice(0, 200)}`);
};

/** HTTP/2 with this host, inside a tunnel. */
const tunnel = async (proxy: ProxyScene, host: string, headers: Readonly<Record<string, string>>, ca: string): Promise<ClientHttp2Session> => {
  const { answer, socket } = await proxy.connect(`${host}:443`, headers);
  if (!answer.startsWith('HTTP/1.1 200 ')) throw new Error(answer);
  const inner = connectTls({ socket, ca, servername: host, ALPNProtocols: ['h2'] });
  const session = connectHttp2(`https://${host}`, { createConnection: () => inner });
  session.on('error', () => {});
  await new Promise<void>((resolve, reject) => session.once('connect', () => resolve()).once('close', () => reject(new Error('the tunnel closed'))));
  // What a proxy's client has to see to when it is done.
  session.once('close', () => socket.destroy());
  return session;
};
