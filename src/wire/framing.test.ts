import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { WireError, type WireFault } from './errors.ts';
import { Frame, FrameParser, type Run } from './framing.ts';

/** A header of one type byte and a length of two, body only. Types above 0x7f do not exist; bodies above 40,000 are refused. */
class Toy extends FrameParser {
  constructor() {
    super(3);
  }
  protected override typeAt(bytes: Buffer, at: number): number {
    return bytes[at] as number;
  }
  protected override sizeAt(bytes: Buffer, at: number, streamed: boolean): number {
    if ((bytes[at] as number) > 0x7f) throw new WireError('unknown_type', 'unknown');
    const length = bytes.readUInt16BE(at + 1);
    if (length > 40_000 && !streamed) throw new WireError('too_large', 'large');
    return 3 + length;
  }
}

const message = (type: number, body: Uint8Array): Buffer => {
  const head = Buffer.from([type, 0, 0]);
  head.writeUInt16BE(body.length, 1);
  return Buffer.concat([head, body]);
};
const drain = (parser: FrameParser): (Frame | Run)[] => {
  const events: (Frame | Run)[] = [];
  for (let event = parser.next(); event !== undefined; event = parser.next()) events.push(event);
  return events;
};
const faulty = (fault: WireFault) => (error: unknown) => error instanceof WireError && error.fault === fault;

/** Messages of types 1 to 3 and the places where their bytes are cut. */
const stream = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.uint8Array({ maxLength: 12 })), { maxLength: 12 })
  .map((list) => list.map(([type, body]) => message(type, body)));
const cuts = fc.array(fc.nat(200), { maxLength: 12 });
const cutUp = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const places = [0, ...at.filter((place) => place < bytes.length), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
};

