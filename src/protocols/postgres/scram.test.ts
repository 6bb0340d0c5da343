import assert from 'node:assert/strict';
import { X509Certificate, createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { certificateAuthority } from '../../../test/kit/certificates.ts';
import { saslprep } from './saslprep.ts';
import { ScramClient, ScramError, tlsServerEndPoint } from './scram.ts';

// RFC 7677, section 3.
const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const SERVER_FIRST = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
const SERVER_FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';
const PASSWORD = Buffer.from('pencil');

const started = (): ScramClient => {
  const client = new ScramClient(NONCE);
  client.start({ mechanisms: ['SCRAM-SHA-256'] }, 'user');
  return client;
};

test('the exchange of RFC 7677', async () => {
  const client = new ScramClient(NONCE);
  const start = client.start({ mechanisms: ['SCRAM-SHA-256'] }, 'user');
  assert.equal(start?.mechanism, 'SCRAM-SHA-256');
  assert.equal(start?.message.toString(), `n,,n=user,r=${NONCE}`);
  const proof = await client.proof(Buffer.from(SERVER_FIRST), PASSWORD);
  assert.equal(proof.toString(), 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=');
  client.verify(Buffer.from(SERVER_FINAL));
});

test('the password is not changed', async () => {
  const password = Buffer.from('pencil');
  await started().proof(Buffer.from(SERVER_FIRST), password);
  assert.equal(password.toString(), 'pencil');
});

test('a server that does not know the password is found out', async () => {
  const client = started();
  await client.proof(Buffer.from(SERVER_FIRST), PASSWORD);
  for (const final of ['v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', 'v=AAAA', 'e=other-error']) {
    assert.throws(() => client.verify(Buffer.from(final)), (error) => error instanceof ScramError && error.fault === 'unverified', final);
  }
  for (const final of ['', 'v=', 'v', 'x=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', 'v=6rri TRBi']) assert.throws(() => client.verify(Buffer.from(final)), ScramError, final);
  assert.throws(() => started().verify(Buffer.from(SERVER_FINAL)), ScramError, 'a signature before the proof');
});

for (const [what, first] of [
  ['a nonce that is only ours', `r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
  ['a nonce that is not ours', 'r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'],
  ['few iterations', SERVER_FIRST.replace('4096', '4095')],
  ['many iterations', SERVER_FIRST.replace('4096', '1000001')],
  ['iterations that are no number', SERVER_FIRST.replace('4096', '4096x')],
  ['negative iterations', SERVER_FIRST.replace('4096', '-4096')],
  ['no salt', SERVER_FIRST.replace('W22ZaJ0SNY7soEsUEjb6gQ==', '')],
  ['a salt that is not base64', SERVER_FIRST.replace('W22Z', '!!!!')],
  ['a mandatory extension', `m=ext,${SERVER_FIRST}`],
  ['control characters', `${SERVER_FIRST}\n`],
  ['too long', `${SERVER_FIRST},x=${'x'.repeat(9000)}`],
  ['nothing', ''],
] as const) {
  test(`the server's first message is refused: ${what}`, () => assert.rejects(started().proof(Buffer.from(first), PASSWORD), (error) => error instanceof ScramError && error.fault === 'malformed'));
}

test('random messages of a server end in ScramError only', () =>
  fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      await assert.rejects(started().proof(Buffer.from(bytes), PASSWORD), ScramError);
      assert.throws(() => started().verify(Buffer.from(bytes)), ScramError);
    }),
  ));

test('binding to the channel', () => {
  const endPoint = Buffer.from('hash');
  const header = (mechanisms: string[], bound: boolean): string | undefined => {
    const start = new ScramClient(NONCE).start({ mechanisms, endPoint: bound ? endPoint : undefined });
    return start && `${start.mechanism} ${start.message.toString().split(',')[0]}`;
  };
  const both = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'];
  assert.equal(header(both, true), 'SCRAM-SHA-256-PLUS p=tls-server-end-point');
  assert.equal(header(both, false), 'SCRAM-SHA-256 n');
  assert.equal(header(['SCRAM-SHA-256'], true), 'SCRAM-SHA-256 y', 'tells the server that its offer of PLUS was removed, if it made one');
  assert.equal(header(['SCRAM-SHA-256-PLUS'], false), undefined);
  assert.equal(header(['OAUTHBEARER'], true), undefined);
});

test('nonces differ and hold no comma', () => {
  const nonces = Array.from({ length: 100 }, () => new ScramClient().start({ mechanisms: ['SCRAM-SHA-256'] })?.message.toString().split('r=')[1]);
  assert.equal(new Set(nonces).size, 100);
  for (const nonce of nonces) assert.match(nonce ?? '', /^[A-Za-z0-9+/]{32}$/);
});

test('the end point of a certificate is its hash', async () => {
  const { certPem } = await certificateAuthority();
  const certificate = new X509Certificate(certPem);
  assert.deepEqual(tlsServerEndPoint(certificate), createHash('sha256').update(certificate.raw).digest());
  const signedBy = (signatureAlgorithm: string | undefined): Buffer | undefined => tlsServerEndPoint({ signatureAlgorithm, raw: certificate.raw } as X509Certificate);
  assert.equal(signedBy('ecdsa-with-SHA384')?.length, 48);
  assert.equal(signedBy('sha512WithRSAEncryption')?.length, 64);
  assert.equal(signedBy('sha1WithRSAEncryption')?.length, 32);
  assert.equal(signedBy('md5WithRSAEncryption')?.length, 32);
  assert.equal(signedBy('ED25519'), undefined);
  assert.equal(signedBy('rsassaPss'), undefined);
  assert.equal(signedBy(undefined), undefined);
});

test('passwords are prepared as RFC 4013 says, or used as they are', () => {
  const prep = (text: string): string => saslprep(Buffer.from(text)).toString();
  // RFC 4013, section 3.
  assert.equal(prep('I\u00adX'), 'IX');
  assert.equal(prep('user'), 'user');
  assert.equal(prep('USER'), 'USER');
  assert.equal(prep('\u00aa'), 'a');
  assert.equal(prep('\u2168'), 'IX');
  assert.equal(prep('\u0007'), '\u0007', 'prohibited, so as it is');
  assert.equal(prep('a\u00a0b'), 'a b');
  assert.equal(prep('e\u0301'), '\u00e9');
  assert.equal(prep('\u00ad'), '\u00ad', 'nothing would be left, so as it is');
  assert.deepEqual(saslprep(Buffer.from([0xff, 0x61])), Buffer.from([0xff, 0x61]), 'not UTF-8, so as it is');
});
