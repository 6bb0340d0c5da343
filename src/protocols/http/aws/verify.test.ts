import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import type { Transform } from 'node:stream';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { AwsChunkReader } from '../../../secrets/upstream/aws-chunk-reader.ts';
import { AwsChunkTransform } from '../../../secrets/upstream/aws-chunk-transform.ts';
import { createInjector, type OutgoingHead } from '../../../secrets/upstream/injector.ts';
import { testParts } from '../../../secrets/upstream/testdata/parts.ts';
import { signByBotocore, withoutBotocore, type ToSign } from '../../../secrets/upstream/testdata/botocore.ts';
import { amzDate, EMPTY_SHA256, scopeText, signatureOf, signingKey } from '../../../secrets/upstream/sigv4.ts';
import { hashedBody } from './hashed-body.ts';
import { IssuedKeys, type NewKey } from './issued-keys.ts';
import { isSignatureRefusal, readSignature, type ReceivedRequest } from './signed-request.ts';
import { verifySignature, type VerifiedRequest } from './verify.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const MINUTE = 60_000;
const keys = new IssuedKeys(() => NOW);
const KEY: NewKey = keys.issue({ text: 'canary.oidc.token', expiresAt: NOW + 60 * MINUTE }, 'ci', 60 * MINUTE) ?? assert.fail('no key');

/** What the gateway makes of a request: as it will call the two steps. */
const judge = (request: ReceivedRequest, now = NOW, body = ''): VerifiedRequest | string | undefined => {
  const claim = readSignature(request);
  if (claim === undefined) return undefined;
  if (isSignatureRefusal(claim)) return claim.code;
  const verified = verifySignature(request, claim, keys.find(claim.accessKeyId), now, hash('sha256', Buffer.from(body, 'latin1'), 'hex'));
  return isSignatureRefusal(verified) ? verified.code : verified;
};
const accepted = (request: ReceivedRequest, now = NOW, body = ''): VerifiedRequest => {
  const verified = judge(request, now, body);
  if (typeof verified !== 'object') assert.fail(`refused: ${verified}`);
  return verified;
};

interface Asked { readonly method?: string; readonly path?: string; readonly query?: string; readonly headers?: readonly [string, string][]; readonly service?: string; readonly payload?: string; readonly at?: number; readonly key?: NewKey; readonly sign?: (names: readonly string[]) => readonly string[] }

/** A request signed in its header, by the formulas alone. */
const signed = ({ method = 'GET', path = '/bucket/key', query = '', headers = [], service = 's3', payload = EMPTY_SHA256, at = NOW, key = KEY, sign = (names) => names }: Asked = {}): ReceivedRequest => {
  const timestamp = amzDate(at);
  const scope = { day: timestamp.slice(0, 8), region: 'us-east-1', service };
  const all: [string, string][] = [['Host', 's3.gw.internal:8443'], ['X-Amz-Date', timestamp], ['X-Amz-Security-Token', key.sessionToken], ...(service === 's3' ? [['X-Amz-Content-Sha256', payload] as [string, string]] : []), ...headers];
  const names = sign([...new Set(all.map(([name]) => name.toLowerCase()))].toSorted());
  const signature = signatureOf(signingKey(Buffer.from(key.secretKey), scope), timestamp, scopeText(scope), { method, path, query, headers: all, signed: names, payload, service });
  return { method, path, query, headers: [...all, ['Authorization', `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scopeText(scope)}, SignedHeaders=${names.join(';')}, Signature=${signature}`]] };
};
const changedHeader = (request: ReceivedRequest, name: string, change: (value: string) => string): ReceivedRequest => ({ ...request, headers: request.headers.map(([one, value]) => [one, one === name ? change(value) : value]) });

const asReceived = (method: string, { url, headers }: { readonly url: string; readonly headers: readonly [string, string][] }): ReceivedRequest => {
  const [, host = '', path = '', query = ''] = /^https?:\/\/([^/]+)([^?]*)(?:\?(.*))?$/.exec(url) ?? [];
  return { method, path, query, headers: [...headers, ['Host', host]] };
};

