import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import * as zlib from 'node:zlib';
import type { MaskConfig } from '../../config/resolved.ts';
import { compileMasks } from '../../masking/compile.ts';
import { ProtectionMemory } from '../../masking/protection-memory.ts';
import { streamOf } from './exchange.ts';
import type { RequestHead } from './head.ts';
import { readHead } from './head.ts';
import { AnswerWithheld, asksForPart, maskedAnswer, requestUnderMasks, type MaskedAnswer } from './mask.ts';

const MASK: MaskConfig = { name: 'p/1', columns: [], detect: [], fields: ['ssn'], otherwise: 'refuse', mode: 'strict', transform: 'redact', origin: { file: 'w.yaml', line: 1 } };
const masks = compileMasks([MASK], { hash: Buffer.alloc(32, 1) }, new ProtectionMemory(undefined).of('api'), () => {});
const none = compileMasks([], { hash: Buffer.alloc(32, 1) }, new ProtectionMemory(undefined).of('api'), () => {});
const BODY = Buffer.from(JSON.stringify(Array.from({ length: 5_000 }, (_, id) => ({ id, ssn: '123-45-6789' }))));
const get = (...fields: string[]): RequestHead => readHead({ method: 'GET', url: '/', version: '1.1', rawHeaders: ['Host', 'a', ...fields] }, { tls: true }) as RequestHead;

const answer = (bytes: Uint8Array, fields: readonly (readonly [string, string])[], status = 200): Parameters<typeof maskedAnswer>[0] => {
  // In pieces that end anywhere.
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 997) pieces.push(bytes.subarray(at, at + 997));
  return { status, fields, body: Readable.from(pieces, { objectMode: false }), length: bytes.length };
};
const masked = (given: ReturnType<typeof maskedAnswer>): MaskedAnswer => (given && 'body' in given ? given : assert.fail(JSON.stringify(given)));
const all = async (body: MaskedAnswer['body']): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of streamOf(body)) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
};

