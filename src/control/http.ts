import { createServer, type Server } from 'node:http';
import type { Metrics } from './metrics.ts';

/** What keeps the gateway from serving well; empty when ready. */
export interface Readiness {
  readonly ready: boolean;
  readonly details: Readonly<Record<string, string>>;
}

export interface ControlParts {
  readonly readiness: () => Readiness;
  readonly metrics: Metrics;
}

/** Health, readiness and metrics over HTTP. Answers GET only, and nothing that is secret. */
export const startControl = async (listen: { readonly host: string; readonly port: number }, parts: ControlParts): Promise<Server> => {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 8192 }, (request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      response.end(body);
    };
    request.resume();
    if (request.method !== 'GET') {
      answer(405, 'text/plain', 'only GET\n');
      return;
    }
    switch (request.url) {
      case '/health':
        answer(200, 'text/plain', 'ok\n');
        return;
      case '/ready': {
        const { ready, details } = parts.readiness();
        answer(ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready, ...details })}\n`);
        return;
      }
      case '/metrics':
        parts.metrics.render().then(
          (text) => answer(200, parts.metrics.contentType, text),
          () => answer(500, 'text/plain', 'metrics cannot be read\n'),
        );
        return;
      default:
        answer(404, 'text/plain', 'health, ready or metrics\n');
    }
  });
  server.maxConnections = 256;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server;
};
