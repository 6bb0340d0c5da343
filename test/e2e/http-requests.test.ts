import assert from 'node:assert/strict';
import { Agent } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { answerOk } from '../kit/http-target.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { closeReasons, recorded, stopAndVerify } from './whole-evidence.ts';

let scene: HttpScene;
before(async () => {
  scene = await startHttpScene({ http: { answerWithin: '5s', prefix: '/api', basePath: '/base' } });
});
after(() => scene?.[Symbol.asyncDispose]());

const outcomeOf = async (mark: string): Promise<string | undefined> => (await recorded(scene, mark)).at(-1)?.end;

test('a read passes with the credential of the gateway in the place of the client\'s, and under the paths of the target', async () => {
  scene.target.clear();
  const answer = await scene.ask('reader', '/api/v1/%74hings?x=1', { headers: { 'X-Forwarded-For': '10.0.0.1', 'X-Custom': 'kept', TE: 'trailers' } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.text, 'ok\n');
  const [arrived] = scene.target.requests;
  assert.ok(arrived);
  assert.equal(arrived.url, '/base/v1/things?x=1');
  assert.equal(scene.target.header(arrived, 'authorization'), `Bearer ${TARGET_TOKEN}`);
  assert.equal(scene.target.header(arrived, 'host'), `127.0.0.1:${scene.target.port}`);
  assert.equal(scene.target.header(arrived, 'x-custom'), 'kept');
  assert.equal(scene.target.header(arrived, 'x-forwarded-for'), undefined);
  assert.equal(scene.target.header(arrived, 'te'), undefined);
  assert.ok(!scene.target.raw().includes(await scene.token('reader')));
});

test('the token may be a Basic password, or stand in its own header; never in two ways, nor where it would be passed on', async () => {
  const token = await scene.token('reader');
  const basic = `Basic ${Buffer.from(`anyone:${token}`).toString('base64')}`;
  for (const headers of [{ Authorization: basic }, { 'X-Wicketgate-Token': token }, { 'X-Wicketgate-Token': token, Authorization: basic }]) {
    scene.target.clear();
    assert.equal((await scene.ask(undefined, '/api/x', { headers })).status, 200);
    assert.ok(!scene.target.raw().includes(token) && !scene.target.raw().includes(basic));
    assert.ok(!scene.target.raw().toLowerCase().includes('x-wicketgate-token'));
  }
  scene.target.clear();
  const other = await scene.token('writer');
  assert.equal((await scene.ask(undefined, '/api/x', { headers: { 'X-Wicketgate-Token': token, Authorization: `Bearer ${other}` } })).status, 400);
  assert.equal((await scene.ask('reader', `/api/x?access_token=${token}`)).status, 400);
  assert.equal((await scene.ask('reader', '/api/x', { headers: { Cookie: `t=${token}` } })).status, 400);
  assert.equal(scene.target.requests.length, 0);
});

test('without a token, with a bad one, and of an identity without a grant: 401, 401, 403, and the target hears nothing', async () => {
  scene.target.clear();
  const none = await scene.ask(undefined, '/api/x');
  assert.equal(none.status, 401);
  assert.match(String(none.headers['www-authenticate']), /^Bearer realm="wicketgate", Basic/);
  const bad = await scene.ask(undefined, '/api/x', { headers: { Authorization: `Bearer ${(await scene.token('reader')).slice(0, -6)}AAAAAA` } });
  assert.equal(bad.status, 401);
  assert.match(String(bad.headers['www-authenticate']), /error="invalid_token"/);
  assert.equal((await scene.ask('stranger', '/api/x')).status, 403);
  assert.equal(scene.target.requests.length, 0);
});

test('what policy does not grant is refused in the words of RFC 9457, and the connection goes on', async () => {
  scene.target.clear();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const refused = await scene.ask('reader', '/api/things', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' }, agent });
  assert.equal(refused.status, 403);
  assert.equal(refused.problem['code'], 'denied');
  assert.match(String(refused.problem['detail']), /^wicketgate: /);
  assert.match(String(refused.problem['session']), /^[0-9a-z]{26}$/);
  assert.equal(scene.target.requests.length, 0);
  assert.equal((await scene.ask('reader', '/api/things', { agent })).status, 200);
  agent.destroy();
});

test('a keep-alive connection carries several identities, each with upstream connections of its own', async () => {
  scene.target.clear();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const role of ['reader', 'writer', 'reader', 'writer'] as const) assert.equal((await scene.ask(role, `/api/of-${role}`, { agent })).status, 200);
  agent.destroy();
  const by = (role: string): Set<number> => new Set(scene.target.requests.filter(({ url }) => url.endsWith(role)).map(({ connection }) => connection));
  const [readers, writers] = [by('reader'), by('writer')];
  assert.equal(scene.target.requests.length, 4);
  assert.ok([...readers].every((connection) => !writers.has(connection)), 'an upstream connection served two identities');
});

test('paths that could be read in two ways, hosts that are not those of TLS, and paths of no connection are refused', async () => {
  scene.target.clear();
  for (const path of ['/api/a/%2e%2e/b', '/api/a%5cb', '/api/a%00b', '/api//a', '/api/./a', '/api/a;b', '/api/%252e']) assert.equal((await scene.ask('reader', path)).status, 400, path);
  assert.equal((await scene.ask('reader', '/other')).status, 404);
  assert.equal((await scene.ask('reader', '/apix')).status, 404);
  assert.equal((await scene.ask('reader', '/api/x', { headers: { Host: 'other.example' } })).status, 421);
  assert.equal(scene.target.requests.length, 0);
});

test('addresses of the target lead back through the gateway, those of others are passed and not followed', async () => {
  const own = `http://127.0.0.1:${scene.target.port}`;
  const expected: readonly (readonly [string, string | undefined])[] = [
    [`${own}/base/v2/new?y=2`, `${scene.url}/api/v2/new?y=2`],
    ['/base/v2/new', '/api/v2/new'],
    ['new', 'new'],
    ['https://elsewhere.example/x', 'https://elsewhere.example/x'],
    [`${own}/outside`, undefined],
  ];
  for (const [said, told] of expected) {
    scene.target.clear();
    scene.target.handler = (request, response) => {
      request.resume();
      response.writeHead(302, { Location: said, Link: `<${said}>; rel="next"`, 'Alt-Svc': 'h3=":443"' }).end();
    };
    const answer = await scene.ask('reader', '/api/redirect');
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.location, told, said);
    assert.equal(answer.headers.link, told === undefined ? undefined : `<${told}>; rel="next"`, said);
    assert.equal(answer.headers['alt-svc'], undefined);
    assert.equal(scene.target.requests.length, 1);
  }
  scene.target.handler = answerOk;
});

