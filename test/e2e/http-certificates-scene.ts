import { writeFileSync } from 'node:fs';
import * as https from 'node:https';
import { makeAuthority, makeCertificate, type Made, type MakeOptions } from '../kit/client-certificates.ts';
import { requireProgram } from '../kit/present.ts';
import { run, type Ran } from '../kit/run.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { startHttpScene, type HttpScene, type HttpSceneOptions } from './http-scene.ts';

export const HOUR = 3_600_000;
export const WORKLOAD = 'spiffe://acme.example/billing';

/** A gateway whose clients may come by certificates of a CA, with or without a list of revoked ones. */
export interface CertificateScene {
  readonly scene: HttpScene;
  readonly root: Made;
  /** Of the identity `workload`, by its URI. */
  readonly workload: Made;
  readonly folder: TempFolder;
  /** Files that curl and Python take: the chain, and the key. */
  files(own: Made, ...between: readonly Made[]): { readonly cert: string; readonly key: string };
  make(more?: Partial<MakeOptions>): Promise<Made>;
  /** curl with these arguments, which trusts the gateway. */
  curl(...args: readonly string[]): Promise<Ran>;
  /** One request with a certificate, and the status and code that it got. Rejects where TLS fails. */
  ask(own: readonly Made[] | undefined, asked?: { readonly headers?: Readonly<Record<string, string>>; readonly path?: string; readonly tls?: https.RequestOptions }): Promise<readonly [number, unknown]>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The lists in `crl` are written before the gateway starts. */
export const startCertificateScene = async (options: HttpSceneOptions & { readonly crl?: (root: Made) => Promise<string>; readonly start?: (options: HttpSceneOptions) => Promise<HttpScene> } = {}): Promise<CertificateScene> => {
  const folder = tempFolder('certificates');
  const lasting = { notAfter: new Date(Date.now() + 20 * HOUR) };
  const root = await makeAuthority('O=Acme,CN=Mesh CA', lasting);
  const workload = await makeCertificate({ subject: 'O=SPIRE', issuer: root, names: [['uri', WORKLOAD]], ...lasting });
  writeFileSync(folder.file('ca.pem'), root.certPem);
  if (options.crl) writeFileSync(folder.file('crl.pem'), await options.crl(root));
  const identity = (name: string, provider: string, claims: Record<string, string>): Record<string, unknown> => ({ name, owner: { contact: 'a@acme.example' }, provider, claims });
  const scene = await (options.start ?? startHttpScene)({
    ...options,
    providers: [{ name: 'mesh', certificates: { ca: folder.file('ca.pem'), ...(options.crl ? { crl: folder.file('crl.pem') } : {}) } }],
    identities: [identity('workload', 'mesh', { uri: WORKLOAD }), identity('named', 'mesh', { 'subject.cn': 'job one' })],
    policies: [
      { name: 'reading', identities: ['reader', 'workload', 'named'], connections: ['*'], allow: ['read'] },
      { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'] },
    ],
  });
  const files: CertificateScene['files'] = (own, ...between) => {
    const [cert, key] = [folder.file(`${own.fingerprint}.pem`), folder.file(`${own.fingerprint}.key`)];
    writeFileSync(cert, [own, ...between].map(({ certPem }) => certPem).join(''));
    writeFileSync(key, own.keyPem, { mode: 0o600 });
    return { cert, key };
  };
  return {
    scene, root, workload, folder, files,
    make: (more = {}) => makeCertificate({ subject: 'O=SPIRE', issuer: root, names: [['uri', WORKLOAD]], ...more }),
    curl: (...args) => run(requireProgram('curl'), ['-sS', '--cacert', scene.gateway.caFile, ...args], { timeoutMs: 20_000 }),
    ask: (own, { headers = {}, path = '/things', tls = {} } = {}) =>
      new Promise((resolve, reject) => {
        const shown = own === undefined ? {} : { cert: own.map(({ certPem }) => certPem).join(''), key: own[0]?.keyPem ?? '' };
        https.request({ host: 'localhost', port: scene.gateway.port(), ca: scene.ca, agent: false, path, headers, ...shown, ...tls }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            resolve([response.statusCode ?? 0, response.headers['content-type'] === 'application/problem+json' ? (JSON.parse(text) as { readonly detail?: unknown }).detail : text]);
          });
        }).once('error', reject).end();
      }),
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]();
      folder.remove();
    },
  };
};
