import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createHmac, hash } from 'node:crypto';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { createInjector, type CredentialOf, type OutgoingHead } from './injector.ts';
import { NotSignable } from './not-signable.ts';
import { amzDate, EMPTY_SHA256, signatureOf, signingKey } from './sigv4.ts';
import { signByBotocore, withoutBotocore, type ToSign } from './testdata/botocore.ts';
import { headOf, NEVER, START, testParts } from './testdata/parts.ts';
import { CredentialUnavailable } from './unavailable.ts';

const ACCESS = 'AKIDEXAMPLE4TESTS';
const SECRET = 'canary/wJalrXUtnFEMI+K7MDENG+bPxRfiCYEXAMPLEKEY';
const SESSION = 'canary-session//token==';
const ENV = { ACCESS, SECRET, SESSION };
const TIMESTAMP = amzDate(START);
const aws = (over: Partial<CredentialOf<'aws'>> = {}): CredentialOf<'aws'> => ({
  type: 'aws', accessKey: { from: 'env', name: 'ACCESS' }, secretKey: { from: 'env', name: 'SECRET' }, region: 'eu-central-1', service: 's3', ...over,
});
const WITH_SESSION = { sessionToken: { from: 'env', name: 'SESSION' } } as const;
const s3Head = (over: Partial<OutgoingHead> = {}): OutgoingHead => headOf({ method: 'PUT', authority: 'bucket.s3.eu-central-1.amazonaws.com', path: '/key', ...over });
const inject = (head: OutgoingHead, over: Partial<CredentialOf<'aws'>> = {}) => createInjector(aws(over), testParts(ENV)).inject(head, NEVER);
const header = (head: OutgoingHead, name: string): string | undefined => head.headers.find(([one]) => one === name)?.[1];
const stream = (length?: number): OutgoingHead['body'] => ({ kind: 'stream', ...(length === undefined ? {} : { length }) });

