import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import type { Fields } from './head.ts';
import { recordedHead } from './recorded.ts';
import { renderMessage } from './render.ts';

const message = (fields: Fields, body: string | Buffer, status = 200): Buffer => Buffer.concat([recordedHead({ status, fields, length: undefined }), Buffer.from(body)]);

test('status line, header fields and a body of text are shown', () => {
  assert.equal(renderMessage(message([['Content-Type', 'application/json']], '{"name":"Zoë"}')), 'HTTP 200 OK\nContent-Type: application/json\n\n{"name":"Zoë"}\n');
  assert.equal(renderMessage(message([['Content-Type', 'text/plain; charset=iso-8859-1']], Buffer.from([0x5a, 0xeb]))), 'HTTP 200 OK\nContent-Type: text/plain; charset=iso-8859-1\n\nZë\n');
  assert.equal(renderMessage(message([], '', 204)), 'HTTP 204 No Content\n');
  assert.equal(renderMessage(message([], '', 599)), 'HTTP 599\n');
});

test('header fields hold no secret', () => {
  const shown = recordedHead({
    status: 401,
    fields: [
      ['Set-Cookie', 'sid=s3cret-session; Path=/; HttpOnly'], ['WWW-Authenticate', 'Digest nonce="s3cret-nonce"'], ['X-Auth-Token', 's3cret-token'], ['Authentication-Info', 's3cret-info'], ['X-GUploader-UploadID', 's3cret-upload'],
      ['Location', 'https://bucket.example/o?X-Amz-Signature=s3cret-sig&part=1'], ['Link', '<https://x.example/?token=s3cret-link&page=2>; rel="next"'], ['X-Contact', 'ada@example.com'],
    ],
    length: 7,
  }).toString();
  assert.doesNotMatch(shown, /s3cret|ada@/);
  assert.match(shown, /^HTTP 401 Unauthorized\r\nSet-Cookie: sid=\*; Path=\/; HttpOnly\r\nWWW-Authenticate: Digest \*\r\n[^]*part=1\r\n[^]*page=2[^]*Content-Length: 7\r\n\r\n$/);
});

test('a compressed body is read, also where its recording is cut', () => {
  const json = `{"list":[${'{"name":"a name of some length"},'.repeat(500)}0]}`;
  for (const [coding, compress] of [['gzip', gzipSync], ['br', brotliCompressSync], ['zstd', zstdCompressSync]] as const) {
    const whole = message([['Content-Type', 'application/json'], ['Content-Encoding', coding]], compress(json));
    assert.ok(renderMessage(whole).endsWith(`\n\n${json}\n`), coding);
    assert.doesNotThrow(() => renderMessage(whole.subarray(0, whole.length - 5)), coding);
  }
  const cut = message([['Content-Type', 'application/json'], ['Content-Encoding', 'gzip']], gzipSync(json, { level: 0 }));
  assert.ok(renderMessage(cut.subarray(0, 4000)).includes('{"list":[{"name"'));
});

test('bytes that are no text are counted', () => {
  assert.match(renderMessage(message([['Content-Type', 'image/png']], Buffer.from([1, 2, 3]))), /\n\n\[3 bytes of image\/png\]\n$/);
  assert.match(renderMessage(message([['Content-Type', 'text/plain']], Buffer.from([0xff, 0xfe, 0]))), /\n\n\[3 bytes of text\/plain\]\n$/);
  assert.match(renderMessage(message([['Content-Type', 'application/json'], ['Content-Encoding', 'constructor']], 'abc')), /\[3 bytes of application\/json, in constructor\]\n$/);
  assert.match(renderMessage(message([['Content-Type', 'application/json'], ['Content-Encoding', 'gzip']], 'no gzip')), /\[7 bytes of application\/json, in gzip\]\n$/);
});

test('a recording that is cut inside of a character is shown without it, and no bytes make it throw', () => {
  const whole = message([['Content-Type', 'text/plain']], 'Zoë');
  assert.ok(renderMessage(whole.subarray(0, whole.length - 1)).endsWith('\n\nZo\n'));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, headed) => {
    assert.equal(typeof renderMessage(headed ? message([['Content-Type', 'text/csv'], ['Content-Encoding', 'br']], Buffer.from(bytes)) : Buffer.from(bytes)), 'string');
  }));
});
