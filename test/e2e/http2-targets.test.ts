import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { certificateAuthority } from '../kit/certificates.ts';
import { startHttpTarget, type HttpTarget } from '../kit/http-target.ts';
import { program, skipUnless } from '../kit/present.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { ask2, http2Client, startHttp2Target, type Http2Target } from './http2-scene.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

let scene: HttpScene;
let target: Http2Target;
let both: Http2Target;
let none: Http2Target;
let old: HttpTarget;
let handler: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
const ok = (stream: ServerHttp2Stream): void => {
  stream.respond({ ':status': 200 });
  stream.resume();
  stream.end('ok\n');
};
const arrived: IncomingHttpHeaders[] = [];

before(async () => {
  handler = ok;
  const take = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    arrived.push(headers);
    handler(stream, headers);
  };
  target = await startHttp2Target(take, { settings: { maxConcurrentStreams: 5 } });
  both = await startHttp2Target(() => {}, { allowHTTP1: true });
  none = await startHttp2Target(ok, { settings: { maxConcurrentStreams: 0 } });
  both.server.on('request', (request, response) => void response.end(`in HTTP/${request.httpVersion}`));
  const authority = await certificateAuthority();
  const { certPem, keyPem } = await authority.issue(['127.0.0.1']);
  const ca = join(tempFolder('old-target').path, 'ca.pem');
  writeFileSync(ca, authority.certPem);
  old = await startHttpTarget({ tls: { cert: certPem, key: keyPem }, handler: (request, response) => response.end(`in HTTP/${request.httpVersion}`) });
  const connection = (name: string, { port, ca }: { readonly port: number; readonly ca: string }): Record<string, unknown> => ({
    name, protocol: 'http', target: { host: '127.0.0.1', port, tls: 'verify-full', ca }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, http: { answerWithin: '5s' },
  });
  scene = await startHttpScene({ connectionsAt: () => [connection('api', target), connection('both', both), connection('none', none), connection('old', { port: old.port, ca })], policies: [{ name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'] }, { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'] }] });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await target?.stop();
  await both?.stop();
  await none?.stop();
  await old?.stop();
});

const bearer = async (role: 'reader' | 'writer'): Promise<{ authorization: string }> => ({ authorization: `Bearer ${await scene.token(role)}` });

test('what comes in HTTP/2 goes on in it to a target that offers it, on a connection of its own identity, and otherwise in HTTP/1.1', async () => {
  const client = http2Client(scene);
  const asked = await Promise.all(Array.from({ length: 4 }, async () => ask2(client, { ':path': '/x?y=1', 'x-custom': 'kept', te: 'trailers', ...(await bearer('reader')) })));
  assert.deepEqual(asked.map(({ text }) => text), asked.map(() => 'ok\n'));
  assert.deepEqual(target.versions, ['h2']);
  assert.equal((await ask2(client, { ':path': '/x', ...(await bearer('writer')) })).status, 200);
  assert.deepEqual(target.versions, ['h2', 'h2']);
  const [head] = arrived;
  assert.deepEqual([head?.[':path'], head?.[':scheme'], head?.[':authority'], head?.['authorization'], head?.['x-custom'], head?.['te'], head?.['host']], ['/x?y=1', 'https', `127.0.0.1:${target.port}`, `Bearer ${TARGET_TOKEN}`, 'kept', 'trailers', undefined]);
  const other = http2Client(scene, scene.gateway.port('old'));
  assert.equal((await ask2(other, { ':path': '/x', ...(await bearer('reader')) })).text, 'in HTTP/1.1');
  other.close();
  const third = http2Client(scene, scene.gateway.port('both'));
  assert.equal((await ask2(third, { ':path': '/x', ...(await bearer('reader')) })).text, 'in HTTP/2.0');
  assert.equal((await scene.ask('reader', '/x', { port: scene.gateway.port('both') })).text, 'in HTTP/1.1');
  third.close();
  client.close();
});

test('a target that takes no request on any connection is not asked again and again', async () => {
  const client = http2Client(scene, scene.gateway.port('none'));
  const { status, problem } = await ask2(client, { ':path': '/x', ...(await bearer('reader')) });
  assert.equal(status, 502, JSON.stringify(problem));
  assert.equal(none.versions.length, 1);
  client.close();
});

test('more streams than one connection of the target takes go on another', async () => {
  const open: ServerHttp2Stream[] = [];
  handler = (stream) => void open.push(stream);
  const client = http2Client(scene);
  const before = target.versions.length;
  const auth = await bearer('reader');
  const asked = Array.from({ length: 12 }, () => ask2(client, { ':path': '/long', ...auth }));
  await until(() => open.length === 12);
  assert.ok(target.versions.length > before);
  for (const stream of open) ok(stream);
  assert.ok((await Promise.all(asked)).every(({ text }) => text === 'ok\n'));
  handler = ok;
  client.close();
});

test('answers that came whole are given whole, however soon the target closes its connection behind them', async () => {
  let came = 0;
  handler = (stream) => {
    came += 1;
    if (came % 50 === 0) stream.session?.close();
    ok(stream);
  };
  const client = http2Client(scene);
  const auth = await bearer('reader');
  let left = 1_000;
  const asking = async (): Promise<void> => {
    while (left-- > 0) assert.equal((await ask2(client, { ':path': '/soon', ...auth })).text, 'ok\n');
  };
  await Promise.all(Array.from({ length: 16 }, asking));
  handler = ok;
  client.close();
});

