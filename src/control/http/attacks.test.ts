import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { until } from '../../../test/kit/until.ts';
import { ORIGIN, startControlPlane, type Browser, type ControlPlane } from '../testdata/control-plane.ts';

const start = async (t: TestContext): Promise<ControlPlane> => {
  const plane = await startControlPlane();
  t.after(() => plane.close());
  return plane;
};

/** A client that says what it likes, in the pieces that it likes. */
const dial = async (t: TestContext, plane: ControlPlane): Promise<{ readonly socket: Socket; readonly said: () => string }> => {
  if (!plane.server.server.listening) await plane.server.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((plane.server.server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  socket.on('error', () => undefined);
  return { socket, said: () => text };
};

const statuses = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const asking = ({ cookie, csrf }: Browser): Record<string, string> => ({ cookie, 'x-csrf-token': csrf, origin: ORIGIN, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' });
const head = (line: string, headers: Readonly<Record<string, string>>): string => `${line} HTTP/1.1\r\nhost: 127.0.0.1:7080\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;

test('who signs out, or loses the role, while the body is on its way does nothing', async (t) => {
  const plane = await start(t);
  const { revocations } = plane.state;
  const body = JSON.stringify({ reason: 'why' });
  const slow = async (browser: Browser, meanwhile: () => unknown): Promise<number> => {
    const { socket, said } = await dial(t, plane);
    socket.write(head('POST /api/v1/identities/jobs/revoke', { ...asking(browser), 'content-length': String(body.length), expect: '100-continue' }) + body.slice(0, 5));
    // Its headers were judged by then.
    await until(() => statuses(said()).includes(100));
    await meanwhile();
    socket.write(body.slice(5));
    await until(() => statuses(said()).length === 2);
    return statuses(said())[1] ?? 0;
  };
  const [leaving, losing, staying] = [plane.signIn('admins'), plane.signIn('admins'), plane.signIn('admins')];
  const logout = () => plane.server.inject({ method: 'POST', url: '/api/v1/logout', headers: { cookie: leaving.cookie, 'x-csrf-token': leaving.csrf, origin: ORIGIN } });
  assert.equal(await slow(leaving, async () => assert.equal((await logout()).statusCode, 200)), 401);
  const { control } = plane.config();
  assert.equal(await slow(losing, () => plane.change((config) => ({ ...config, control: { ...control, roles: { ...control.roles, admin: [] } } }))), 403);
  assert.equal(revocations.isRevoked('jobs'), false);
  plane.change((config) => ({ ...config, control }));
  assert.equal(await slow(staying, () => undefined), 200);
  assert.equal(revocations.isRevoked('jobs'), true);
});

test('no method, path, header or type is another one in disguise', async (t) => {
  const plane = await start(t);
  const admin = plane.signIn('admins');
  const good = asking(admin);
  const { cookie } = admin;
  const url = '/api/v1/identities/jobs/revoke';
  const payload = JSON.stringify({ reason: 'why' });
  const ask = async (more: object): Promise<number> => (await plane.server.inject({ method: 'POST', url, headers: good, payload, ...more })).statusCode;
  for (const [why, more, expected] of [
    ['a GET that says it is a POST', { method: 'GET', headers: { ...good, 'x-http-method-override': 'POST' } }, [404]],
    ['by a field of the query', { method: 'GET', url: `${url}?_method=POST` }, [404]],
    ['a PUT', { method: 'PUT' }, [404]],
    ['text/plain, as a form can send', { headers: { ...good, 'content-type': 'text/plain' } }, [400, 415]],
    ['a form', { headers: { ...good, 'content-type': 'application/x-www-form-urlencoded' }, payload: 'reason=why' }, [400, 415]],
    ['text/plain that mentions JSON', { headers: { ...good, 'content-type': 'text/plain; application/json' } }, [400, 415]],
    ['a token in the query', { url: `${url}?x-csrf-token=${admin.csrf}`, headers: { cookie, origin: ORIGIN, 'content-type': 'application/json' } }, [403]],
    ['an origin that begins like ours', { headers: { ...good, origin: `${ORIGIN}.evil.example` } }, [403]],
    ['ours in other case', { headers: { ...good, origin: ORIGIN.toUpperCase() } }, [403]],
    ['a prototype', { payload: '{"reason":"why","__proto__":{"admin":true}}' }, [400]],
    ['an unknown key', { payload: '{"reason":"why","force":true}' }, [400]],
    ['no object', { payload: '[]' }, [400]],
    ['another case', { url: url.toUpperCase() }, [404]],
    ['two slashes', { url: url.replace('/v1', '//v1') }, [404]],
    ['a name that leads up', { url: '/api/v1/identities/..%2F..%2Ftokens/revoke' }, [404]],
    ['a name with a NUL', { url: '/api/v1/identities/jobs%00/revoke' }, [400, 404]],
    ['half an escape', { url: '/api/v1/identities/%E0%A4%A/revoke' }, [400]],
  ] as const) {
    const status = await ask(more);
    assert.ok((expected as readonly number[]).includes(status), `${why}: ${status}`);
  }
  assert.equal(plane.state.revocations.isRevoked('jobs'), false);
  // A cookie that another page of this host set beside ours: nobody knows which is which.
  assert.equal((await plane.server.inject({ url: '/api/v1/me', headers: { cookie: `wicketgate=${'A'.repeat(43)}; ${cookie}` } })).statusCode, 401);
  assert.equal((await plane.server.inject({ url: '/api/v1/me', headers: { cookie, authorization: 'Bearer nonsense' } })).statusCode, 401, 'a bad token is not made good by a cookie');
});

test('what two servers could read in two ways is read in none', async (t) => {
  const plane = await start(t);
  const { cookie } = plane.signIn('admins');
  const smuggled = head('GET /api/v1/me', { cookie });
  for (const [why, first] of [
    ['both lengths', head('POST /api/v1/logout', { 'content-length': '5', 'transfer-encoding': 'chunked' }) + '0\r\n\r\n'],
    ['two lengths', head('POST /api/v1/logout', { 'content-length': '0', 'Content-Length': '7' })],
    ['a chunked that is none', head('POST /api/v1/logout', { 'transfer-encoding': 'xchunked' })],
    ['a blank before the colon', 'POST /api/v1/logout HTTP/1.1\r\nhost: x\r\ncontent-length : 5\r\n\r\n'],
    ['a folded header', 'POST /api/v1/logout HTTP/1.1\r\nhost: x\r\nx: a\r\n transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n'],
    ['a bare LF', `GET /health HTTP/1.1\nhost: x\ncontent-length: ${smuggled.length}\n\n`],
    ['a NUL', 'GET /health HTTP/1.1\r\nhost: x\r\nx-forwarded-for: \0\r\n\r\n'],
  ] as const) {
    const { socket, said } = await dial(t, plane);
    const closed = once(socket, 'close');
    socket.write(first + smuggled);
    await closed;
    assert.ok(!said().includes('"roles"'), `${why}: ${said()}`);
    assert.ok(statuses(said()).every((status) => status >= 400), `${why}: ${said()}`);
  }
});

test('requests in one pipe are each judged by their own headers', async (t) => {
  const plane = await start(t);
  const admin = plane.signIn('admins');
  const { socket, said } = await dial(t, plane);
  socket.write(head('GET /api/v1/me', { cookie: admin.cookie }) + head('GET /api/v1/me', {}) + head('GET /api/v1/me', { cookie: admin.cookie }) + head('GET /api/v1/tokens', { cookie: plane.signIn('viewers').cookie }));
  await until(() => statuses(said()).length === 4);
  assert.deepEqual(statuses(said()), [200, 401, 200, 403]);
});

test('filters, cursors and limits that mean harm are refused, or answered at once', async (t) => {
  const plane = await start(t);
  const { cookie } = plane.signIn('auditors');
  const began = performance.now();
  const stars = encodeURIComponent('*a'.repeat(100));
  for (const [url, expected] of [
    [`/sessions?identity=${stars}`, [200, 400]],
    [`/commands?object=${stars}`, [200, 400]],
    [`/commands?text=${encodeURIComponent('%_\\"\u0000 OR 1=1')}`, [200, 400]],
    ['/sessions?limit=1000000', [400]],
    ['/sessions?limit=-1', [400]],
    ['/sessions?limit=1e3', [400]],
    ['/sessions?limit=5&limit=6', [400]],
    ['/sessions?cursor=1%20OR%201', [400]],
    ['/sessions?cursor=9007199254740993', [400]],
    ['/sessions?cursor=-5', [200]],
    ['/commands?rows=%3E%201%3B%20DROP', [400]],
    ['/sessions?since=yesterday', [400]],
    ['/sessions?since[]=x', [400]],
    ['/sessions?__proto__[x]=1', [400]],
    ['/approvals?cursor=%27', [400]],
    ['/overview?hours=1e9', [400]],
    [`/sessions?${'identity=a&'.repeat(500)}`, [400]],
    ['/activity?cursor=x', [400]],
  ] as const) {
    const response = await plane.server.inject({ url: `/api/v1${url}`, headers: { cookie } });
    assert.ok((expected as readonly number[]).includes(response.statusCode), `${url}: ${response.statusCode} ${response.body}`);
  }
  assert.ok(performance.now() - began < 10_000);
});

test('streams of one person are few, and one that was refused takes no place', async (t) => {
  const plane = await start(t);
  const { cookie } = plane.signIn('viewers');
  const streams = [];
  for (let n = 0; n < 14; n += 1) {
    const one = await dial(t, plane);
    one.socket.write(head('GET /api/v1/events', { cookie }));
    await until(() => statuses(one.said()).length === 1);
    streams.push(one);
  }
  assert.deepEqual(streams.map(({ said }) => statuses(said())[0]), [...Array<number>(10).fill(200), ...Array<number>(4).fill(429)]);
  streams[0]?.socket.destroy();
  await until(async () => {
    const next = await dial(t, plane);
    next.socket.write(head('GET /api/v1/events', { cookie }));
    await until(() => statuses(next.said()).length === 1);
    return statuses(next.said())[0] === 200;
  });
});

test('those who were not signed in are on record, so many a minute, however many came', async (t) => {
  const plane = await start(t);
  for (let n = 0; n < 30; n += 1) await plane.server.inject({ url: '/oidc/callback?code=x&state=y', remoteAddress: `198.51.100.${n}` });
  for (let n = 0; n < 5; n += 1) await plane.server.inject({ url: '/api/v1/me', headers: { authorization: 'Bearer wgt_x' }, remoteAddress: '198.51.100.7' });
  await plane.server.inject({ url: '/bootstrap/x', remoteAddress: '203.0.113.9' });
  const before = plane.evidence.stats.next;
  plane.refusals.flush();
  assert.equal(plane.evidence.stats.next - before, 3);
  const { cookie } = plane.signIn('auditors');
  const found = await until(async () => {
    const { denied } = (await plane.server.inject({ url: '/api/v1/overview', headers: { cookie } })).json<{ denied: { code: string; count: number; identity: string }[] }>();
    return denied.length > 0 ? denied : undefined;
  });
  assert.deepEqual(found.map(({ code, count, identity }) => [code, count, identity]), [['unauthenticated', 36, '']]);
});

test('an administrator sees who is signed in and ends it, and nobody else does', async (t) => {
  const plane = await start(t);
  const [admin, viewer] = [plane.signIn('admins'), plane.signIn('viewers')];
  const list = async (cookie: string) => (await plane.server.inject({ url: '/api/v1/people', headers: { cookie } })).json<{ items: { id: string; name?: string; roles?: string[]; own: boolean }[] }>().items;
  const people = await list(admin.cookie);
  assert.deepEqual(people.map(({ name, roles, own }) => [name, roles?.join(), own]).toSorted((a, b) => Number(b[2]) - Number(a[2])), [['Ada Example', 'admin', true], ['Ada Example', 'viewer', false]]);
  const theirs = people.find(({ own }) => !own)?.id ?? '';
  const end = async (browser: Browser, id: string): Promise<number> => (await plane.server.inject({ method: 'POST', url: `/api/v1/people/${id}/sign-out`, headers: asking(browser), payload: JSON.stringify({ reason: 'left the company' }) })).statusCode;
  assert.equal(await end(viewer, people.find(({ own }) => own)?.id ?? ''), 403);
  assert.equal(await end(admin, theirs), 200);
  assert.equal((await plane.server.inject({ url: '/api/v1/me', headers: { cookie: viewer.cookie } })).statusCode, 401);
  assert.equal(await end(admin, theirs), 404);
  // The id in the list is no key to anything.
  assert.equal((await plane.server.inject({ url: '/api/v1/me', headers: { cookie: `wicketgate=${theirs}` } })).statusCode, 401);
  assert.equal((await list(admin.cookie)).length, 1);
});
