import { keysOf, signedPuts } from '../../e2e/aws-signed.ts';
import type { HttpRole, HttpScene } from '../../e2e/http-scene.ts';
import type { Handler } from '../../kit/http-target.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { IDLE, inTurn, startHttpWork } from './http-work.ts';

const CLIENTS = 4;
const TURNS = 15;
const DATA = Buffer.alloc(200_000, 'in chunks, each signed ');

/** Clients of S3: keys for a token, uploads that are signed with them, whole and chunk by chunk, and signed anew for the target. */
export const soak: Soak = {
  name: 'http-signed',
  start: (nodeArgs) => startHttpWork(nodeArgs, { connectionsAt: connections, env: { AWS_KEY_ID: 'AKIAONLYTHEGATEWAY00', AWS_SECRET: 'only-the-gateway-signs-with-this-secret0' } }, async ({ scene, ask, bearer, agent, count }) => {
    scene.target.handler = signedOnly;
    const kept = agent({ maxSockets: CLIENTS });
    const byToken: HttpScene = { ...scene, token: (role: HttpRole) => Promise.resolve((bearer(role)['Authorization'] ?? '').slice('Bearer '.length)), ask: (role, path, asked) => scene.ask(role, path, { agent: kept, ...asked }) };
    await together(CLIENTS, async (client) => {
      const { whole, chunked } = signedPuts(byToken, await keysOf(byToken, 'writer'), `/bucket/object-${client}`);
      await inTurn(TURNS, async (n) => {
        for (const { status, text } of [await whole(`text ${n}`, `text ${n}`), await chunked(DATA.subarray(0, n * 13_000))]) if (status !== 200) throw new Error(`an upload was answered by ${status}: ${text}`);
        await ask(200, 'reader', `/bucket/object-${client}`, { agent: kept });
      });
    });
    count(CLIENTS * (1 + 2 * TURNS));
  }),
};

const connections = (port: number): readonly Record<string, unknown>[] => [
  { name: 'store', protocol: 'http', target: { host: '127.0.0.1', port, tls: 'disable' }, credential: { type: 'aws', accessKey: 'env:AWS_KEY_ID', secretKey: 'env:AWS_SECRET', region: 'us-east-1', service: 's3' }, http: { ...IDLE, apis: ['s3'] } },
];

/** Whether the signature is right is for a real S3 to say (the tests have one); here it has to be of the gateway's key. */
const signedOnly: Handler = (request, response) => {
  request.resume();
  const signed = request.headers.authorization?.includes('Credential=AKIAONLYTHEGATEWAY00/') === true;
  request.once('end', () => response.writeHead(signed ? 200 : 403).end());
};
