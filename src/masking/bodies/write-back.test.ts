import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransformConfig } from '../../config/resolved.ts';
import { bodyMasks, comesBack, key, maskedBy } from './testdata/bodies.ts';
import { bodyWriteBack } from './write-back.ts';

const json = { mediaType: 'application/json' };
const form = { mediaType: 'application/x-www-form-urlencoded' };
const transforms: readonly TransformConfig[] = ['redact', 'null', 'hash', { partial: 3 }, { fixed: 'hidden' }];

/** The mask of which a value comes back. */
const maskOf = (...body: Parameters<typeof comesBack>): string | undefined => comesBack(...body)?.mask;

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
  assert.deepEqual(comesBack(masks, json, Buffer.from("{'ssn':'x'}")), { mask: 'test/1', unread: 'not JSON: a value where none belongs' });
  assert.deepEqual(comesBack(masks, form, Buffer.from('text=hello world')), { mask: 'test/1', unread: 'not a form: bytes that a form has percent-encoded' });
  assert.deepEqual(comesBack(masks, json, Buffer.from('{"ssn":"***"}')), { mask: 'test/1' });
});

test('forms', () => {
  const masks = bodyMasks([{ fields: ['$.user.ssn'], transform: 'hash' }]);
  const pseudonym = key.pseudonym(Buffer.from('x'));
  assert.equal(maskOf(masks, form, Buffer.from(`a=1&user%5Bssn%5D=${pseudonym}`)), 'test/1');
  assert.equal(maskOf(masks, form, Buffer.from(`a=${pseudonym}&user%5Bssn%5D=1`)), undefined);
  assert.equal(maskOf(bodyMasks([{ fields: ['ssn'], transform: 'null' }]), form, Buffer.from('ssn=')), 'test/1');
  for (const mediaType of ['application/x-www-form-urlencoded, text/plain', 'application/x-www-form-urlencoded text/plain', ' Application/X-WWW-Form-Urlencoded;a']) assert.equal(maskOf(bodyMasks([{ fields: ['ssn'] }]), { mediaType }, Buffer.from('ssn=***')), 'test/1', mediaType);
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

test('a JSON Patch has the target show nothing that a mask hides: not by a copy, a move or a guess', () => {
  const of = (fields: readonly string[], mediaType: string, body: string): unknown => {
    const masks = bodyMasks([{ fields }]);
    return comesBack(masks, { mediaType }, Buffer.from(body));
  };
  const shows = { mask: 'test/1', shows: true };
  const path = ['$.customer.ssn', '$.items[*].card'];
  for (const [operation, fields] of [
    [{ op: 'copy', from: '/customer/ssn', path: '/customer/nickname' }, path],
    [{ op: 'move', from: '/customer/ssn', path: '/nickname' }, path],
    [{ op: 'copy', from: '/customer', path: '/archive' }, path],
    [{ op: 'copy', from: '', path: '/archive' }, path],
    [{ op: 'copy', from: '/items/0', path: '/first' }, path],
    [{ op: 'copy', from: '/items', path: '/customer/items' }, path],
    [{ op: 'copy', from: '/ssn/number', path: '/name' }, ['ssn']],
    [{ op: 'copy', from: '/a/ssn', path: '/name' }, ['ssn']],
    // As servers take it that tell no case, and need no first slash.
    [{ OP: 'Copy', From: 'customer/ssn', PATH: 'customer/name' }, path],
    [{ op: 'test', path: '/customer/ssn', value: '078-05-1120' }, path],
    [{ op: 'test', path: '/customer', value: { name: 'Ada', ssn: '078-05-1120' } }, path],
    [{ op: 'test', path: '', value: { items: [{ card: 1 }] } }, path],
    [{ op: 'test', path: '/ssn/0', value: '0' }, ['ssn']],
  ] as const) {
    const body = JSON.stringify([{ op: 'remove', path: '/x' }, operation]);
    for (const mediaType of ['application/json-patch+json', 'application/json', 'text/plain', '']) assert.deepEqual(of(fields, mediaType, body), shows, `${mediaType} ${body}`);
  }
  for (const operation of [
    { op: 'copy', from: '/customer/name', path: '/customer/nickname' },
    { op: 'move', from: '/items/0', path: '/items/1' },
    { op: 'copy', from: '/items/0/card', path: '/items/-/card' },
    { op: 'copy', from: '/note', path: '/customer/note' },
    { op: 'test', path: '/customer/name', value: 'Ada' },
    { op: 'test', path: '/customer', value: { name: 'Ada' } },
    { op: 'remove', path: '/customer/ssn' },
    { op: 'replace', path: '/customer/ssn', value: '078-05-1120' },
  ]) assert.equal(of(path, 'application/json-patch+json', JSON.stringify([operation])), undefined, JSON.stringify(operation));
  assert.equal(of(['ssn'], 'application/json-patch+json', '[{"op":"copy","from":"/a","path":"/b"}]'), undefined, 'a name is masked wherever it goes');
  // What two readers could take for two patches; and lists that are none.
  for (const mediaType of ['application/json-patch+json', 'application/json', 'text/plain']) {
    for (const body of ['[{"op":"copy","from":"/ssn","from":"/b","path":"/c"}]', '[{"op":"copy","from":"/ssn","FROM":"/b","path":"/c"}]', '[{"\\u006fp":"copy","from":"/ssn","path":"/c"}]']) {
      assert.equal((of(['ssn'], mediaType, body) as { mask?: string } | undefined)?.mask, 'test/1', `${mediaType} ${body}`);
    }
  }
  assert.equal((of(['ssn'], 'application/json', JSON.stringify([{ op: 'remove', path: '/a'.repeat(3_000) }])) as { unread?: string }).unread, 'a JSON Patch with a pointer that is too long');
  for (const body of ['[{"op":1,"path":"/c","from":"/ssn"}]', '[{"operation":"copy","from":"/ssn","path":"/c"}]', '[1,{"op":"x"}]', '{"op":"copy","from":"/ssn","path":"/c"}']) assert.equal(of(['ssn'], 'application/json', body), undefined, body);
});

test('a long body is looked at in stretches, and found is what stands at the end of it', () => {
  const masks = bodyMasks([{ fields: ['ssn'] }]);
  const long = 'x'.repeat(100);
  for (const [about, body] of [[json, JSON.stringify([...Array.from({ length: 5_000 }, () => long), { ssn: '***' }])], [form, `${Array.from({ length: 5_000 }, () => `a=${long}`).join('&')}&ssn=***`]] as const) {
    const look = bodyWriteBack(masks, about, Buffer.from(body));
    let stretches = 0;
    let last = look.next();
    for (; last.done !== true; last = look.next()) stretches += 1;
    assert.deepEqual([last.value, stretches], [{ mask: 'test/1' }, 7]);
  }
  const look = bodyWriteBack(masks, { mediaType: 'application/json-patch+json' }, Buffer.from(JSON.stringify(Array.from({ length: 100 }, () => ({ op: 'remove', path: '/a' })))));
  assert.equal([...look].length, 6);
});
