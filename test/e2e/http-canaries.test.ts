import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { secretCanary } from '../kit/canaries.ts';
import type { Handler } from '../kit/http-target.ts';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, TARGET_TOKEN, type Answered, type HttpScene } from './http-scene.ts';
import { recorded } from './whole-evidence.ts';

/*
 * Secrets where things go wrong. That none stands in a file or in the log is looked at whenever a gateway of a test is stopped (test/kit/canaries.ts);
 * here it is what clients, people and metrics are told.
 */

/** In fields that are called as secrets are. */
const PASSWORD = 'canary-password-93ac1f';
/** Where nothing says that it is one: recorded, and only sealed. */
const ORDINARY = 'canary-ordinary-5be07d';

let people: HttpPeople;
let scene: HttpScene;
before(async () => {
  secretCanary(PASSWORD);
  secretCanary(ORDINARY);
  people = await startHttpPeople();
  scene = await startHttpScene({
    connectionsAt: (port) => [
      { name: 'api', protocol: 'http', target: { host: '127.0.0.1', port, tls: 'disable' }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, evidence: { recordAnswers: '256KiB' }, http: { wholeBody: '64KiB', answerWithin: '2s' } },
      // Nobody there speaks TLS.
      { name: 'tls', protocol: 'http', target: { host: '127.0.0.1', port, tls: 'verify-full' }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' } },
      { name: 'broken', protocol: 'http', target: { host: '127.0.0.1', port, tls: 'disable' }, credential: { type: 'header', name: 'X-Api-Key', value: 'env:UNPRINTABLE_TOKEN' } },
    ],
    env: { UNPRINTABLE_TOKEN: `${TARGET_TOKEN}\u0001\n` },
    policies: [
      { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'deletes', match: { verbs: ['delete'] }, effect: 'require_approval', reason: 'what is deleted is gone', approval: { ...PATIENT, hold: '1s' } }, { name: 'fields', match: { verbs: ['patch'], request: { fields: { amount: ['1'] } } }, effect: 'deny' }] },
      { name: 'masked', identities: ['reader'], connections: ['*'], allow: ['read', 'write'], mask: [{ name: 'ssn', fields: ['ssn'], transform: 'redact' }] },
    ],
    control: people.control,
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

const BODY = JSON.stringify({ password: PASSWORD, note: ORDINARY, ssn: '123-45-6789' });
const secrets = async (): Promise<readonly string[]> => [TARGET_TOKEN, await scene.token('writer'), await scene.token('reader')];
const tells = async (text: string): Promise<void> => {
  for (const secret of await secrets()) assert.ok(!text.includes(secret), text.slice(0, 2_000));
};

/** Everything that the target got, as it got it. */
const shown = (request: Parameters<Handler>[0]): string => `${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}`;
const TARGETS: Readonly<Record<string, Handler>> = {
  'that answers with the request itself, which is no answer': (request, _, socket) => void socket.end(`${request.method} ${request.url} HTTP/1.1\r\n${request.rawHeaders.join('\r\n')}\r\n\r\n`),
  'that names the credential in its status line': (request, _, socket) => void socket.end(`HTTP/1.1 500 ${request.headers.authorization}\r\nContent-Length: 0\r\n\r\n`),
  'that names it in a status line which is none': (request, _, socket) => void socket.end(`HTTP/1.1 ${request.headers.authorization}\r\n\r\n`),
  'that sends it in a head that is too large': (request, _, socket) => void socket.end(`HTTP/1.1 200 OK\r\nX-Large: ${String(request.headers.authorization).repeat(3_000)}\r\n\r\n`),
  'that sends it in too many fields': (request, _, socket) => void socket.end(`HTTP/1.1 200 OK\r\n${Array.from({ length: 600 }, (_field, at) => `X-${at}: ${request.headers.authorization}\r\n`).join('')}\r\n`),
  'that sends it before its answer': (request, _, socket) => void socket.end(`HTTP/1.1 103 Early Hints\r\nLink: <${request.headers.authorization}>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`),
  'that sends it behind its answer': (request, _, socket) => void socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: ${request.headers.authorization}\r\n\r\n`),
  'that sends it in an extension of a chunk': (request, _, socket) => void socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x="${request.headers.authorization}"\r\nok\r\n0\r\n\r\n`),
  'that breaks off in the middle of it': (request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 10_000 });
    response.write(`${shown(request)} ${TARGET_TOKEN.slice(0, 20)}`, () => response.destroy());
  },
  'that says less than its length': (request, response, socket) => void socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n${shown(request)}`),
  'that changes to another protocol': (request, _, socket) => void socket.end(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${TARGET_TOKEN}\r\nConnection: Upgrade\r\n\r\n${shown(request)}`),
  'that leads somewhere with it': (request, response) => void response.writeHead(302, { Location: `http://127.0.0.1:${scene.target.port}/?t=${TARGET_TOKEN}`, 'Set-Cookie': `t=${TARGET_TOKEN}; Path=/`, 'WWW-Authenticate': `Bearer realm="${TARGET_TOKEN}"`, ETag: `"${TARGET_TOKEN}"`, 'Content-Type': `text/${TARGET_TOKEN}` }).end(shown(request)),
  'that never answers': () => {},
};

