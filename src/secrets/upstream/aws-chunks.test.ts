import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChunkForm } from './aws-chunk-reader.ts';
import type { ChunkSeed } from './aws-chunk-signature.ts';
import { AwsChunkTransform, type ChunkWork } from './aws-chunk-transform.ts';
import { CHUNK_BYTES, chunkedLength } from './aws-chunk-writer.ts';
import { NotSignable } from './not-signable.ts';
import { scopeText, signatureOf, signingKey } from './sigv4.ts';

/** The two uploads of AWS's documentation: 65 KiB of `a` in two chunks. */
const SECRET = Buffer.from('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY');
const SCOPE = { day: '20130524', region: 'us-east-1', service: 's3' };
const TIME = '20130524T000000Z';
const DATA = Buffer.alloc(66_560, 'a');
const seed = (signature: string): ChunkSeed => ({ key: signingKey(SECRET, SCOPE), timestamp: TIME, scope: scopeText(SCOPE), signature });
const PLAIN_SEED = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
const TRAILER_SEED = '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e';
const published = (signatures: readonly string[], end: string): Buffer =>
  Buffer.concat([
    Buffer.from(`10000;chunk-signature=${signatures[0]}\r\n`), DATA.subarray(0, 65_536),
    Buffer.from(`\r\n400;chunk-signature=${signatures[1]}\r\n`), DATA.subarray(65_536),
    Buffer.from(`\r\n0;chunk-signature=${signatures[2]}\r\n${end}\r\n`),
  ]);