describe('masked answers', () => {
  const codings = {
    gzip: [zlib.gzipSync, zlib.gunzipSync],
    br: [zlib.brotliCompressSync, zlib.brotliDecompressSync],
    zstd: [zlib.zstdCompressSync, zlib.zstdDecompressSync],
  } as const;
  for (const [name, [pack, unpack]] of Object.entries(codings)) {
    test(`in ${name} are decoded, masked and encoded again`, async () => {
      const given = masked(maskedAnswer(answer(pack(BODY), [['Content-Type', 'application/json'], ['Content-Encoding', name], ['Content-Length', '1'], ['ETag', '"a"'], ['Digest', 'x'], ['Accept-Ranges', 'bytes']]), get(), masks));
      const text = unpack(await all(given.body)).toString();
      assert.equal((JSON.parse(text) as unknown[]).length, 5_000);
      assert.ok(!text.includes('123-45'));
      assert.deepEqual(given.fields, [['Content-Type', 'application/json'], ['Content-Encoding', name], ['ETag', 'W/"a"'], ['Accept-Ranges', 'none']]);
      assert.deepEqual(given.masked(), { 'p/1': 5_000 });
    });
  }
  for (const [name, pack, unpack] of [['gzip', zlib.createGzip, zlib.createGunzip], ['br', zlib.createBrotliCompress, zlib.createBrotliDecompress], ['zstd', zlib.createZstdCompress, zlib.createZstdDecompress]] as const) {
    test(`that go on for long come in ${name} as they are sent`, async () => {
      const target = pack();
      const given = masked(maskedAnswer({ status: 200, fields: [['Content-Type', 'application/x-ndjson'], ['Content-Encoding', name]], body: target, length: undefined }, get(), masks));
      const client = streamOf(given.body).pipe(unpack());
      for (const id of [1, 2, 3]) {
        target.write(`{"id":${id},"ssn":"123-45-6789"}\n`);
        target.flush();
        const [line] = (await once(client, 'data')) as [Buffer];
        assert.equal(line.toString(), `{"id":${id},"ssn":"***"}\n`);
      }
      target.end();
      await once(client.resume(), 'end');
    });
  }
  test('that nothing concerns pass as they are', () => {
    assert.equal(maskedAnswer(answer(BODY, [['Content-Type', 'application/json']]), get(), none), undefined);
  });
  test('that are parts, or in a coding that is not understood, are withheld', () => {
    for (const [fields, status] of [[[['Content-Type', 'application/json'], ['Content-Range', 'bytes 0-1/2']], 206], [[['Content-Type', 'application/json'], ['Content-Encoding', 'deflate']], 200], [[['Content-Type', 'application/json'], ['Content-Encoding', 'gzip'], ['Content-Encoding', 'br']], 200], [[['Content-Type', 'application/json'], ['Content-Encoding', 'constructor']], 200], [[['Content-Type', 'application/json'], ['Content-Encoding', '__proto__']], 200], [[['Content-Type', 'application/octet-stream']], 200], [[], 200]] as const) {
      assert.ok('withheld' in (maskedAnswer(answer(BODY, fields, status), get(), masks) ?? {}), JSON.stringify(fields));
    }
  });
  test('that are parts, or in such a coding, become what the mask says: nothing of them, or all', async () => {
    const odd = [[[['Content-Type', 'application/json'], ['Content-Range', 'bytes 0-9/99'], ['Content-Encoding', 'gzip']], 206], [[['Content-Type', 'application/json'], ['Content-Encoding', 'deflate']], 200]] as const;
    const compile = (otherwise: 'redact' | 'pass'): typeof masks => compileMasks([{ ...MASK, otherwise }], { hash: Buffer.alloc(32, 1) }, new ProtectionMemory(undefined).of('api'), () => {});
    for (const [fields, status] of odd) {
      assert.equal(maskedAnswer(answer(BODY, fields, status), get(), compile('pass')), undefined);
      const redacted = masked(maskedAnswer(answer(BODY, fields, status), get(), compile('redact')));
      assert.equal((await all(redacted.body)).toString(), 'null');
      assert.deepEqual(redacted.fields, [['Content-Type', 'application/json']]);
    }
  });
  test('that are parts which the client asked for are withheld, whatever the mask lets pass, where it would be for the whole', async () => {
    const pass = compileMasks([{ ...MASK, otherwise: 'pass' }], { hash: Buffer.alloc(32, 1) }, new ProtectionMemory(undefined).of('api'), () => {});
    const part = (type: string) => answer(BODY, [['Content-Type', type], ['Content-Range', 'bytes 0-9/99']], 206);
    assert.ok('withheld' in (maskedAnswer(part('application/json'), get(), pass, undefined, true) ?? {}));
    assert.equal(maskedAnswer(part('application/octet-stream'), get(), pass, undefined, true), undefined);
    assert.ok('withheld' in (maskedAnswer(part('application/octet-stream'), get(), masks, undefined, true) ?? {}));
  });
  test('that cannot be decoded, are cut short, or grow too much end with an error', async () => {
    const json = [['Content-Type', 'application/json'], ['Content-Encoding', 'gzip']] as const;
    const bomb = zlib.gzipSync(Buffer.concat([Buffer.from('["'), Buffer.alloc(64 * 1024 * 1024, 'a'), Buffer.from('"]')]));
    for (const bytes of [BODY, zlib.gzipSync(BODY).subarray(0, -20), bomb]) {
      await assert.rejects(all(masked(maskedAnswer(answer(bytes, json), get(), masks)).body), AnswerWithheld);
    }
  });
  test('HEAD says nothing that is not true of the masked answer', () => {
    const head = readHead({ method: 'HEAD', url: '/', version: '1.1', rawHeaders: ['Host', 'a'] }, { tls: true }) as RequestHead;
    const given = masked(maskedAnswer(answer(Buffer.alloc(0), [['Content-Type', 'application/json'], ['Content-Length', '99'], ['ETag', '"a"']]), head, masks));
    assert.deepEqual(given.fields, [['Content-Type', 'application/json'], ['ETag', 'W/"a"']]);
  });
});

test('a part is asked for by a field, or by the number that it was uploaded under', () => {
  for (const [path, ...headers] of [['/k', ['Range', 'bytes=0-1']], ['/k', ['X-MS-Range', 'bytes=0-1']], ['/k', ['Request-Range', 'bytes=0-1']], ['/k?partNumber=1'], ['/k?x-id=GetObject&PartNumber=1']] as readonly (readonly [string, ...[string, string][]])[]) {
    assert.ok(asksForPart({ path, headers }), path);
  }
  assert.ok(!asksForPart({ path: '/partNumber=1?thepartNumber=1', headers: [['Accept', 'x']] }));
});

test('the target is asked for whole bodies in codings that are understood', () => {
  assert.deepEqual(requestUnderMasks(get('Accept-Encoding', 'deflate, gzip;q=0.5, BR, *'), masks).added, [['Accept-Encoding', 'gzip;q=0.5, br']]);
  assert.deepEqual(requestUnderMasks(get('Accept-Encoding', 'deflate'), masks).added, [['Accept-Encoding', 'identity']]);
  assert.ok(requestUnderMasks(get('Range', 'bytes=0-1'), masks).without.has('range'));
  assert.ok(requestUnderMasks(get('x-ms-range', 'bytes=0-1'), masks).without.has('x-ms-range'));
  assert.deepEqual(requestUnderMasks(get('Accept-Encoding', 'constructor'), masks).added, [['Accept-Encoding', 'identity']]);
  assert.equal(requestUnderMasks(get('Range', 'bytes=0-1'), none).without.size, 0);
  const call = requestUnderMasks(get('grpc-accept-encoding', 'identity,deflate,snappy,gzip'), none);
  assert.deepEqual([call.added, [...call.without]], [[['Grpc-Accept-Encoding', 'identity, deflate, gzip']], ['grpc-accept-encoding']]);
});