describe('a frame parser', () => {
  test('gives the same messages however the bytes are cut, and may lose the chunk afterwards', () => {
    fc.assert(
      fc.property(stream, cuts, (messages, at) => {
        const parser = new Toy();
        const seen: Buffer[] = [];
        for (const piece of cutUp(Buffer.concat(messages), at)) {
          const chunk = Buffer.from(piece);
          parser.push(chunk);
          for (const event of drain(parser)) {
            assert.ok(event instanceof Frame);
            assert.equal(event.type, event.bytes[0]);
            assert.deepEqual(event.body, event.bytes.subarray(3));
            seen.push(Buffer.from(event.bytes));
          }
          chunk.fill(0xee);
        }
        assert.deepEqual(seen, messages);
      }),
      { numRuns: 2000 },
    );
  });
  test('gives whole messages of a type many at once when told to: the same messages, however the bytes are cut', () => {
    fc.assert(
      fc.property(stream, cuts, fc.subarray([1, 2, 3]), (messages, at, together) => {
        const parser = new Toy();
        for (const type of together) parser.stream(type, 'whole');
        const seen: Buffer[] = [];
        for (const piece of cutUp(Buffer.concat(messages), at)) {
          const chunk = Buffer.from(piece);
          parser.push(chunk);
          let before: number | undefined;
          for (const event of drain(parser)) {
            const frames = new Toy();
            frames.push(Buffer.from(event.bytes));
            const inside = drain(frames);
            assert.equal(frames.next(), undefined);
            assert.equal(Buffer.concat(inside.map(({ bytes }) => bytes)).length, event.bytes.length, 'nothing but whole messages');
            assert.ok(inside.every(({ type }) => type === event.type));
            if (!(event instanceof Frame)) {
              assert.deepEqual([event.completed, event.lead, event.open], [inside.length, 0, false]);
              assert.ok(together.includes(event.type) && before !== event.type, 'as many as there are');
              before = event.type;
            } else before = undefined;
            seen.push(...inside.map(({ bytes }) => Buffer.from(bytes)));
          }
          chunk.fill(0xee);
        }
        assert.deepEqual(seen, messages);
      }),
      { numRuns: 2000 },
    );
  });
  test('whole messages in runs have the limits of frames', () => {
    const parser = new Toy();
    parser.stream(1, 'whole');
    parser.push(Buffer.concat([message(1, Buffer.from('a')), Buffer.from([1, 0xff, 0xff])]));
    assert.throws(() => parser.next(), faulty('too_large'));
  });
  test('streams the types that it is told to: all bytes in order, right counts, whatever the cuts', () => {
    fc.assert(
      fc.property(stream, cuts, fc.subarray([1, 2, 3]), (messages, at, streamed) => {
        const parser = new Toy();
        for (const type of streamed) parser.stream(type, true);
        const out: Buffer[] = [];
        const completed = new Map<number, number>();
        let open: number | undefined;
        for (const piece of cutUp(Buffer.concat(messages), at)) {
          const chunk = Buffer.from(piece);
          parser.push(chunk);
          for (let event = parser.next(); event !== undefined; event = parser.next()) {
            assert.equal(event.kind === 'run', streamed.includes(event.type));
            assert.ok(event.bytes.length > 0);
            out.push(Buffer.from(event.bytes));
            if (event.kind === 'frame') {
              assert.equal(open, undefined, 'a frame in the middle of a run');
              completed.set(event.type, (completed.get(event.type) ?? 0) + 1);
              continue;
            }
            if (open === undefined) assert.equal(event.lead, 0);
            else assert.equal(event.type, open);
            assert.equal(event.lead > 0, open !== undefined);
            completed.set(event.type, (completed.get(event.type) ?? 0) + event.completed);
            open = event.open ? event.type : undefined;
          }
          chunk.fill(0xee);
        }
        assert.deepEqual(Buffer.concat(out), Buffer.concat(messages));
        for (const type of [1, 2, 3]) assert.equal(completed.get(type) ?? 0, messages.filter((m) => m[0] === type).length);
        assert.equal(open, undefined);
      }),
      { numRuns: 3000 },
    );
  });
  test('what a run begins with and how many it completes leads to each boundary', () => {
    const parser = new Toy();
    parser.stream(1, true);
    const body = Buffer.alloc(10);
    const bytes = Buffer.concat([message(1, body), message(1, body), message(1, body), message(2, body)]);
    parser.push(bytes.subarray(0, 20));
    const [first] = drain(parser) as Run[];
    assert.deepEqual([first?.lead, first?.completed, first?.open, first?.bytes.length], [0, 1, true, 20]);
    parser.push(bytes.subarray(20));
    const [second, third] = drain(parser) as Run[];
    assert.deepEqual([second?.lead, second?.completed, second?.open, second?.bytes.length], [6, 2, false, 19]);
    assert.equal(third?.kind, 'frame');
  });
  test('a choice about streaming holds from the next message on', () => {
    const parser = new Toy();
    parser.stream(1, true);
    parser.push(Buffer.concat([message(1, Buffer.from('ab')), message(2, Buffer.alloc(0)), message(1, Buffer.from('cd')), message(1, Buffer.from('ef')).subarray(0, 4)]));
    assert.equal(parser.next()?.kind, 'run');
    assert.equal(parser.next()?.kind, 'frame');
    parser.stream(1, false);
    assert.equal(parser.next()?.kind, 'frame');
    assert.equal(parser.next(), undefined);
    parser.stream(1, true);
    parser.push(Buffer.from('f'));
    assert.equal(parser.next()?.kind, 'frame', 'it was being gathered already');
    parser.push(message(1, Buffer.from('gh')).subarray(0, 4));
    assert.equal(parser.next()?.kind, 'run');
    parser.stream(1, false);
    parser.push(Buffer.concat([Buffer.from('h'), message(1, Buffer.from('ij'))]));
    assert.equal(parser.next()?.kind, 'run', 'the rest of what was being streamed');
    assert.equal(parser.next()?.kind, 'frame');
  });
  test('more may be pushed before everything was taken', () => {
    const parser = new Toy();
    parser.push(Buffer.concat([message(1, Buffer.from('a')), message(1, Buffer.from('b')).subarray(0, 2)]));
    parser.push(message(1, Buffer.from('b')).subarray(2));
    assert.deepEqual(drain(parser).map((event) => (event as Frame).body.toString()), ['a', 'b']);
  });
  test('whole messages are views, not copies', () => {
    const parser = new Toy();
    const bytes = Buffer.concat([message(1, Buffer.from('a')), message(2, Buffer.from('b'))]);
    parser.push(bytes);
    for (const event of drain(parser)) assert.equal(event.bytes.buffer, bytes.buffer);
  });
  test('is dead after a fault', () => {
    for (const [bytes, fault] of [[Buffer.from([0x80, 0, 0]), 'unknown_type'], [Buffer.from([1, 0xff, 0xff]), 'too_large']] as const) {
      for (const split of [false, true]) {
        const parser = new Toy();
        if (split) {
          parser.push(bytes.subarray(0, 1));
          assert.equal(parser.next(), undefined);
          parser.push(bytes.subarray(1));
        } else parser.push(bytes);
        assert.throws(() => parser.next(), faulty(fault), 'judged with the header alone');
        assert.throws(() => parser.next(), faulty('dead'));
        assert.throws(() => parser.push(message(1, Buffer.alloc(0))), faulty('dead'));
      }
    }
  });
  test('messages before a fault are given', () => {
    const parser = new Toy();
    parser.push(Buffer.concat([message(1, Buffer.from('a')), Buffer.from([0x80, 0, 0])]));
    assert.equal(parser.next()?.kind, 'frame');
    assert.throws(() => parser.next(), faulty('unknown_type'));
  });
  test('a declared length takes no memory before its bytes are there', () => {
    const before = process.memoryUsage().arrayBuffers;
    const parsers = Array.from({ length: 1000 }, () => new Toy());
    for (const parser of parsers) {
      parser.push(Buffer.from([1, 0x9c, 0x40, 0]));
      assert.equal(parser.next(), undefined);
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 30_000_000, 'declared were 40 MB');
  });
  test('random bytes end in WireError only', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), fc.constantFrom<boolean | 'whole'>(true, false, 'whole'), (pieces, streamed) => {
        const parser = new Toy();
        parser.stream(1, streamed);
        try {
          for (const piece of pieces) {
            parser.push(Buffer.from(piece));
            drain(parser);
          }
        } catch (error) {
          assert.ok(error instanceof WireError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
