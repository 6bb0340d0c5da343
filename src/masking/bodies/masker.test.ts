import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileMasks } from '../compile.ts';
import { fieldPattern, fieldProblem } from '../../config/field-pattern.ts';
import { BodyNotMasked, openBodyMasker } from './masker.ts';
import { bodyMasks, key, maskedBy, through } from './testdata/bodies.ts';

const json = { mediaType: 'application/json' };

test('the masks of a session hold those of bodies', () => {
  const set = compileMasks([{ name: 'a/1', columns: [], fields: ['ssn'], detect: [], otherwise: 'redact', mode: 'strict', transform: 'redact', origin: { file: 'x', line: 1 } }], { hash: Buffer.alloc(16) });
  assert.equal(set.bodies.empty, false);
  assert.equal(set.bodies.otherwise, 'redact');
  assert.equal(maskedBy(set.bodies, json, '{"ssn":"1"}').text, '{"ssn":"***"}');
  assert.equal(openBodyMasker(bodyMasks([]), json), 'pass');
});

test('each transform gives a value of the same type, and objects and arrays go as a whole', () => {
  const body = '{"x":"Zürich 12345","n":{"x":-1.5e3},"l":[{"x":true},{"x":null},{"x":{"secret":["a"]}},{"x":[1,[2]]},{"x":""}]}';
  const made = (transform: NonNullable<Parameters<typeof bodyMasks>[0][0]['transform']>): string => maskedBy(bodyMasks([{ fields: ['x'], transform }]), json, body).text;
  const rest = '"n":{"x":0},"l":[{"x":false},{"x":null},{"x":{}},{"x":[]}';
  assert.equal(made('redact'), `{"x":"***",${rest},{"x":"***"}]}`);
  assert.equal(made('null'), '{"x":null,"n":{"x":null},"l":[{"x":null},{"x":null},{"x":null},{"x":null},{"x":null}]}');
  assert.equal(made('hash'), `{"x":"${key.pseudonym(Buffer.from('Zürich 12345'))}",${rest},{"x":"${key.pseudonym(Buffer.from(''))}"}]}`);
  assert.equal(made({ partial: 3 }), `{"x":"*********345",${rest},{"x":""}]}`);
  assert.equal(made({ fixed: 'gone, "so"' }), `{"x":"gone, \\"so\\"",${rest},{"x":"gone, \\"so\\""}]}`);
});

test('of several masks the strictest stands, and values are counted', () => {
  const masks = bodyMasks([{ fields: ['ssn'], transform: { partial: 1 } }, { fields: ['$.a.ssn'], transform: 'hash' }, { fields: ['$..ssn'], transform: { fixed: 'x' } }]);
  const made = maskedBy(masks, json, '{"ssn":"1","a":{"ssn":"2"}}');
  assert.equal(made.text, '{"ssn":"x","a":{"ssn":"x"}}');
  assert.deepEqual(made.masked, { 'test/3': 2 });
});

test('what is not masked is given as it came, without a copy', () => {
  const masker = openBodyMasker(bodyMasks([{ fields: ['ssn'] }]), json);
  assert.ok(typeof masker === 'object' && 'push' in masker);
  const chunk = Buffer.from('{"a":[1,2,{"b":"c"}],"long":"begins here');
  assert.equal(masker.push(chunk), chunk);
  const rest = Buffer.from(' and ends", "x":1}');
  assert.equal(masker.push(rest), rest);
  assert.equal(masker.end(), undefined);
});

test('a long value that is not looked at streams, and one that is looked at is bounded', () => {
  const long = `{"a":"${'x'.repeat(3_000_000)}","n":${'1'.repeat(2_000_000)}}`;
  const chunks = new Array<number>(100).fill(65_536);
  assert.equal(maskedBy(bodyMasks([{ fields: ['ssn'] }]), json, long, chunks).text, long);
  // A constant needs no look.
  assert.equal(maskedBy(bodyMasks([{ fields: ['a'] }]), json, long, chunks).text.length, 2_000_000 + '{"a":"***","n":}'.length);
  for (const masks of [bodyMasks([{ fields: ['a'], transform: 'hash' }]), bodyMasks([{ detect: ['email'] }])]) {
    assert.throws(() => maskedBy(masks, json, long, chunks), BodyNotMasked);
    assert.throws(() => maskedBy(masks, json, long), BodyNotMasked);
  }
});