test('what stands behind a body comes back behind it', async () => {
  handler = (stream) => {
    stream.respond({ ':status': 200, trailer: 'x-sum' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
    stream.end('summed');
  };
  const client = http2Client(scene);
  const answer = await ask2(client, { ':path': '/trailers', te: 'trailers', ...(await bearer('reader')) });
  assert.deepEqual([answer.text, answer.trailers['x-sum']], ['summed', '42']);
  handler = ok;
  client.close();
});

test('a target that resets a stream leaves no answer that looks whole, with whatever code', async () => {
  const client = http2Client(scene);
  for (const code of [undefined, new Error('reset')]) {
    handler = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => setTimeout(() => stream.destroy(code), 50));
    };
    const seen = await ask2(client, { ':path': '/reset', ...(await bearer('reader')) }).then(({ text, status }) => `${status} ${text}`, () => 'reset');
    assert.equal(seen, 'reset');
  }
  assert.equal(await until(async () => (await recorded(scene, '/reset')).at(-1)?.end), 'error');
  handler = ok;
  assert.equal((await ask2(client, { ':path': '/x', ...(await bearer('reader')) })).status, 200);
  client.close();
});

test('a target that takes no further streams, or says good-bye, is asked on another connection', async () => {
  const client = http2Client(scene);
  let refused = 0;
  handler = (stream) => {
    if (refused === 0) {
      refused += 1;
      stream.close(7);
    } else ok(stream);
  };
  assert.equal((await ask2(client, { ':path': '/again', ...(await bearer('reader')) })).status, 200);
  handler = (stream) => {
    stream.session?.goaway(0);
    ok(stream);
  };
  assert.equal((await ask2(client, { ':path': '/bye', ...(await bearer('reader')) })).status, 200);
  handler = ok;
  assert.equal((await ask2(client, { ':path': '/x', ...(await bearer('reader')) })).status, 200);
  handler = (stream) => stream.session?.destroy();
  assert.equal((await ask2(client, { ':path': '/ends', ...(await bearer('reader')) })).status, 502);
  handler = (stream) => void stream.resume();
  assert.equal((await ask2(client, { ':path': '/hangs', ...(await bearer('reader')) })).status, 504);
  handler = ok;
  client.close();
});

test('an upload that its client resets never looks whole to the target, and one that goes on is not let wait for nothing', async () => {
  const ends: string[] = [];
  let came = 0;
  handler = (stream) => {
    stream.on('data', (chunk: Buffer) => (came += chunk.length));
    stream.once('aborted', () => ends.push('aborted'));
    stream.once('close', () => ends.push(`closed ${stream.rstCode}`));
  };
  const client = http2Client(scene);
  const upload = client.request({ ':path': '/upload', ':method': 'POST', ...(await bearer('writer')) });
  upload.on('error', () => {});
  upload.write('half');
  await until(() => came === 4);
  upload.destroy(new Error('gone'));
  await until(() => ends.length === 2);
  assert.equal(ends[0], 'aborted');
  assert.notEqual(ends[1], 'closed 0');
  assert.equal(await until(async () => (await recorded(scene, '/upload')).at(-1)?.end), 'indeterminate');
  handler = ok;
  client.close();
});

test('a call whose client has left is not said to have gone well because its answer begins: that is said at its end', async () => {
  for (const [path, fields, end] of [['/test.Left/Open', {}, 'aborted'], ['/test.Left/Over', { 'grpc-status': '0' }, 'ok'], ['/test.Left/Failed', { 'grpc-status': '9' }, 'error']] as const) {
    let held: ServerHttp2Stream | undefined;
    handler = (stream) => {
      stream.resume();
      stream.once('end', () => (held = stream));
    };
    const client = http2Client(scene);
    const call = client.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...(await bearer('writer')) });
    call.on('error', () => {});
    call.end(Buffer.alloc(5));
    const stream = await until(() => held);
    call.close(constants.NGHTTP2_CANCEL);
    // What comes on the same connection behind the end of that call is answered: so the end was read.
    handler = ok;
    assert.equal((await ask2(client, { ':path': '/behind', ...(await bearer('writer')) })).status, 200);
    assert.equal((await recorded(scene, path)).at(-1)?.end, undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...fields }, { endStream: 'grpc-status' in fields });
    assert.equal(await until(async () => (await recorded(scene, path)).at(-1)?.end), end);
    client.close();
  }
});

test('answers that are none yet are passed over, and not without end', async () => {
  for (const [many, status] of [[32, 200], [33, 502]] as const) {
    handler = (stream) => {
      for (let sent = 0; sent < many; sent += 1) stream.additionalHeaders({ ':status': 103, link: '</x>; rel=preload' });
      ok(stream);
    };
    const client = http2Client(scene);
    assert.equal((await ask2(client, { ':path': '/x', ...(await bearer('reader')) })).status, status);
    client.destroy();
  }
  handler = ok;
});

test('curl and h2load speak to it', { skip: skipUnless('curl', 'h2load') }, async () => {
  const run = promisify(execFile);
  const curl = await run(program('curl') ?? '', ['-sS', '--http2', '--cacert', scene.gateway.caFile, '-H', `Authorization: Bearer ${await scene.token('reader')}`, '-w', '%{http_version} %{http_code}', `${scene.url}/x`]);
  assert.equal(curl.stdout, 'ok\n2 200', curl.stderr);
  const load = await run(program('h2load') ?? '', ['-n', '500', '-c', '2', '-m', '16', '-H', `Authorization: Bearer ${await scene.token('reader')}`, `${scene.url}/x`]);
  assert.match(load.stdout, /500 succeeded, 0 failed, 0 errored, 0 timeout/, `${load.stdout}${load.stderr}`);
});

test('everything of it is in the log, which verifies', async () => {
  await stopAndVerify(scene);
  await scene.gateway.start();
});
