import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { certificateAuthority } from '../test/kit/certificates.ts';
import { startGateway, type Gateway } from '../test/kit/gateway.ts';
import { startNginx, type Nginx } from '../test/kit/nginx.ts';
import { run } from '../test/kit/run.ts';
import { staticIssuer } from '../test/kit/static-issuer.ts';
import { tempFolder } from '../test/kit/temp.ts';
import { startListening, type Listening } from './listening.ts';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const COMMAND = join('bin', 'wicketgate.js');
const BARE = fileURLToPath(new URL('http-bare-proxy.ts', import.meta.url));
/** What the streams carry. */
const STREAMED = 1024 * 1024 * 1024;

const SMALL = JSON.stringify({ id: 4711, customer: 'Customer 4711', city: 'Bern', items: Array.from({ length: 6 }, (_, n) => ({ item: `item ${n}`, cents: 100 * n })) });

interface Process {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
}

/** A target and what leads to it, all on this machine. */
export interface HttpField {
  readonly token: string;
  readonly gateway: Gateway;
  readonly direct: string;
  readonly nginx: string;
  readonly bare: string;
  /** HTTP/2 over TLS on the client's side. */
  readonly bareTls: string;
  readonly gated: string;
  readonly gatedTls: string;
  /** The bare proxy, and the gateway of each tree, without TLS: their processes. */
  readonly processes: readonly Process[];
  /** The same with HTTP/2 over TLS on the client's side. */
  readonly tlsProcesses: readonly Process[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** nginx as the target and as a proxy, a bare proxy on Node's HTTP, and the gateway with policy, evidence in `effect` and recording. @param others clones beside this tree, whose gateways are started as well */
export const startHttpField = async (others: readonly string[] = []): Promise<HttpField> => {
  await using begun = new AsyncDisposableStack();
  const target = begun.use(await startNginx({ files: { large: '' }, server: `location = /small { default_type application/json; return 200 '${SMALL}'; }` }));
  // Sparse: what is measured is no disk.
  truncateSync(target.file('large'), STREAMED);
  const proxy = begun.use(await nginxProxy(target));
  const folder = begun.use(tempFolder('bench-http'));
  const { certPem, keyPem } = await (await certificateAuthority('bench CA')).issue(['localhost', '127.0.0.1']);
  writeFileSync(folder.file('cert.pem'), certPem);
  writeFileSync(folder.file('key.pem'), keyPem, { mode: 0o600 });
  const bare = async (...tls: readonly string[]): Promise<Listening> => begun.use(await startListening(BARE, [String(target.port), ...tls], folder.file(`bare-${tls.length}.log`)));
  const plainProxy = await bare();
  const tlsProxy = await bare(folder.file('cert.pem'), folder.file('key.pem'));
  const issuer = await staticIssuer();
  const connection = { protocol: 'http', target: { host: '127.0.0.1', port: target.port, tls: 'disable' }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, evidence: { mode: 'effect', recordAnswers: '1MiB' } };
  const start = async (tree: string): Promise<Gateway> => begun.use(await startGateway(
    {
      gateway: { names: ['localhost', '127.0.0.1'] },
      identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', jwksFile: issuer.jwksFile, maxTokenAge: '2h' }],
      identities: [{ name: 'bench', owner: { contact: 'bench@acme.example' }, provider: 'ci', claims: { job: 'bench' } }],
      connections: [{ name: 'plain', plaintext: true, ...connection }, { name: 'tls', ...connection }],
      policies: [{ name: 'bench', identities: ['bench'], connections: ['*'], allow: ['read', 'write'] }],
    },
    { env: { TARGET_TOKEN: 'bench-target-token' }, program: [join(tree, COMMAND), 'start', '--config'] },
  ));
  const gateway = await start(HERE);
  const processes: Process[] = [{ name: 'bare proxy', pid: plainProxy.pid, url: `http://127.0.0.1:${plainProxy.port}` }];
  const tlsProcesses: Process[] = [{ name: 'bare proxy', pid: tlsProxy.pid, url: `https://localhost:${tlsProxy.port}` }];
  const ofGateway = (name: string, one: Gateway): void => {
    processes.push({ name, pid: one.pid, url: `http://127.0.0.1:${one.port('plain')}` });
    tlsProcesses.push({ name, pid: one.pid, url: `https://localhost:${one.port('tls')}` });
  };
  ofGateway('this tree', gateway);
  for (const tree of others) ofGateway(tree, await start(tree));
  const token = await issuer.token({ claims: { job: 'bench' }, expiresIn: 7200 });
  const parts = begun.move();
  return {
    token,
    gateway,
    direct: `http://127.0.0.1:${target.port}`,
    nginx: `http://127.0.0.1:${proxy.port}`,
    bare: `http://127.0.0.1:${plainProxy.port}`,
    bareTls: `https://localhost:${tlsProxy.port}`,
    gated: `http://127.0.0.1:${gateway.port('plain')}`,
    gatedTls: `https://localhost:${gateway.port('tls')}`,
    processes,
    tlsProcesses,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

/** The server's own block ends early, because connections to a target are kept by an `upstream` beside it. */
const nginxProxy = (target: Nginx): Promise<Nginx> =>
  startNginx({ server: `location / { proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0; proxy_request_buffering off; } } upstream target { server 127.0.0.1:${target.port}; keepalive 64;` });

/** Megabytes a second of the large body, down one connection to a client that throws it away. */
export const streamedTo = async (curl: string, url: string, token: string): Promise<number> => {
  const { stdout, code } = await run(curl, ['-sf', '-o', '/dev/null', '-w', '%{size_download} %{speed_download}', '-H', `Authorization: Bearer ${token}`, `${url}/large`], { timeoutMs: 300_000 });
  const [bytes, speed = NaN] = stdout.split(' ').map(Number);
  if (code !== 0 || bytes !== STREAMED) throw new Error(`curl: ${code}, ${stdout}`);
  return speed / 1e6;
};