test('nothing of what makes a body doubtful was given, and no value stands in the error', () => {
  const masker = openBodyMasker(bodyMasks([{ fields: ['ssn'] }]), json);
  assert.ok(typeof masker === 'object' && 'push' in masker);
  assert.equal(Buffer.from(masker.push(Buffer.from('{"a":1,"ss'))!).toString(), '{"a":1,');
  assert.throws(() => masker.push(Buffer.from('n":"123-45-6789" oops')), (error: Error) => error instanceof BodyNotMasked && !error.message.includes('123'));
  // It stays so.
  assert.throws(() => masker.push(Buffer.from('{}')), BodyNotMasked);
  assert.throws(() => masker.end(), BodyNotMasked);
});

test('a type that masks cannot be applied to is refused, redacted or passed, as the strictest mask concerned says', () => {
  const fields = (otherwise: 'refuse' | 'redact' | 'pass'): ReturnType<typeof bodyMasks> => bodyMasks([{ fields: ['ssn'], otherwise }]);
  for (const mediaType of ['text/html', 'text/plain', 'application/xml', 'image/png', 'application/octet-stream', 'multipart/form-data; boundary=x', '', 'nonsense', 'application/grpc']) {
    assert.ok('refused' in (through(fields('refuse'), { mediaType }, 'x') as object), mediaType);
    assert.equal(through(fields('pass'), { mediaType }, 'x'), 'pass', mediaType);
    assert.ok(!maskedBy(fields('redact'), { mediaType }, 'secret').text.includes('secret'), mediaType);
  }
  assert.deepEqual(maskedBy(fields('redact'), { mediaType: 'text/html' }, 'ab', [1, 1]), { bytes: Buffer.from('***'), text: '***', masked: { 'test/1': 1 } });
  assert.equal(maskedBy(fields('redact'), { mediaType: 'image/svg+xml' }, 'x').text, '<redacted/>');
  assert.equal(maskedBy(fields('redact'), { mediaType: 'image/png' }, 'x').text, '');
  assert.equal(maskedBy(fields('redact'), { mediaType: 'image/png' }, '').text, '');
  // Detectors still look where only the fields do not apply.
  const both = bodyMasks([{ fields: ['ssn'], otherwise: 'pass' }, { detect: ['email'] }]);
  assert.equal(maskedBy(both, { mediaType: 'text/html' }, '<b>ada@example.com</b>').text, '<b>***************</b>');
  assert.ok('refused' in (through(both, { mediaType: 'image/png' }, 'x') as object));
  assert.ok('refused' in (through(both, { mediaType: 'text/html', charset: 'utf-16' }, 'x') as object));
});

test('a part of a body is not masked by guessing what it is a part of', () => {
  for (const masks of [bodyMasks([{ fields: ['ssn'] }]), bodyMasks([{ detect: ['us_ssn'] }])]) {
    for (const [mediaType, part] of [['application/json', '"123-45-6789"'], ['text/csv', 'ada,lovelace\n'], ['text/plain', '45-6789']] as const) assert.ok('refused' in (through(masks, { mediaType, partial: true }, part) as object));
  }
});

test('a body that turns out not to be understood: redacted before anything was given, passed from there on, never from inside a masked value', () => {
  const redact = bodyMasks([{ fields: ['ssn'], otherwise: 'redact' }]);
  assert.equal(maskedBy(redact, json, 'no JSON').text, 'null');
  assert.equal(maskedBy(redact, { mediaType: 'text/csv' }, 'a;ssn\n1').text, '***\r\n');
  assert.equal(maskedBy(redact, { mediaType: 'text/event-stream' }, 'x: y\n\n').text, ': ***\n\n');
  assert.throws(() => maskedBy(redact, json, '{"a":1, no JSON', [6]), BodyNotMasked);
  const pass = bodyMasks([{ fields: ['ssn'], transform: 'hash', otherwise: 'pass' }, { fields: ['x'], otherwise: 'pass' }]);
  assert.equal(maskedBy(pass, json, 'no JSON', [1, 2, 1]).text, 'no JSON');
  assert.equal(maskedBy(pass, json, '{"a":1,"ssn":"12\u0001 and on', [3, 4, 8, 1, 1, 1]).text, '{"a":1,"ssn":"12\u0001 and on');
  assert.equal(maskedBy(pass, json, '{"a":1', [3]).text, '{"a":1');
  assert.throws(() => maskedBy(pass, json, '{"x":"12\u000134', [8]), BodyNotMasked);
});