const token = fc.stringMatching(/^[A-Za-z0-9!$'()*,:@._~ -]{0,12}$/);
const encoded = (text: string): string => encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
const someRequest = fc.record({
  method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
  service: fc.constantFrom('s3', 'sqs', 'execute-api', 'dynamodb'),
  segments: fc.array(token.filter((text) => text !== '' && text !== '.' && text !== '..'), { maxLength: 4 }),
  query: fc.array(fc.tuple(token.filter((text) => text !== ''), token), { maxLength: 4 }),
  headers: fc.array(fc.tuple(fc.constantFrom('x-amz-meta-a', 'content-type', 'x-amz-target', 'range', 'x-custom', 'user-agent', 'accept'), fc.stringMatching(/^[A-Za-z0-9;=" ,/.+-]{1,20}$/)), { maxLength: 5 }),
  body: fc.stringMatching(/^[\x00-\xff]{0,40}$/),
  session: fc.boolean(),
});

test('it signs as botocore does', { skip: withoutBotocore }, async () => {
  const requests = fc.sample(someRequest, { numRuns: 300, seed: 20260102 });
  const targets = requests.map(({ service, segments, query }) => ({
    authority: `${service}.eu-central-1.amazonaws.com`,
    path: `/${segments.map(encoded).join('/')}${query.length === 0 ? '' : `?${query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')}`}`,
  }));
  const signed = signByBotocore(requests.map(({ method, service, headers, body, session }, index): ToSign => ({
    method, service, headers, body, region: 'eu-central-1', timestamp: TIMESTAMP, accessKey: ACCESS, secretKey: SECRET,
    url: `https://${targets[index]?.authority}${targets[index]?.path}`,
    ...(session ? { sessionToken: SESSION } : {}),
  })));
  for (const [index, { method, service, headers, body, session }] of requests.entries()) {
    const head = headOf({ ...targets[index], method, headers: headers.map(([name, value]) => [name, value]), body: body === '' ? { kind: 'none' } : { kind: 'bytes', bytes: Buffer.from(body, 'latin1') } });
    assert.equal(await inject(head, { service, ...(session ? WITH_SESSION : {}) }), undefined);
    const theirs = new Map(signed[index]?.headers.map(([name, value]) => [name.toLowerCase(), value]));
    for (const name of ['authorization', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256']) assert.equal(header(head, name), theirs.get(name), `${name} of ${method} ${head.path}`);
  }
});

test('the payload is vouched for as strongly as can be', async (t) => {
  const bytes = Buffer.from('hello');
  const digest = hash('sha256', bytes, 'hex');
  const claim = (word: string): [string, string][] => [['X-Amz-Content-Sha256', word]];
  const table: Readonly<Record<string, readonly [Partial<OutgoingHead>, string]>> = {
    'no body': [{ method: 'GET' }, EMPTY_SHA256],
    'no body, though a client would not say': [{ method: 'GET', headers: claim('UNSIGNED-PAYLOAD') }, EMPTY_SHA256],
    bytes: [{ body: { kind: 'bytes', bytes } }, digest],
    'bytes that a client did not sign': [{ body: { kind: 'bytes', bytes }, headers: claim('UNSIGNED-PAYLOAD') }, digest],
    'bytes that a client signed': [{ body: { kind: 'bytes', bytes }, headers: claim(digest) }, digest],
    'a stream whose hash the client announced': [{ body: stream(5), headers: claim(digest) }, digest],
    'the same without TLS': [{ scheme: 'http', body: stream(5), headers: claim(digest) }, digest],
    'a stream over TLS': [{ body: stream(5) }, 'UNSIGNED-PAYLOAD'],
    'a stream over TLS without a length': [{ body: stream() }, 'UNSIGNED-PAYLOAD'],
    'a stream without TLS': [{ scheme: 'http', body: stream(5) }, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
    'a stream without TLS that the client did not sign': [{ scheme: 'http', body: stream(5), headers: claim('UNSIGNED-PAYLOAD') }, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
    'signed chunks': [{ body: stream(), headers: [...claim('STREAMING-AWS4-HMAC-SHA256-PAYLOAD'), ['x-amz-decoded-content-length', '5']] }, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
    'unsigned chunks over TLS': [{ body: stream(), headers: [...claim('STREAMING-UNSIGNED-PAYLOAD-TRAILER'), ['x-amz-trailer', 'x-amz-checksum-crc32']] }, 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
    'unsigned chunks without TLS': [{ scheme: 'http', body: stream(), headers: [...claim('STREAMING-UNSIGNED-PAYLOAD-TRAILER'), ['x-amz-trailer', 'x-amz-checksum-crc32'], ['x-amz-decoded-content-length', '5']] }, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'],
  };
  for (const [name, [over, word]] of Object.entries(table)) {
    await t.test(name, async () => {
      const head = s3Head(over);
      await inject(head);
      assert.equal(header(head, 'x-amz-content-sha256'), word);
      assert.equal(head.headers.filter(([one]) => one.toLowerCase() === 'x-amz-content-sha256').length, 1);
    });
  }
});

test('other services need the whole body, unless the client says its hash or that it need not be signed', async () => {
  const injector = createInjector(aws({ service: 'sqs' }), testParts(ENV));
  const at = (over: Partial<OutgoingHead>): OutgoingHead => headOf({ method: 'POST', ...over });
  assert.equal(injector.needsBytes?.(at({ body: stream(5) })), true);
  await assert.rejects(async () => injector.inject(at({ body: stream(5) }), NEVER), /NotSignable: the body must be read as a whole/);
  assert.equal(injector.needsBytes?.(at({})), false);
  assert.equal(injector.needsBytes?.(at({ body: { kind: 'bytes', bytes: Buffer.from('x') } })), false);
  assert.equal(injector.needsBytes?.(at({ body: stream(5), headers: [['x-amz-content-sha256', EMPTY_SHA256]] })), false);
  assert.equal(injector.needsBytes?.(at({ body: stream(5), headers: [['x-amz-content-sha256', 'UNSIGNED-PAYLOAD']] })), false);
  assert.equal(injector.needsBytes?.(at({ scheme: 'http', body: stream(5), headers: [['x-amz-content-sha256', 'UNSIGNED-PAYLOAD']] })), true);
  assert.equal(createInjector(aws(), testParts(ENV)).needsBytes?.(at({ body: stream(5) })), false);
  const head = at({ body: { kind: 'bytes', bytes: Buffer.from('x') } });
  await injector.inject(head, NEVER);
  assert.equal(header(head, 'x-amz-content-sha256'), undefined);
});

test('what a client sent of these headers does not get through', async () => {
  const injector = createInjector(aws(WITH_SESSION), testParts(ENV));
  assert.deepEqual(injector.owns, ['authorization', 'x-amz-date', 'x-amz-security-token', 'x-amz-s3session-token']);
  const head = s3Head({ method: 'GET', headers: [['Authorization', 'AWS4-HMAC-SHA256 of the client'], ['X-Amz-Security-Token', 'of the client'], ['X-Amz-Date', 'yesterday'], ['x-amz-s3session-token', 'of the client'], ['Accept', '*/*']] });
  await injector.inject(head, NEVER);
  assert.ok(!JSON.stringify(head.headers).includes('of the client'));
  assert.deepEqual(head.headers.map(([name]) => name), ['Accept', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256', 'authorization']);
  assert.match(header(head, 'authorization') ?? '', /SignedHeaders=accept;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, /);
  assert.equal(header(head, 'x-amz-security-token'), SESSION);
});

test('a rotated key serves the next request', async () => {
  const parts = testParts(ENV);
  const injector = createInjector(aws(), parts);
  const at = async (): Promise<string> => {
    const head = s3Head({ method: 'GET' });
    await injector.inject(head, NEVER);
    return header(head, 'authorization') ?? '';
  };
  const first = await at();
  assert.equal(await at(), first);
  parts.set('SECRET', 'another');
  assert.notEqual(await at(), first);
  injector.rejected();
  injector.close();
});

test('a body in chunks is described, signed from the head on, and of the length that is said', async () => {
  const head = s3Head({
    scheme: 'http',
    headers: [['Content-Encoding', 'aws-chunked,gzip'], ['Content-Length', '999'], ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'], ['x-amz-trailer', 'x-amz-checksum-crc32'], ['x-amz-decoded-content-length', '5']],
    body: stream(999),
  });
  const { body } = (await inject(head)) ?? {};
  assert.ok(body !== undefined);
  assert.equal(header(head, 'content-length'), String(body.length));
  assert.equal(header(head, 'Content-Encoding'), 'aws-chunked,gzip');
  const out: Buffer[] = [];
  body.transform.on('data', (piece: Buffer) => out.push(piece));
  body.transform.end('5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n');
  await once(body.transform, 'end');
  const written = Buffer.concat(out).toString();
  assert.equal(written.length, body.length);
  const [, seed = ''] = /Signature=([0-9a-f]{64})$/.exec(header(head, 'authorization') ?? '') ?? [];
  const scope = { day: TIMESTAMP.slice(0, 8), region: 'eu-central-1', service: 's3' };
  const next = (kind: string, previous: string, rest: string): string => createHmac('sha256', signingKey(Buffer.from(SECRET), scope)).update([kind, TIMESTAMP, `${scope.day}/eu-central-1/s3/aws4_request`, previous, rest].join('\n')).digest('hex');
  const first = next('AWS4-HMAC-SHA256-PAYLOAD', seed, `${EMPTY_SHA256}\n${hash('sha256', 'hello', 'hex')}`);
  const last = next('AWS4-HMAC-SHA256-PAYLOAD', first, `${EMPTY_SHA256}\n${EMPTY_SHA256}`);
  const trailer = next('AWS4-HMAC-SHA256-TRAILER', last, hash('sha256', 'x-amz-checksum-crc32:NhCmhg==\n', 'hex'));
  assert.equal(written, `5;chunk-signature=${first}\r\nhello\r\n0;chunk-signature=${last}\r\nx-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:${trailer}\r\n\r\n`);
});

test('plain data that becomes chunks says so', async () => {
  const head = s3Head({ scheme: 'http', headers: [['Content-Length', '5'], ['Content-Encoding', 'gzip']], body: stream(5) });
  const { body } = (await inject(head)) ?? {};
  body?.transform.destroy();
  assert.equal(header(head, 'content-encoding'), 'aws-chunked,gzip');
  assert.equal(header(head, 'x-amz-decoded-content-length'), '5');
  assert.equal(header(head, 'content-length'), String(body?.length));
});

test('without a decoded length, unsigned chunks go on without a length', async () => {
  const head = s3Head({ headers: [['content-length', '70'], ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'], ['x-amz-trailer', 'x-amz-checksum-crc32']], body: stream(70) });
  const { body } = (await inject(head)) ?? {};
  assert.equal(body?.length, undefined);
  assert.equal(header(head, 'content-length'), undefined);
  body?.transform.destroy();
});

test('the signature covers what is sent: any change of it is another signature', async () => {
  const base = (): OutgoingHead => s3Head({ path: '/a/b?x=1', headers: [['content-type', 'text/plain'], ['x-amz-meta-a', '1'], ['Range', 'bytes=0-9'], ['User-Agent', 'client'], ['Accept-Encoding', 'gzip']], body: { kind: 'bytes', bytes: Buffer.from('hello') } });
  const of = async (head: OutgoingHead): Promise<string> => { await inject(head); return header(head, 'authorization') ?? ''; };
  const reference = await of(base());
  const changed: readonly Partial<OutgoingHead>[] = [
    { method: 'POST' }, { authority: 'other.example' }, { path: '/a/c?x=1' }, { path: '/a/b?x=2' }, { path: '/a/b' }, { body: { kind: 'bytes', bytes: Buffer.from('hellO') } },
    ...[0, 1, 2].map((index) => ({ headers: base().headers.map(([name, value], at): [string, string] => [name, at === index ? `${value}!` : value]) })),
  ];
  for (const over of changed) assert.notEqual(await of({ ...base(), ...over }), reference, JSON.stringify(over));
  assert.equal(await of({ ...base(), headers: base().headers.map(([name, value]) => [name, /user-agent|accept-encoding/i.test(name) ? 'changed on the way' : value]) }), reference);
});

test('requests that cannot be signed are refused, and nothing was put on', async (t) => {
  const chunks = (word: string, ...more: [string, string][]): Partial<OutgoingHead> => ({ body: stream(9), headers: [['x-amz-content-sha256', word], ...more] });
  const decoded: [string, string] = ['x-amz-decoded-content-length', '5'];
  const table: Readonly<Record<string, readonly [Partial<OutgoingHead>, Partial<CredentialOf<'aws'>>]>> = {
    'a presigned query': [{ path: '/key?X-Amz-Signature=abc' }, {}],
    'a presigned query, spelled otherwise': [{ path: '/key?x=1&%58-amz%2Dsignature=abc' }, {}],
    'an old presigned query': [{ path: '/key?AWSAccessKeyId=AKIA&Signature=abc&Expires=1' }, {}],
    'a path that is not ASCII': [{ path: '/ké' }, {}],
    'a path with a space': [{ path: '/a b' }, {}],
    'a header beyond bytes': [{ headers: [['x-amz-meta-a', 'ሴ']] }, {}],
    'a header with a line end': [{ headers: [['x-amz-meta-a', 'a\r\nb']] }, {}],
    'bytes that are not those announced': [{ body: { kind: 'bytes', bytes: Buffer.from('x') }, headers: [['x-amz-content-sha256', EMPTY_SHA256]] }, {}],
    'no body where one was announced': [{ headers: [['x-amz-content-sha256', hash('sha256', 'x', 'hex')]] }, {}],
    'no body where chunks were announced': [{ headers: [['x-amz-content-sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'], decoded] }, {}],
    'an unknown word': [chunks('SIGNED'), {}],
    'a word twice': [chunks('UNSIGNED-PAYLOAD', ['x-amz-content-sha256', EMPTY_SHA256]), {}],
    'chunks of elliptic signatures': [chunks('STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', decoded), {}],
    'events': [chunks('STREAMING-AWS4-HMAC-SHA256-EVENTS'), { service: 'transcribe' }],
    'chunks of another service': [chunks('STREAMING-AWS4-HMAC-SHA256-PAYLOAD', decoded), { service: 'sqs' }],
    'signed chunks without a decoded length': [chunks('STREAMING-AWS4-HMAC-SHA256-PAYLOAD'), {}],
    'a decoded length that is none': [chunks('STREAMING-AWS4-HMAC-SHA256-PAYLOAD', ['x-amz-decoded-content-length', '5e3']), {}],
    'trailers that are not named': [chunks('STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', decoded), {}],
    'trailers that are no checksums': [chunks('STREAMING-UNSIGNED-PAYLOAD-TRAILER', ['x-amz-trailer', 'x-amz-acl']), {}],
    'a stream without TLS and without a length': [{ scheme: 'http', body: stream() }, {}],
  };
  for (const [name, [over, config]] of Object.entries(table)) {
    await t.test(name, async () => {
      const head = s3Head(over);
      const before = JSON.stringify(head.headers);
      await assert.rejects(async () => inject(head, config), (error) => error instanceof NotSignable && !inspect(error).includes('canary'));
      assert.equal(JSON.stringify(head.headers), before);
    });
  }
});

test('keys that cannot be had are named, never told', async () => {
  const table: readonly [Readonly<Record<string, string>>, RegExp][] = [
    [{ SECRET, SESSION }, /^env:ACCESS is not set$/],
    [{ ACCESS, SESSION }, /^env:SECRET is not set$/],
    [{ ACCESS, SECRET }, /^env:SESSION is not set$/],
    [{ ...ENV, ACCESS: 'canary/with/scope' }, /^env:ACCESS is not the id of an access key$/],
    [{ ...ENV, SESSION: 'canary\n!' }, /^env:SESSION holds characters/],
  ];
  for (const [env, message] of table) {
    const parts = testParts(env);
    const head = s3Head({ method: 'GET' });
    await assert.rejects(async () => createInjector(aws(WITH_SESSION), parts).inject(head, NEVER), (error) => {
      assert.ok(error instanceof CredentialUnavailable);
      assert.match(error.message, message);
      assert.ok(!(inspect(error, { depth: 9, showHidden: true }) + parts.lines.join()).includes('canary'));
      return true;
    });
    assert.equal(header(head, 'authorization'), undefined);
  }
});

test('the signature that is sent is that of the head that is sent', async () => {
  const head = s3Head({ path: '/dir/a%20b?versionId=1', headers: [['host', 'of the client'], ['x-amz-acl', 'private'], ['x-amz-acl', 'again']], body: { kind: 'bytes', bytes: Buffer.from('x') } });
  await inject(head);
  const scope = { day: TIMESTAMP.slice(0, 8), region: 'eu-central-1', service: 's3' };
  const signature = signatureOf(signingKey(Buffer.from(SECRET), scope), TIMESTAMP, `${scope.day}/eu-central-1/s3/aws4_request`, {
    method: 'PUT', path: '/dir/a%20b', query: 'versionId=1', payload: hash('sha256', 'x', 'hex'), service: 's3',
    headers: [['host', head.authority], ['x-amz-acl', 'private'], ['x-amz-acl', 'again'], ['x-amz-content-sha256', hash('sha256', 'x', 'hex')], ['x-amz-date', TIMESTAMP]],
    signed: ['host', 'x-amz-acl', 'x-amz-content-sha256', 'x-amz-date'],
  });
  assert.deepEqual(head.headers.filter(([name]) => name === 'host'), [['host', head.authority]]);
  assert.equal(header(head, 'authorization'), `AWS4-HMAC-SHA256 Credential=${ACCESS}/${scope.day}/eu-central-1/s3/aws4_request, SignedHeaders=host;x-amz-acl;x-amz-content-sha256;x-amz-date, Signature=${signature}`);
});
