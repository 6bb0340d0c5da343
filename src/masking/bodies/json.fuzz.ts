import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../../test/kit/campaign.ts';
import type { TransformConfig } from '../../config/resolved.ts';
import { BodyNotMasked } from './not-masked.ts';
import { isJson } from './json-looks.ts';
import { bodyMasks, maskedBy } from './testdata/bodies.ts';
import { referenceMasked } from './testdata/reference.ts';

const json = { mediaType: 'application/json' };
const names = ['ssn', 'a', 'b', 'card', 'x_token', 'password', 'é', 'odd.name', '', '__x', 'private_key'];
const patterns = ['ssn', '*_token', 'pass*', '*', '$.a', '$.a.b', '$.a[*]', '$..ssn', '$.*.ssn', '$["odd.name"]', '$.a..b', '$[*].ssn', '$..a..b', 'é', '$.a[*].b', '*a*s*'];
const transforms: readonly TransformConfig[] = ['redact', 'null', 'hash', { partial: 2 }, { fixed: 'gone "for" good' }];

const rules = fc.array(fc.record({ pattern: fc.constantFrom(...patterns), transform: fc.constantFrom(...transforms) }), { minLength: 1, maxLength: 4 });
const text = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 8 }), fc.constantFrom('4111111111111111', 'ada@example.com', '123-45-6789', '\\"\n\u0000\u2028', '😀😀😀', 'trailing   '));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 6, withCrossShrink: true }, fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.boolean(), fc.constant(null)), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: text }), tie('value'), { maxKeys: 5 })),
}));
const cuts = fc.array(fc.nat({ max: 9 }), { maxLength: 400 });

/** JSON text with white space, and with escapes where none are needed. */
function written(document: unknown, odd: readonly number[]): string {
  let turn = 0;
  const roll = (): number => odd[turn++ % odd.length] ?? 0;
  const space = (): string => ['', ' ', '\n', '\t\r'][roll() % 4]!;
  const string = (given: string): string => {
    const plain = JSON.stringify(given);
    if (roll() % 3 !== 0) return plain;
    return `"${Array.from({ length: given.length }, (_, at) => `\\u${given.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;
  };
  const write = (one: unknown): string => {
    if (typeof one === 'string') return string(one);
    if (Array.isArray(one)) return `[${space()}${one.map((each) => write(each) + space()).join(`,${space()}`)}]`;
    if (typeof one !== 'object' || one === null) return JSON.stringify(one);
    return `{${space()}${Object.entries(one).map(([name, each]) => `${string(name)}${space()}:${space()}${write(each)}`).join(`${space()},${space()}`)}}`;
  };
  return space() + write(document) + space();
}

test('any document, under any masks and cut anywhere, becomes what a walk over the parsed document gives', () =>
  campaign(
    fc.property(value, rules, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), cuts, (document, given, odd, lengths) => {
      const masks = bodyMasks(given.map(({ pattern, transform }) => ({ fields: [pattern], transform })));
      const body = written(document, odd);
      const made = maskedBy(masks, json, body, lengths);
      // Twice through JSON, so that -0 is 0 in both.
      assert.deepEqual(JSON.parse(made.text), JSON.parse(JSON.stringify(referenceMasked(JSON.parse(body), given))));
      assert.equal(made.text, maskedBy(masks, json, body).text);
    }),
  ));

test('with detectors too, the cut makes no difference, and what is not found stays byte for byte', () =>
  campaign(
    fc.property(value, rules, fc.boolean(), fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), cuts, (document, given, withFields, odd, lengths) => {
      const masks = bodyMasks([...(withFields ? given.map(({ pattern, transform }) => ({ fields: [pattern], transform })) : []), { detect: ['credit_card', 'email', 'us_ssn', 'phone'] }]);
      const body = written(document, odd);
      const whole = maskedBy(masks, json, body);
      const cut = maskedBy(masks, json, body, lengths);
      assert.equal(cut.text, whole.text);
      assert.deepEqual(cut.masked, whole.masked);
      if (Object.keys(whole.masked).length === 0) assert.equal(whole.text, body);
      assert.ok(!/ada@example\.com|123-45-6789|4111111111111111/.test(JSON.stringify(JSON.parse(whole.text))));
    }),
  ));

const fragments = ['{', '}', '[', ']', ',', ':', '"', '\\', '\\u00', '\\ud83d', '\u0001', '"a"', '"ssn"', '"ssn":', '1', '-', '0', '01', '1.', '1e', '1e+', '.5', 'true', 'tru', 'null', 'NaN', '\n', ' ', '\ufeff', '//', "'", '\u001e', 'é'];
const garbage = fc.oneof(fc.array(fc.constantFrom(...fragments), { maxLength: 20 }).map((parts) => Buffer.from(parts.join(''))), fc.uint8Array({ maxLength: 30 }), value.chain((document) => fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([at, byte]) => {
  const bytes = Buffer.from(JSON.stringify(document));
  bytes[at % bytes.length] = byte;
  return bytes;
})), value.chain((document) => fc.nat().map((at) => {
  const bytes = Buffer.from(JSON.stringify(document));
  return bytes.subarray(0, at % (bytes.length + 1));
})));

/** What a strict reader says, byte order mark aside. An empty body is no document and nothing to mask. */
function parses(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

test('what is no JSON is told, and what is JSON is not, however it is cut', () =>
  campaign(
    fc.property(garbage, cuts, (bytes, lengths) => {
      const blank = /^(?:\ufeff)?[ \t\r\n]*$/.test(Buffer.from(bytes).toString());
      assert.equal(isJson(bytes), blank || parses(bytes));
      const run = (cut: readonly number[]): string => {
        try {
          return maskedBy(bodyMasks([{ fields: ['ssn'] }]), json, bytes, cut).text;
        } catch (error) {
          assert.ok(error instanceof BodyNotMasked);
          return 'not masked';
        }
      };
      assert.equal(run(lengths), run([]));
      assert.equal(run([]) === 'not masked', !isJson(bytes));
    }),
  ));

test('nesting is bounded, and what is deep but within it is masked', () => {
  const deep = (depth: number): string => `${'[{"a":'.repeat(depth / 2)}{"ssn":"123-45-6789"}${'}]'.repeat(depth / 2)}`;
  const masks = bodyMasks([{ fields: ['ssn'] }]);
  assert.match(maskedBy(masks, json, deep(1000)).text, /\{"ssn":"\*\*\*"\}/);
  assert.throws(() => maskedBy(masks, json, deep(1100)), BodyNotMasked);
});
