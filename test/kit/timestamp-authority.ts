import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { requireProgram } from './present.ts';
import { run, runOk } from './run.ts';
import { tempFolder } from './temp.ts';

/** OpenSSL's own time-stamping authority behind a small HTTP server. */
export interface TimestampAuthority {
  readonly url: string;
  /** The CA that certifies it. */
  readonly caFile: string;
  /** Answers a DER query with OpenSSL. */
  reply(query: Buffer): Promise<Buffer>;
  readonly signer: { readonly cert: string; readonly key: string };
  /** Another certificate of its CA, with that extended key usage. */
  certify(usage: string): Promise<{ readonly cert: string; readonly key: string }>;
  /** Whether OpenSSL accepts that response for that file. */
  verifies(dataFile: string, responseFile: string, caFile?: string): Promise<boolean>;
  /** What the server answers instead, until it is undefined again. */
  answer: ((query: Buffer) => Promise<{ readonly status: number; readonly body: Buffer } | undefined>) | undefined;
  [Symbol.dispose](): void;
}

export interface AuthorityOptions {
  /** Key of the authority. Default ec. */
  readonly key?: 'ec' | 'rsa';
  /** Digest of the signature. Default sha256. */
  readonly digest?: 'sha256' | 'sha384' | 'sha512';
  /** A CA between the one that is trusted and the authority; its certificate is in the tokens. */
  readonly intermediate?: boolean;
  /** ESSCertID by SHA-1, as version 1 of the attribute has it. */
  readonly essSha1?: boolean;
}

export async function timestampAuthority({ key = 'ec', digest = 'sha256', intermediate = false, essSha1 = false }: AuthorityOptions = {}): Promise<TimestampAuthority> {
  const folder = tempFolder('tsa');
  const openssl = requireProgram('openssl');
  const at = (name: string): string => folder.file(name);
  writeFileSync(at('ts.cnf'), `
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsaconfig]
default_tsa = authority
[authority]
dir = ${folder.path}
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.pem
${intermediate ? 'certs = $dir/between.pem' : ''}
signer_key = $dir/tsa.key
signer_digest = ${digest}
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = ${essSha1 ? 'sha1' : 'sha256'}
`);
  writeFileSync(at('serial'), '01\n');
  const newKey = key === 'ec' ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', 'rsa:2048'];
  await runOk(openssl, ['req', '-x509', ...newKey, '-nodes', '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=Test TSA CA', '-days', '2', '-config', at('ts.cnf'), '-extensions', 'ca']);
  await runOk(openssl, ['req', ...newKey, '-nodes', '-keyout', at('tsa.key'), '-out', at('tsa.csr'), '-subj', '/CN=Test TSA', '-config', at('ts.cnf')]);
  if (intermediate) {
    await runOk(openssl, ['req', ...newKey, '-nodes', '-keyout', at('between.key'), '-out', at('between.csr'), '-subj', '/CN=Test TSA CA between', '-config', at('ts.cnf')]);
    await runOk(openssl, ['x509', '-req', '-in', at('between.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-set_serial', '3', '-days', '2', '-out', at('between.pem'), '-extfile', at('ts.cnf'), '-extensions', 'ca']);
  }
  const issuer = intermediate ? 'between' : 'ca';
  await runOk(openssl, ['x509', '-req', '-in', at('tsa.csr'), '-CA', at(`${issuer}.pem`), '-CAkey', at(`${issuer}.key`), '-set_serial', '2', '-days', '2', '-out', at('tsa.pem'), '-extfile', at('ts.cnf'), '-extensions', 'tsa']);
  mkdirSync(at('work'));
  let count = 0;
  const reply = async (query: Buffer): Promise<Buffer> => {
    count += 1;
    const [asked, answered] = [at(`work/${count}.tsq`), at(`work/${count}.tsr`)];
    writeFileSync(asked, query);
    await runOk(openssl, ['ts', '-reply', '-config', at('ts.cnf'), '-section', 'authority', '-queryfile', asked, '-out', answered]);
    return readFileSync(answered);
  };
  const authority: { answer: TimestampAuthority['answer'] } = { answer: undefined };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const query = Buffer.concat(chunks);
      const answering = authority.answer === undefined ? reply(query).then((body) => ({ status: 200, body })) : authority.answer(query);
      answering.then(
        (answer) => {
          if (answer === undefined) return;
          response.writeHead(answer.status, { 'content-type': 'application/timestamp-reply' });
          response.end(answer.body);
        },
        (error: unknown) => {
          response.writeHead(500);
          response.end(String(error));
        },
      );
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsr`,
    caFile: at('ca.pem'),
    reply,
    signer: { cert: at('tsa.pem'), key: at('tsa.key') },
    certify: async (usage) => {
      writeFileSync(at('other.cnf'), `[other]\nbasicConstraints = CA:FALSE\nextendedKeyUsage = ${usage}\n`);
      await runOk(openssl, ['req', ...newKey, '-nodes', '-keyout', at('other.key'), '-out', at('other.csr'), '-subj', '/CN=Not a TSA', '-config', at('ts.cnf')]);
      await runOk(openssl, ['x509', '-req', '-in', at('other.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-set_serial', '9', '-days', '2', '-out', at('other.pem'), '-extfile', at('other.cnf'), '-extensions', 'other']);
      return { cert: at('other.pem'), key: at('other.key') };
    },
    verifies: async (dataFile, responseFile, caFile = at('ca.pem')) => (await run(openssl, ['ts', '-verify', '-data', dataFile, '-in', responseFile, '-CAfile', caFile])).code === 0,
    get answer() { return authority.answer; },
    set answer(answer) { authority.answer = answer; },
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
      folder.remove();
    },
  };
}
