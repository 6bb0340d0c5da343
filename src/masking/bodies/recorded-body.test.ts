import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSecretName, recordedBody } from './recorded-body.ts';
import { bodyMasks } from './testdata/bodies.ts';

const masks = bodyMasks([{ fields: ['$.ssn'], transform: 'hash' }]);
const recorded = (mediaType: string, body: string, of = masks): string => Buffer.from(recordedBody(of, { mediaType }, Buffer.from(body))).toString();

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
  assert.equal(Buffer.from(recordedBody(masks, { mediaType: 'text/plain', charset: 'utf-16' }, Buffer.from('ab'))).toString(), '<body:text/plain 2>');
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
