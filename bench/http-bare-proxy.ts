import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

/*
 * bench/http-bare-proxy.ts PORT [CERTIFICATE KEY]: what a proxy on Node's own HTTP costs that does nothing else: requests go to 127.0.0.1:PORT over
 * connections that are kept, bodies are streamed both ways. With a certificate it speaks HTTP/2 to its clients. Prints the port it listens at.
 */
const [port = '', certificate, key] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'proxy-connection']);

const pass = (request: http.IncomingMessage | http2.Http2ServerRequest, response: http.ServerResponse | http2.Http2ServerResponse): void => {
  const headers: http.OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(request.headers)) if (!name.startsWith(':')) headers[name] = value;
  const up = http.request({ host: '127.0.0.1', port, agent, method: request.method ?? 'GET', path: request.url ?? '/', headers }, (answer) => {
    for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined && !HOP.has(name)) response.setHeader(name, value);
    response.statusCode = answer.statusCode ?? 502;
    pipeline(answer, response as http.ServerResponse, () => {});
  });
  up.on('error', () => response.destroy());
  pipeline(request, up, () => {});
};

const server = certificate !== undefined && key !== undefined ? http2.createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) }, pass) : http.createServer(pass);
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`));
process.on('SIGTERM', () => process.exit(0));
