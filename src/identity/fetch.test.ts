import assert from 'node:assert/strict';
import dns from 'node:dns';
import { writeFileSync } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { test } from 'node:test';
import { certificateAuthority } from '../../test/kit/certificates.ts';
import { startIssuer } from '../../test/kit/issuer.ts';
import { tempFolder } from '../../test/kit/temp.ts';
import { fetchDocument, isLoopbackUrl, type FetchRules } from './fetch.ts';
import { json, startHostileIssuer } from './testdata/hostile-issuer.ts';

const LOOPBACK: FetchRules = { allowPrivate: false, allowLoopback: true };
const STRICT: FetchRules = { allowPrivate: false, allowLoopback: false };
const PRIVATE: FetchRules = { allowPrivate: true, allowLoopback: false };

test('a document is fetched whole, up to its largest size', async () => {
  await using server = await startHostileIssuer();
  server.answer('/keys', json({ keys: [] }));
  assert.equal((await fetchDocument(`${server.issuer}/keys`, LOOPBACK, 11)).toString(), '{"keys":[]}');
  await assert.rejects(fetchDocument(`${server.issuer}/keys`, LOOPBACK, 10), /too large/);
});

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(1000, 0x20);
}

test('hostile answers end in a refusal that quotes nothing', async (t) => {
  await using server = await startHostileIssuer();
  const answers: readonly [string, Parameters<typeof server.answer>[1], RegExp][] = [
    ['/redirect', (response) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end(), /answered 302$/],
    ['/to-itself', (response) => void response.writeHead(307, { location: '/keys' }).end(), /answered 307$/],
    ['/no-content', (response) => void response.writeHead(204).end(), /answered 204$/],
    ['/error', (response) => void response.writeHead(500).end('secret'), /answered 500$/],
    ['/announced', (response) => void response.writeHead(200, { 'content-length': '1000000000' }).write('x'), /too large$/],
    ['/endless', (response) => pipeline(Readable.from(endless()), response.writeHead(200), () => {}), /too large$/],
    ['/bomb', (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(Buffer.alloc(10)), /encoded$/],
    ['/cut', (response) => void (response.writeHead(200, { 'content-length': '100' }).write('secret'), setImmediate(() => response.destroy())), /ECONNRESET$|ended early$/],
    ['/headers', (response) => void response.writeHead(200, { 'x-large': 'x'.repeat(60_000) }).end(), /HPE_HEADER_OVERFLOW$/],
    ['/garbage', (response) => void response.socket?.end('secret secret\r\n\r\n'), /HPE_/],
  ];
  for (const [path, how, message] of answers) {
    server.answer(path, how);
    await t.test(path, () => assert.rejects(fetchDocument(`${server.issuer}${path}`, LOOPBACK, 262_144), (error) => error instanceof Error && message.test(error.message) && !error.message.includes('secret')));
  }
});

test('a slow answer is given up after five seconds, also when bytes keep dripping', async () => {
  await using server = await startHostileIssuer();
  server.answer('/slow', () => {});
  server.answer('/drip', (response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write(' '), 200);
    response.on('close', () => clearInterval(drip));
  });
  const begun = performance.now();
  await Promise.all(['/slow', '/drip'].map((path) => assert.rejects(fetchDocument(`${server.issuer}${path}`, LOOPBACK, 262_144), /no answer within 5 s$/)));
  assert.ok(performance.now() - begun < 8_000);
});

