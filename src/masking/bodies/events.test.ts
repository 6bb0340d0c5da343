import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openBodyMasker, type BodyMasker } from './masker.ts';
import { BodyNotMasked } from './not-masked.ts';
import { bodyMasks, maskedBy } from './testdata/bodies.ts';
import { referenceMasked } from './testdata/reference.ts';

const events = { mediaType: 'text/event-stream' };
const masks = bodyMasks([{ fields: ['ssn'] }, { detect: ['email'] }]);

/** HTML section 9.2.6, as a client reads a stream. */
function read(stream: string): readonly { readonly data: string; readonly event: string }[] {
  const found: { data: string; event: string }[] = [];
  let data: string[] = [];
  let event = '';
  for (const line of stream.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)) {
    if (line === '') {
      if (data.length > 0) found.push({ data: data.join('\n'), event });
      data = [];
      event = '';
      continue;
    }
    const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) as unknown as [string, string, string | undefined];
    if (field === 'data') data.push(value ?? '');
    if (field === 'event') event = value ?? '';
  }
  return found;
}

test('any stream of JSON events, with any line ends and cut anywhere, is read by a client as masked documents', () => {
  const document = fc.dictionary(fc.constantFrom('ssn', 'a', 'b'), fc.oneof(fc.string({ unit: 'grapheme', maxLength: 6 }), fc.integer(), fc.dictionary(fc.constantFrom('ssn', 'c'), fc.integer())), { maxKeys: 3 });
  const stream = fc.tuple(fc.array(fc.record({ document, pretty: fc.boolean(), event: fc.boolean(), comment: fc.boolean() }), { maxLength: 5 }), fc.constantFrom('\n', '\r', '\r\n'), fc.boolean());
  fc.assert(
    fc.property(stream, fc.array(fc.nat({ max: 9 }), { maxLength: 80 }), ([all, end, mark], lengths) => {
      const text = (mark ? '\ufeff' : '') + all.map(({ document: one, pretty, event, comment }) => [...(comment ? [': keep alive'] : []), ...(event ? ['event: change'] : []), ...JSON.stringify(one, null, pretty ? 2 : 0).split('\n').map((line) => `data: ${line}`), '', ''].slice(0, -1).join(end) + end).join('');
      const made = maskedBy(masks, events, text, lengths).text;
      assert.deepEqual(read(made).map(({ data, event }) => [JSON.parse(data) as unknown, event]), all.map(({ document: one, event }) => [referenceMasked(one, [{ pattern: 'ssn', transform: 'redact' }]), event ? 'change' : '']));
      assert.equal(made, maskedBy(masks, events, text).text);
    }),
    { numRuns: 1000 },
  );
});

test('an event is given as soon as it is complete', () => {
  assert.equal(maskedBy(masks, events, 'data: {"ssn":"1"}\n\ndata: [DONE]\n\n').text, 'data: {"ssn":"***"}\n\ndata: [DONE]\n\n');
});

test('a comment before an event is given as soon as its line is complete', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const masker = openBodyMasker(masks, events) as BodyMasker;
    const push = (text: string): string => Buffer.from(masker.push(Buffer.from(text)) ?? '').toString();
    assert.deepEqual([push(`: {"ssn":"1"}${end}`), push(':'), push(end), push('data: x'), push(end), push(`:y${end}`), push(end)].join('|'), [`: {"ssn":"***"}${end}`, '', `:${end}`, '', '', '', `data: x${end}:y${end}${end}`].join('|'), JSON.stringify(end));
  }
});

test('text, comments, ids and names of events are looked at by detectors', () => {
  const made = maskedBy(masks, events, ': by ada@example.com\nid: ada@example.com\nevent: ada@example.com\ndata: mail ada@example.com\ndata: now\n\n').text;
  assert.equal(made, ': by ***************\nid: ***************\nevent: ***************\ndata: mail ***************\ndata: now\n\n');
});

test('JSON in a comment is masked; what belongs in no event is refused', () => {
  assert.equal(maskedBy(masks, events, ': {"ssn":"1"}\n\n').text, ': {"ssn":"***"}\n\n');
  assert.equal(maskedBy(masks, events, '{"ssn":"1"}\n\n').text, '{"ssn":"***"}\n\n');
  for (const body of ['{\n"ssn":"1"\n}\n\n', 'ssn: 1\n\n', 'data: {"ssn":"1"\n\n', 'data: {ssn: 1}\n\n', 'data: [NaN,{"ssn":"1"}]\n\n', 'data: [ Infinity ,{"ssn":"1"}]\n\n', `data: ${'x'.repeat(1_100_000)}\n\n`, 'd\0a\0t\0a\0:\0']) assert.throws(() => maskedBy(masks, events, body, [65_536]), BodyNotMasked, body.slice(0, 40));
});

test('an event may have many lines of data, and a few thousand others', () => {
  const long = `data: {"ssn":\n${'data:\n'.repeat(20_000)}data: "1"}\n\n`;
  assert.ok(maskedBy(masks, events, long).text.includes('"***"'));
  assert.equal(maskedBy(masks, events, `${'id: 1\n'.repeat(5_000)}\n`).text.length, 5_000 * 6 + 1);
  assert.throws(() => maskedBy(masks, events, `${'id:1\n'.repeat(5_001)}\n`), BodyNotMasked);
});

test('an event that the end cuts off is masked too', () => {
  assert.equal(maskedBy(masks, events, 'data: {"ssn":\ndata: "1"}').text, 'data: {"ssn":\ndata: "***"}\n');
});
