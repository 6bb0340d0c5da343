import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeServiceAccount, type ServiceAccount } from './service-account.ts';
import { crc32c } from './crc32c.ts';
import { GoogleTokens } from './google-tokens.ts';

/**
 * The part of Cloud Storage's JSON API that clients need to list, upload, download and remove objects, over a map in memory. It answers nobody but
 * who shows an access token that its own token endpoint gave, and names its addresses by the `Host` that it is told, as the real one does.
 */
export interface CloudStorage extends AsyncDisposable {
  readonly port: number;
  readonly tokenUrl: string;
  readonly account: ServiceAccount;
  readonly tokens: GoogleTokens;
  /** By `bucket/name`. */
  readonly objects: ReadonlyMap<string, Buffer>;
  /** `METHOD PATH?QUERY STATUS`, in order, without upload ids. */
  readonly seen: readonly string[];
  /** Every `Authorization` that came. */
  readonly shown: ReadonlySet<string>;
}

interface StoredObject {
  readonly bucket: string;
  readonly name: string;
  readonly bytes: Buffer;
  readonly type: string;
  readonly generation: string;
  readonly time: string;
}

interface Upload {
  readonly bucket: string;
  readonly name: string;
  readonly type: string;
  bytes: Buffer;
}

interface Answer {
  readonly status: number;
  readonly body?: Buffer | object;
  readonly headers?: Readonly<Record<string, string>>;
}

const BUCKET = 'acme-exports';

