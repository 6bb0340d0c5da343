import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { secretCanary } from './canaries.ts';

/**
 * The part of Azure Blob Storage that clients need to write, read, list and remove blobs, over a map in memory, and the token endpoint of Entra ID
 * before it: who shows no access token of that endpoint for storage is answered 401.
 */
export interface BlobStorage extends AsyncDisposable {
  readonly port: number;
  readonly tenant: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** By `container/name`. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** `METHOD PATH STATUS`, in order. */
  readonly seen: readonly string[];
}

const SCOPE = 'https://storage.azure.com/.default';

export const startBlobStorage = async (): Promise<BlobStorage> => {
  const tenant = '72f988bf-86f1-41af-91ab-2d7cd011db47';
  const clientId = '11111111-2222-3333-4444-555555555555';
  const clientSecret = `a~secret.${randomBytes(20).toString('base64url')}`;
  secretCanary(clientSecret);
  const tokens = new Set<string>();
  const blobs = new Map<string, Buffer>();
  const blocks = new Map<string, Buffer>();
  const seen: string[] = [];

  const grant = (form: URLSearchParams): object | undefined => {
    if (form.get('grant_type') !== 'client_credentials' || form.get('client_id') !== clientId || form.get('client_secret') !== clientSecret || form.get('scope') !== SCOPE) return undefined;
    const token = `eyJ0eXAi.${randomBytes(60).toString('base64url')}.${randomBytes(40).toString('base64url')}`;
    secretCanary(token);
    tokens.add(token);
    return { token_type: 'Bearer', expires_in: 3599, access_token: token };
  };

  const answer = ({ method, headers }: IncomingMessage, url: URL, body: Buffer): [status: number, body?: string | Buffer, range?: string] => {
    const { authorization = '' } = headers;
    if (!authorization.startsWith('Bearer ') || !tokens.has(authorization.slice(7)) || headers['x-ms-version'] === undefined) return [401, '<Error><Code>NoAuthenticationInformation</Code></Error>'];
    const key = decodeURIComponent(url.pathname.slice(1));
    const comp = url.searchParams.get('comp');
    if (method === 'GET' && comp === 'list') return [200, listed(key, url.searchParams.get('prefix') ?? '', blobs)];
    if (method === 'PUT' && comp === 'block') {
      blocks.set(`${key} ${url.searchParams.get('blockid')}`, body);
      return [201];
    }
    if (method === 'PUT' && comp === 'blocklist') {
      const ids = [...body.toString().matchAll(/<(?:Latest|Uncommitted)>([^<]+)</g)].map(([, id]) => id);
      blobs.set(key, Buffer.concat(ids.map((id) => blocks.get(`${key} ${id}`) ?? Buffer.alloc(0))));
      return [201];
    }
    if (method === 'PUT') {
      blobs.set(key, body);
      return [201];
    }
    const found = blobs.get(key);
    if (!found) return [404, '<Error><Code>BlobNotFound</Code></Error>'];
    if (method === 'DELETE') {
      blobs.delete(key);
      return [202];
    }
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(String(headers['x-ms-range'] ?? headers.range)) ?? [];
    return from === undefined ? [200, found] : [206, found.subarray(Number(from), Number(to) + 1), `bytes ${from}-${to}/${found.length}`];
  };

  const server = createServer((request, response) => {
    const serve = async (): Promise<void> => {
      const body = Buffer.concat((await request.toArray()) as Buffer[]);
      const url = new URL(request.url ?? '', 'http://127.0.0.1');
      if (url.pathname === `/${tenant}/oauth2/v2.0/token`) {
        const granted = grant(new URLSearchParams(body.toString()));
        response.writeHead(granted ? 200 : 400, { 'Content-Type': 'application/json' }).end(JSON.stringify(granted ?? { error: 'invalid_client' }));
        return;
      }
      const [status, said, range] = answer(request, url, body);
      seen.push(`${request.method} ${url.pathname} ${status}`);
      const bytes = Buffer.from(said ?? '');
      const type = Buffer.isBuffer(said) ? 'application/octet-stream' : 'application/xml';
      response.writeHead(status, { 'Content-Length': bytes.length, ...(bytes.length > 0 ? { 'Content-Type': type } : {}), ETag: '"0x8D"', 'Last-Modified': 'Sun, 01 Nov 2026 00:00:00 GMT', 'x-ms-version': '2025-11-05', 'x-ms-blob-type': 'BlockBlob', ...(range === undefined ? {} : { 'Content-Range': range }) });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    };
    serve().catch((error: unknown) => {
      seen.push(`failed ${String(error)}`);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    tenant, clientId, clientSecret, blobs, seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const listed = (container: string, prefix: string, blobs: ReadonlyMap<string, Buffer>): string => {
  const items = [...blobs].filter(([key]) => key.startsWith(`${container}/${prefix}`)).map(([key, bytes]) => `<Blob><Name>${key.slice(container.length + 1)}</Name><Properties><Content-Length>${bytes.length}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>`);
  return `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="${container}"><Blobs>${items.join('')}</Blobs><NextMarker /></EnumerationResults>`;
};
