import assert from 'node:assert/strict';
import { Readable, Transform } from 'node:stream';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { Echo, EchoValues } from './echo.ts';
import { lookedThrough, PackedLook } from './packed-echo.ts';
import { receivedOf } from './testdata/looked-through.ts';

const SECRET = 'only-the-gateway-knows-this';
const PACK: Readonly<Record<string, (bytes: Buffer) => Buffer>> = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync };
const cut = (bytes: Buffer, step: number): Buffer[] => Array.from({ length: Math.ceil(bytes.length / step) }, (_, at) => bytes.subarray(at * step, (at + 1) * step));

/** What a client gets, and whether it was refused. */
const through = async (chunks: readonly Buffer[], coding: string, echo = new Echo(new EchoValues([Buffer.from(SECRET)]))): Promise<{ readonly got: Buffer; readonly refused: boolean; readonly found: number }> => {
  const looked = lookedThrough(Readable.from(chunks, { objectMode: false }), [['Content-Encoding', coding]], echo);
  assert.ok(looked);
  const received = await receivedOf(looked);
  return { ...received, found: echo.found };
};

test('what holds the credential is not given, in whatever coding and pieces; what does not passes byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(PACK)), fc.integer({ min: 1, max: 60 }), fc.string({ maxLength: 3_000 }), fc.boolean(), async (coding, step, around, holds) => {
      const pack = PACK[coding] as (bytes: Buffer) => Buffer;
      const packed = pack(Buffer.from(`${around}${holds ? SECRET : `${SECRET.slice(0, -1)}#`}${around}`));
      const { got, refused, found } = await through(cut(packed, step), coding);
      assert.deepEqual([refused, found], [holds, holds ? 1 : 0]);
      if (!holds) assert.deepEqual(got, packed);
    }),
    { numRuns: 60 },
  );
});

test('of the credential nothing is given before all of it is seen, where it is flushed in two halves', async () => {
  const members = [gzipSync(`begin ${SECRET.slice(0, 20)}`), gzipSync(`${SECRET.slice(20)} end`)];
  const { got, refused } = await through(members, 'gzip');
  assert.deepEqual([refused, got.length], [true, 0]);
});

test('a body that is called packed and is not, or not to its end, is looked through as it is', async () => {
  const plain = await through(cut(Buffer.from(`here it is: ${SECRET}, and more`), 5), 'gzip');
  assert.deepEqual([plain.refused, plain.got.toString()], [false, `here it is: ${'*'.repeat(SECRET.length)}, and more`]);
  const spoiled = gzipSync(Buffer.from('x'.repeat(5_000)));
  spoiled.fill(0xff, 20);
  const rest = Buffer.from(` ${SECRET}`);
  assert.ok(!(await through([spoiled, rest], 'gzip')).got.includes(SECRET));
  const short = gzipSync(Buffer.from('x'.repeat(5_000))).subarray(0, -4);
  assert.deepEqual((await through([short], 'gzip')).got, short);
  assert.deepEqual((await through([], 'br')).got, Buffer.alloc(0));
});

test('what stood in header fields before does not count, and very much is looked through in part', async () => {
  const echo = new Echo(new EchoValues([Buffer.from(SECRET)]));
  echo.fields([['X-Shown', SECRET]]);
  assert.equal((await through([gzipSync('nothing')], 'gzip', echo)).refused, false);
  const large = gzipSync(Buffer.concat([Buffer.alloc(40 * 1024 * 1024, 'z'), Buffer.from('the end')]));
  assert.deepEqual((await through(cut(large, 1_000), 'gzip')).got, large);
});

test('of what unpacks to more than is looked at, no more is unpacked, within one chunk either', async () => {
  // A few bytes of Brotli are hours of zeros. These are 256 MiB.
  let unpacked = 0;
  const decoder = new Transform({
    transform(_, __, then) {
      const more = (): void => {
        if (this.destroyed || (unpacked += 1) > 4_096) return then();
        this.push(Buffer.alloc(64 * 1024));
        setImmediate(more);
      };
      more();
    },
  });
  const look = Readable.from([Buffer.from('few')], { objectMode: false }).pipe(new PackedLook(decoder, new Echo(new EchoValues([Buffer.from(SECRET)]))));
  const { got, refused } = await receivedOf(look);
  assert.deepEqual([refused, got.toString()], [false, 'few']);
  assert.ok(unpacked < 400, `${unpacked} pieces of 64 KiB`);
});

test('a coding that is not understood, and several, are not unpacked; `identity` in a list is none', () => {
  for (const coding of ['deflate', 'gzip, br', '', 'identity', 'utf-8']) assert.equal(lookedThrough(Readable.from([]), [['Content-Encoding', coding]], new Echo(new EchoValues([]))), undefined);
  for (const coding of ['identity, gzip', 'gzip,', ' GZIP , identity']) assert.ok(lookedThrough(Readable.from([]), [['Content-Encoding', coding]], new Echo(new EchoValues([]))), coding);
});