export const startCloudStorage = async (): Promise<CloudStorage> => {
  const account = makeServiceAccount();
  const tokens = new GoogleTokens(account.publicPem, account.email);
  const objects = new Map<string, StoredObject>();
  const uploads = new Map<string, Upload>();
  const seen: string[] = [];
  const shown = new Set<string>();
  let generation = 1_700_000_000_000_000;

  const store = ({ bucket, name, type, bytes }: Upload): StoredObject => {
    generation += 1;
    const stored = { bucket, name, type, bytes, generation: String(generation), time: new Date().toISOString() };
    objects.set(`${bucket}/${name}`, stored);
    return stored;
  };

  const upload = (request: IncomingMessage, url: URL, bucket: string, body: Buffer): Answer => {
    const host = request.headers.host ?? '';
    const type = url.searchParams.get('uploadType');
    const id = url.searchParams.get('upload_id');
    if (id !== null) return resume(uploads, id, request, body, (whole) => ({ status: 200, body: resource(store(whole), host) }));
    if (type === 'media') return { status: 200, body: resource(store({ bucket, name: url.searchParams.get('name') ?? '', type: request.headers['content-type'] ?? '', bytes: body }), host) };
    if (type === 'multipart') return { status: 200, body: resource(store({ bucket, ...parts(request.headers['content-type'] ?? '', body, url.searchParams.get('name')) }), host) };
    const about = body.length > 0 ? (JSON.parse(body.toString()) as { name?: string; contentType?: string }) : {};
    const begun = randomBytes(24).toString('base64url');
    uploads.set(begun, { bucket, name: about.name ?? url.searchParams.get('name') ?? '', type: about.contentType ?? 'application/octet-stream', bytes: Buffer.alloc(0) });
    const place = new URL(`https://${host}${url.pathname}`);
    place.search = `uploadType=resumable&upload_id=${begun}`;
    return { status: 200, headers: { Location: String(place), 'X-GUploader-UploadID': begun } };
  };

  const answer = (request: IncomingMessage, body: Buffer): Answer => {
    const url = new URL(request.url ?? '', 'https://storage.googleapis.com');
    const host = request.headers.host ?? '';
    const [, area, bucket = '', name] = /^\/((?:(?:resumable\/)?upload|download)\/)?storage\/v1\/b\/([^/]+)(?:\/o(?:\/(.+))?)?$/.exec(url.pathname) ?? [];
    if (bucket !== BUCKET) return url.pathname === `/storage/v1/b/${BUCKET}/storageLayout` ? { status: 200, body: { kind: 'storage#storageLayout', bucket: BUCKET, location: 'EU', locationType: 'multi-region', hierarchicalNamespace: { enabled: false } } } : missing;
    if (area?.endsWith('upload/') === true) return upload(request, url, bucket, body);
    if (!url.pathname.includes('/o')) return { status: 200, body: { kind: 'storage#bucket', id: bucket, name: bucket, location: 'EU', storageClass: 'STANDARD', selfLink: `https://${host}/storage/v1/b/${bucket}` } };
    if (name === undefined) return list([...objects.values()].filter((one) => one.bucket === bucket), url, host);
    const key = `${bucket}/${decodeURIComponent(name)}`;
    const stored = objects.get(key);
    if (!stored) return missing;
    if (request.method === 'DELETE') {
      objects.delete(key);
      return { status: 204 };
    }
    return url.searchParams.get('alt') === 'media' ? media(stored, request.headers.range) : { status: 200, body: resource(stored, host) };
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = Buffer.concat(await request.toArray() as Buffer[]);
    const token = request.url === '/token';
    if (!token) shown.add(request.headers.authorization ?? '');
    const answered: Answer = token ? tokens.exchange(body.toString(), tokenUrl) : tokens.accepts(request.headers.authorization) ? answer(request, body) : { status: 401, body: { error: { code: 401, message: 'Invalid Credentials' } } };
    const { status, body: said, headers = {} } = answered;
    if (!token) seen.push(`${request.method} ${(request.url ?? '').replace(/upload_id=[^&]+/, 'upload_id=*')} ${status}`);
    const bytes = Buffer.isBuffer(said) ? said : said === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(said, null, 2));
    response.writeHead(status, { ...(Buffer.isBuffer(said) || said === undefined ? {} : { 'Content-Type': 'application/json; charset=UTF-8' }), ...headers, ...(status === 204 ? {} : { 'Content-Length': bytes.length }) });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  };

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      seen.push(`failed ${String(error)}`);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const tokenUrl = `http://127.0.0.1:${port}/token`;
  return {
    port, tokenUrl, account, tokens, seen, shown,
    get objects() { return new Map([...objects].map(([key, { bytes }]) => [key, bytes])); },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const missing: Answer = { status: 404, body: { error: { code: 404, message: 'Not Found' } } };

/** As the real one writes an object: its links name the host that was asked for. */
const resource = ({ bucket, name, bytes, type, generation, time }: StoredObject, host: string): object => {
  const path = `storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`;
  return {
    kind: 'storage#object', id: `${bucket}/${name}/${generation}`, name, bucket, generation, metageneration: '1', contentType: type, storageClass: 'STANDARD', size: String(bytes.length),
    selfLink: `https://${host}/${path}`, mediaLink: `https://${host}/download/${path}?generation=${generation}&alt=media`,
    md5Hash: hash('md5', bytes, 'base64'), crc32c: crc32c(bytes), etag: `C${generation}=`, timeCreated: time, updated: time, timeStorageClassUpdated: time,
  };
};

const list = (all: readonly StoredObject[], { searchParams }: URL, host: string): Answer => {
  const prefix = searchParams.get('prefix') ?? '';
  const delimiter = searchParams.get('delimiter');
  const prefixes = new Set<string>();
  const items = all.toSorted((one, other) => (one.name < other.name ? -1 : 1)).filter(({ name }) => {
    if (!name.startsWith(prefix)) return false;
    const cut = delimiter === null ? -1 : name.indexOf(delimiter, prefix.length);
    if (cut >= 0) prefixes.add(name.slice(0, cut + 1));
    return cut < 0;
  });
  return { status: 200, body: { kind: 'storage#objects', ...(prefixes.size > 0 ? { prefixes: [...prefixes] } : {}), ...(items.length > 0 ? { items: items.map((item) => resource(item, host)) } : {}) } };
};

const media = ({ bytes, type, generation }: StoredObject, range: string | undefined): Answer => {
  const headers = { 'Content-Type': type, 'X-Goog-Generation': generation, 'X-Goog-Hash': `crc32c=${crc32c(bytes)},md5=${hash('md5', bytes, 'base64')}`, 'X-Goog-Stored-Content-Length': String(bytes.length) };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (from === undefined || bytes.length === 0) return { status: 200, body: bytes, headers };
  const last = to === undefined || to === '' ? bytes.length - 1 : Math.min(Number(to), bytes.length - 1);
  return { status: 206, body: bytes.subarray(Number(from), last + 1), headers: { ...headers, 'Content-Range': `bytes ${from}-${last}/${bytes.length}` } };
};

/** One piece of a resumable upload, or the question how far it has come. */
const resume = (uploads: Map<string, Upload>, id: string, { headers, method }: IncomingMessage, body: Buffer, done: (whole: Upload) => Answer): Answer => {
  const upload = uploads.get(id);
  if (!upload) return { status: 404, body: { error: { code: 404, message: 'No such upload' } } };
  if (method === 'DELETE') {
    uploads.delete(id);
    return { status: 499 };
  }
  const [, from, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers['content-range'] ?? `bytes 0-0/${body.length}`) ?? [];
  if (from !== undefined && Number(from) === upload.bytes.length) upload.bytes = Buffer.concat([upload.bytes, body]);
  if (total !== '*' && upload.bytes.length === Number(total)) {
    uploads.delete(id);
    return done(upload);
  }
  return { status: 308, ...(upload.bytes.length > 0 ? { headers: { Range: `bytes=0-${upload.bytes.length - 1}` } } : {}) };
};

/** multipart/related of two parts: what the object is called, and what is in it. */
const parts = (contentType: string, body: Buffer, name: string | null): Pick<Upload, 'name' | 'type' | 'bytes'> => {
  const boundary = /boundary=["']?([^"';]+)/.exec(contentType)?.[1] ?? '';
  const text = body.toString('latin1');
  const [, about = '', content = ''] = text.split(`--${boundary}`);
  const inner = (part: string): [head: string, body: string] => {
    const at = part.search(/\r?\n\r?\n/);
    const gap = /\r?\n\r?\n/.exec(part)?.[0].length ?? 0;
    return [part.slice(0, at), part.slice(at + gap).replace(/\r?\n$/, '')];
  };
  const said = JSON.parse(inner(about)[1]) as { name?: string; contentType?: string };
  const [head, bytes] = inner(content);
  return { name: said.name ?? name ?? '', type: said.contentType ?? /content-type: *(\S+)/i.exec(head)?.[1] ?? 'application/octet-stream', bytes: Buffer.from(bytes, 'latin1') };
};
