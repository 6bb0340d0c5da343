import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyRecorder, isSecretName, type RecordedAbout } from './recorded-body.ts';
import { bodyMasks, recordedBody } from './testdata/bodies.ts';

const masks = bodyMasks([{ fields: ['$.ssn'], transform: 'hash' }]);
const recorded = (mediaType: string, body: string, of = masks): string => recordedBody(of, { mediaType }, Buffer.from(body));

test('masked fields, secrets by name and finds of any detector leave typed markers', () => {
  const body = '{"ssn":"123-45-6789","user":{"Password":"hunter2","apiKey":{"id":1},"otp":1234,"note":"ada@example.com wrote","card":4111111111111111},"token_list":["a"],"n":1}';
  assert.equal(recorded('application/json', body), '{"ssn":"<value:text>","user":{"Password":"<value:text>","apiKey":"<value:object>","otp":"<value:number>","note":"<email> wrote","card":"<credit_card>"},"token_list":"<value:array>","n":1}');
  assert.equal(recorded('application/x-www-form-urlencoded', 'grant_type=client_credentials&client_secret=s3cret&user=ada%40example.com'), 'grant_type=client_credentials&client_secret=%3Cvalue%3Atext%3E&user=%3Cemail%3E');
  assert.equal(recorded('text/csv', 'id,api_key\n1,abc\n'), 'id,api_key\n1,<value:text>\n');
});

test('secrets and finds are hidden without any mask', () => {
  const none = bodyMasks([]);
  assert.equal(recorded('application/json', '{"token":"x","a":"b"}', none), '{"token":"<value:text>","a":"b"}');
  assert.equal(recorded('text/plain', 'by ada@example.com', none), 'by <email>');
});

test('JSON is seen under other types, and what cannot be seen is counted', () => {
  assert.equal(recorded('text/plain', '{\n"password": "x"}\n{"a":1}'), '{\n"password": "<value:text>"}\n{"a":1}');
  assert.equal(recorded('', '{"password":"x"}'), '{"password":"<value:text>"}');
  assert.equal(recorded('text/plain', 'ssn is 1'), '<body:text/plain 8>');
  assert.equal(recorded('application/grpc', 'abc'), '<body:application/grpc 3>');
  assert.equal(recorded('<script>', 'abc'), '<body:unknown 3>');
  assert.equal(recordedBody(masks, { mediaType: 'text/plain', charset: 'utf-16' }, Buffer.from('ab')), '<body:text/plain 2>');
  assert.equal(recorded('application/json', ''), '');
});

test('of a body that is cut off, or stops being what it says, only what was understood is kept', () => {
  assert.equal(recorded('application/json', '{"a":1,"password":"hunt'), '{"a":1,"password":"<value:text>"<unreadable>');
  assert.equal(recorded('application/json', '{"a":1,"ema":"ada@exam'), '{"a":1,"ema":<unreadable>');
  assert.equal(recorded('application/json', 'password=hunter2'), '<unreadable>');
});

test('names of secrets', () => {
  for (const name of ['password', 'user_password', 'clientSecret', 'X-Api-Key', 'access_token', 'Authorization', 'PIN', 'private key', 'key']) assert.ok(isSecretName(name), name);
  for (const name of ['name', 'keyboard', 'pinned', 'author', 'passenger']) assert.ok(!isSecretName(name), name);
});

const streamed = (about: RecordedAbout, body: Buffer, cuts: readonly number[], most = Infinity): string => {
  const recorder = new BodyRecorder(masks, about, most);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (body.length + 1)).sort((a, b) => a - b), body.length]) {
    pieces.push(recorder.push(body.subarray(from, cut)) ?? Buffer.alloc(0));
    from = cut;
  }
  pieces.push(recorder.end() ?? Buffer.alloc(0));
  return Buffer.concat(pieces).toString();
};

test('a body that comes in pieces leaves what it leaves as a whole, wherever it is cut', () => {
  const bodies: readonly (readonly [string, string])[] = [
    ['application/json', `{"ssn":"123-45-6789","list":[${'{"password":"x","note":"ada@example.com"},'.repeat(300)}1]}`],
    ['text/plain', `${' '.repeat(700)}{"password":"hunter2","fill":"${'y'.repeat(900)}"}`],
    ['application/octet-stream', 'z'.repeat(5000)],
    ['application/x-www-form-urlencoded', `a=${'b'.repeat(6000)}&password=hunter2`],
    ['text/csv', `id,api_key\n${'1,secret\n'.repeat(800)}`],
  ];
  fc.assert(fc.property(fc.constantFrom(...bodies), fc.array(fc.nat(), { maxLength: 20 }), ([mediaType, text], cuts) => {
    const body = Buffer.from(text);
    const found = streamed({ mediaType }, body, cuts);
    assert.equal(found, recorded(mediaType, text));
    assert.doesNotMatch(found, /hunter2|secret|123-45|ada@example/);
  }));
});

test('of bytes that nobody knows there is a digest, of few bytes and of coded text there is none', () => {
  const bytes = Buffer.alloc(5000, 7);
  assert.equal(recorded('image/png', bytes.toString('latin1')), `<body:image/png 5000 sha256:${createHash('sha256').update(bytes).digest('hex')}>`);
  assert.equal(recorded('image/png', 'x'.repeat(4095)), '<body:image/png 4095>');
  assert.equal(streamed({ mediaType: 'application/json', coded: true }, Buffer.from(`{"a":"${'x'.repeat(5000)}"}`), [10, 600]), '<body:application/json 5008>');
});

test('behind what is kept, or cannot be read, the rest is counted', () => {
  const lines = Buffer.from('{"a":1}\n'.repeat(4096));
  const found = streamed({ mediaType: 'application/x-ndjson' }, lines, [4096, 8192, 16384], 6000);
  const [, rest = ''] = /<(\d+) bytes more>$/.exec(found) ?? [];
  assert.equal(Number(rest), lines.length - 8192);
  assert.match(streamed({ mediaType: 'application/json' }, Buffer.from(`{"a":1}x${' '.repeat(9000)}`), []), /<unreadable><\d+ bytes more>$/);
});
