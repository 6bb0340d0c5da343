import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { frame, OPCODE, serveWebSocket } from '../../kit/websocket.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { startHttpWork } from './http-work.ts';

const SOCKETS = 200;
const MESSAGES = 50;
const POLICIES = [{ name: 'sockets', identities: ['writer'], connections: ['*'], rules: [{ name: 'live', match: { verbs: ['websocket'], classes: ['unknown'], request: { paths: ['/live/**'] } }, effect: 'allow' }] }];
const TEXTS = ['', 'a word', 'x'.repeat(1_000), 'y'.repeat(70_000)];

/** Pages and workers that keep a WebSocket open: each says something, hears it back, and says the next; the target pings; at the end one side closes in order. */
export const soak: Soak = {
  name: 'http-websockets',
  start: (nodeArgs) => startHttpWork(nodeArgs, { policies: POLICIES }, async ({ scene, bearer, count }) => {
    scene.target.upgrade = (request, socket) => {
      let said = 0;
      let closing = false;
      serveWebSocket(request, socket, ({ opcode, payload }) => {
        if (opcode === OPCODE.close) socket.end(closing ? Buffer.alloc(0) : frame('close', payload, false));
        if (opcode !== OPCODE.text) return;
        said += 1;
        if (said % 10 === 0) socket.write(frame('ping', Buffer.from('there?'), false));
        socket.write(frame('text', payload, false));
        closing = said === MESSAGES && request.url?.endsWith('/0') === true;
        if (closing) socket.write(frame('close', Buffer.from([0x03, 0xe8]), false));
      });
    };
    setDefaultCACertificates([...getCACertificates('default'), scene.ca]);
    await together(SOCKETS, (n) => talk(`${scene.url.replace('https', 'wss')}/live/${n % 2}`, bearer('writer'), n % 2 === 0));
    count(SOCKETS);
  }),
};

/** @param closes the target does, when all was said */
const talk = (url: string, headers: Readonly<Record<string, string>>, closes: boolean): Promise<void> => new Promise((resolve, reject) => {
  const socket = new WebSocket(url, { headers });
  let heard = 0;
  const text = (): string => TEXTS[heard % (heard < 4 ? 4 : 3)] ?? '';
  socket.onopen = () => socket.send(text());
  socket.onmessage = ({ data }) => {
    if (data !== text()) reject(new Error(`another message than was said: ${String(data).slice(0, 100)}`));
    heard += 1;
    if (heard < MESSAGES) socket.send(text());
    else if (!closes) socket.close(1000);
  };
  socket.onerror = () => reject(new Error(`a WebSocket failed after ${heard} messages`));
  socket.onclose = ({ code, wasClean }) => (heard === MESSAGES && code === 1000 && wasClean ? resolve() : reject(new Error(`a WebSocket closed with ${code} after ${heard} messages`)));
});