const PLAIN = published(['ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648', '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497', 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'], '');
const TRAILED = published(
  ['b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2', '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7', '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992'],
  'x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n',
);
const CRC = ['x-amz-checksum-crc32c'];
const FORM: ChunkForm = { signed: true, length: DATA.length };
const TRAILED_FORM: ChunkForm = { ...FORM, trailers: CRC };

/** What comes out of a transform for these pieces; rejects as the transform does. */
const through = async (work: ChunkWork, ...pieces: readonly Buffer[]): Promise<Buffer> => {
  const transform = new AwsChunkTransform(work);
  const out: Buffer[] = [];
  transform.on('data', (piece: Buffer) => out.push(piece));
  const ended = once(transform, 'end');
  for (const piece of pieces) transform.write(piece);
  transform.end();
  await ended;
  return Buffer.concat(out);
};
const refusedWith = (message: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof NotSignable, String(error));
  assert.match(error.message, message);
  return true;
};
const pieces = (whole: Buffer, cuts: readonly number[]): Buffer[] => {
  const at = [0, ...cuts.map((cut) => cut % (whole.length + 1)).toSorted((one, other) => one - other), whole.length];
  return at.slice(1).map((to, index) => whole.subarray(at[index], to));
};

test('plain data becomes exactly what AWS publishes', async () => {
  assert.equal(CHUNK_BYTES, 65_536);
  assert.deepEqual(await through({ from: { plain: DATA.length }, seed: seed(PLAIN_SEED) }, DATA), PLAIN);
  assert.equal(chunkedLength(DATA.length, true, undefined), PLAIN.length);
  assert.equal(PLAIN.length, 66_824);
});

test('the seeds are the signatures of the published heads', () => {
  const head = (name: string, words: string, more: readonly [string, string][]): string => {
    const headers: [string, string][] = [['host', 's3.amazonaws.com'], ['x-amz-date', TIME], ['x-amz-storage-class', 'REDUCED_REDUNDANCY'], ['x-amz-content-sha256', words], ['content-encoding', 'aws-chunked'], ['x-amz-decoded-content-length', '66560'], ...more];
    return signatureOf(signingKey(SECRET, SCOPE), TIME, scopeText(SCOPE), { method: 'PUT', path: `/examplebucket/${name}`, query: '', headers, signed: headers.map(([one]) => one).toSorted(), payload: words, service: 's3' });
  };
  assert.equal(head('chunkObject.txt', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', [['content-length', '66824']]), PLAIN_SEED);
  assert.equal(head('chunkObject.txt', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', [['x-amz-trailer', 'x-amz-checksum-crc32c']]), TRAILER_SEED);
});

test('the published bodies are verified, and written anew with another key, however they are cut', async () => {
  const other: ChunkSeed = { key: signingKey(Buffer.from('another key'), SCOPE), timestamp: TIME, scope: scopeText(SCOPE), signature: 'f'.repeat(64) };
  const fresh = (): ChunkSeed => ({ ...other, key: Buffer.from(other.key) });
  for (const [body, form, signature, trailers] of [[PLAIN, FORM, PLAIN_SEED, undefined], [TRAILED, TRAILED_FORM, TRAILER_SEED, CRC]] as const) {
    // The same key and seed give the same bytes again.
    assert.deepEqual(await through({ from: { form, seed: seed(signature) }, seed: seed(signature) }, body), body);
    const signed = await through({ from: { form, seed: seed(signature) }, seed: fresh() }, body);
    assert.notDeepEqual(signed, body);
    assert.equal(signed.length, chunkedLength(DATA.length, true, trailers));
    assert.deepEqual(await through({ from: { form, seed: fresh() }, seed: seed(signature) }, signed), body, 'and back');
    await fc.assert(fc.asyncProperty(fc.array(fc.nat(70_000), { maxLength: 12 }), async (cuts) => {
      assert.deepEqual(await through({ from: { form, seed: seed(signature) }, seed: fresh() }, ...pieces(body, cuts)), signed);
    }), { numRuns: 30 });
  }
});

const shortBody = (): { readonly body: Buffer; readonly form: ChunkForm } => ({
  body: Buffer.from('5\r\nhello\r\n7\r\n, world\r\n0\r\nx-amz-checksum-crc32: AAAAAA==\r\n\r\n'),
  form: { signed: false, trailers: ['x-amz-checksum-crc32'], length: 12 },
});

test('every single cut, and byte by byte, reads the same', async () => {
  const { body, form } = shortBody();
  const whole = await through({ from: { form } }, body);
  assert.equal(whole.toString(), 'c\r\nhello, world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n');
  assert.equal(whole.length, chunkedLength(12, false, form.trailers));
  for (let cut = 0; cut <= body.length; cut += 1) assert.deepEqual(await through({ from: { form } }, body.subarray(0, cut), body.subarray(cut)), whole);
  assert.deepEqual(await through({ from: { form } }, ...[...body].map((byte) => Buffer.of(byte))), whole);
});

test('an unsigned body is signed on its way where the target asks for it', async () => {
  const { body, form } = shortBody();
  const out = await through({ from: { form }, seed: seed(PLAIN_SEED) }, body);
  assert.equal(out.length, chunkedLength(12, true, form.trailers));
  assert.deepEqual(await through({ from: { form: { ...form, signed: true }, seed: seed(PLAIN_SEED) } }, out), await through({ from: { form } }, body), 'and what was signed verifies');
});

test('data of any size and any cuts comes out whole, in the length that was foretold', async () => {
  await fc.assert(fc.asyncProperty(fc.nat(3 * CHUNK_BYTES + 5), fc.array(fc.nat(4 * CHUNK_BYTES), { maxLength: 6 }), fc.boolean(), async (size, cuts, signed) => {
    const data = Buffer.alloc(size, 'abcdefghijk');
    const written = await through({ from: { plain: size }, ...(signed ? { seed: seed(PLAIN_SEED) } : {}) }, ...pieces(data, cuts));
    assert.equal(written.length, chunkedLength(size, signed, undefined));
    // Read by what AWS says of the form, not by our reader.
    const parts: Buffer[] = [];
    for (let at = 0; ; ) {
      const line = written.indexOf('\r\n', at);
      const length = Number.parseInt(written.toString('latin1', at, line), 16);
      if (length === 0) break;
      parts.push(written.subarray(line + 2, line + 2 + length));
      at = line + 2 + length + 2;
    }
    assert.ok(Buffer.concat(parts).equals(data));
  }), { numRuns: 40 });
});

test('one changed byte anywhere is refused, and the last chunk never goes out', async () => {
  for (const [body, form, signature] of [[PLAIN, FORM, PLAIN_SEED], [TRAILED, TRAILED_FORM, TRAILER_SEED]] as const) {
    await fc.assert(fc.asyncProperty(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const changed = Buffer.from(body);
      changed.writeUInt8(changed.readUInt8(at) ^ change, at);
      const transform = new AwsChunkTransform({ from: { form, seed: seed(signature) }, seed: seed('0'.repeat(64)) });
      let out = '';
      transform.on('data', (piece: Buffer) => { out += piece.toString('latin1'); });
      // Upper case in the name of a trailer says the same.
      const inName = ['x-amz-checksum-crc32c', 'x-amz-trailer-signature'].some((name) => body.includes(name) && at >= body.indexOf(name) && at < body.indexOf(name) + name.length);
      const same = inName && changed.toString('latin1').toLowerCase() === body.toString('latin1').toLowerCase();
      if (same) return;
      const ended = new Promise<unknown>((done) => { transform.on('error', done).on('end', () => done('it was taken')); });
      transform.end(changed);
      const error = await ended;
      assert.ok(error instanceof NotSignable, String(error));
      assert.ok(!out.includes('\r\n0;chunk-signature='));
    }), { numRuns: 60, examples: [[PLAIN.length - 1, 1], [0, 1], [100, 1], [body.length - 40, 1], [body.length - 100, 2]] });
  }
});

test('bodies that are not of the form are refused', async (t) => {
  const unsigned: ChunkForm = { signed: false, length: 5 };
  const trailed: ChunkForm = { signed: false, trailers: CRC };
  const signedLine = `;chunk-signature=${'0'.repeat(64)}`;
  const table: Readonly<Record<string, readonly [string, ChunkForm, RegExp]>> = {
    empty: ['', unsigned, /ends within its chunks/],
    'only data': ['hello', unsigned, /ends within its chunks/],
    'cut in the data': ['5\r\nhel', unsigned, /ends within its chunks/],
    'cut before the last line end': ['5\r\nhello\r\n0\r\n', unsigned, /ends within its chunks/],
    'no last chunk': ['5\r\nhello\r\n', unsigned, /ends within its chunks/],
    'line feeds alone': ['5\nhello\n0\n\n', unsigned, /does not end with CRLF/],
    'a size with a sign': ['+5\r\nhello\r\n0\r\n\r\n', unsigned, /does not begin as it must/],
    'a size with 0x': ['0x5\r\nhello\r\n0\r\n\r\n', unsigned, /does not begin as it must/],
    'a size with a space': ['5 \r\nhello\r\n0\r\n\r\n', unsigned, /does not begin as it must/],
    'a huge size': ['fffffffffffff\r\n', unsigned, /does not begin as it must/],
    'a chunk beyond the length': ['6\r\nhello!\r\n0\r\n\r\n', unsigned, /longer than x-amz-decoded/],
    'less than the length': ['4\r\nhell\r\n0\r\n\r\n', unsigned, /shorter than x-amz-decoded/],
    'a longer chunk than it says': ['5\r\nhello!\r\n0\r\n\r\n', unsigned, /longer than it says/],
    'an endless line': ['5'.repeat(600), unsigned, /too long/],
    'another extension': ['5;name=value\r\nhello\r\n0\r\n\r\n', unsigned, /does not begin as it must/],
    'a signature where there is none': [`5${signedLine}\r\nhello\r\n0${signedLine}\r\n\r\n`, unsigned, /does not begin as it must/],
    'no signature where there must be one': ['5\r\nhello\r\n0\r\n\r\n', { signed: true, length: 5 }, /does not begin as it must/],
    'bytes behind': ['5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n', unsigned, /bytes after/],
    'a trailer that was not announced': ['5\r\nhello\r\n0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n', unsigned, /not one that x-amz-trailer names/],
    'another trailer': ['0\r\nx-amz-acl:public-read\r\n\r\n', trailed, /not one that x-amz-trailer names/],
    'a trailer twice': ['0\r\nx-amz-checksum-crc32c:AAAAAA==\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n', trailed, /not one that x-amz-trailer names/],
    'a missing trailer': ['0\r\n\r\n', trailed, /names is missing/],
    'trailers without a signature': [`0${signedLine}\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n`, { ...trailed, signed: true }, /trailers are not signed/],
    'a signature of unsigned trailers': [`0\r\nx-amz-checksum-crc32c:AAAAAA==\r\nx-amz-trailer-signature:${'0'.repeat(64)}\r\n\r\n`, trailed, /not one that x-amz-trailer names/],
  };
  for (const [name, [body, form, message]] of Object.entries(table)) await t.test(name, () => assert.rejects(through({ from: { form } }, Buffer.from(body)), refusedWith(message)));
  await assert.rejects(through({ from: { plain: 5 } }, Buffer.from('hello!')), refusedWith(/longer than its length/));
  await assert.rejects(through({ from: { plain: 5 } }, Buffer.from('hell')), refusedWith(/shorter than its length/));
});

test('any bytes end or are refused', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom('5\r\n', '0\r\n', '\r\n', 'hello', '\r', '\n', ';chunk-signature=').map((text) => Buffer.from(text))), { maxLength: 12 }), async (parts) => {
    await through({ from: { form: { signed: false } } }, ...parts.map((part) => Buffer.from(part))).catch((error: unknown) => assert.ok(error instanceof NotSignable));
  }), { numRuns: 200 });
});

