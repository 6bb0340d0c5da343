import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { Echo, EchoValues } from './echo.ts';
import { messagesLookedThrough } from './message-echo.ts';
import { receivedOf } from './testdata/looked-through.ts';

const SECRET = 'only-the-gateway-knows-this';
const PACK: Readonly<Record<string, (bytes: Buffer) => Buffer>> = { gzip: gzipSync, deflate: deflateSync, zstd: zstdCompressSync };
const cut = (bytes: Buffer, step: number): Buffer[] => Array.from({ length: Math.ceil(bytes.length / step) }, (_, at) => bytes.subarray(at * step, (at + 1) * step));
const message = (bytes: Buffer, flags: number): Buffer => {
  const prefix = Buffer.from([flags, 0, 0, 0, 0]);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
};

const through = async (chunks: readonly Buffer[], coding: string): Promise<{ readonly got: Buffer; readonly refused: boolean; readonly found: number }> => {
  const echo = new Echo(new EchoValues([Buffer.from(SECRET)]));
  const looked = messagesLookedThrough(Readable.from(chunks, { objectMode: false }), [['grpc-encoding', coding]], echo);
  assert.ok(looked);
  const received = await receivedOf(looked);
  return { ...received, found: echo.found };
};

test('messages pass byte for byte, however they are cut, but for a compressed one with the credential in it', async () => {
  const one = fc.record({ text: fc.string({ maxLength: 300 }), packed: fc.boolean(), holds: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(PACK)), fc.array(one, { maxLength: 6 }), fc.integer({ min: 1, max: 80 }), async (coding, messages, step) => {
      const pack = PACK[coding] as (bytes: Buffer) => Buffer;
      const body = Buffer.concat(messages.map(({ text, packed, holds }) => {
        const bytes = Buffer.from(holds ? `${text}${SECRET}` : text);
        return message(packed ? pack(bytes) : bytes, packed ? 1 : 0);
      }));
      const bad = messages.some(({ packed, holds }) => packed && holds);
      const { got, refused, found } = await through(cut(body, step), coding);
      assert.deepEqual([refused, found], [bad, bad ? 1 : 0]);
      if (!bad) assert.deepEqual(got, body);
    }),
    { numRuns: 150 },
  );
});

test('one that is called compressed and is not, an empty one, and one that breaks off, pass; without the credential', async () => {
  const plain = await through(cut(Buffer.concat([message(Buffer.from(`not packed ${SECRET}`), 1), message(Buffer.alloc(0), 1), message(gzipSync('x'), 0x81)]), 7), 'gzip');
  assert.equal(plain.refused, false);
  assert.ok(!plain.got.includes(SECRET));
  assert.ok(plain.got.includes('*'.repeat(SECRET.length)));
  const half = message(gzipSync('x'.repeat(1_000)), 1).subarray(0, -3);
  assert.deepEqual((await through([half], 'gzip')).got, half);
  assert.deepEqual((await through([Buffer.from([1, 0])], 'gzip')).got, Buffer.from([1, 0]));
});

test('few bytes that unpack to very much, message by message, are not looked at for ever, and not given', { timeout: 60_000 }, async () => {
  const bomb = message(gzipSync(Buffer.alloc(8 * 1024 * 1024)), 1);
  const { got, refused } = await through(Array.from({ length: 100 }, () => bomb), 'gzip');
  assert.ok(refused && got.length < 4 * bomb.length, `${got.length} bytes of ${bomb.length} each`);
  // Much that is packed as much is may be.
  const page = message(gzipSync(Buffer.from(Array.from({ length: 80_000 }, (_, line) => `line ${line}`).join('\n'))), 1);
  const honest = await through(Array.from({ length: 30 }, () => page), 'gzip');
  assert.deepEqual([honest.refused, honest.got.length], [false, 30 * page.length]);
});

test('messages in no coding, in one that is not understood, and in two, are not unpacked', () => {
  for (const fields of [[], [['grpc-encoding', 'identity']], [['grpc-encoding', 'snappy']], [['grpc-encoding', 'gzip'], ['grpc-encoding', 'gzip']]] as const) assert.equal(messagesLookedThrough(Readable.from([]), fields, new Echo(new EchoValues([]))), undefined);
});