test('what passes without being understood is whole, wherever it is cut', () => {
  const pass = bodyMasks([{ fields: ['ssn'], otherwise: 'pass' }]);
  for (const [mediaType, body] of [['application/json', '{"name":"Ada","other":[1,22,333,"a long text"]}\u0001{"ssn":'], ['text/csv', 'id,name\r\n1,Ada\r\n22,"Bob" and more\r\n3,4,5\r\n'], ['text/event-stream', 'data: {"a":1}\n\ndata: {"a":\n\nrest']] as const) {
    for (let size = 1; size <= body.length; size++) assert.equal(maskedBy(pass, { mediaType }, body, new Array<number>(body.length).fill(size)).text, body, `${mediaType} in pieces of ${size}`);
  }
});

test('text is masked the same wherever it is cut', () => {
  const masks = bodyMasks([{ detect: ['us_ssn', 'credit_card', 'email', 'phone', 'jwt', 'private_key', 'cloud_key', 'ip', 'iban'] }]);
  const text = `call (415) 555-0100 or\nada@example.com, 4111 1111 1111 1111;\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n${'AbC+/\n'.repeat(40)}-----END RSA PRIVATE KEY-----\nthen 2001:db8::1 and DE89 3704 0044 0532 0130 00\n"private_key":\n"-----BEGIN PRIVATE KEY-----\\nMII" end 123-45-6789`;
  for (const detect of [masks, bodyMasks([{ detect: ['cloud_key', 'email'] }])]) {
    const whole = maskedBy(detect, { mediaType: 'text/plain' }, text).text;
    assert.ok(!whole.includes('ada@') && (detect !== masks || !/MII|0100|4111|db8|DE89|6789/.test(whole)), whole);
    for (let size = 1; size < 80; size++) assert.equal(maskedBy(detect, { mediaType: 'text/plain' }, text, new Array<number>(text.length).fill(size)).text, whole, String(size));
  }
});

test('text that is held back is bounded, and costs linear time in small chunks', () => {
  const masks = bodyMasks([{ detect: ['private_key'] }]);
  const open = `-----BEGIN RSA PRIVATE KEY-----\n${'A\n'.repeat(100_000)}`;
  assert.ok(!maskedBy(masks, { mediaType: 'text/plain' }, open, new Array<number>(open.length).fill(64)).text.includes('A\n'));
  assert.throws(() => maskedBy(masks, { mediaType: 'text/plain' }, `-----BEGIN RSA PRIVATE KEY-----\n${'A\n'.repeat(700_000)}`, new Array<number>(100).fill(65_536)), BodyNotMasked);
  assert.throws(() => maskedBy(masks, { mediaType: 'text/plain' }, 'A'.repeat(2_000_000), new Array<number>(100).fill(65_536)), BodyNotMasked);
});

test('a key of a service account is found in its JSON by the detector for keys of clouds', () => {
  const body = '{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n","note":"-----BEGIN PRIVATE KEY-----"}';
  const made = maskedBy(bodyMasks([{ detect: ['cloud_key'], transform: 'null' }]), json, body, [40, 30]);
  assert.equal(made.text, '{"type":"service_account","private_key":null,"note":"-----BEGIN PRIVATE KEY-----"}');
  assert.deepEqual(made.masked, { 'test/1': 1 });
});

test('field patterns', () => {
  for (const good of ['password', '*_token', '*', '$.a', '$.a.b[*].c', '$..x', '$..["a.b"]', "$['a'].b", '$.*', '$[*]', 'with space', '$.*_token']) assert.equal(fieldProblem(good), undefined, good);
  for (const bad of ['', '$', 'a.b', '$a', '$.', '$..', '$.a.', '$.a[0]', '$.a["b"', '$.a]b', 'a[0]', '$.a"b', '$.a[*]b', 'x'.repeat(600)]) {
    assert.notEqual(fieldProblem(bad), undefined, bad);
    assert.throws(() => fieldPattern(bad), /field pattern/, bad);
  }
});
