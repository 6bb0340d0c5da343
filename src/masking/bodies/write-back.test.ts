import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransformConfig } from '../../config/resolved.ts';
import { bodyMasks, key, maskedBy } from './testdata/bodies.ts';
import { bodyWriteBack } from './write-back.ts';

const json = { mediaType: 'application/json' };
const form = { mediaType: 'application/x-www-form-urlencoded' };
const transforms: readonly TransformConfig[] = ['redact', 'null', 'hash', { partial: 3 }, { fixed: 'hidden' }];

/** The mask of which a value comes back. */
const maskOf = (...body: Parameters<typeof bodyWriteBack>): string | undefined => bodyWriteBack(...body)?.mask;

test('every value that a mask puts into an answer is known when it comes back, alone or in the whole document', () => {
  const values = ['"Ada"', '"123456789"', '12', 'true', '{"a":1}', '[1]', '""'];
  for (const transform of transforms) {
    const masks = bodyMasks([{ fields: ['$.items[*].x'], transform }]);
    for (const value of values) {
      const answer = maskedBy(masks, json, `{"items":[{"id":7,"x":${value}}]}`).text;
      // A text of no characters has none to hide.
      if (typeof transform === 'object' && 'partial' in transform && value === '""') continue;
      assert.equal(maskOf(masks, json, Buffer.from(answer)), 'test/1', `${JSON.stringify(transform)} ${answer}`);
    }
    assert.equal(maskOf(masks, json, Buffer.from('{"items":[{"id":0,"x":"a new value"}],"x":null}')), undefined);
  }
});

test('what only looks like it elsewhere passes', () => {
  const masks = bodyMasks([{ fields: ['$.ssn'] }]);
  for (const body of ['{"other":"***"}', '{"a":{"ssn":"***"}}', '{"ssn":"123-45-6789"}', '{"ssn":17}', '{"ssn":true}', '{"ssn":{"a":"***"}}', '{"ssn":null}']) assert.equal(maskOf(masks, json, Buffer.from(body)), undefined, body);
  assert.equal(maskOf(bodyMasks([{ detect: ['email'] }]), json, Buffer.from('{"a":"***"}')), undefined);
  assert.equal(maskOf(masks, { mediaType: 'image/png' }, Buffer.from('\x89PNG')), undefined);
  assert.equal(maskOf(masks, json, Buffer.alloc(0)), undefined);
});

test('names are compared decoded; JSON is seen under other types; lines are documents', () => {
  const masks = bodyMasks([{ fields: ['ssn'] }]);
  for (const [mediaType, body] of [['application/json', '{"\\u0073sn":"***"}'], ['text/plain;charset=UTF-8', ' {\n"ssn": "***"\n}'], ['', '[{"ssn":"***"}]'], ['application/octet-stream', '{"a":1}\n{"ssn":"***"}'], ['application/x-ndjson', '{"a":1}\n{"ssn":"***"}\n'], ['application/merge-patch+json', '{"ssn":"***"}'], ['application/json', '{"ssn":"a","ssn":"***"}']] as const) {
    assert.equal(maskOf(masks, { mediaType }, Buffer.from(body)), 'test/1', body);
  }
});

test('of a body that says it is JSON or a form and is not, nothing is known', () => {
  const masks = bodyMasks([{ fields: ['ssn'] }]);
  for (const [about, body] of [[json, "{'ssn':'***'}"], [json, '{"ssn":"***"'], [form, '{"ssn":"***"}'], [form, 'ssn=%zz']] as const) assert.equal(maskOf(masks, about, Buffer.from(body)), 'test/1', body);
  // What is said of it is what is wrong with it, and not that a value was found.
  assert.deepEqual(bodyWriteBack(masks, json, Buffer.from("{'ssn':'x'}")), { mask: 'test/1', unread: 'not JSON: a value where none belongs' });
  assert.deepEqual(bodyWriteBack(masks, form, Buffer.from('text=hello world')), { mask: 'test/1', unread: 'not a form: bytes that a form has percent-encoded' });
  assert.deepEqual(bodyWriteBack(masks, json, Buffer.from('{"ssn":"***"}')), { mask: 'test/1' });
});

test('forms', () => {
  const masks = bodyMasks([{ fields: ['$.user.ssn'], transform: 'hash' }]);
  const pseudonym = key.pseudonym(Buffer.from('x'));
  assert.equal(maskOf(masks, form, Buffer.from(`a=1&user%5Bssn%5D=${pseudonym}`)), 'test/1');
  assert.equal(maskOf(masks, form, Buffer.from(`a=${pseudonym}&user%5Bssn%5D=1`)), undefined);
  assert.equal(maskOf(bodyMasks([{ fields: ['ssn'], transform: 'null' }]), form, Buffer.from('ssn=')), 'test/1');
});

test('JSON Patch writes where its pointers lead', () => {
  const masks = bodyMasks([{ fields: ['$.items[*].ssn', '$["a/b"]'] }]);
  const patch = { mediaType: 'application/json-patch+json' };
  const of = (operations: unknown): string | undefined => maskOf(masks, patch, Buffer.from(JSON.stringify(operations)));
  assert.equal(of([{ op: 'replace', path: '/items/0/ssn', value: '***' }]), 'test/1');
  assert.equal(of([{ op: 'add', path: '/items/-', value: { ssn: '***' } }]), 'test/1');
  assert.equal(of([{ op: 'add', path: '', value: { items: [{ ssn: '***' }] } }]), 'test/1');
  assert.equal(of([{ op: 'test', path: '/a~1b', value: '***' }]), 'test/1');
  assert.equal(of([{ op: 'replace', path: '/items/0/name', value: '***' }, { op: 'remove', path: '/items/0/ssn' }]), undefined);
  assert.equal(of({ path: '/items/0/ssn', value: '***' }), 'test/1', 'no patch');
});
