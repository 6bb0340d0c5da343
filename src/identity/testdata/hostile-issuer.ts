import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An issuer on loopback that answers each path as a test tells it, and remembers what it was asked. */
export interface HostileIssuer extends AsyncDisposable {
  readonly issuer: string;
  readonly asked: readonly string[];
  answer(path: string, how: Answer): void;
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A well-formed JSON answer. */
export const json = (value: unknown): Answer => (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));

export const startHostileIssuer = async (): Promise<HostileIssuer> => {
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const how = answers.get(path);
    if (how === undefined) response.writeHead(404).end();
    else how(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    asked,
    answer: (path, how) => void answers.set(path, how),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
