import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { PLAIN, startProxyScene, type ProxyScene } from '../../e2e/http-proxy-scene.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { IDLE, inTurn, oneRound } from './http-work.ts';

const CLIENTS = 8;
const TUNNELS = 25;
const REQUESTS = 3;
/** Host names that clients ask for in turn: as many as one round has tunnels. Certificates are kept for each, so all are there after the first round. */
const HOSTS = CLIENTS * TUNNELS;

/** Jobs behind `HTTPS_PROXY` and `HTTP_PROXY`: CONNECT to many hosts with some requests in each tunnel, and requests in the absolute form on kept connections. */
export const soak: Soak = {
  name: 'http-proxy',
  async start(nodeArgs) {
    const proxy = await startProxyScene({ nodeArgs, http: IDLE });
    const interception = readFileSync(proxy.interceptionCa, 'utf8');
    return {
      gateway: proxy.scene.gateway,
      round: () => {
        proxy.secure.clear();
        return oneRound(proxy.scene, async ({ bearer, count }) => {
          const authorization = { 'Proxy-Authorization': bearer('reader')['Authorization'] ?? '' };
          const absolute = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
          await together(CLIENTS, async (client) => {
            await inTurn(TUNNELS, async (n) => {
              const host = `bucket-${(client * TUNNELS + n) % HOSTS}.storage.example`;
              const agent = await tunnel(proxy, host, authorization, interception);
              await inTurn(REQUESTS, async (one) => ok(https.get({ host, path: `/o/${one}`, agent })));
              agent.destroy();
            });
            await inTurn(TUNNELS, (n) => ok(http.get({ host: '127.0.0.1', port: proxy.loosePort, path: `http://${PLAIN}/plain/${n}`, headers: { Host: PLAIN, ...authorization }, agent: absolute })));
          });
          absolute.destroy();
          count(CLIENTS * TUNNELS * (REQUESTS + 1));
        });
      },
      [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
    };
  },
};

/** An agent whose one connection is TLS with this host, through a tunnel. */
const tunnel = async (proxy: ProxyScene, host: string, headers: Readonly<Record<string, string>>, ca: string): Promise<https.Agent> => {
  const { answer, socket } = await proxy.connect(`${host}:443`, headers);
  if (!answer.startsWith('HTTP/1.1 200 ')) throw new Error(answer);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = (): TLSSocket => connectTls({ socket, ca, servername: host });
  return agent;
};

const ok = (request: http.ClientRequest): Promise<void> => new Promise((resolve, reject) => {
  request.once('error', reject);
  request.once('response', (response) => {
    response.resume();
    response.once('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`))));
  });
});
