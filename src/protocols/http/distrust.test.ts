import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { certificateAuthority } from '../../../test/kit/certificates.ts';
import { requireProgram, skipUnless } from '../../../test/kit/present.ts';
import { run } from '../../../test/kit/run.ts';
import { until } from '../../../test/kit/until.ts';
import { acceptClient } from './accept.ts';
import { Distrust } from './distrust.ts';

const ABOUT = { connection: 'api', host: 'api.example', peer: '10.0.0.9', ca: '/data/interception-ca.pem' };

const scene = () => {
  let now = 0;
  const lines: { fields: Readonly<Record<string, unknown>>; message: string }[] = [];
  const distrust = new Distrust({ warn: (fields, message) => lines.push({ fields, message }) }, () => now);
  return { distrust, lines, later: (ms: number) => (now += ms) };
};

test('one line a minute for each connection, which says how many there were; what may be so does not hide what is', () => {
  const { distrust, lines, later } = scene();
  distrust.silent(ABOUT);
  for (let count = 0; count < 5; count += 1) assert.equal(distrust.alert('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', ABOUT), true);
  distrust.alert('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', { ...ABOUT, connection: 'other' });
  assert.deepEqual(lines.map(({ fields }) => [fields['connection'], fields['alert']]), [['api', undefined], ['api', 'unknown_ca'], ['other', 'unknown_ca']]);
  later(60_001);
  distrust.alert('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', ABOUT);
  assert.equal(lines.at(-1)?.fields['since'], 4);
});

test('at the addresses of the gateway, whoever comes, it is one line a minute too', () => {
  const { distrust, lines } = scene();
  for (let count = 0; count < 5; count += 1) assert.equal(distrust.direct('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', { listen: '0.0.0.0:8443', peer: `10.0.0.${count}` }), true);
  assert.equal(distrust.direct('ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', { listen: '0.0.0.0:9443', peer: '10.0.0.9' }), true);
  assert.equal(distrust.direct('ERR_SSL_NO_SHARED_CIPHER', { listen: '0.0.0.0:7443', peer: '10.0.0.9' }), false);
  assert.deepEqual(lines.map(({ fields }) => [fields['listen'], fields['peer'], fields['alert']]), [['0.0.0.0:8443', '10.0.0.0', 'unknown_ca'], ['0.0.0.0:9443', '10.0.0.9', 'bad_certificate']]);
});

test('what is no word on a certificate is not taken for one', () => {
  const { distrust, lines } = scene();
  for (const code of [undefined, 'ECONNRESET', 'ERR_SSL_NO_SHARED_CIPHER', 'ERR_SSL_WRONG_VERSION_NUMBER']) assert.equal(distrust.alert(code, ABOUT), false);
  assert.equal(lines.length, 0);
});

test('the alert of a client of OpenSSL is seen, in both versions of TLS', { skip: skipUnless('openssl') }, async () => {
  const issued = await (await certificateAuthority()).issue(['api.example']);
  const context = createSecureContext({ cert: issued.certPem, key: issued.keyPem });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const seen: boolean[] = [];
    const { distrust } = scene();
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      void acceptClient(socket, { secureContext: () => context, plaintextAllowed: false, deadlineMs: 30_000 }).then((accepted) => seen.push(accepted.kind === 'closed' && distrust.alert(accepted.code, ABOUT)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await run(requireProgram('openssl'), ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'api.example', '-verify_return_error', '-verify', '1', maxVersion === 'TLSv1.2' ? '-tls1_2' : '-tls1_3'], { timeoutMs: 60_000 });
    await until(() => seen.length > 0);
    server.close();
    assert.deepEqual(seen, [true], maxVersion);
  }
});