test('no connection is made to where no keys can be', async () => {
  const refused: readonly [string, FetchRules, RegExp][] = [
    ['https://169.254.169.254/latest', PRIVATE, /forbidden address/],
    ['https://[fe80::1]/', PRIVATE, /forbidden address/],
    ['https://[fd00:ec2::254]/', PRIVATE, /forbidden address/],
    ['https://[::ffff:169.254.169.254]/', PRIVATE, /forbidden address/],
    ['https://100.100.100.200/', PRIVATE, /forbidden address/],
    ['https://168.63.129.16/', PRIVATE, /forbidden address/],
    ['https://2852039166/', PRIVATE, /forbidden address 169\.254\.169\.254/],
    ['https://0xa9.0xfe.0xa9.0xfe/', PRIVATE, /forbidden address/],
    ['https://0/', PRIVATE, /forbidden address/],
    ['https://10.0.0.1/', STRICT, /private address/],
    ['https://10.0.0.1/', LOOPBACK, /private address/],
    ['https://127.0.0.1:1/', STRICT, /loopback address/],
    ['https://[::1]:1/', STRICT, /loopback address/],
    ['https://localhost:1/', STRICT, /loopback address/],
    ['http://127.0.0.1:1/', STRICT, /only https/],
    ['http://127.0.0.1:1/', PRIVATE, /only https/],
    ['http://issuer.example/', LOOPBACK, /only https/],
    ['http://10.0.0.1/', LOOPBACK, /only https/],
    ['https://user:secret@issuer.example/', PRIVATE, /must not carry/],
    ['file:///etc/passwd', PRIVATE, /only https/],
    ['not a url', PRIVATE, /not a URL/],
  ];
  for (const [address, rules, message] of refused) await assert.rejects(fetchDocument(address, rules, 100), (error) => error instanceof Error && message.test(error.message) && !error.message.includes('secret'), address);
});

test('what a name resolves to is judged, every address of it, and asked for once', async (t) => {
  const resolving = (...addresses: readonly string[]) =>
    t.mock.method(dns, 'lookup', (_name: string, _options: object, done: (error: null, found: object[]) => void) => done(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))));
  for (const address of ['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '::ffff:169.254.169.254', '100.100.100.200']) {
    const lookup = resolving('127.0.0.1', address);
    await assert.rejects(fetchDocument('https://keys.example/', { allowPrivate: true, allowLoopback: true }, 100), /forbidden address/, address);
    assert.equal(lookup.mock.callCount(), 1);
    lookup.mock.restore();
  }
  const inside = resolving('10.1.2.3');
  await assert.rejects(fetchDocument('https://keys.example/', STRICT, 100), /private address 10\.1\.2\.3/);
  inside.mock.restore();
  const back = resolving('127.0.0.1');
  await assert.rejects(fetchDocument('https://keys.example/', STRICT, 100), /loopback address/);
  back.mock.restore();

  // A name that answers differently each time: the connection goes where the judged answer pointed.
  await using server = await startHostileIssuer();
  server.answer('/keys', json({}));
  let answers = 0;
  const rebinding = t.mock.method(dns, 'lookup', (_name: string, _options: object, done: (error: null, found: object[]) => void) => done(null, [{ address: answers++ === 0 ? '127.0.0.1' : '169.254.169.254', family: 4 }]));
  const { port } = new URL(server.issuer);
  assert.equal((await fetchDocument(`http://rebinding.localhost:${port}/keys`, LOOPBACK, 100)).toString(), '{}');
  assert.equal(rebinding.mock.callCount(), 1);
});

test('TLS is verified, by the CA of the configuration', async () => {
  using folder = tempFolder('fetch');
  const [authority, other] = [await certificateAuthority(), await certificateAuthority('another')];
  await using issuer = await startIssuer({ tls: await authority.issue(['127.0.0.1']) });
  writeFileSync(folder.file('ca.pem'), authority.certPem);
  writeFileSync(folder.file('other.pem'), other.certPem);
  const rules = (ca?: string): FetchRules => ({ allowPrivate: false, allowLoopback: true, ...(ca === undefined ? {} : { ca: folder.file(ca) }) });
  const document = JSON.parse((await fetchDocument(`${issuer.issuer}/.well-known/openid-configuration`, rules('ca.pem'), 65_536)).toString()) as { issuer: string };
  assert.equal(document.issuer, issuer.issuer);
  await assert.rejects(fetchDocument(issuer.jwksUri, rules(), 65_536), /UNABLE_TO_VERIFY|SELF_SIGNED/);
  await assert.rejects(fetchDocument(issuer.jwksUri, rules('other.pem'), 65_536), /UNABLE_TO_VERIFY|SELF_SIGNED/);
  await assert.rejects(fetchDocument(issuer.jwksUri, rules('missing.pem'), 65_536), /ENOENT/);
});

test('which URLs are this machine', () => {
  for (const url of ['http://localhost:1', 'http://127.9.9.9', 'https://[::1]/x', 'http://a.localhost']) assert.ok(isLoopbackUrl(url), url);
  for (const url of ['http://localhost.example', 'https://10.0.0.1', 'http://127.0.0.1.example', 'x', 'http://0.0.0.0']) assert.ok(!isLoopbackUrl(url), url);
});
