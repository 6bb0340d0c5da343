import assert from 'node:assert/strict';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { certificateAuthority } from '../../../test/kit/certificates.ts';
import { requireProgram, skipUnless } from '../../../test/kit/present.ts';
import { runOk } from '../../../test/kit/run.ts';
import { tempFolder } from '../../../test/kit/temp.ts';
import { timestampAuthority } from '../../../test/kit/timestamp-authority.ts';
import { GrowingLog } from '../../witness/testdata/log.ts';
import { childrenOf, readDer, TAG, writeDer, type Der } from '../../wire/der.ts';
import { TimestampAnchor } from './rfc3161.ts';
import { timestampRequest, verifyTimestamp } from './timestamp.ts';

const skip = skipUnless('openssl');
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
const newNonce = (): Buffer => {
  const nonce = randomBytes(8);
  nonce[0] = ((nonce[0] ?? 0) & 0x7f) | 0x40;
  return nonce;
};
const certificate = (file: string): X509Certificate => new X509Certificate(readFileSync(file));

test('the request is, byte for byte, what OpenSSL makes of the same digest and nonce', { skip }, async () => {
  using folder = tempFolder('tsq');
  const digest = sha256('a checkpoint');
  await runOk(requireProgram('openssl'), ['ts', '-query', '-digest', digest.toString('hex'), '-sha256', '-cert', '-out', folder.file('q')]);
  const theirs = readFileSync(folder.file('q'));
  // 02 08 nonce 01 01 ff
  const at = theirs.length - 3;
  const length = theirs.lastIndexOf(Buffer.of(0x02), at - 2 - 7);
  const nonce = theirs.subarray(length + 2, at);
  assert.deepEqual(timestampRequest(digest, nonce), theirs);
});

for (const options of [{}, { key: 'rsa', digest: 'sha512' }, { digest: 'sha384', essSha1: true }, { intermediate: true }] as const) {
  test(`tokens of OpenSSL's authority verify: ${JSON.stringify(options)}`, { skip }, async () => {
    using authority = await timestampAuthority(options);
    const [digest, nonce] = [sha256('x'), newNonce()];
    const response = await authority.reply(timestampRequest(digest, nonce));
    const trust = [certificate(authority.caFile)];
    const time = verifyTimestamp(response, { digest, nonce, trust });
    assert.ok(Math.abs(time - Date.now()) < 60_000);

    const strange = new X509Certificate((await certificateAuthority()).certPem);
    assert.throws(() => verifyTimestamp(response, { digest: sha256('y'), nonce, trust }), /of something else/);
    assert.throws(() => verifyTimestamp(response, { digest, nonce: newNonce(), trust }), /answers another request/);
    assert.throws(() => verifyTimestamp(response, { digest, nonce, trust: [strange] }), /does not lead to a trusted CA/);
    assert.throws(() => verifyTimestamp(response, { digest, nonce, trust: [] }), /does not lead to a trusted CA/);
    for (let cut = 0; cut < response.length; cut += 17) assert.throws(() => verifyTimestamp(response.subarray(0, cut), { digest, nonce, trust }), /is not a time-stamp/);

    // What can be changed without notice (words of the status, certificates that are not needed) changes nothing that is used.
    let accepted = 0;
    for (let at = 0; at < response.length; at += 1) {
      const altered = Buffer.from(response);
      altered[at] = (altered[at] ?? 0) ^ 0x01;
      try {
        assert.equal(verifyTimestamp(altered, { digest, nonce, trust }), time);
        accepted += 1;
      } catch (error) {
        assert.equal((error as Error).constructor.name, 'BadTimestamp', `${at}: ${String(error)}`);
      }
    }
    assert.ok(accepted < response.length / 10, `${accepted} of ${response.length} changes go unnoticed`);
  });
}