for (const [what, handler] of Object.entries(TARGETS)) {
  test(`a target ${what} tells nobody the credential`, async () => {
    scene.target.handler = (request, response, socket) => {
      request.resume();
      handler(request, response, socket);
    };
    for (const role of ['writer', 'reader'] as const) {
      const answer = await scene.ask(role, `/x?note=${ORDINARY}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: BODY }).catch((error: unknown) => String(error));
      await tells(typeof answer === 'string' ? answer : `${JSON.stringify(answer.headers)}${answer.text}`);
    }
  });
}

for (const [coding, pack] of [['gzip', gzipSync], ['br', brotliCompressSync], ['zstd', zstdCompressSync]] as const) {
  test(`an answer in ${coding} that cannot be masked, or breaks off, tells nobody the credential`, async () => {
    for (const spoil of [(bytes: Buffer) => bytes.subarray(0, bytes.length - 5), (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('junk')]), (bytes: Buffer) => Buffer.concat([bytes, pack(Buffer.from(TARGET_TOKEN))])]) {
      scene.target.handler = (request, response) => {
        request.resume();
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': coding });
        response.end(spoil(pack(Buffer.from(JSON.stringify({ shown: shown(request), ssn: '123-45-6789' })))));
      };
      const answer = await scene.ask('reader', '/packed', { headers: { 'Accept-Encoding': coding } }).catch((error: unknown) => String(error));
      if (typeof answer !== 'string') {
        assert.ok(!answer.body.includes(TARGET_TOKEN));
        await tells(answer.text);
      }
    }
  });
}

for (const [said, packed] of [['utf-8', false], ['', false], ['deflate', false], ['aws-chunked', false], ['gzip, identity', false], ['gzip,', true], ['identity, gzip', true]] as const) {
  test(`a target that shows the request ${packed ? 'packed' : 'plainly'}, and calls that ${JSON.stringify(said)}, tells nobody the credential`, async () => {
    scene.target.handler = (request, response) => {
      request.resume();
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Encoding': said });
      response.end(packed ? gzipSync(shown(request)) : shown(request));
    };
    const { status, text, body } = await scene.ask('writer', '/called');
    assert.equal(status, packed ? 403 : 200);
    await tells(packed ? text : `${text}${body.toString('latin1')}`);
    if (!packed) assert.match(text, /Bearer \*{8}/);
  });
}

test('a target that cannot be reached, and a credential that cannot be sent, are told of without it', async () => {
  for (const [port, code] of [[scene.gateway.port('tls'), 'target_unavailable'], [scene.gateway.port('broken'), undefined]] as const) {
    const answer = await scene.ask('writer', '/x', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: BODY, port });
    assert.ok(answer.status >= 500, answer.text);
    if (code !== undefined) assert.equal(answer.problem['code'], code);
    await tells(answer.text);
  }
});

test('what is refused of a body, at whatever point, is told without a word of it', async () => {
  scene.target.handler = (request, response) => {
    request.resume();
    request.once('end', () => response.end('ok\n'));
  };
  const bodies: readonly (readonly [string, string | Buffer, Readonly<Record<string, string>>])[] = [
    ['not JSON', BODY.slice(0, -1), {}],
    ['a name twice', BODY.replace('{', '{"password":"x",'), {}],
    ['too large', BODY.replace('}', `,"filler":"${'f'.repeat(100_000)}"}`), {}],
    ['not UTF-8', Buffer.concat([Buffer.from(BODY.slice(0, -1)), Buffer.from([0xff, 0x7d])]), {}],
    ['deep', `${'['.repeat(500)}${BODY}${']'.repeat(500)}`, {}],
    ['packed', gzipSync(BODY), { 'Content-Encoding': 'gzip' }],
    ['packed, and spoiled', gzipSync(BODY).subarray(0, 40), { 'Content-Encoding': 'gzip' }],
    ['a form', `password=${PASSWORD}&ssn=***`, { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['a mask that comes back', BODY.replace('123-45-6789', '***'), {}],
  ];
  const answers: Answered[] = [];
  for (const role of ['writer', 'reader'] as const) {
    for (const method of ['POST', 'PATCH']) {
      for (const [, body, headers] of bodies) answers.push(await scene.ask(role, '/refused', { method, headers: { 'Content-Type': 'application/json', ...headers }, body }));
    }
  }
  assert.ok(answers.filter(({ status }) => status >= 400).length >= 12, JSON.stringify(answers.map(({ status }) => status)));
  for (const { text } of answers) assert.ok(!text.includes(PASSWORD) && !text.includes(ORDINARY), text);
});

test('people who are asked see neither credentials nor the secrets of an address', async () => {
  const refused = await scene.ask('writer', `/held?api_key=${PASSWORD}&sig=${PASSWORD}&password=${PASSWORD}`, { method: 'DELETE', headers: { 'Content-Type': 'application/json', Cookie: `session=${PASSWORD}`, 'X-Api-Key': PASSWORD }, body: BODY });
  assert.equal(refused.problem['code'], 'approval_required', refused.text);
  const request = await people.request(scene);
  assert.ok(!JSON.stringify(request).includes(PASSWORD), JSON.stringify(request));
  await tells(JSON.stringify(request));
  const { stdout } = await scene.gateway.cli('approvals', 'show', request.id, '--config', scene.gateway.configFile);
  assert.ok(stdout.includes('DELETE /held') && !stdout.includes(PASSWORD), stdout);
  await people.deny(scene, request.id);
});

test('what is recorded of all that, unsealed, holds no secret that has a name; nor do metrics', async () => {
  // The last request of all: when it is there, everything before it is.
  await until(async () => (await recorded(scene, 'DELETE /held')).length > 0, 20_000, 'the last request in the log');
  const commands = await recorded(scene, '/');
  const sessions = new Set(commands.map(({ session }) => session));
  assert.ok(sessions.size >= 2);
  for (const session of sessions) {
    for (const act of ['show', 'replay']) {
      const { stdout, code } = await scene.gateway.cli('sessions', act, session, '--config', scene.gateway.configFile);
      assert.equal(code, 0);
      assert.ok(!stdout.includes(PASSWORD), stdout.slice(0, 4_000));
      await tells(stdout);
    }
  }
  const metrics = await (await fetch(`${scene.gateway.control}/metrics`)).text();
  assert.match(metrics, /wicketgate_/);
  for (const secret of [...(await secrets()), PASSWORD, ORDINARY]) assert.ok(!metrics.includes(secret));
});