test('what botocore signs is let in, by header and by presigned URL', { skip: withoutBotocore }, () => {
  const name = fc.stringMatching(/^[A-Za-z0-9!$'()*,:@._~ ü-]{1,10}$/).filter((text) => text !== '.' && text !== '..');
  const encoded = (text: string): string => encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  const requests = fc.sample(fc.record({
    method: fc.constantFrom('GET', 'PUT', 'POST'),
    service: fc.constantFrom('s3', 'sqs'),
    where: fc.constantFrom('header', 'query'),
    path: fc.array(name, { maxLength: 3 }).map((segments) => `/${segments.map(encoded).join('/')}`),
    query: fc.uniqueArray(fc.tuple(name, name), { maxLength: 3, selector: ([one]) => one }).map((pairs) => pairs.map((pair) => pair.map(encoded).join('=')).join('&')),
    headers: fc.uniqueArray(fc.tuple(fc.constantFrom('x-amz-meta-a', 'content-type', 'x-amz-target', 'range'), fc.stringMatching(/^[A-Za-z0-9;=" ,/.+-]{1,20}$/)), { maxLength: 3, selector: ([one]) => one }),
    body: fc.stringMatching(/^[\x01-\xff]{0,20}$/),
    unsigned: fc.boolean(),
    trailing: fc.boolean(),
  }), { numRuns: 200, seed: 7 });
  const answers = signByBotocore(requests.map(({ method, service, where, path, query, headers, body, unsigned, trailing }): ToSign => ({
    method, service, where, headers, expires: 600, region: 'eu-west-1', timestamp: amzDate(NOW), accessKey: KEY.accessKeyId, secretKey: KEY.secretKey, sessionToken: KEY.sessionToken,
    url: `https://gw.internal:8443${path}${query === '' ? '' : `?${query}`}`,
    // The payload of a presigned URL is known to nobody when it is signed.
    body: where === 'query' ? '' : body, unsigned: unsigned && service === 'sqs' && where === 'header', trailing: trailing && service === 's3' && where === 'header',
  })));
  for (const [index, { method, where, body, service, query }] of requests.entries()) {
    const answer = answers[index] ?? assert.fail('no answer');
    const request = asReceived(method, answer);
    const sent = where === 'query' ? '' : body;
    const verified = accepted(request, NOW, sent);
    assert.equal(verified.key.token(), 'canary.oidc.token');
    assert.equal(decodeURIComponent(verified.query.replaceAll('+', ' ')).length, decodeURIComponent(query).length, 'what belongs to the signature is gone, and nothing else');
    if (service === 's3' && where === 'query') assert.deepEqual(verified.payload, { kind: 'unsigned' });
    // Any bit of the signature counts.
    assert.equal(judge({ ...request, query: request.query.replace(/(X-Amz-Signature=)(.)/, (_, before: string, one: string) => `${before}${one === '0' ? '1' : '0'}`), headers: request.headers.map(([one, value]) => [one, value.replace(/(Signature=)(.)$/, '').replace(/Signature=(.)/, (__, digit: string) => `Signature=${digit === '0' ? '1' : '0'}`)]) }, NOW, sent), 'SignatureDoesNotMatch');
  }
});

test('whatever is signed cannot be changed', () => {
  const request = signed({ method: 'PUT', path: '/bucket/a%20b', query: 'partNumber=1&uploadId=x', headers: [['X-Amz-Acl', 'private'], ['Content-Type', 'text/plain']] });
  assert.deepEqual(accepted(request).payload, { kind: 'hash', sha256: EMPTY_SHA256 });
  const changes: readonly ReceivedRequest[] = [
    { ...request, method: 'GET' },
    { ...request, path: '/bucket/a%20c' },
    { ...request, query: 'partNumber=2&uploadId=x' },
    { ...request, query: '' },
    ...['Host', 'X-Amz-Acl', 'Content-Type'].map((name) => changedHeader(request, name, (value) => `${value}x`)),
    changedHeader(request, 'X-Amz-Content-Sha256', () => 'UNSIGNED-PAYLOAD'),
    changedHeader(request, 'X-Amz-Date', () => amzDate(NOW + 1000)),
    changedHeader(request, 'X-Amz-Security-Token', (value) => `${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`),
    { ...request, headers: [...request.headers, ['X-Amz-Acl', 'public-read']] },
  ];
  for (const changed of changes) assert.equal(judge(changed), 'SignatureDoesNotMatch', inspect(changed));
});

test('the key has to be one that was issued and lives, with its session token', () => {
  const stranger: NewKey = { ...KEY, accessKeyId: 'WGTKAAAAAAAAAAAAAAAAAAAA' };
  assert.equal(judge(signed({ key: stranger })), 'InvalidAccessKeyId');
  assert.equal(judge(signed({ key: { ...KEY, secretKey: 'another' } })), 'SignatureDoesNotMatch');
  assert.equal(judge(signed({ key: { ...KEY, sessionToken: 'another' } })), 'SignatureDoesNotMatch', 'signed well, but without the session');
  const request = signed({ at: NOW + 60 * MINUTE });
  const claim = readSignature(request);
  assert.ok(claim !== undefined && !isSignatureRefusal(claim));
  const late = verifySignature(request, claim, keys.find(KEY.accessKeyId), NOW + 60 * MINUTE);
  assert.ok(isSignatureRefusal(late) && late.code === 'InvalidAccessKeyId', 'the key has ended');
  const { headers } = signed({ sign: (names) => names.filter((name) => name !== 'x-amz-security-token') });
  assert.equal(judge({ ...signed(), headers: headers.filter(([name]) => name !== 'X-Amz-Security-Token') }), 'SignatureDoesNotMatch');
});

test('clocks may be a quarter of an hour apart', () => {
  for (const at of [NOW - 15 * MINUTE, NOW, NOW + 15 * MINUTE]) accepted(signed({ at }));
  for (const at of [NOW - 15 * MINUTE - 1000, NOW + 15 * MINUTE + 1000, 0]) assert.equal(judge(signed({ at })), 'RequestTimeTooSkewed');
});

test('what must be signed is signed', () => {
  const without = (name: string): string | VerifiedRequest | undefined => judge(signed({ headers: [['X-Amz-Acl', 'private']], sign: (names) => names.filter((one) => one !== name) }));
  for (const name of ['host', 'x-amz-date', 'x-amz-acl', 'x-amz-content-sha256', 'x-amz-security-token']) assert.equal(without(name), 'AccessDenied', name);
  assert.equal(judge(signed({ sign: (names) => [...names, 'x-not-there'].toSorted() })), 'AccessDenied');
  assert.equal(judge({ ...signed(), headers: [...signed().headers, ['x-amz-acl', 'public-read']] }), 'AccessDenied', 'added behind the signature');
});

test('headers that are not of the form are refused, and their words not repeated', () => {
  const right = signed();
  const authorization = right.headers.find(([name]) => name === 'Authorization')?.[1] ?? '';
  const table: readonly [string, string][] = [
    ['AWS4-HMAC-SHA256', 'AuthorizationHeaderMalformed'],
    ['AWS4-HMAC-SHA256 canary', 'AuthorizationHeaderMalformed'],
    [authorization.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'), 'AuthorizationHeaderMalformed'],
    [`${authorization}, Signature=${'0'.repeat(64)}`, 'AuthorizationHeaderMalformed'],
    [authorization.replace(/Signature=.*/, 'Signature=ABC'), 'AuthorizationHeaderMalformed'],
    [authorization.replace('aws4_request', 'aws5_request'), 'AuthorizationHeaderMalformed'],
    [authorization.replace('/20260102/', '/20260103/'), 'AuthorizationHeaderMalformed'],
    [authorization.replace('SignedHeaders=host;', 'SignedHeaders=Host;'), 'AuthorizationHeaderMalformed'],
    [authorization.replace('SignedHeaders=host;', 'SignedHeaders=host;host;'), 'AuthorizationHeaderMalformed'],
    [authorization.replace(/SignedHeaders=[^,]*/, `SignedHeaders=${Array.from({ length: 200 }, (_, index) => `a${1000 + index}`).join(';')}`), 'AuthorizationHeaderMalformed'],
    [authorization.replace(KEY.accessKeyId, '../../etc'), 'AuthorizationHeaderMalformed'],
  ];
  for (const [text, code] of table) assert.equal(judge(changedHeader(right, 'Authorization', () => text)), code, text);
  assert.equal(judge({ ...right, headers: [...right.headers, ['authorization', authorization]] }), 'AuthorizationHeaderMalformed');
  assert.equal(judge({ ...right, query: `X-Amz-Signature=${'0'.repeat(64)}` }), 'InvalidRequest', 'signed twice');
  assert.equal(judge(changedHeader(right, 'X-Amz-Date', () => 'canary')), 'AuthorizationHeaderMalformed');
  assert.equal(judge({ ...right, headers: right.headers.filter(([name]) => name !== 'X-Amz-Date') }), 'AccessDenied');
  assert.equal(judge({ ...right, headers: right.headers.filter(([name]) => name !== 'X-Amz-Content-Sha256') }), 'InvalidRequest');
  assert.equal(judge(signed({ payload: 'canary' })), 'InvalidRequest');
});

test('requests without such a signature are not its business', () => {
  for (const headers of [[], [['Authorization', 'Bearer eyJ']], [['Authorization', 'AWS key:signature']]] as [string, string][][]) assert.equal(judge({ method: 'GET', path: '/', query: 'x=X-Amz-Signature', headers }), undefined);
});

test('any header and any query are read or refused', () => {
  fc.assert(fc.property(fc.string(), fc.string(), fc.array(fc.tuple(fc.constantFrom('authorization', 'x-amz-date', 'host', 'x-amz-content-sha256', 'date'), fc.string()), { maxLength: 5 }), (authorization, query, headers) => {
    judge({ method: 'GET', path: '/', query: `X-Amz-Signature=${query}&${query}`, headers });
    judge({ method: 'GET', path: '/', query, headers: [...headers, ['authorization', `AWS4-HMAC-SHA256 ${authorization}`]] });
  }));
});

const presigned = (over: Readonly<Record<string, string | undefined>> = {}, key: NewKey = KEY, at = NOW, extra: readonly [string, string][] = []): ReceivedRequest => {
  const timestamp = amzDate(at);
  const scope = { day: timestamp.slice(0, 8), region: 'us-east-1', service: 's3' };
  const parameters: Record<string, string | undefined> = {
    versionId: '3', 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Credential': `${key.accessKeyId}/${scopeText(scope)}`, 'X-Amz-Date': timestamp, 'X-Amz-Expires': '600', 'X-Amz-Security-Token': key.sessionToken, 'X-Amz-SignedHeaders': 'host', ...over,
  };
  const query = Object.entries(parameters).filter(([, value]) => value !== undefined).map(([name, value = '']) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
  const headers: [string, string][] = [['Host', 'gw.internal']];
  const signature = signatureOf(signingKey(Buffer.from(key.secretKey), scope), timestamp, scopeText(scope), { method: 'GET', path: '/bucket/key', query, headers, signed: ['host'], payload: over['X-Amz-Content-Sha256'] ?? 'UNSIGNED-PAYLOAD', service: 's3' });
  return { method: 'GET', path: '/bucket/key', query: `${query}&X-Amz-Signature=${signature}`, headers: [...headers, ...extra] };
};

test('a presigned URL is good for its time, and goes on without its signature', () => {
  const verified = accepted(presigned());
  assert.equal(verified.query, 'versionId=3');
  assert.deepEqual(verified.payload, { kind: 'unsigned' });
  accepted(presigned(), NOW + 10 * MINUTE - 1000);
  assert.equal(judge(presigned(), NOW + 10 * MINUTE), 'AccessDenied');
  accepted(presigned({}, KEY, NOW + 15 * MINUTE));
  assert.equal(judge(presigned({}, KEY, NOW + 16 * MINUTE)), 'AccessDenied');
  for (const expires of ['0', '604801', '-1', 'x', '']) assert.equal(judge(presigned({ 'X-Amz-Expires': expires })), 'AuthorizationQueryParametersError', expires);
  assert.deepEqual(accepted(presigned({ 'X-Amz-Content-Sha256': EMPTY_SHA256 })).payload, { kind: 'hash', sha256: EMPTY_SHA256 });
  assert.equal(accepted(presigned({ 'X-Amz-Content-Sha256': EMPTY_SHA256 })).query, 'versionId=3');
});

test('a presigned URL cannot be changed, stretched or completed', () => {
  const { query } = presigned();
  const with_ = (text: string, headers: readonly [string, string][] = []): ReturnType<typeof judge> => judge({ ...presigned(), query: text, headers: [['Host', 'gw.internal'], ...headers] });
  assert.equal(with_(query.replace('versionId=3', 'versionId=4')), 'SignatureDoesNotMatch');
  assert.equal(with_(query.replace('X-Amz-Expires=600', 'X-Amz-Expires=6000')), 'SignatureDoesNotMatch');
  assert.equal(with_(`${query}&acl`), 'SignatureDoesNotMatch');
  assert.equal(with_(`${query}&X-Amz-Expires=6000`), 'AuthorizationQueryParametersError');
  assert.equal(with_(`${query}&x-amz-%65xpires=6000`), 'AuthorizationQueryParametersError');
  assert.equal(with_(`${query}&X-Amz-Date=%zz`), 'AuthorizationQueryParametersError');
  assert.equal(with_(query, [['x-amz-acl', 'public-read']]), 'AccessDenied');
  assert.equal(with_(query, [['X_Amz_Copy_Source', 'other/secret']]), 'AccessDenied', 'as servers read it for which names become variables');
  assert.equal(with_(query, [['x-amz-security-token', KEY.sessionToken]]), 'AuthorizationQueryParametersError');
  assert.equal(judge(presigned({ 'X-Amz-Security-Token': undefined })), 'SignatureDoesNotMatch');
  assert.equal(judge(presigned({}, { ...KEY, secretKey: 'another' })), 'SignatureDoesNotMatch');
  assert.equal(judge(presigned({ 'X-Amz-SignedHeaders': 'range' })), 'AccessDenied');
});

test('chunks follow from the signature of their request', () => {
  const { payload } = accepted(signed({ method: 'PUT', payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }));
  assert.ok(payload.kind === 'chunks');
  const scope = { day: '20260102', region: 'us-east-1', service: 's3' };
  assert.deepEqual(payload.seed.key, signingKey(Buffer.from(KEY.secretKey), scope));
  assert.equal(payload.seed.scope, scopeText(scope));
  assert.equal(payload.seed.timestamp, '20260102T030405Z');
  assert.deepEqual(accepted(signed({ method: 'PUT', payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' })).payload, { kind: 'unsigned' });
});

test('a body that a client signed in chunks reaches the target signed with the target\'s key, or not at all', async () => {
  const data = Buffer.alloc(200_000, 'streamed ');
  const word = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
  const request = signed({ method: 'PUT', payload: word, headers: [['X-Amz-Decoded-Content-Length', String(data.length)]] });
  const [, signature = ''] = /Signature=([0-9a-f]{64})$/.exec(request.headers.find(([name]) => name === 'Authorization')?.[1] ?? '') ?? [];
  const clientScope = { day: '20260102', region: 'us-east-1', service: 's3' };
  const written = await drained(new AwsChunkTransform({ from: { plain: data.length }, seed: { key: signingKey(Buffer.from(KEY.secretKey), clientScope), timestamp: '20260102T030405Z', scope: scopeText(clientScope), signature } }), data);
  const send = async (body: Buffer): Promise<{ readonly out: Buffer; readonly head: OutgoingHead; readonly length: number | undefined }> => {
    const { payload } = accepted(request);
    assert.ok(payload.kind === 'chunks');
    const parts = testParts({ ACCESS: 'AKIATARGET', SECRET: 'of the target' }, NOW);
    const injector = createInjector({ type: 'aws', accessKey: { from: 'env', name: 'ACCESS' }, secretKey: { from: 'env', name: 'SECRET' }, region: 'eu-west-1', service: 's3' }, parts);
    const head: OutgoingHead = { method: 'PUT', scheme: 'https', authority: 's3.example', path: '/bucket/key', headers: [['x-amz-content-sha256', word], ['x-amz-decoded-content-length', String(data.length)]], body: { kind: 'stream', length: body.length, chunks: payload.seed } };
    const outgoing = (await injector.inject(head, () => new AbortController().signal))?.body ?? assert.fail('no body');
    return { out: await drained(outgoing.transform, body), head, length: outgoing.length };
  };
  const { out, head, length } = await send(written);
  assert.equal(out.length, length);
  const [, target = ''] = /Signature=([0-9a-f]{64})$/.exec(head.headers.find(([name]) => name === 'authorization')?.[1] ?? '') ?? [];
  const targetScope = { ...clientScope, region: 'eu-west-1' };
  const reader = new AwsChunkReader({ signed: true, length: data.length }, { key: signingKey(Buffer.from('of the target'), targetScope), timestamp: '20260102T030405Z', scope: scopeText(targetScope), signature: target });
  assert.ok(Buffer.concat(reader.read(out)).equals(data));
  reader.end();
  written.writeUInt8(0x21, 100_000);
  await assert.rejects(send(written), { name: 'NotSignable', message: 'a chunk is not signed with the key that signed the request' });
});

const drained = async (transform: Transform, body: Buffer): Promise<Buffer> => {
  const out: Buffer[] = [];
  transform.on('data', (piece: Buffer) => out.push(piece));
  transform.end(body);
  await once(transform, 'end');
  return Buffer.concat(out);
};

test('where the body is part of the signature, it is asked for first', () => {
  const body = 'Action=SendMessage';
  const request = signed({ service: 'sqs', method: 'POST', payload: hash('sha256', body, 'hex') });
  const claim = readSignature(request);
  assert.ok(claim !== undefined && !isSignatureRefusal(claim));
  assert.equal(claim.payload, undefined);
  assert.throws(() => verifySignature(request, claim, keys.find(KEY.accessKeyId), NOW), /has to be read/);
  assert.deepEqual(accepted(request, NOW, body).payload, { kind: 'hash', sha256: hash('sha256', body, 'hex') });
  assert.equal(judge(request, NOW, `${body}x`), 'SignatureDoesNotMatch');
});

test('a body of another hash does not reach its end', async () => {
  const through = async (sha256: string, ...pieces: readonly string[]): Promise<string> => {
    const body = hashedBody(sha256);
    let out = '';
    body.on('data', (piece: Buffer) => { out += piece.toString(); });
    for (const piece of pieces) body.write(piece);
    body.end();
    await once(body, 'end').catch((error: unknown) => { throw Object.assign(error as Error, { out }); });
    return out;
  };
  assert.equal(await through(hash('sha256', 'hello, world', 'hex'), 'hello', ', ', 'world'), 'hello, world');
  assert.equal(await through(EMPTY_SHA256), '');
  await assert.rejects(through(hash('sha256', 'hello', 'hex'), 'hell', 'O'), { name: 'NotSignable', out: 'hell' });
});
