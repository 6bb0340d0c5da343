import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Where `npm run build` puts the page: beside the sources in a clone, beside the compiled code in the package. */
export const pageFolder = (): string => ['../../../dist/ui', '../../ui'].map((way) => fileURLToPath(new URL(way, import.meta.url))).find((path) => existsSync(join(path, 'index.html'))) ?? '';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
};
const ENCODINGS = [['br', '.br'], ['gzip', '.gz']] as const;
const MOST_BYTES = 64 * 1024 * 1024;

interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly bytes: Buffer;
  readonly encoded: ReadonlyMap<string, Buffer>;
}

/** Read once, and found by its exact name after that: no request makes a path of a file. */
const readPage = (folder: string): ReadonlyMap<string, PageFile> => {
  const files = new Map<string, PageFile>();
  if (folder === '') return files;
  let room = MOST_BYTES;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    room -= statSync(path).size;
    if (room < 0) throw new Error(`${folder} is larger than a page`);
    const bytes = readFileSync(path);
    const encoded = new Map(ENCODINGS.flatMap(([name, end]) => (existsSync(path + end) ? [[name, readFileSync(path + end)] as const] : [])));
    files.set(`/${relative(folder, path).split(sep).join('/')}`, { type, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`, bytes, encoded });
  }
  return files;
};

/** Serves the page: its files by name, and itself for every address that it knows what to show at. */
export const addPage = (server: FastifyInstance, folder: string): void => {
  const files = readPage(folder);
  const send = (request: FastifyRequest, reply: FastifyReply, name: string, file: PageFile): FastifyReply => {
    const accepted = String(request.headers['accept-encoding'] ?? '');
    const encoding = ENCODINGS.find(([one]) => file.encoded.has(one) && new RegExp(`\\b${one}\\b(?!;q=0(?:\\.0*)?(?:,|$))`).test(accepted))?.[0];
    const etag = encoding === undefined ? file.etag : file.etag.replace(/"$/, `-${encoding}"`);
    reply.headers({ 'cache-control': name.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache', etag, vary: 'accept-encoding' });
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    if (encoding !== undefined) reply.header('content-encoding', encoding);
    return reply.type(file.type).send(encoding === undefined ? file.bytes : file.encoded.get(encoding));
  };
  server.setNotFoundHandler((request, reply) => {
    const [path = '/'] = request.url.split('?');
    const served = request.method === 'GET' || request.method === 'HEAD';
    const file = served ? files.get(path) : undefined;
    if (file) return send(request, reply, path, file);
    const isApi = /^\/(?:api|oidc|bootstrap)(?:\/|$)/.test(path) || path.startsWith('/login/');
    if (served && !isApi && !path.startsWith('/assets/') && String(request.headers.accept ?? '').includes('text/html')) {
      const index = files.get('/index.html');
      return index ? send(request, reply, '/index.html', index) : reply.code(503).type('text/plain').send('the page is not built: npm run build\n');
    }
    return reply.code(404).send({ code: 'not_found', message: 'there is nothing here', request: request.id });
  });
};
