import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { secretCanary } from '../../kit/canaries.ts';
import { startHttpScene } from '../../e2e/http-scene.ts';
import type { Soak } from '../soak.ts';
import { atATime } from './at-a-time.ts';

const LIFETIME_S = 1;
/** As targets have it, for clocks that differ. */
const LEEWAY_MS = 1_000;
const AT_A_TIME = 16;
const REQUESTS = 1_600;

/** Clients of a target whose access tokens are good for a second: the gateway fetches new ones all the time, and nobody notices. */
export const soak: Soak = {
  name: 'http-renewal',
  async start(nodeArgs) {
    const givenAt = new Map<string, number>();
    const tokens = createServer((request, response) => {
      request.resume();
      const token = randomBytes(30).toString('base64url');
      secretCanary(token);
      givenAt.set(token, Date.now());
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: LIFETIME_S }));
    });
    tokens.listen(0, '127.0.0.1');
    await once(tokens, 'listening');
    const tokenUrl = `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`;
    const scene = await startHttpScene({ nodeArgs, env: { CLIENT_SECRET: 'only-the-gateway-knows-this-secret-91aa' }, connection: { credential: { type: 'oauth', tokenUrl, clientId: 'gateway', clientSecret: 'env:CLIENT_SECRET', allowPrivate: true } }, http: { sessionIdle: '2s' } });
    scene.target.handler = (request, response) => {
      const age = Date.now() - (givenAt.get(String(request.headers.authorization).replace('Bearer ', '')) ?? 0);
      request.resume();
      request.once('end', () => response.writeHead(age < LIFETIME_S * 1000 + LEEWAY_MS ? 200 : 401).end(`token of ${age} ms\n`));
    };
    return {
      gateway: scene.gateway,
      async round() {
        const agent = new https.Agent({ keepAlive: true, maxSockets: AT_A_TIME, ca: scene.ca });
        const authorization = `Bearer ${await scene.issuer.token({ claims: { job: 'writer' } })}`;
        const before = givenAt.size;
        await atATime(AT_A_TIME, REQUESTS, async (nth) => {
          const { status, text } = await scene.ask(undefined, `/things/${nth}`, { agent, headers: { authorization }, ...(nth % 2 === 0 ? {} : { method: 'POST', body: `thing ${nth}` }) });
          if (status !== 200) throw new Error(`status ${status}: ${text}`);
        });
        agent.destroy();
        scene.target.clear();
        if (givenAt.size === before) throw new Error('no token was renewed');
        return REQUESTS;
      },
      [Symbol.asyncDispose]: async () => {
        await scene[Symbol.asyncDispose]();
        tokens.closeAllConnections();
        tokens.close();
      },
    };
  },
};