test('a certificate of the trusted CA that is not for time-stamping certifies none', { skip }, async () => {
  using folder = tempFolder('cms');
  using authority = await timestampAuthority();
  const [digest, nonce] = [sha256('x'), newNonce()];
  const trust = [certificate(authority.caFile)];
  // OpenSSL's authority does not sign with such a certificate; what it signed is signed again with its general tool.
  const token = childrenOf(readDer(await authority.reply(timestampRequest(digest, nonce)), TAG.sequence))[1] as Der;
  const signedData = childrenOf(readDer((childrenOf(token)[1] as Der).content, TAG.sequence));
  const info = childrenOf(readDer((childrenOf(signedData[2] as Der)[1] as Der).content, TAG.octets), 1)[0] as Der;
  writeFileSync(folder.file('info'), info.bytes);
  const signed = async (signer: { readonly cert: string; readonly key: string }): Promise<Buffer> => {
    await runOk(requireProgram('openssl'), ['cms', '-sign', '-binary', '-nodetach', '-cades', '-md', 'sha256', '-econtent_type', '1.2.840.113549.1.9.16.1.4', '-in', folder.file('info'), '-signer', signer.cert, '-inkey', signer.key, '-outform', 'DER', '-out', folder.file('token')]);
    return writeDer(TAG.sequence, writeDer(TAG.sequence, writeDer(TAG.integer, Buffer.of(0))), readFileSync(folder.file('token')));
  };
  const good = await signed(authority.signer);
  assert.ok(verifyTimestamp(good, { digest, nonce, trust }) > 0);
  for (const usage of ['serverAuth', 'codeSigning,emailProtection']) {
    const bad = await signed(await authority.certify(usage));
    assert.throws(() => verifyTimestamp(bad, { digest, nonce, trust }), /not one for time-stamping/);
  }
});

test('what is no response at all never does more than be refused', () => {
  const expected = { digest: sha256('x'), nonce: newNonce(), trust: [] };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
    assert.throws(() => verifyTimestamp(Buffer.from(bytes), expected), { name: 'Error' });
  }), { numRuns: 500 });
  assert.throws(() => verifyTimestamp(Buffer.from('30053003020102', 'hex'), expected), /did not grant it: status 2/);
});

test('the anchor: checkpoint and token side by side, which OpenSSL verifies; one byte of the checkpoint more and it does not', { skip }, async () => {
  using authority = await timestampAuthority();
  using folder = tempFolder('anchor');
  const log = new GrowingLog('l').grow(7);
  const anchor = new TimestampAnchor({ url: authority.url, trust: authority.caFile, folder: folder.file('tokens') });
  await anchor.keep({ origin: 'l', size: 7, note: log.checkpoint() });
  const [note, token] = [folder.file('tokens', '0000000000000007.note'), folder.file('tokens', '0000000000000007.tsr')];
  assert.equal(readFileSync(note, 'utf8'), log.checkpoint());
  assert.equal(await authority.verifies(note, token), true);
  writeFileSync(note, `${log.checkpoint()} `);
  assert.equal(await authority.verifies(note, token), false);
  assert.deepEqual(readdirSync(folder.file('tokens')).toSorted(), ['0000000000000007.note', '0000000000000007.tsr']);
});

test('an authority that refuses, errs, lies or is another one is named, and nothing of it is kept', { skip }, async () => {
  using authority = await timestampAuthority();
  using other = await timestampAuthority();
  using folder = tempFolder('anchor');
  const log = new GrowingLog('l').grow(7);
  const keep = (parts: { trust?: string; now?: () => number; url?: string } = {}): Promise<void> =>
    new TimestampAnchor({ url: authority.url, trust: authority.caFile, folder: folder.file('tokens'), ...parts }).keep({ origin: 'l', size: 7, note: log.checkpoint() });
  await assert.rejects(keep({ trust: other.caFile }), /does not lead to a trusted CA/);
  await assert.rejects(keep({ trust: folder.file('none') }), /trusted CAs cannot be read/);
  await assert.rejects(keep({ now: () => Date.now() + 86_400_000 }), /86\d{3} s behind this clock/);
  await assert.rejects(keep({ url: 'http://127.0.0.1:9/' }), /ECONNREFUSED/);
  const old = await authority.reply(timestampRequest(sha256(log.checkpoint()), newNonce()));
  const answers: readonly (readonly [{ status: number; body: Buffer }, RegExp])[] = [
    [{ status: 200, body: old }, /answers another request/],
    [{ status: 200, body: Buffer.from('30053003020102', 'hex') }, /did not grant it/],
    [{ status: 200, body: Buffer.from('<html>') }, /is not a time-stamp/],
    [{ status: 503, body: Buffer.alloc(0) }, /answered 503/],
    [{ status: 200, body: Buffer.alloc(70_000) }, /larger than 65536 bytes/],
  ];
  for (const [answer, says] of answers) {
    authority.answer = () => Promise.resolve(answer);
    await assert.rejects(keep(), says);
  }
  authority.answer = async (query) => ({ status: 200, body: await other.reply(query) });
  await assert.rejects(keep(), /does not lead to a trusted CA/);
  authority.answer = undefined;
  assert.throws(() => readdirSync(folder.file('tokens')), /ENOENT/);
  await keep();
  assert.equal(readdirSync(folder.file('tokens')).length, 2);
});
