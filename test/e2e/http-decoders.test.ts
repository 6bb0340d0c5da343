import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { startNginx, type Nginx } from '../kit/nginx.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { PYTHON, skipUnless } from '../kit/present.ts';
import { startService, type Service } from '../kit/run.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { DECODINGS, type Decoding } from './testdata/decodings.ts';

/*
 * What the gateway judged against what real servers understood: whatever one of them takes for `admin` in a path, a parameter, a header field or a
 * body must have been refused by the rule about it.
 */

/** What a server says that it understood. */
interface Understood {
  readonly paths: readonly string[];
  readonly query: Readonly<Record<string, unknown>>;
  readonly header: string;
  readonly body: unknown;
}

/** As lenient as an application may be with what its server gives it. */
const same = (value: unknown): boolean => typeof value === 'string' && value.split(',').some((one) => one.trim().toLowerCase() === 'admin');
const named = (object: unknown): boolean => typeof object === 'object' && object !== null && Object.entries(object).some(([name, value]) => name.trim().toLowerCase() === 'role' && [value].flat().some(same));
const isAdmin = ({ paths, query, header, body }: Understood): boolean =>
  paths.some((path) => /^\/+admin(?:\/|$)/i.test(path)) || named(query) || same(header) || (Array.isArray(body) ? body.some(named) : named(body));

const folder = tempFolder('decoders');
let python: Service | undefined;
let fastify: FastifyInstance | undefined;
let nginx: Nginx | undefined;
let scene: HttpScene;
const ports = new Map<string, number>();

const listening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

before(async () => {
  if (existsSync(PYTHON)) {
    const port = await freePort();
    ports.set('python', port);
    python = await startService(PYTHON, [join(import.meta.dirname, 'testdata', 'decoder.py'), String(port)], { logFile: folder.file('python.log') });
    await until(() => listening(port), 20_000, 'the server in Python');
  }
  if (skipUnless('nginx') === false) {
    nginx = await startNginx({ server: 'merge_slashes on; location / { default_type text/plain; return 200 "$uri\\n$arg_role\\n$http_x_role"; }' });
    ports.set('nginx', nginx.port);
  }
  fastify = Fastify({ routerOptions: { ignoreTrailingSlash: true, caseSensitive: false, ignoreDuplicateSlashes: true } });
  fastify.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body));
  fastify.all('/*', (request) => Promise.resolve({ paths: [`/${(request.params as { '*': string })['*']}`], query: request.query, header: String(request.headers['x-role'] ?? ''), body: parsed(request.body) }));
  const port = await freePort();
  await fastify.listen({ port, host: '127.0.0.1' });
  ports.set('fastify', port);
  scene = await startHttpScene({
    connectionsAt: () => [...ports].map(([name, at]) => ({ name, protocol: 'http', target: { host: '127.0.0.1', port: at, tls: 'disable' }, credential: { type: 'none' } })),
    policies: [{
      name: 'most', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'unknown'],
      rules: [
        { name: 'path', match: { request: { paths: ['/admin/**', '/admin'] } }, effect: 'deny' },
        { name: 'query', match: { request: { query: { role: ['admin'] } } }, effect: 'deny' },
        { name: 'header', match: { request: { headers: { 'X-Role': ['admin'] } } }, effect: 'deny' },
        { name: 'field', match: { request: { fields: { role: ['admin'] } } }, effect: 'deny' },
      ],
    }],
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await fastify?.close();
  await nginx?.stop();
  python?.signal('SIGTERM');
  await python?.wait();
  for (const name of ['python', 'fastify']) if (ports.has(name)) releasePort(ports.get(name) as number);
  folder.remove();
});

const parsed = (body: unknown): unknown => {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

const say = (socket: Socket, { line, fields, body }: Decoding, token: string | undefined): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.once('close', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const end = text.indexOf('\r\n\r\n');
      // A refusal of a call of gRPC.
      const status = /\r\ngrpc-status: [1-9]/i.test(text.slice(0, end)) ? 403 : Number(text.slice(9, 12));
      resolve({ status, text: text.slice(end + 4) });
    });
    const head = [`${line} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]), ...fields, ...(body.length > 0 ? [`Content-Length: ${body.length}`] : []), '', ''];
    socket.write(Buffer.concat([Buffer.from(head.join('\r\n'), 'latin1'), body]));
  });

const UNDERSTOOD: Readonly<Record<string, (text: string) => Understood>> = {
  python: (text) => {
    const { path, normal, query, header, json, form } = JSON.parse(text) as { path: string; normal: string; query: Record<string, unknown>; header: string; json?: unknown; form?: unknown };
    return { paths: [path, normal], query, header, body: json ?? form };
  },
  nginx: (text) => {
    const [path = '', role = '', header = ''] = text.split('\n');
    // It gives parameters as they were sent.
    return { paths: [path], query: { role: decodeURIComponent(role.replaceAll('+', ' ')) }, header, body: undefined };
  },
  fastify: (text) => JSON.parse(text) as Understood,
};

for (const [name, understood] of Object.entries(UNDERSTOOD)) {
  describe(name, { skip: name === 'nginx' ? skipUnless('nginx') : name === 'python' && !existsSync(PYTHON) ? 'not installed: python3' : false }, () => {
    test('nothing that it takes for admin gets to it past the rules', async () => {
      const token = await scene.token('writer');
      const evaded: string[] = [];
      let passed = 0;
      for (const decoding of DECODINGS) {
        const socket = await scene.dial(scene.gateway.port(name));
        const { status, text } = await say(socket, decoding, token);
        if (status !== 200) assert.ok([400, 403, 415, 421].includes(status), `${status} ${JSON.stringify(decoding)}`);
        else {
          passed += 1;
          if (isAdmin(understood(text))) evaded.push(`${decoding.line} ${decoding.fields.join(', ')} ${decoding.body.toString('latin1')} -> ${text}`);
        }
      }
      assert.deepEqual(evaded, []);
      // What says nothing of the kind to anybody is not refused with the rest.
      assert.ok(passed > 0, 'nothing passed at all');
    });

    test('and told directly it takes many of them for that', async () => {
      const port = ports.get(name) as number;
      let taken = 0;
      for (const decoding of DECODINGS) {
        const { status, text } = await say(connect(port, '127.0.0.1'), decoding, undefined);
        if (status === 200 && text !== '' && isAdmin(understood(text))) taken += 1;
      }
      assert.ok(taken >= 20, String(taken));
    });
  });
}
