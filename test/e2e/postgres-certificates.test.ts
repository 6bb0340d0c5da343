import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { makeAuthority, makeCertificate, type Made, type MakeOptions } from '../kit/client-certificates.ts';
import { psql, python } from '../kit/clients.ts';
import { skipUnless } from '../kit/present.ts';
import type { Ran } from '../kit/run.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { startScene, type Scene } from './scene.ts';
import { readEvidence } from './recorded-evidence.ts';
import { stopAndVerify } from './whole-evidence.ts';
import { startWire } from './wire.ts';

const HOUR = 3_600_000;

let scene: Scene;
let folder: TempFolder;
let root: Made;
let workload: Made;
const make = (more: Partial<MakeOptions> = {}): Promise<Made> => makeCertificate({ subject: 'O=SPIRE', issuer: root, names: [['uri', 'spiffe://acme.example/billing']], ...more });
before(async () => {
  folder = tempFolder('certificates');
  root = await makeAuthority('CN=Mesh CA', { notAfter: new Date(Date.now() + 20 * HOUR) });
  workload = await make();
  writeFileSync(folder.file('ca.pem'), root.certPem);
  scene = await startScene({
    providers: [{ name: 'mesh', certificates: { ca: folder.file('ca.pem') } }],
    identities: [{ name: 'workload', owner: { contact: 'a@acme.example' }, provider: 'mesh', claims: { uri: 'spiffe://acme.example/billing' } }],
    policies: [{ name: 'reading', identities: ['reader', 'workload'], connections: ['*'], allow: ['read'] }],
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  folder?.remove();
});

/** What libpq takes: the certificate with its key, and a password where one is given. */
const env = (own: Made | undefined, password?: string): Record<string, string> => {
  const shown = own === undefined ? {} : { PGSSLCERT: folder.file(`${own.fingerprint}.pem`), PGSSLKEY: folder.file(`${own.fingerprint}.key`) };
  if (own !== undefined) {
    writeFileSync(folder.file(`${own.fingerprint}.pem`), own.certPem);
    writeFileSync(folder.file(`${own.fingerprint}.key`), own.keyPem, { mode: 0o600 });
  }
  return { PGHOST: 'localhost', PGPORT: String(scene.gateway.port()), PGDATABASE: 'shop', PGUSER: 'anybody', PGSSLMODE: 'verify-full', PGSSLROOTCERT: scene.gateway.caFile, ...shown, ...(password === undefined ? {} : { PGPASSWORD: password }) };
};
const ask = (own: Made | undefined, password?: string): Promise<Ran> => psql(['-Atc', 'SELECT count(*) FROM orders'], env(own, password));
const connect = async (own: Made): Promise<pg.Client> => {
  const client = new pg.Client({ host: 'localhost', port: scene.gateway.port(), database: 'shop', user: 'anybody', ssl: { ca: readFileSync(scene.gateway.caFile, 'utf8'), cert: own.certPem, key: own.keyPem } });
  await client.connect();
  return client;
};

test('psql with sslcert and sslkey logs in without a password, as the identity of the certificate', async () => {
  const ran = await ask(workload);
  assert.equal(ran.stdout, '2\n', ran.stderr);
  const refused = await psql(['-Atc', 'DELETE FROM orders'], env(workload));
  assert.match(refused.stderr, /wicketgate/);
  const { sessions } = await readEvidence(scene.gateway.dataDir, `${scene.gateway.folder}/keys`);
  const [open] = [...sessions.values()].map((one) => one.open);
  assert.deepEqual([open?.principal.identity, open?.principal.certificate?.fingerprint, open?.principal.certificate?.issuer], ['workload', workload.fingerprint, 'CN=Mesh CA']);
});

test('a client that asks for a newer protocol is told of ours once, and asked for nothing', async () => {
  const wire = await startWire({ to: scene.gateway.port(), ca: readFileSync(scene.gateway.caFile, 'utf8'), client: workload, parameters: { user: 'anybody', database: 'shop' }, minor: 9 });
  const kinds: string[] = [];
  for (let message = await wire.next(); message !== undefined; message = await wire.next()) {
    kinds.push(message.kind);
    if (message.kind === 'ReadyForQuery') break;
  }
  assert.deepEqual([kinds[0], kinds[1], kinds.at(-1)], ['NegotiateProtocolVersion', 'Authentication', 'ReadyForQuery']);
  assert.equal(kinds.filter((kind) => kind === 'Authentication' || kind === 'NegotiateProtocolVersion').length, 2);
  wire.socket.destroy();
});

test('pg and psycopg2', { skip: skipUnless('psycopg2') }, async () => {
  const client = await connect(workload);
  assert.equal((await client.query<{ n: string }>('SELECT count(*) AS n FROM orders')).rows[0]?.n, '2');
  await client.end();
  const ran = await python("import psycopg2\nc = psycopg2.connect('')\nq = c.cursor()\nq.execute('SELECT count(*) FROM orders')\nprint(q.fetchone()[0])", env(workload));
  assert.equal(ran.stdout, '2\n', ran.stderr);
});

test('whoever shows none, or one that stands for nobody, is asked for a token as ever; the log says why', async () => {
  const token = await scene.token('reader');
  assert.equal((await ask(undefined, token)).stdout, '2\n');
  const [stranger, expired] = [await make({ issuer: await makeAuthority('CN=Other') }), await make({ notBefore: new Date(Date.now() - 2 * HOUR), notAfter: new Date(Date.now() - HOUR) })];
  for (const [own, reason] of [[stranger, 'certificate_untrusted'], [expired, 'certificate_expired'], [await make({ names: [['uri', 'spiffe://acme.example/nobody']] }), 'identity_none']] as const) {
    const without = await ask(own);
    assert.match(without.stderr, /no password supplied/, reason);
    await until(() => scene.gateway.logLines().some((line) => line['event'] === 'login_refused' && line['reason'] === reason), 20_000, reason);
    assert.equal((await ask(own, token)).stdout, '2\n', reason);
    assert.match((await ask(own, 'nonsense')).stderr, /token refused: not a signed JWT/);
  }
});

test('a session ends within its certificate\'s time, and when it is revoked', async () => {
  const brief = await make({ notAfter: new Date(Date.now() + 8_000) });
  for (const [own, end] of [[brief, undefined], [await make(), async (one: Made) => assert.equal((await scene.gateway.cli('identities', 'revoke', `sha256:${one.fingerprint}`, '--config', scene.gateway.configFile)).code, 0)]] as const) {
    const client = await connect(own);
    let why = '';
    client.on('error', (error) => (why += error.message));
    await client.query('SELECT 1');
    await end?.(own);
    await until(() => why !== '', 20_000, 'the end of the session');
    assert.match(why, end === undefined ? /the client certificate has expired/ : /the client certificate is (?:revoked|not accepted any more)/);
  }
  await stopAndVerify(scene);
});
