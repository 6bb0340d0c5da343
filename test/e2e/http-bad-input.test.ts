import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { certificateAuthority } from '../kit/certificates.ts';
import { answerOk, startHttpTarget, type HttpTarget } from '../kit/http-target.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

/** A minute is three seconds, and names lead where they say. */
const SHORT = pathToFileURL(join(import.meta.dirname, 'testdata', 'short-waits.js')).href;
const JSON_TYPE = { 'Content-Type': 'application/json' };
/** Addresses that no target may have: link-local, metadata of clouds, in either family, also beside one that is allowed. */
const FORBIDDEN = ['169-254-169-254', '127-0-0-1.and.169-254-0-7', 'fd00-ec2--254', 'fe80--1', '0-0-0-0-0-ffff-a9fe-a9fe'];

const folder = tempFolder('http-bad-input');
let tls: HttpTarget;
let scene: HttpScene;
before(async () => {
  const [ours, theirs] = await Promise.all([certificateAuthority('ours'), certificateAuthority('theirs')]);
  const { certPem, keyPem } = await theirs.issue(['localhost', '127.0.0.1']);
  tls = await startHttpTarget({ tls: { cert: certPem, key: keyPem } });
  const ca = folder.file('ours.pem');
  const own = folder.file('theirs.pem');
  writeFileSync(ca, ours.certPem);
  writeFileSync(own, theirs.certPem);
  const credential = { type: 'bearer', token: 'env:TARGET_TOKEN' };
  scene = await startHttpScene({
    nodeArgs: ['--import', SHORT],
    connectionsAt: (port) => [
      { name: 'api', protocol: 'http', target: { host: '127.0.0.1', port, tls: 'disable' }, credential },
      { name: 'named', protocol: 'http', target: { host: '127-0-0-1.names.test', port, tls: 'disable' }, credential },
      ...FORBIDDEN.map((name, index) => ({ name: `forbidden${index}`, protocol: 'http', target: { host: `${name}.names.test`, port, tls: 'disable' }, credential })),
      { name: 'other-ca', protocol: 'http', target: { host: '127.0.0.1', port: tls.port, tls: 'verify-full', ca }, credential },
      { name: 'other-name', protocol: 'http', target: { host: '127-0-0-1.names.test', port: tls.port, tls: 'verify-full', ca: own }, credential },
    ],
    policies: [
      {
        name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read', 'write'],
        rules: [
          { name: 'no-admin', match: { request: { paths: ['/admin/**'] } }, effect: 'deny', reason: 'not for jobs' },
          { name: 'no-large', match: { request: { paths: ['/payments'], fields: { currency: ['XXX'] } } }, effect: 'deny', reason: 'no such currency' },
        ],
      },
      { name: 'writing', identities: ['writer'], connections: ['api'], allow: ['read', 'write'], mask: [{ fields: ['ssn'], transform: 'redact' }] },
    ],
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await tls?.stop();
  folder.remove();
});

const outcomeOf = async (mark: string): Promise<string | undefined> => (await recorded(scene, mark)).at(-1)?.end;

test('a target whose name leads to an address that no target may have gets nothing, not even a connection', async () => {
  scene.target.clear();
  const { connections } = scene.target;
  for (const [index, name] of FORBIDDEN.entries()) {
    const answer = await scene.ask('reader', '/latest/meta-data/', { port: scene.gateway.port(`forbidden${index}`) });
    assert.deepEqual([answer.status, answer.problem['code']], [502, 'target_unavailable'], name);
    assert.match(String(answer.problem['detail']), /an address that no target may have/);
  }
  assert.equal(scene.target.connections, connections);
  assert.equal((await scene.ask('reader', '/named', { port: scene.gateway.port('named') })).status, 200);
});

test('a target with a certificate of another CA, or for another name, gets no request and no credential', async () => {
  for (const name of ['other-ca', 'other-name']) {
    const answer = await scene.ask('reader', '/certificate', { port: scene.gateway.port(name) });
    assert.deepEqual([answer.status, answer.problem['code'], answer.problem['detail']], [502, 'target_unavailable', `wicketgate: connection ${name}: the certificate of the target was not accepted`], name);
  }
  assert.equal(tls.requests.length, 0);
  assert.equal(await until(() => outcomeOf('/certificate')), 'unused');
});

test('a rule about paths is not passed by encoded slashes or dots: what could be read in another way is refused', async () => {
  scene.target.clear();
  const { problem } = await scene.ask('reader', '/admin/users');
  assert.deepEqual([problem['code'], problem['rule']], ['denied', 'reading/no-admin']);
  for (const path of ['/admin%2fusers', '/admin%2Fusers', '/x%2f..%2fadmin/users', '/x%2f%2e%2e%2fadmin/users', '/x/..%2fadmin/users', '/x/%2e%2e/admin/users', '/%61dmin%2fusers', '/x%5c..%5cadmin', '/x%252f..%252fadmin', '/%2fadmin/users', '//admin/users']) {
    const answer = await scene.ask('reader', path);
    assert.deepEqual([answer.status, answer.problem['code']], [400, 'protocol'], path);
  }
  for (const path of ['/%61dmin/users', '/Admin/users', '/admin./users', '/admin/']) assert.equal((await scene.ask('reader', path)).problem['code'], 'denied', path);
  assert.equal(scene.target.requests.length, 0);
});

test('a rule that asks for a field refuses what it cannot read', async () => {
  scene.target.clear();
  const pay = (body: string | Buffer, headers: Record<string, string> = JSON_TYPE): ReturnType<HttpScene['ask']> => scene.ask('reader', '/payments', { method: 'POST', body, headers });
  for (const body of ['{"currency":', 'currency=EUR', '{"currency":"EUR","currency":"XXX"}', '[}', '\u0000', `${'['.repeat(5_000)}${']'.repeat(5_000)}`, '{"currency":"XXX"}']) {
    assert.equal((await pay(body)).problem['code'], 'denied', body.slice(0, 40));
  }
  assert.equal((await pay('{"currency":"EUR"}', { 'Content-Type': 'text/plain' })).problem['code'], 'denied');
  assert.equal((await pay(gzipSync('{"currency":"EUR"}'), { ...JSON_TYPE, 'Content-Encoding': 'gzip' })).problem['code'], 'denied');
  assert.equal(scene.target.requests.length, 0);
  assert.equal((await pay('{"currency":"EUR"}')).status, 200);
});

test('10,000 header fields are refused, of a request and of an answer', async () => {
  scene.target.clear();
  const many = await scene.say(`GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('reader')}\r\n${'a:b\r\n'.repeat(10_000)}\r\n`);
  assert.match(many, /^HTTP\/1\.1 431 /);
  assert.equal(scene.target.requests.length, 0);
  scene.target.handler = (_, __, socket) => void socket.write(`HTTP/1.1 200 OK\r\n${'a:b\r\n'.repeat(10_000)}Content-Length: 0\r\n\r\n`);
  assert.equal((await scene.ask('reader', '/many')).status, 502);
  scene.target.handler = answerOk;
});

test('a body that stops coming is given up: the target never has a request that looks whole', async () => {
  scene.target.clear();
  const began = performance.now();
  const said = await scene.say(`POST /slow-body HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('writer')}\r\nContent-Length: 100\r\n\r\nhalf of it`);
  assert.match(said, /^HTTP\/1\.1 408 /);
  assert.ok(performance.now() - began >= 2_700);
  await until(() => scene.target.requests.length === 1);
  assert.equal(scene.target.requests[0]?.complete, false);
  assert.equal(await until(() => outcomeOf('/slow-body')), 'indeterminate');
  // Where it has to be read first, the target hears nothing at all.
  scene.target.clear();
  const kept = await scene.say(`POST /payments HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('reader')}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":`);
  assert.match(kept, /^HTTP\/1\.1 408 /);
  assert.equal(scene.target.requests.length, 0);
});

test('a malformed chunk in the middle of a body is told, the connection ends, and the target never has a request that looks whole', async () => {
  scene.target.clear();
  const head = async (role: 'reader' | 'writer', path: string): Promise<string> => `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token(role)}\r\nContent-Type: ${role === 'reader' ? 'application/json' : 'application/octet-stream'}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const told = /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n[^]*Connection: close\r\n\r\n\{[^]*"code":"protocol"\}\n$/;
  const { open } = scene.target;
  const socket = await scene.dial();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.write(`${await head('writer', '/bad-chunk')}4\r\nhalf\r\n`);
  await until(() => scene.target.requests[0]?.bytes === 4);
  socket.write('zz\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await closed;
  assert.match(text, told);
  await until(() => scene.target.open <= open, 20_000, 'the end of the upstream connection');
  assert.deepEqual(scene.target.requests.map(({ url, complete }) => [url, complete]), [['/bad-chunk', false]]);
  assert.equal(await until(() => outcomeOf('/bad-chunk')), 'indeterminate');

  // Whoever goes on sending gets to read it as well.
  const busy = await scene.dial();
  let read = '';
  busy.on('data', (chunk: Buffer) => (read += chunk.toString('latin1')));
  busy.on('error', () => {});
  busy.write(`${await head('writer', '/bad-chunk')}4\r\nhalf\r\n4\r\nhalf!\r\n${'x'.repeat(4 * 1024 * 1024)}`);
  await new Promise((resolve) => busy.once('end', resolve));
  assert.match(read, told);

  // Where the body has to be read first, the target hears nothing at all.
  scene.target.clear();
  assert.match(await scene.say(`${await head('reader', '/payments')}4\r\n{"a"\r\n-1\r\n`), told);
  assert.equal(scene.target.requests.length, 0);

  // One that is refused anyhow hears why that is.
  assert.match(await scene.say('POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n'), /^HTTP\/1\.1 401 /);

  // What has begun to answer is broken off: a word in between would become a part of it.
  scene.target.handler = (request, response) => {
    request.resume();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: first\n\n');
  };
  const streaming = await scene.dial();
  let answer = '';
  const ended = new Promise<string | undefined>((resolve) => {
    streaming.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    streaming.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    streaming.once('end', () => resolve('end'));
  });
  streaming.write(`${await head('writer', '/both-ways')}4\r\nhalf\r\n`);
  await until(() => answer.includes('data: first'));
  streaming.write('zz\r\n');
  assert.equal(await ended, 'ECONNRESET');
  assert.ok(!answer.includes('400 Bad Request'));
  assert.equal(await until(() => outcomeOf('/both-ways')), 'aborted');
  scene.target.handler = answerOk;
});

test('an answer that stops coming, or is not read, is cut, and a target that takes no body is given up', async () => {
  scene.target.handler = (request, response) => {
    request.resume();
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('half of it');
  };
  const code = await scene.ask('reader', '/slow-answer').catch((error: unknown) => (error as NodeJS.ErrnoException).code);
  assert.equal(code, 'ECONNRESET');
  assert.equal(await until(() => outcomeOf('/slow-answer')), 'error');

  scene.target.handler = (request, response) => {
    request.resume();
    response.writeHead(200, { 'Content-Length': String(64 * 1024 * 1024) });
    response.end(Buffer.alloc(64 * 1024 * 1024));
  };
  const socket = await scene.dial();
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET /unread HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('reader')}\r\n\r\n`);
  assert.equal(await until(() => outcomeOf('/unread')), 'error');
  socket.destroy();

  // It reads nothing of the body.
  scene.target.handler = (request) => void request.pause();
  const refused = await scene.ask('writer', '/untaken', { method: 'POST', body: Buffer.alloc(32 * 1024 * 1024) }).then(({ status }) => status, (error: unknown) => (error as NodeJS.ErrnoException).code ?? '');
  assert.ok(refused === 504 || refused === 'EPIPE' || refused === 'ECONNRESET', String(refused));
  assert.equal(await until(() => outcomeOf('/untaken')), 'indeterminate');
  scene.target.handler = answerOk;
});

test('a value that was masked does not come back under another type, in chunks or packed', async () => {
  scene.target.clear();
  const chunked = { 'Transfer-Encoding': 'chunked' };
  const send = (body: string | Buffer, headers: Record<string, string>): ReturnType<HttpScene['ask']> => scene.ask('writer', '/customers/1', { method: 'PUT', body, headers });
  const masked = '{"name":"Ada","ssn":"***"}';
  for (const [body, headers] of [
    [masked, { 'Content-Type': 'text/plain' }],
    [`\ufeff \r\n${masked}`, { 'Content-Type': 'application/octet-stream' }],
    [gzipSync(masked), { ...JSON_TYPE, 'Content-Encoding': 'gzip' }],
    [gzipSync(masked), { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }],
    [Buffer.from('not gzip'), { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }],
    [masked, { 'Content-Type': 'text/plain', 'Content-Encoding': 'unheard-of' }],
  ] as const) {
    for (const way of [{}, chunked]) {
      const answer = await send(body, { ...headers, ...way });
      assert.deepEqual([answer.status, answer.problem['code']], [403, 'write_back'], `${body.toString('latin1')} ${answer.text}`);
    }
  }
  // More than may be read, also when it is so only unpacked.
  for (const [body, headers] of [[`[${'1,'.repeat(600_000)}1]`, { 'Content-Type': 'text/plain' }], [gzipSync(Buffer.alloc(200 * 1024 * 1024, ' ')), { 'Content-Encoding': 'gzip' }], [' '.repeat(1_100_000), {}]] as const) {
    const answer = await send(body, { ...headers, ...chunked });
    assert.deepEqual([answer.status, answer.problem['code']], [413, 'limit']);
  }
  assert.equal(scene.target.requests.length, 0);
  scene.target.handler = (request, response) => {
    request.resume();
    request.once('end', () => response.writeHead(200, JSON_TYPE).end('{}'));
  };
  // What is no JSON is not kept, however large it is.
  assert.equal((await send(Buffer.alloc(8 * 1024 * 1024, 'x'), { 'Content-Type': 'application/octet-stream', ...chunked })).status, 200);
  assert.equal((await send(gzipSync('{"name":"Ada","ssn":"123-45-6789"}'), { ...JSON_TYPE, 'Content-Encoding': 'gzip' })).status, 200);
  assert.equal(scene.target.requests[0]?.bytes, 8 * 1024 * 1024);
  scene.target.handler = answerOk;
});

test('an answer that grows without end when it is unpacked is cut', async () => {
  const bomb = gzipSync(Buffer.concat([Buffer.from('["'), Buffer.alloc(128 * 1024 * 1024, 'a'), Buffer.from('"]')]));
  scene.target.handler = (request, response) => {
    request.resume();
    response.writeHead(200, { ...JSON_TYPE, 'Content-Encoding': 'gzip' }).end(bomb);
  };
  const seen = await scene.ask('writer', '/bomb', { headers: { 'Accept-Encoding': 'gzip' } }).then(({ status }) => status, (error: unknown) => (error as NodeJS.ErrnoException).code);
  assert.ok(seen === 'ECONNRESET' || seen === 403, String(seen));
  assert.equal(await until(() => outcomeOf('/bomb')), 'withheld');
  scene.target.handler = answerOk;
});

test('the log of all that verifies', async () => {
  await stopAndVerify(scene);
  await scene.gateway.start();
});