test('an address of another host that is signed leads past the gateway: the answer is withheld, and the refusal says so', async () => {
  const signed = 'https://elsewhere.example/x?X-Amz-Expires=900&X-Amz-Signature=0a1b2c3d4e5f';
  scene.target.handler = (request, response) => {
    request.resume();
    response.writeHead(302, { Location: signed }).end(`moved to ${signed}`);
  };
  const answer = await scene.ask('reader', '/api/signed');
  assert.equal(answer.status, 403);
  assert.match(String(answer.problem['detail']), /an address of another host in location .*leads past the gateway; the request itself was carried out/);
  assert.ok(!answer.text.includes('0a1b2c3d4e5f') && answer.headers.location === undefined);
  assert.equal(await until(async () => (await recorded(scene, '/signed')).at(-1)?.end), 'withheld');
  scene.target.handler = answerOk;
});

test('HEAD, 204, 304, an empty answer, HTTP/1.0 and 100 (Continue)', async () => {
  scene.target.handler = (request, response) => {
    request.resume();
    if (request.url === '/base/204') response.writeHead(204).end();
    else if (request.url === '/base/304') response.writeHead(304, { ETag: '"x"' }).end();
    else if (request.url === '/base/empty') response.writeHead(200, { 'Content-Length': '0' }).end();
    else answerOk(request, response, request.socket);
  };
  const head = await scene.ask('reader', '/api/x', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
  assert.equal((await scene.ask('reader', '/api/204')).status, 204);
  const unchanged = await scene.ask('reader', '/api/304');
  assert.deepEqual([unchanged.status, unchanged.headers.etag], [304, '"x"']);
  assert.deepEqual([(await scene.ask('reader', '/api/empty')).headers['content-length']], ['0']);
  const old = await scene.say(`GET /api/x HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('reader')}\r\n\r\n`);
  assert.match(old, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok\n$/);
  scene.target.clear();
  const socket = await scene.dial();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.write(`POST /api/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('writer')}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`);
  await until(() => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
  socket.write('body');
  await until(() => text.includes('ok\n'));
  socket.destroy();
  assert.deepEqual(scene.target.requests.map(({ body }) => body.toString()), ['body']);
  // Refused, it is not asked for.
  const refused = await scene.say(`POST /api/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('reader')}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`, (so) => so.includes('\n}') || so.includes('"denied"'));
  assert.match(refused, /^HTTP\/1\.1 403 /);
  scene.target.handler = answerOk;
});

test('a target that is down, hangs, answers garbage, or breaks off is 502 or 504, or an answer that nobody takes for whole', async () => {
  scene.target.handler = (_, __, socket) => void socket.write('garbage\r\n\r\n');
  assert.equal((await scene.ask('reader', '/api/garbage')).status, 502);
  scene.target.handler = (_, __, socket) => void socket.destroy();
  assert.equal((await scene.ask('reader', '/api/closes')).status, 502);
  scene.target.handler = (request) => void request.resume();
  assert.equal((await scene.ask('reader', '/api/hangs')).status, 504);
  assert.equal((await scene.ask('writer', '/api/hangs-write', { method: 'POST', body: 'x' })).status, 504);
  for (const fields of [{}, { 'Content-Length': '100' }]) {
    scene.target.handler = (request, response) => {
      request.resume();
      response.writeHead(200, fields);
      response.write('half');
      setImmediate(() => request.socket.destroy());
    };
    // Where nothing of it was given yet, the client is told instead.
    const seen = await scene.ask('reader', '/api/breaks').catch((error: unknown) => (error as NodeJS.ErrnoException).code);
    assert.ok(seen === 'ECONNRESET' || (typeof seen === 'object' && seen.status === 502), JSON.stringify(seen));
  }
  await scene.target.down();
  const down = await scene.ask('reader', '/api/down');
  assert.deepEqual([down.status, down.problem['detail']], [502, 'wicketgate: connection api: the target cannot be reached']);
  // Where the target is, the operator reads in the log.
  assert.ok(!down.text.includes(String(scene.target.port)) && !down.text.includes('127.0.0.1'), down.text);
  await until(() => scene.gateway.logLines().some(({ msg, target, code }) => msg === 'target unavailable' && target === `127.0.0.1:${scene.target.port}` && code === 'ECONNREFUSED'), 20_000, 'the log line');
  assert.equal((await scene.ask('writer', '/api/down-write', { method: 'POST', body: 'x' })).status, 502);
  await scene.target.start();
  scene.target.handler = answerOk;
  assert.equal((await scene.ask('reader', '/api/up')).status, 200);
  assert.equal(await until(() => outcomeOf('/hangs-write')), 'indeterminate');
  assert.equal(await until(() => outcomeOf('/down-write')), 'unused');
  assert.equal(await until(() => outcomeOf('/breaks')), 'error');
});

test('a client that leaves takes what it began with it; how a write ended that was sent is still written down', async () => {
  let arrived = 0;
  scene.target.handler = (request) => {
    arrived += 1;
    request.resume();
  };
  const open = scene.target.open;
  const leave = new AbortController();
  const asked = scene.ask('reader', '/api/left', { signal: leave.signal });
  await until(() => arrived === 1);
  leave.abort();
  await assert.rejects(asked);
  await until(() => scene.target.open <= open, 20_000, 'the end of the upstream connection');
  assert.equal(await until(() => outcomeOf('/left')), 'aborted');

  // In the middle of its body: the target never gets a request that looks whole.
  scene.target.clear();
  const socket = await scene.dial();
  socket.on('error', () => {});
  socket.write(`POST /api/half HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('writer')}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`);
  await until(() => scene.target.requests[0]?.bytes === 4);
  socket.destroy();
  assert.equal(await until(() => outcomeOf('/half')), 'indeterminate');
  assert.equal(scene.target.requests[0]?.complete, false);

  let release = (): void => {};
  scene.target.handler = (request, response) => {
    request.resume();
    release = () => void response.end('done');
    arrived += 1;
  };
  const before = arrived;
  const gone = new AbortController();
  const write = scene.ask('writer', '/api/finishes', { method: 'POST', body: 'x', signal: gone.signal });
  await until(() => arrived > before);
  gone.abort();
  await assert.rejects(write);
  await pause(100);
  release();
  assert.equal(await until(() => outcomeOf('/finishes')), 'ok');
  scene.target.handler = answerOk;
});

test('events leave as they come, and requests behind one another on a connection run one after another', async () => {
  let send: (text: string) => void = () => {};
  scene.target.handler = (request, response) => {
    if (request.url !== '/base/events') {
      answerOk(request, response, request.socket);
      return;
    }
    request.resume();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    send = (text) => void response.write(`data: ${text}\n\n`);
  };
  const socket = await scene.dial();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const head = (path: string, token: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  socket.write(head('/api/events', await scene.token('reader')));
  await until(() => text.includes('text/event-stream'));
  send('one');
  await until(() => text.includes('data: one'));
  send('two');
  await until(() => text.includes('data: two'));
  socket.destroy();
  scene.target.clear();
  scene.target.handler = answerOk;
  const token = await scene.token('reader');
  const piped = await scene.say(['/api/1', '/api/2', '/api/3'].map((path) => head(path, token)).join(''), (so) => so.split('ok\n').length === 4);
  assert.equal(piped.split('HTTP/1.1 200 OK').length, 4);
  assert.deepEqual(scene.target.requests.map(({ url }) => url), ['/base/1', '/base/2', '/base/3']);
});

test('everything of it is in the log, which verifies, and no token is', async () => {
  await stopAndVerify(scene);
  assert.ok((await closeReasons(scene)).length > 0);
  const commands = await recorded(scene, '/v1/things');
  assert.ok(commands.length > 0);
  await scene.gateway.start();
});
