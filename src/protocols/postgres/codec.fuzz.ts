import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../../test/kit/campaign.ts';
import { WireError } from '../../wire/errors.ts';
import type { FrameParser } from '../../wire/framing.ts';
import { Backend, Frontend } from './codes.ts';
import { decodeBackend, decodeFrontend } from './decode.ts';
import { backendFrames, Frame, frontendFrames } from './frames.ts';
import { renderAnswer } from './render.ts';
import { decodeStartup } from './startup.ts';

const LIMIT = 1024 * 1024;

/** Everything the parser gives for `chunks`, or the fault that it died of. */
const frames = (parser: FrameParser, chunks: readonly Buffer[], decode: (frame: Frame) => unknown): string[] => {
  const seen: string[] = [];
  try {
    for (const chunk of chunks) {
      parser.push(chunk);
      for (let event = parser.next(); event; event = parser.next()) {
        if (event instanceof Frame) seen.push(JSON.stringify(decode(event)));
      }
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    seen.push(`fault ${error.fault}`);
  }
  return seen;
};

interface Golden {
  readonly hex: string;
}
const goldens = JSON.parse(readFileSync(new URL('./testdata/goldens.json', import.meta.url), 'utf8')) as Record<string, unknown>;
const hexOf = (value: unknown): string[] => {
  if (typeof value === 'string') return /^([0-9a-f]{2}){5,}$/.test(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return 'hex' in value ? [(value as Golden).hex] : Object.values(value).flatMap(hexOf);
};
const captured = hexOf(goldens).map((hex) => Buffer.from(hex, 'hex'));

/** Real messages with bytes changed, cut, or put in: what a fuzzer finds in them is closer to trouble than noise is. */
const mutated = fc
  .tuple(fc.array(fc.constantFrom(...captured), { minLength: 1, maxLength: 6 }), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'cut', 'insert')), { maxLength: 6 }))
  .map(([messages, changes]) => {
    let bytes = Buffer.concat(messages);
    for (const [place, value, how] of changes) {
      const at = bytes.length === 0 ? 0 : place % bytes.length;
      if (how === 'set') bytes[at] = value;
      else if (how === 'cut') bytes = bytes.subarray(0, at);
      else bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([value]), bytes.subarray(at)]);
    }
    return bytes;
  });

const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...at, bytes.length].map((end, index) => Buffer.from(bytes.subarray(index === 0 ? 0 : (at[index - 1] ?? 0), end)));
};

test('there are captured messages to start from', () => assert.ok(captured.length > 20, `${captured.length} messages`));

for (const [direction, parser, decode] of [
  ['frontend', frontendFrames, decodeFrontend],
  ['backend', backendFrames, decodeBackend],
] as const) {
  test(`${direction}: changed messages, cut anywhere, give the same messages or the same fault`, () =>
    campaign(
      fc.property(mutated, fc.array(fc.nat(), { maxLength: 8 }), (bytes, places) => {
        const whole = frames(parser(LIMIT), [bytes], decode);
        assert.deepEqual(frames(parser(LIMIT), cut(bytes, places), decode), whole);
      }),
    ));
  test(`${direction}: noise never throws anything but WireError`, () =>
    campaign(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void frames(parser(LIMIT), [Buffer.from(bytes)], decode))));
}

/** One message of a type that exists, with counts and texts as they may come from anybody. */
const bodyPart = fc.oneof(
  fc.constantFrom(...['0000', '0001', '0003', 'ffff', '7fff', '00000000', '00000004', 'ffffffff', '7fffffff', '80000000', '00', '53', '4d', '43'].map((hex) => Buffer.from(hex, 'hex'))),
  fc.string({ maxLength: 12 }).map((text) => Buffer.from(`${text}\0`)),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
);
for (const [direction, parser, decode, types] of [
  ['frontend', frontendFrames, decodeFrontend, Object.values(Frontend)],
  ['backend', backendFrames, decodeBackend, Object.values(Backend)],
] as const) {
  test(`${direction}: any body of any type is a message or a WireError`, () =>
    campaign(
      fc.property(fc.constantFrom<number>(...types), fc.array(bodyPart, { maxLength: 10 }), (type, parts) => {
        const body = Buffer.concat(parts);
        const head = Buffer.from([type, 0, 0, 0, 0]);
        head.writeInt32BE(body.length + 4, 1);
        const seen = frames(parser(LIMIT), [Buffer.concat([head, body])], decode);
        assert.equal(seen.length, 1);
      }),
    ));
}

test('startup packets: noise never throws anything but WireError', () =>
  campaign(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      try {
        decodeStartup(Buffer.from(bytes));
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    }),
  ));

test('recorded answers are always worded', () => campaign(fc.property(mutated, (bytes) => typeof renderAnswer(bytes) === 'string')));