test('the keys are overwritten when the body has ended, well or not', async () => {
  const [client, target] = [seed(PLAIN_SEED), seed('0'.repeat(64))];
  const transform = new AwsChunkTransform({ from: { form: FORM, seed: client }, seed: target });
  transform.resume();
  transform.end(PLAIN);
  await once(transform, 'close');
  assert.ok([...client.key, ...target.key].every((byte) => byte === 0));
  const broken = new AwsChunkTransform({ from: { form: FORM }, seed: target });
  target.key.fill(1);
  broken.on('error', () => {});
  broken.destroy();
  await once(broken, 'close');
  assert.ok(target.key.every((byte) => byte === 0));
});

test('no more than a chunk is held', async () => {
  const transform = new AwsChunkTransform({ from: { plain: 64 * CHUNK_BYTES }, seed: seed(PLAIN_SEED) });
  let out = 0;
  transform.on('data', (piece: Buffer) => { out += piece.length; });
  for (let sent = 1; sent <= 64 * 8; sent += 1) {
    await new Promise((done) => transform.write(Buffer.alloc(CHUNK_BYTES / 8), done));
    assert.ok((sent * CHUNK_BYTES) / 8 - out < CHUNK_BYTES + CHUNK_BYTES / 8);
  }
  transform.end();
  await once(transform, 'end');
});
