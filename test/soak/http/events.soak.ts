import type { IncomingMessage } from 'node:http';
import * as https from 'node:https';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { startHttpWork } from './http-work.ts';

const CLIENTS = 100;
const EVENTS = 80;
const EVERY_MS = 50;

/** Listeners to server-sent events: half of them stay until the target ends the stream, half leave in the middle of it. */
export const soak: Soak = {
  name: 'http-events',
  start: (nodeArgs) => startHttpWork(nodeArgs, {}, async ({ scene, bearer, count }) => {
    scene.target.handler = (_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      let sent = 0;
      const timer = setInterval(() => {
        response.write(`id: ${sent}\ndata: {"n":${sent},"text":"${'z'.repeat(sent)}"}\n\n`);
        sent += 1;
        if (sent === EVENTS) response.end();
      }, EVERY_MS);
      response.once('close', () => clearInterval(timer));
    };
    await together(CLIENTS, async (n) => {
      const until = n % 2 === 0 ? EVENTS : 5 + (n % 50);
      const response = await opened({ host: 'localhost', port: scene.gateway.port(), ca: scene.ca, path: `/events/${n}`, headers: bearer('reader'), agent: false });
      let heard = 0;
      let text = '';
      for await (const chunk of response) {
        text += String(chunk);
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const event = JSON.parse(text.slice(text.indexOf('data: ') + 6, end)) as { readonly n: number; readonly text: string };
          if (event.n !== heard || event.text.length !== heard) throw new Error(`event ${event.n} instead of ${heard}`);
          heard += 1;
          text = text.slice(end + 2);
        }
        if (heard >= until && until < EVENTS) break;
      }
      if (heard < until) throw new Error(`a stream ended after ${heard} events`);
    });
    count(CLIENTS);
  }),
};

const opened = (options: https.RequestOptions): Promise<IncomingMessage> => new Promise((resolve, reject) => {
  https.get(options, (response) => (response.statusCode === 200 ? resolve(response) : reject(new Error(`status ${response.statusCode}`)))).once('error', reject);
});
