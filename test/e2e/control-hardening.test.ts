import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, before, after } from 'node:test';
import { until } from '../kit/until.ts';
import { startControlScene, type ControlScene } from './control-scene.ts';

let stage: ControlScene;
before(async () => {
  // Nobody has the role admin by a group: the first one is made by the link.
  stage = await startControlScene({ roles: { admin: { groups: ['okta/nobody-has-this'] }, auditor: { groups: ['okta/incident-commanders'] }, viewer: { groups: ['okta/engineering'] } } });
}, { timeout: 120_000 });
after(() => stage[Symbol.asyncDispose]());

const bootstrap = () => stage.scene.gateway.cli('admin', 'bootstrap', '--config', stage.scene.gateway.configFile, '--json');
const linkOf = (stdout: string): string => new URL((JSON.parse(stdout) as { result: { url: string } }).result.url).pathname;

test('the first administrator: a link for one person, once, and never again', async () => {
  const refused = stage.browser();
  assert.match((await refused.fetch(`/bootstrap/${'A'.repeat(43)}`)).headers.get('location') ?? '', /error=used/);

  const [first, second] = [await bootstrap(), await bootstrap()];
  assert.deepEqual([first.code, second.code], [0, 0], first.stderr + second.stderr);
  const stale = stage.browser();
  assert.match((await stale.fetch(linkOf(first.stdout))).headers.get('location') ?? '', /error=used/, 'only the newest link is good');

  const link = linkOf(second.stdout);
  const [alice, mallory] = [stage.browser(), stage.browser()];
  const [one, other] = [await alice.fetch(link), await mallory.fetch(link)];
  assert.match(one.headers.get('location') ?? '', /^\/login\/okta\?bootstrap=/);
  const late = await mallory.fetch(other.headers.get('location') ?? '');
  await alice.signIn(stage.people, 'alice', one.headers.get('location') ?? '');
  assert.deepEqual((await alice.get('/me')).json<{ roles: string[] }>().roles, ['admin']);

  const loser = await mallory.fetch(await stage.people.complete(late.headers.get('location') ?? '', 'mallory'));
  assert.match(loser.headers.get('location') ?? '', /error=used/, 'of two who began, one becomes administrator');
  assert.equal((await mallory.get('/me')).status, 401);

  const again = await bootstrap();
  assert.equal(again.code, 1);
  assert.match(again.stdout, /there is, or was, an administrator/);
  const carol = await stage.signedIn('carol');
  const acts = await until(async () => {
    const found = (await carol.get('/activity?kind=control')).json<{ items: { act: string; by?: string }[] }>().items;
    return found.some(({ act }) => act === 'bootstrap') ? found : undefined;
  });
  assert.ok(acts.some(({ act, by }) => act === 'bootstrap' && by === 'Alice Ames') && acts.some(({ act }) => act === 'bootstrap_link'));
});

test('wrong tokens: one answer for all, and soon none', async () => {
  const browser = stage.browser();
  const ask = async (authorization: string): Promise<number> => (await browser.fetch('/api/v1/me', { headers: { authorization } })).status;
  const answers: number[] = [];
  for (let i = 0; i < 14; i += 1) answers.push(await ask(`Bearer wgt_${String(i).padStart(43, 'x')}`));
  assert.deepEqual([...new Set(answers.slice(0, 10))], [401]);
  assert.equal(answers.at(-1), 429);
  for (const text of ['Basic YTpi', 'Bearer', `Bearer ${'a'.repeat(9000)}`]) assert.ok([401, 429].includes(await ask(text)));
  assert.equal((await stage.browser().fetch('/api/v1/me', { headers: { authorization: 'Bearer wgt_x' } })).status, 401, 'another address is not locked out');
});

test('sign-ins from one address are limited, and it says until when', async () => {
  const browser = stage.browser();
  let last = await browser.fetch('/login/okta');
  for (let i = 0; i < 90 && last.status === 303; i += 1) last = await browser.fetch('/oidc/callback?code=x&state=y');
  assert.equal(last.status, 429);
  assert.ok(Number(last.headers.get('retry-after')) >= 1);
});

test('what is asked too often is refused, per session, and nobody else is', async () => {
  const [eager, calm] = [await stage.signedIn('mallory'), await stage.signedIn('carol')];
  const statuses: number[] = [];
  // What one person may ask fills again all the time, so a slow machine has to ask for longer.
  await until(async () => {
    statuses.push(...(await Promise.all(Array.from({ length: 320 }, () => eager.get('/me')))).map(({ status }) => status));
    return statuses.includes(429);
  }, 60_000, 'a refusal');
  assert.ok(statuses.filter((status) => status === 200).length >= 150, `${statuses.filter((status) => status === 429).length} refused`);
  assert.equal((await calm.get('/me')).status, 200);
});

test('bodies that are too large, no JSON, of another type, or with surprises are refused', async () => {
  const browser = await stage.signedIn('alice');
  const send = (body: string, type = 'application/json') => browser.fetch('/api/v1/policies/explain', { method: 'POST', body, headers: { 'content-type': type, origin: stage.site, 'x-csrf-token': browser.csrf ?? '' } });
  assert.equal((await send(JSON.stringify({ identity: 'reader', connection: 'shop', command: 'x'.repeat(200_000) }))).status, 413);
  assert.equal((await send('{"identity":')).status, 400);
  assert.equal((await send('{"__proto__":{"roles":["admin"]},"identity":"reader","connection":"shop","command":"select 1"}')).status, 400);
  assert.equal((await send('{"identity":"reader","connection":"shop","command":"select 1","more":1}')).status, 400);
  assert.equal((await send('identity=reader', 'application/x-www-form-urlencoded')).status, 415);
  assert.equal((await send('<a/>', 'text/xml')).status, 415);
  for (const query of ['limit=0', 'limit=1000', 'limit=x', 'cursor=%00', 'cursor=nonsense', 'since=yesterday', 'unknown=1', 'limit=5&limit=6', 'state=dead']) assert.equal((await browser.get(`/sessions?${query}`)).status, 400, query);
  assert.equal((await browser.get('/sessions/..%2f..%2fetc%2fpasswd')).status, 400);
  assert.equal((await browser.fetch('/api/v1/me', { headers: { 'x-long': 'x'.repeat(20_000) } })).status, 431);
});

test('who sends slowly, or nothing, is let go', { timeout: 60_000 }, async () => {
  const { port } = new URL(stage.site);
  const begun = performance.now();
  const slow = ['GET /api/v1/me HTTP/1.1\r\nhost: x\r\n', 'POST /api/v1/logout HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{'].map((start) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(start);
    return socket;
  });
  const closed = slow.map((socket) => {
    socket.resume();
    return once(socket, 'close');
  });
  // Meanwhile everybody else is served.
  assert.equal((await stage.browser().fetch('/health')).status, 200);
  await Promise.all(closed);
  assert.ok(performance.now() - begun < 30_000);
});

test('nothing is told of files, other methods, or what is not there', async () => {
  const browser = stage.browser();
  for (const path of ['/../package.json', '/%2e%2e/%2e%2e/etc/passwd', '/assets/../../../package.json', '/assets/none.js']) {
    const page = await browser.fetch(path);
    assert.ok(page.status === 404 && !page.text.includes('dependencies'), `${path}: ${page.status}`);
  }
  assert.equal((await browser.fetch('/api/v1/me', { method: 'DELETE' })).status, 404);
  assert.equal((await browser.fetch('/api/v1/me', { method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' } })).headers.get('access-control-allow-origin'), null);
});
