import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type Answered, type Asked, type HttpScene } from './http-scene.ts';
import { ask2, http2Client } from './http2-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * An approval is for one request, once. Everything that could be sent in its place, or twice.
 */

const RULE = (more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> =>
  ({ name: 'deletes', match: { verbs: ['delete'] }, effect: 'require_approval', reason: 'what is deleted is gone', approval: { ...PATIENT, hold: '1s', ...more } });
const policies = (...rules: readonly Readonly<Record<string, unknown>>[]): readonly Record<string, unknown>[] => [
  { name: 'writing', identities: ['writer', 'reader'], connections: ['*'], allow: ['read', 'write'], rules },
];

let people: HttpPeople;
let scene: HttpScene;
before(async () => {
  people = await startHttpPeople();
  scene = await startHttpScene({
    policies: policies(RULE()),
    control: people.control,
    connectionsAt: (port) => ['api', 'twin'].map((name) => ({ name, protocol: 'http', target: { host: '127.0.0.1', port, tls: 'disable' }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, http: { hosts: ['localhost', 'other.localhost'] } })),
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

const BODY = '{"all":true}';
const HEADERS = { 'Content-Type': 'application/json', 'Idempotency-Key': 'one' };
const ask = (path: string, asked: Asked = {}, role: 'writer' | 'reader' = 'writer'): Promise<Answered> => scene.ask(role, path, { method: 'DELETE', headers: HEADERS, body: BODY, ...asked });
/** The request as it is approved and not yet used. */
const approved = async (path: string, asked: Asked = {}): Promise<string> => {
  const refused = await ask(path, asked);
  assert.deepEqual([refused.status, refused.problem['code']], [403, 'approval_required'], refused.text);
  const id = String(refused.problem['approval']);
  await people.approve(scene, id);
  scene.target.clear();
  return id;
};
/** Whatever is waiting after a test waits no longer. */
const denyAll = async (): Promise<void> => {
  for (const { id } of await people.pending(scene)) await people.deny(scene, id);
};

const OTHERS: readonly (readonly [string, string, Asked, ('writer' | 'reader')?])[] = [
  ['another body of the same length', '/t/1?a=1&b=2', { body: '{"all":null}' }],
  ['no body', '/t/1?a=1&b=2', { body: '' }],
  ['the same body by chunks, with a byte more', '/t/1?a=1&b=2', { body: `${BODY} `, headers: { ...HEADERS, 'Transfer-Encoding': 'chunked' } }],
  ['another path', '/t/2?a=1&b=2', {}],
  ['a slash at the end', '/t/1/?a=1&b=2', {}],
  ['parameters in another order', '/t/1?b=2&a=1', {}],
  ['a parameter twice', '/t/1?a=1&b=2&a=1', {}],
  ['a plus for a blank', '/t/1?a=1&b=2&c=+', {}],
  ['another method under the same rule', '/t/1?a=1&b=2&_method=DELETE', { method: 'POST' }],
  ['a header field more', '/t/1?a=1&b=2', { headers: { ...HEADERS, 'X-Force': 'true' } }],
  ['another value of a header field', '/t/1?a=1&b=2', { headers: { ...HEADERS, 'Idempotency-Key': 'two' } }],
  ['another type', '/t/1?a=1&b=2', { headers: { ...HEADERS, 'Content-Type': 'application/merge-patch+json' } }],
  ['a coding', '/t/1?a=1&b=2', { headers: { ...HEADERS, 'Content-Encoding': 'gzip' } }],
  ['a cookie', '/t/1?a=1&b=2', { headers: { ...HEADERS, Cookie: 'admin=1' } }],
  ['another identity', '/t/1?a=1&b=2', {}, 'reader'],
];

test('what is approved serves nothing but itself: not another body, address, header field or identity', async () => {
  const id = await approved('/t/1?a=1&b=2');
  await Promise.all(OTHERS.map(async ([what, path, asked, role]) => {
    const other = await ask(path, asked, role);
    assert.equal(other.status, 403, `${what}: ${other.text}`);
    assert.notEqual(other.problem['approval'], id, what);
  }));
  const otherHost = await scene.say(`DELETE /t/1?a=1&b=2 HTTP/1.1\r\nHost: other.localhost\r\nAuthorization: Bearer ${await scene.token('writer')}\r\nContent-Type: application/json\r\nIdempotency-Key: one\r\nContent-Length: ${BODY.length}\r\nConnection: close\r\n\r\n${BODY}`);
  assert.match(otherHost, /^HTTP\/1\.1 421 /);
  const twin = await ask('/t/1?a=1&b=2', { port: scene.gateway.port('twin') });
  assert.equal(twin.status, 403, twin.text);
  assert.notEqual(twin.problem['approval'], id);
  await denyAll();
  assert.equal(scene.target.requests.length, 0);
  // It is there still, for what it was given.
  assert.equal((await ask('/t/1?a=1&b=2')).status, 200);
  assert.equal((await people.show(scene, id)).state, 'used');
  assert.equal((await ask('/t/1?a=1&b=2')).status, 403);
  await denyAll();
});

test('sent many times at once, over HTTP/1.1 and HTTP/2, it runs once', async () => {
  const id = await approved('/t/parallel', { headers: { 'content-type': 'application/json' } });
  const authorization = `Bearer ${await scene.token('writer')}`;
  const session = http2Client(scene);
  const overHttp2 = (): Promise<{ status: number }> => ask2(session, { ':method': 'DELETE', ':path': '/t/parallel', authorization, 'content-type': 'application/json', 'content-length': BODY.length }, BODY);
  const all = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? ask('/t/parallel', { headers: { 'content-type': 'application/json' } }) : overHttp2())));
  session.close();
  assert.equal(all.filter(({ status }) => status === 200).length, 1);
  assert.ok(all.every(({ status }) => status === 200 || status === 403));
  assert.equal(scene.target.requests.length, 1);
  assert.equal((await people.show(scene, id)).state, 'used');
  await denyAll();
});

const reload = (...rules: readonly Readonly<Record<string, unknown>>[]): Promise<void> => scene.gateway.reloaded({ ...scene.config, policies: policies(...rules) });

test('what was approved is judged by the policy of the moment it is sent', async () => {
  const id = await approved('/t/reload');
  await reload(RULE(), { name: 'never', match: { request: { paths: ['/t/reload'] } }, effect: 'deny', reason: 'not any more' });
  assert.equal((await ask('/t/reload')).problem['code'], 'denied');
  assert.equal((await people.show(scene, id)).state, 'approved');
  // Two people are asked for where one was enough.
  await reload(RULE({ count: 2 }));
  const again = await ask('/t/reload');
  assert.deepEqual([again.status, again.problem['code']], [403, 'approval_required']);
  assert.equal(scene.target.requests.length, 0);
  await people.approve(scene, String(again.problem['approval']), 'bob');
  assert.equal((await ask('/t/reload')).status, 200);
  await reload(RULE());
  await denyAll();
});

test('an approval that has expired serves nothing', async () => {
  await reload(RULE({ expires: '8s' }));
  const id = await approved('/t/expired');
  const { expiresAt } = await people.show(scene, id);
  await until(() => Date.now() > expiresAt);
  const late = await ask('/t/expired');
  assert.equal(late.status, 403, late.text);
  assert.notEqual(late.problem['approval'], id);
  assert.equal((await people.show(scene, id)).state, 'expired');
  assert.equal(scene.target.requests.length, 0);
});

test('all of it is in the log, which verifies', () => stopAndVerify(scene));
