import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as https from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Handler } from '../../kit/http-target.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { inTurn, startHttpWork, type Clients } from './http-work.ts';

const SIZES = [0, 1, 100, 4_096, 65_536, 1_048_577, 20 * 1_048_576];
const WAYS = ['length', 'chunks', 'continue'] as const;
const CLIENTS = 3;
const ALL = randomBytes(Math.max(...SIZES));

/** Build artefacts and reports: bodies from none to 20 MiB, both ways, with their length or in chunks, some behind `Expect: 100-continue`. What arrives is what was sent. */
export const soak: Soak = {
  name: 'http-bodies',
  start: (nodeArgs) => startHttpWork(nodeArgs, {}, async (clients) => {
    clients.scene.target.handler = storing;
    const agent = clients.agent();
    await together(CLIENTS, (client) => inTurn(WAYS.length * SIZES.length, async (n) => {
      const size = SIZES[n % SIZES.length] ?? 0;
      // Only one of them has the largest in each way: it takes as long as all others together.
      if (size === Math.max(...SIZES) && (n + client) % CLIENTS !== 0) return;
      // RFC 9110 section 10.1.1: who has nothing to send does not ask whether it may.
      const way = size === 0 ? 'length' : (WAYS[n % WAYS.length] ?? 'length');
      const got = await send(clients, agent, way, ALL.subarray(0, size));
      if (got !== digest(ALL.subarray(0, size))) throw new Error(`${size} bytes (${way}) did not arrive as they were sent: ${got}`);
      const { body } = await clients.ask(200, 'reader', `/${way}/${size}`, { agent });
      if (!body.equals(ALL.subarray(0, size))) throw new Error(`${body.length} bytes of ${size} (${way}) came`);
      clients.count(1);
    }));
  }),
};

/** Answers an upload with its digest, and a download with as many bytes as its path says. */
const storing: Handler = (request, response) => {
  if (request.method === 'GET') {
    const [, way, size] = (request.url ?? '').split('/');
    const bytes = ALL.subarray(0, Number(size));
    if (way === 'length') response.setHeader('Content-Length', bytes.length);
    if (way === 'continue') response.setHeader('Connection', 'close').removeHeader('Transfer-Encoding');
    response.flushHeaders();
    response.end(bytes);
    return;
  }
  const hash = createHash('sha256');
  request.on('data', (chunk: Buffer) => hash.update(chunk)).once('end', () => response.end(hash.digest('hex')));
};

const send = async ({ scene, bearer }: Clients, agent: https.Agent, way: (typeof WAYS)[number], body: Buffer): Promise<string> => {
  const headers = { ...bearer('writer'), ...(way === 'chunks' ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': body.length }), ...(way === 'continue' ? { Expect: '100-continue' } : {}) };
  const request = https.request({ host: 'localhost', port: scene.gateway.port(), path: '/store', method: 'PUT', headers, agent });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  if (way === 'continue') {
    request.flushHeaders();
    await once(request, 'continue');
  }
  for (let at = 0; at < body.length; at += 300_000) if (!request.write(body.subarray(at, at + 300_000))) await once(request, 'drain');
  request.end();
  const [response] = await answered;
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
};

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
