import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { after, before, test } from 'node:test';
import type { ApprovalView } from '../../src/approvals/approvals.ts';
import { askLocal } from '../../src/control/local.ts';
import { startHttpTarget, type Handler } from '../kit/http-target.ts';
import { staticIssuer, type StaticIssuer } from '../kit/static-issuer.ts';
import { SOON_MS, until } from '../kit/until.ts';
import { CLIENT_ID, PATIENT } from './approvals-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

/** In a form that masks understand. */
const answerJson: Handler = (request, response) => {
  request.resume();
  request.once('end', () => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"done":true}'));
};

let people: StaticIssuer;
let scene: HttpScene;
before(async () => {
  people = await staticIssuer({ issuer: 'https://login.test' });
  scene = await startHttpScene({
    target: { handler: answerJson },
    http: { wholeBody: '64KiB' },
    env: { OTHER_TOKEN: 'only-the-gateway-knows-this-token-too-2e90' },
    policies: [
      { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'], mask: [{ fields: ['ssn'], transform: 'redact' }] },
      {
        name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], mask: [{ fields: ['ssn'], transform: 'redact' }],
        rules: [
          { name: 'deletes', match: { verbs: ['delete'] }, effect: 'require_approval', reason: 'what is deleted is gone', approval: PATIENT },
          { name: 'puts', match: { verbs: ['put'] }, effect: 'require_approval', reason: 'what is put stays', approval: { ...PATIENT, hold: '1s' } },
        ],
      },
    ],
    control: { url: 'https://wicketgate.test', login: [{ name: 'okta', issuer: people.issuer, clientId: CLIENT_ID, jwksFile: people.jwksFile }] },
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

const local = async <Result>(request: Parameters<typeof askLocal>[1]): Promise<Result> => {
  const answer = await askLocal(scene.gateway.dataDir, request);
  if (!answer.ok) throw new Error(answer.error);
  return answer.result as Result;
};
const show = async (id: string): Promise<ApprovalView> => (await local<{ request: ApprovalView }>({ do: 'approvals', act: 'show', id, by: 'tests' })).request;
const pending = async (): Promise<ApprovalView> => show((await until(async () => (await local<{ requests: ApprovalView[] }>({ do: 'approvals', act: 'list', limit: 100, state: 'pending' })).requests[0], 20_000, 'a request for approval')).id);
const answer = async (id: string, verdict: 'approve' | 'deny'): Promise<void> => {
  const request = await show(id);
  const idToken = await people.token({ sub: 'alice', aud: CLIENT_ID, claims: { name: 'alice', groups: ['dba'], nonce: 'n' } });
  await local({ do: 'approvals', act: 'answer', id, verdict, reason: 'agreed in the ticket', digest: request.digest, idToken });
};

test('a held request runs once people have approved it, and the target hears nothing before', async () => {
  scene.target.clear();
  const asked = scene.ask('writer', '/things/1', { method: 'DELETE', headers: { 'Content-Type': 'text/plain' }, body: 'all of it' });
  const request = await pending();
  assert.equal(request.waiting, 1);
  assert.match(request.text ?? '', /^DELETE \/things\/1\n/);
  assert.deepEqual(request.data, { bytes: 9, sha256: hash('sha256', 'all of it') });
  assert.equal(scene.target.requests.length, 0);
  await answer(request.id, 'approve');
  assert.equal((await asked).status, 200);
  assert.deepEqual(scene.target.requests.map(({ method, url, body }) => [method, url, body.toString()]), [['DELETE', '/things/1', 'all of it']]);
});

test('people see the header fields and the body that they approve, without what is secret in them', async () => {
  const body = JSON.stringify({ amount: 125, to: 'acct-7', password: 'open sesame', note: 'for 123-45-6789', pad: 'y'.repeat(40_000) });
  const asked = scene.ask('writer', '/things/7', { method: 'PUT', headers: { 'Content-Type': 'application/json', 'X-Reason': 'a refund', 'X-Api-Key': 'k-81726354', Cookie: 'sid=91827364' }, body });
  const { id, text = '' } = await pending();
  assert.match(text, /^PUT \/things\/7\nHost: \S+\ncontent-type: application\/json\ncontent-length: \d+\n/i);
  assert.match(text, /^x-reason: a refund$/m);
  assert.match(text, /^x-api-key: \*$/m);
  assert.match(text, /\n\n\{"amount":125,"to":"acct-7",/);
  assert.ok(text.length < 18_000, String(text.length));
  assert.match(text.slice(-60), /yyy \.\.\. \(\d+ characters more\)$/);
  for (const secret of ['k-81726354', '91827364', 'open sesame', '123-45-6789']) assert.ok(!text.includes(secret), secret);
  await answer(id, 'deny');
  assert.equal((await asked).status, 403);
});

test('what is denied is told so', async () => {
  scene.target.clear();
  const asked = scene.ask('writer', '/things/2', { method: 'DELETE' });
  const { id } = await pending();
  await answer(id, 'deny');
  const refused = await asked;
  assert.deepEqual([refused.status, refused.problem['code'], refused.problem['rule'], refused.problem['approval']], [403, 'denied', 'writing/deletes', id]);
  assert.equal(refused.problem['detail'], `wicketgate: an approver denied this command: agreed in the ticket (request ${id}); approval is required by writing/deletes: what is deleted is gone`);
  assert.equal(scene.target.requests.length, 0);
});

test('a client that leaves while it is held is seen at once', async () => {
  const leave = new AbortController();
  const asked = scene.ask('writer', '/things/3', { method: 'DELETE', signal: leave.signal });
  const { id } = await pending();
  leave.abort();
  await assert.rejects(asked);
  await until(async () => (await show(id)).waiting === 0, SOON_MS, 'that it has left');
  await answer(id, 'deny');
});

const configured = (): Readonly<Record<string, Readonly<Record<string, unknown>>>> => (scene.config['connections'] as readonly [Readonly<Record<string, Readonly<Record<string, unknown>>>>])[0];
const reload = (change: Readonly<Record<string, unknown>>): Promise<void> => scene.gateway.reloaded({ ...scene.config, connections: [{ ...configured(), ...change }] });

test('an approval is for the target and the credential that the connection had: not used once it leads elsewhere', async () => {
  scene.target.clear();
  const connection = configured();
  const elsewhere = [{ target: { ...connection['target'], host: 'localhost' } }, { credential: { type: 'bearer', token: 'env:OTHER_TOKEN' } }];
  const put = (): ReturnType<HttpScene['ask']> => scene.ask('writer', '/things/5', { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"a":5}' });
  assert.equal((await put()).status, 403);
  const { id } = await pending();
  await answer(id, 'approve');
  for (const change of elsewhere) {
    await reload(change);
    const refused = await put();
    assert.deepEqual([refused.status, refused.problem['code']], [403, 'approval_required']);
    assert.notEqual(refused.problem['approval'], id);
    await answer(String(refused.problem['approval']), 'deny');
  }
  // One that is held meanwhile would go where nobody approved it to.
  for (const change of elsewhere) {
    await reload({});
    const asked = scene.ask('writer', '/things/6', { method: 'DELETE' });
    const held = await pending();
    await reload(change);
    await answer(held.id, 'approve');
    const refused = await asked;
    assert.deepEqual([refused.status, refused.problem['code'], refused.problem['rule']], [403, 'approval_required', 'writing/deletes']);
    assert.match(String(refused.problem['detail']), /leads elsewhere since it came/);
    await reload({});
    assert.equal((await scene.ask('writer', '/things/6', { method: 'DELETE' })).status, 200, 'it is there for the next try');
  }
  assert.equal((await put()).status, 200);
  assert.equal((await show(id)).state, 'used');
  assert.deepEqual(scene.target.requests.map(({ url }) => url), ['/things/6', '/things/6', '/things/5']);
});

test('a request whose body is still to come when its connection is led elsewhere goes nowhere, with no credential', async (t) => {
  const other = await startHttpTarget({ handler: answerJson });
  t.after(() => other.stop());
  scene.target.clear();
  const connection = configured();
  const changes = [
    { target: { ...connection['target'], port: other.port }, credential: { type: 'bearer', token: 'env:OTHER_TOKEN' } },
    // There it would be another thing than people see, and approve.
    { http: { ...connection['http'], basePath: '/other' } },
    { http: { ...connection['http'], host: 'other.example' } },
  ];
  for (const method of ['POST', 'DELETE']) {
    for (const change of changes) {
      const socket = await scene.dial();
      let said = '';
      socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
      socket.write(`${method} /things/8 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('writer')}\r\nContent-Type: application/json\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n{"a"`);
      await until(() => said.includes('100 Continue'), 20_000, 'the body to be asked for');
      await reload(change);
      socket.write(':8}');
      const answered = await until(() => /HTTP\/1\.1 (?:503|2\d\d) [^]*\}/.exec(said)?.[0], 20_000, 'the answer');
      socket.destroy();
      assert.match(answered, /^HTTP\/1\.1 503 [^]*the connection of this request leads elsewhere since it came: send it again/);
      await reload({});
    }
  }
  assert.deepEqual([...scene.target.requests, ...other.requests], []);
});

test('when nobody answers in time the client gets the link, and the same request runs later: another one, or another body, does not', async () => {
  scene.target.clear();
  const put = (body: string): ReturnType<HttpScene['ask']> => scene.ask('writer', '/things/4', { method: 'PUT', headers: { 'Content-Type': 'application/json', 'User-Agent': `try-${Math.random()}` }, body });
  const refused = await put('{"a":1}');
  assert.deepEqual([refused.status, refused.problem['code'], refused.headers['retry-after']], [403, 'approval_required', '30']);
  const { id } = await pending();
  assert.deepEqual([refused.problem['approval'], refused.problem['rule']], [id, 'writing/puts']);
  assert.equal(refused.problem['detail'], `wicketgate: nobody has approved this command in time (request ${id}); approval is required by writing/puts: what is put stays`);
  assert.equal(refused.problem['link'], `https://wicketgate.test/approvals/${id}`);
  await answer(id, 'approve');
  const other = await put('{"a":2}');
  assert.deepEqual([other.status, other.problem['code']], [403, 'approval_required']);
  assert.notEqual(other.problem['approval'], id);
  await answer(String(other.problem['approval']), 'deny');
  assert.equal(scene.target.requests.length, 0);
  assert.equal((await put('{"a":1}')).status, 200);
  assert.equal((await put('{"a":1}')).status, 403, 'an approval was used twice');
  assert.deepEqual(scene.target.requests.map(({ body }) => body.toString()), ['{"a":1}']);
  await answer((await pending()).id, 'deny');
});

test('a body that is too large to be kept is not covered, which people are told, and it runs when it comes again', async () => {
  scene.target.clear();
  const big = Buffer.alloc(1_000_000, 'x');
  const put = (): ReturnType<HttpScene['ask']> => scene.ask('writer', '/things/5', { method: 'PUT', headers: { 'Content-Type': 'application/octet-stream' }, body: big });
  const refused = await put();
  assert.deepEqual([refused.status, refused.problem['code']], [403, 'approval_required']);
  const request = await pending();
  assert.match(request.notCovered ?? '', /body/);
  assert.equal(refused.problem['approval'], request.id);
  await answer(request.id, 'approve');
  assert.equal((await put()).status, 200);
  assert.equal(scene.target.requests[0]?.bytes, big.length);
});

test('protected values of an answer are masked, in their coding, and what it says of itself stays true', async () => {
  const body = Buffer.from(JSON.stringify({ name: 'Ada', ssn: '123-45-6789', of: Array.from({ length: 2_000 }, () => ({ ssn: '987-65-4321' })) }));
  scene.target.handler = (request, response) => {
    request.resume();
    const packed = request.headers['accept-encoding']?.includes('gzip') === true;
    const bytes = packed ? gzipSync(body) : body;
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': bytes.length, ETag: '"1"', 'Content-MD5': 'x', ...(packed ? { 'Content-Encoding': 'gzip' } : {}) });
    response.end(bytes);
  };
  for (const headers of [{}, { 'Accept-Encoding': 'gzip, deflate' }]) {
    const got = await scene.ask('reader', '/customers/1', { headers: { ...headers, Range: 'bytes=0-10' } });
    assert.equal(got.status, 200, got.text);
    assert.equal(got.headers['content-encoding'], 'Accept-Encoding' in headers ? 'gzip' : undefined);
    const text = ('Accept-Encoding' in headers ? gunzipSync(got.body) : got.body).toString();
    assert.ok(!text.includes('123-45-6789') && !text.includes('987-65-4321'));
    assert.equal((JSON.parse(text) as { name: string }).name, 'Ada');
    assert.equal(got.headers.etag, 'W/"1"');
    assert.equal(got.headers['content-md5'], undefined);
    const seen = scene.target.requests.at(-1);
    assert.ok(seen && scene.target.header(seen, 'range') === undefined);
  }
  // What cannot be masked is not given.
  for (const fields of [{ 'Content-Type': 'application/octet-stream' }, { 'Content-Type': 'application/json', 'Content-Encoding': 'deflate' }, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }]) {
    scene.target.handler = (request, response) => {
      request.resume();
      response.writeHead(200, fields).end(body);
    };
    const withheld = await scene.ask('reader', '/customers/odd');
    assert.deepEqual([withheld.status, withheld.problem['code']], [403, 'masking'], withheld.text);
    assert.ok(!withheld.text.includes('123-45-6789'));
  }
  assert.equal(await until(async () => (await recorded(scene, '/customers/odd')).at(-1)?.end), 'withheld');
  scene.target.handler = answerJson;
  scene.target.clear();
  const back = await scene.ask('writer', '/customers/1', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"ssn":"***"}' });
  assert.deepEqual([back.status, back.problem['code']], [403, 'write_back'], back.text);
  assert.equal(scene.target.requests.length, 0);
});

test('an identity that is revoked loses what runs at once, and gets nothing new', async () => {
  let events = 0;
  scene.target.handler = (request, response) => {
    request.resume();
    if (request.url !== '/events') return;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: 1\n\n');
    events += 1;
  };
  const socket = await scene.dial();
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(`GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await scene.token('reader')}\r\n\r\n`);
  await until(() => events === 1 && text.includes('data: 1'));
  const waiting = scene.ask('reader', '/waits');
  await until(() => scene.target.requests.some(({ url }) => url === '/waits'));
  assert.equal((await scene.gateway.cli('identities', 'revoke', 'reader', '--config', scene.gateway.configFile)).code, 0);
  const from = performance.now();
  assert.deepEqual([(await waiting).status, (await waiting).problem['code']], [403, 'revoked']);
  await closed;
  assert.ok(performance.now() - from < SOON_MS);
  assert.ok(!text.includes('0\r\n\r\n'), 'the stream looks whole');
  assert.equal((await scene.ask('reader', '/again')).status, 403);
  assert.equal((await scene.gateway.cli('identities', 'restore', 'reader', '--config', scene.gateway.configFile)).code, 0);
  assert.equal(await until(async () => (await recorded(scene, '/events')).at(-1)?.end), 'aborted');
  scene.target.handler = answerJson;
});

test('while the gateway stops, what runs ends as it should, and the log is whole', async () => {
  let release = (): void => {};
  scene.target.handler = (request, response) => {
    request.resume();
    release = () => void response.writeHead(200, { 'Content-Type': 'application/json' }).end('"late"');
  };
  scene.target.clear();
  const asked = scene.ask('writer', '/slow', { method: 'POST', body: 'x' });
  await until(() => scene.target.requests.length === 1);
  const stopped = stopAndVerify(scene);
  await until(() => scene.gateway.log().includes('"stopping"'));
  release();
  assert.equal((await asked).text, '"late"');
  await stopped;
  await scene.gateway.start();
});
