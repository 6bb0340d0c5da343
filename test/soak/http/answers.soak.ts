import type { Handler } from '../../kit/http-target.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { inTurn, startHttpWork } from './http-work.ts';

const CLIENTS = 8;
const TURNS = 12;
const BODY = 'abcdefghijklmnopqrstuvwxyz';
const TAG = '"one"';

/** Clients that use what HTTP has: HEAD, ranges, ETags, redirects, errors, and tokens in each of the ways that there are, on kept and on new connections. */
export const soak: Soak = {
  name: 'http-answers',
  start: (nodeArgs) => startHttpWork(nodeArgs, {}, async ({ scene, bearer, ask, agent }) => {
    scene.target.handler = answering;
    const kept = agent({ maxSockets: CLIENTS });
    const token = (bearer('reader')['Authorization'] ?? '').slice('Bearer '.length);
    const ways = [{}, { Authorization: `Basic ${Buffer.from(`job:${token}`).toString('base64')}` }, { Authorization: '', 'X-Wicketgate-Token': token }];
    await together(CLIENTS, (client) => inTurn(TURNS, async (n) => {
      const asked = { ...(n % 10 === 0 ? {} : { agent: kept }), headers: ways[n % ways.length] ?? {} };
      const headers = asked.headers;
      const is = (got: unknown, wanted: unknown): void => {
        if (got !== wanted) throw new Error(`${String(got)} instead of ${String(wanted)}`);
      };
      is((await ask(200, 'reader', `/thing?${client}`, asked)).text, BODY);
      is((await ask(200, 'reader', '/thing', { ...asked, method: 'HEAD' })).headers['content-length'], String(BODY.length));
      is((await ask(206, 'reader', '/thing', { ...asked, headers: { ...headers, Range: 'bytes=2-5' } })).text, 'cdef');
      is((await ask(304, 'reader', '/thing', { ...asked, headers: { ...headers, 'If-None-Match': TAG } })).text, '');
      is((await ask(302, 'reader', '/old', asked)).headers['location'], `${scene.url}/thing`);
      is((await ask(204, 'reader', '/empty', asked)).text, '');
      for (const status of [404, 418, 500, 503]) is((await ask(status, 'reader', `/status/${status}`, asked)).text, `${status}`);
      // The next request of the same client goes to a new connection behind the gateway.
      await ask(502, 'reader', '/broken', asked);
    }));
  }),
};

const answering: Handler = (request, response, socket) => {
  request.resume();
  const [, kind, code] = (request.url ?? '').split(/[/?]/);
  if (kind === 'broken') socket.destroy();
  else if (kind === 'empty') response.writeHead(204).end();
  else if (kind === 'status') response.writeHead(Number(code), { 'Content-Type': 'text/plain' }).end(code);
  else if (kind === 'old') response.writeHead(302, { Location: `http://${request.headers.host}/thing` }).end();
  else if (request.headers['if-none-match'] === TAG) response.writeHead(304, { ETag: TAG }).end();
  else if (request.headers.range === 'bytes=2-5') response.writeHead(206, { 'Content-Range': `bytes 2-5/${BODY.length}`, 'Content-Length': 4 }).end('cdef');
  else response.writeHead(200, { ETag: TAG, 'Content-Length': BODY.length }).end(request.method === 'HEAD' ? undefined : BODY);
};
