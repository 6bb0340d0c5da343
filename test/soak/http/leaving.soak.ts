import { once } from 'node:events';
import * as https from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Handler } from '../../kit/http-target.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { inTurn, startHttpWork, type Clients } from './http-work.ts';

const CLIENTS = 8;
const TURNS = 12;
const SIZE = 4 * 1_048_576;
const CHUNK = Buffer.alloc(65_536, 'a chunk ');

/** Clients that change their mind: downloads and uploads given up in the middle, answers not waited for, and some that read slowly to the end. */
export const soak: Soak = {
  name: 'http-leaving',
  start: (nodeArgs) => startHttpWork(nodeArgs, {}, async (clients) => {
    clients.scene.target.handler = slow;
    await together(CLIENTS, (client) => inTurn(TURNS, (n) => [download, upload, wait, readSlowly][(client + n) % 4]!(clients)));
    // Whoever comes next is served as ever.
    await clients.ask(200, 'reader', '/small');
    clients.count(CLIENTS * TURNS);
  }),
};

/** A long answer, an answer that does not come, or a small one; an upload is read as it comes. */
const slow: Handler = (request, response) => {
  request.resume();
  if (request.url === '/never') return;
  if (request.url !== '/large') {
    request.once('end', () => response.end('small'));
    return;
  }
  let left = SIZE / CHUNK.length;
  const go = (): void => {
    while (left > 0) {
      left -= 1;
      if (!response.write(CHUNK)) {
        response.once('drain', go);
        return;
      }
    }
    response.end();
  };
  go();
};

const begin = ({ scene, bearer }: Clients, path: string, method = 'GET'): ReturnType<typeof https.request> => {
  const request = https.request({ host: 'localhost', port: scene.gateway.port(), ca: scene.ca, path, method, headers: { ...bearer(method === 'GET' ? 'reader' : 'writer'), ...(method === 'PUT' ? { 'Content-Length': SIZE } : {}) }, agent: false });
  request.on('error', () => {});
  return request;
};
const answerOf = async (request: ReturnType<typeof https.request>): Promise<IncomingMessage> => {
  const [response] = (await once(request.end(), 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return response;
};

const download = async (clients: Clients): Promise<void> => {
  const request = begin(clients, '/large');
  await once(await answerOf(request), 'data');
  request.destroy();
};
const upload = async (clients: Clients): Promise<void> => {
  const request = begin(clients, '/store', 'PUT');
  for (let n = 0; n < 8; n++) if (!request.write(CHUNK)) await once(request, 'drain');
  request.destroy();
};
const wait = async (clients: Clients): Promise<void> => {
  const before = clients.scene.target.requests.length;
  const request = begin(clients, '/never').end();
  while (clients.scene.target.requests.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
  request.destroy();
};
const readSlowly = async (clients: Clients): Promise<void> => {
  let bytes = 0;
  for await (const chunk of await answerOf(begin(clients, '/large'))) {
    bytes += (chunk as Buffer).length;
    if (bytes % 7 === 0 || bytes % 1_048_576 < 65_536) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (bytes !== SIZE) throw new Error(`${bytes} bytes came of ${SIZE}`);
};
