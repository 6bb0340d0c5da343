import assert from 'node:assert/strict';
import { request as httpsRequest } from 'node:https';
import { gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

const CAP = 64 * 1024;
const SSN = '123-45-6789';
let scene: HttpScene;
before(async () => {
  scene = await startHttpScene({
    connection: { evidence: { recordAnswers: '64KiB' } },
    policies: [
      { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'], mask: [{ fields: ['ssn'], transform: 'redact' }] },
      { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'] },
    ],
    target: {
      handler: (request, response) => {
        request.resume();
        request.once('end', () => {
          response.setHeader('Set-Cookie', 'sid=cookie-s3cret-1; Path=/');
          if (request.url === '/gzip') {
            response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' });
            response.end(gzipSync(`{"name":"Zoe","ssn":"${SSN}"}`));
          } else if (request.url === '/image') {
            response.writeHead(200, { 'Content-Type': 'image/png' });
            response.end(Buffer.alloc(100, 1));
          } else if (request.url === '/empty') {
            response.writeHead(204);
            response.end();
          } else {
            response.writeHead(201, { 'Content-Type': 'text/plain' });
            response.end('stored\n');
          }
        });
      },
    },
  });
});
after(() => scene?.[Symbol.asyncDispose]());

/** What the terminal's replay shows of the session that has this text in one of its requests, once its outcome is on record. */
const replayOf = async (mark: string): Promise<string> => {
  const session = await until(async () => {
    const found = (await recorded(scene, mark)).at(-1);
    return found?.end === undefined ? undefined : found.session;
  }, 20_000, `the outcome of ${mark}`);
  const { stdout, stderr } = await scene.gateway.cli('sessions', 'replay', session, '--config', scene.gateway.configFile);
  assert.equal(stderr, '');
  assert.ok(!stdout.includes('s3cret') && !stdout.includes(SSN) && !stdout.includes(TARGET_TOKEN), stdout);
  // It stands below its record.
  return stdout.replaceAll(/^ {4}/gm, '');
};

/** The part of a replay that is about one request. */
const about = (replay: string, mark: string): string => replay.slice(replay.indexOf(mark));

test('a JSON body is recorded without its secrets, and the answer with its status line and header fields', async () => {
  const body = JSON.stringify({ name: 'Zoe', password: 's3cret-1', note: 'ada@example.com', nested: { apiKey: 's3cret-2' } });
  assert.equal((await scene.ask('writer', '/json-1', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })).status, 201);
  const replay = about(await replayOf('POST /json-1'), 'POST /json-1');
  assert.match(replay, /data: \{"name":"Zoe","password":"<value:text>","note":"<email>","nested":\{"apiKey":"<value:text>"\}\}/);
  assert.match(replay, /HTTP 201 Created\n[^]*?Set-Cookie: sid=\*; Path=\/\n[^]*?\n\nstored\n/);
});

test('a masked answer is recorded as the client got it, and read although it is compressed', async () => {
  const answer = await scene.ask('reader', '/gzip', { headers: { 'Accept-Encoding': 'gzip' } });
  assert.equal(answer.headers['content-encoding'], 'gzip');
  assert.match(about(await replayOf('GET /gzip'), 'GET /gzip'), /HTTP 200 OK\n[^]*?\n\n\{"name":"Zoe","ssn":(?!"1)/);
});

test('bytes are counted, and an answer without a body has its head on record', async () => {
  await scene.ask('writer', '/image');
  await scene.ask('writer', '/empty');
  const replay = await replayOf('GET /empty');
  assert.match(about(replay, 'GET /image'), /HTTP 200 OK\n[^]*?\n\n\[100 bytes of image\/png\]\n/);
  assert.match(about(replay, 'GET /empty'), /HTTP 204 No Content\n/);
});

test('of a streamed body of bytes there is its digest; of a streamed text what it says up to the cap', async () => {
  const bytes = Buffer.alloc(3 * 1024 * 1024, 'bytes');
  await scene.ask('writer', '/stream-bytes', { method: 'PUT', headers: { 'Content-Type': 'application/octet-stream' }, body: bytes });
  assert.ok((await replayOf('PUT /stream-bytes')).includes(`<body:application/octet-stream ${bytes.length} sha256:${createHash('sha256').update(bytes).digest('hex')}>`));

  const lines = Array.from({ length: 40_000 }, (_, n) => `{"n":${n},"token":"s3cret-${n}"}\n`).join('');
  await scene.ask('writer', '/stream-lines', { method: 'POST', headers: { 'Content-Type': 'application/x-ndjson' }, body: lines });
  const replay = about(await replayOf('POST /stream-lines'), 'POST /stream-lines');
  assert.match(replay, /data: \{"n":0,"token":"<value:text>"\}\n/);
  const kept = replay.match(/"token":"<value:text>"\}/g)?.length ?? 0;
  assert.ok(kept > 1000 && kept < 3000, `${kept} lines of ${CAP} bytes`);
});

test('a compressed body is counted only', async () => {
  await scene.ask('writer', '/coded', { method: 'POST', headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }, body: gzipSync(JSON.stringify({ password: 's3cret', fill: 'x'.repeat(9000) }), { level: 0 }) });
  assert.match(await replayOf('POST /coded'), /data: <body:application\/json \d+>\n/);
});

test('of a body that breaks off it is recorded what came', async () => {
  const token = await scene.token('writer');
  const request = httpsRequest({ host: 'localhost', port: scene.gateway.port(), ca: scene.ca, method: 'POST', path: '/broken-off', agent: false, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'Content-Length': '5000' } });
  request.on('error', () => {});
  request.write(`{"password":"s3cret","fill":"${'y'.repeat(2000)}`);
  await until(() => scene.target.requests.some(({ url }) => url === '/broken-off'), 20_000, 'the request at the target');
  request.destroy();
  assert.match(about(await replayOf('POST /broken-off'), 'POST /broken-off'), /data: \{"password":"<value:text>","fill":[^\n]*<unreadable>/);
});

test('all of it verifies', async () => {
  await stopAndVerify(scene);
});
