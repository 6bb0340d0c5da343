import type { Socket } from 'node:net';
import type { Handler } from '../../kit/http-target.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { inTurn, startHttpWork } from './http-work.ts';

const CLIENTS = 8;
const TURNS = 10;
const PIPELINED = 25;

/** Clients that send several requests before the first answer: they come in order, each its own, also where refusals stand between them and the last says `close`. */
export const soak: Soak = {
  name: 'http-pipelines',
  start: (nodeArgs) => startHttpWork(nodeArgs, {}, async ({ scene, bearer, count }) => {
    scene.target.handler = sayPath;
    const authorization = `Authorization: ${bearer('writer')['Authorization'] ?? ''}`;
    const refused = `Authorization: ${bearer('reader')['Authorization'] ?? ''}`;
    await together(CLIENTS, (client) => inTurn(TURNS, async (turn) => {
      const paths = Array.from({ length: PIPELINED }, (_, n) => `/${client}/${turn}/${n}`);
      const socket = await scene.dial();
      const came = all(socket);
      socket.write(paths.map((path, n) => {
        const last = n === PIPELINED - 1 ? 'Connection: close\r\n' : '';
        const body = n % 3 === 0 ? 'Content-Length: 5\r\n\r\nhello' : n % 3 === 1 ? 'Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n' : '\r\n';
        return `${n % 3 === 2 ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nHost: localhost\r\n${n % 6 === 1 ? refused : authorization}\r\n${last}${body}`;
      }).join(''));
      const answers = (await came).split(/(?=HTTP\/1\.1 \d{3} )/);
      const wrong = answers.findIndex((answer, n) => (n % 6 === 1 ? !answer.startsWith('HTTP/1.1 403 ') : !answer.startsWith('HTTP/1.1 200 ') || !answer.includes(`<${paths[n]}>`)));
      if (answers.length !== PIPELINED || wrong >= 0) throw new Error(`${answers.length} answers of ${PIPELINED}; wrong is ${wrong}: ${answers[wrong] ?? ''}`);
    }));
    count(CLIENTS * TURNS * PIPELINED);
  }),
};

const sayPath: Handler = (request, response) => {
  request.resume();
  request.once('end', () => response.end(`<${request.url}>`));
};

const all = (socket: Socket): Promise<string> => new Promise((resolve, reject) => {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.once('end', () => {
    socket.end();
    resolve(text);
  });
  socket.once('error', reject);
});
