import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { WireError, type WireFault } from './errors.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

const faulty = (fault: WireFault) => (error: unknown) => error instanceof WireError && error.fault === fault;
const noNul = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));

/** One thing that can be written and read. */
const item = fc.oneof(
  fc.record({ as: fc.constant('uint8' as const), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ as: fc.constant('uint16' as const), value: fc.integer({ min: 0, max: 65535 }) }),
  fc.record({ as: fc.constant('int16' as const), value: fc.integer({ min: -32768, max: 32767 }) }),
  fc.record({ as: fc.constant('int32' as const), value: fc.integer({ min: -2147483648, max: 2147483647 }) }),
  fc.record({ as: fc.constant('uint32' as const), value: fc.integer({ min: 0, max: 4294967295 }) }),
  fc.record({ as: fc.constant('cstring' as const), value: noNul }),
  fc.record({ as: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)) }),
);

describe('reader and writer', () => {
  test('what is written is read', () => {
    fc.assert(
      fc.property(fc.array(item), fc.integer({ min: 1, max: 300 }), (items, initial) => {
        const out = new Writer(initial);
        for (const { as, value } of items) {
          if (as === 'bytes') out.bytes(value);
          else if (as === 'cstring') out.cstring(value);
          else if (as === 'uint8') out.uint8(value);
          else if (as === 'int16' || as === 'uint16') out.int16(value);
          else out.int32(value);
        }
        const reader = new Reader(out.finish());
        for (const { as, value } of items) assert.deepEqual(as === 'bytes' ? reader.bytes(value.length) : reader[as](), value);
        reader.end();
      }),
    );
  });
  test('nothing is read beyond the end', () => {
    const ways: ((reader: Reader) => unknown)[] = [(r) => r.uint8(), (r) => r.uint16(), (r) => r.int32(), (r) => r.bytes(1), (r) => r.cstring()];
    for (const way of ways) assert.throws(() => way(new Reader(Buffer.alloc(0))), faulty('truncated'));
    const behind = Buffer.from([1, 2, 3, 0, 5]);
    assert.throws(() => new Reader(behind.subarray(0, 3)).int32(), faulty('truncated'));
    assert.throws(() => new Reader(behind.subarray(0, 3)).cstring(), faulty('truncated'), 'the end of the text lies behind the message');
    assert.throws(() => new Reader(behind).bytes(-1), faulty('malformed'));
    assert.throws(() => new Reader(behind).bytes(2147483647), faulty('truncated'));
  });
  test('a failed read takes nothing', () => {
    const reader = new Reader(Buffer.from([1, 2]));
    assert.throws(() => reader.int32());
    assert.equal(reader.uint16(), 258);
  });
  test('nothing may be left', () => assert.throws(() => new Reader(Buffer.from([1])).end(), faulty('trailing')));
  test('text is strict', () => {
    for (const bytes of [[0xff, 0], [0xc0, 0x80, 0], [0xed, 0xa0, 0x80, 0], [0xe2, 0x82, 0]]) assert.throws(() => new Reader(Buffer.from(bytes)).cstring(), faulty('encoding'));
    assert.equal(new Reader(Buffer.from('\ufeffé\0')).cstring(), '\ufeffé', 'a byte order mark is text');
    assert.throws(() => new Writer().cstring('a\0b'), TypeError);
  });
  test('lengths are patched where they were reserved', () => {
    const out = new Writer(1).uint8(7);
    const place = out.reserve32();
    assert.deepEqual(out.utf8('abc').patchLength(place).finish(), Buffer.from([7, 0, 0, 0, 7, 0x61, 0x62, 0x63]));
  });
  test('what was handed over is never written again', () => {
    const out = new Writer(1024);
    const first = out.utf8('first').finish();
    const second = out.utf8('other').finish();
    assert.deepEqual([first.toString(), second.toString()], ['first', 'other']);
  });

  test('what lies behind the end of a message is not of it', () => {
    const memory = Buffer.from([1, 2, 0x41, 0x42, 0x43, 0, 9, 9]);
    assert.throws(() => new Reader(memory, 2, 5).cstring(), faulty('truncated'));
    assert.throws(() => new Reader(memory, 2, 5).cstringBytes(), faulty('truncated'));
    assert.throws(() => new Reader(memory, 2, 5).int32(), faulty('truncated'));
    assert.throws(() => new Reader(memory, 2, 5).bytes(4), faulty('truncated'));
    const reader = new Reader(memory, 2, 6);
    assert.equal(reader.remaining, 4);
    assert.equal(reader.cstring(), 'ABC');
    assert.equal(reader.rest().length, 0);
    reader.end();
    assert.throws(() => new Reader(memory, 2, 7).cstringBytes() && new Reader(memory, 6, 7).end(), faulty('trailing'));
    const long = Buffer.alloc(200, 0x61);
    long[150] = 0;
    assert.throws(() => new Reader(long, 0, 150).cstring(), faulty('truncated'));
    assert.equal(new Reader(long, 0, 151).cstring(), 'a'.repeat(150));
  });
});

test('a name reads as any text does, however often and after whatever others', () => {
  const alike = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b', '1', '_'), maxLength: 30 }), fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => !text.includes('\0') && text.isWellFormed()));
  fc.assert(
    fc.property(fc.array(alike, { maxLength: 20 }), (texts) => {
      const bytes = Buffer.from(texts.map((text) => `${text}\0`).join(''), 'utf8');
      const [named, plain] = [new Reader(bytes), new Reader(bytes)];
      for (const text of texts) {
        assert.equal(named.name(), text);
        assert.equal(plain.cstring(), text);
      }
      named.end();
    }),
    { numRuns: 300 },
  );
  for (const broken of [Buffer.from('abc'), Buffer.alloc(0), Buffer.from([0xff, 0])]) assert.throws(() => new Reader(broken).name(), WireError);
  // What lies behind the end of the message is no part of it.
  assert.throws(() => new Reader(Buffer.from('abc\0'), 0, 3).name(), WireError);
  assert.throws(() => new Reader(Buffer.from('\0'), 0, 0).name(), WireError);
});
