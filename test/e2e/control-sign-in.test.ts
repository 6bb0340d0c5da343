import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, before, after } from 'node:test';
import { until } from '../kit/until.ts';
import type { Browser } from './control-browser.ts';
import { startControlScene, type ControlScene } from './control-scene.ts';

let stage: ControlScene;
before(async () => {
  stage = await startControlScene({ login: { sessionAge: '1h', idle: '30m' } });
}, { timeout: 120_000 });
after(() => stage[Symbol.asyncDispose]());

const begin = async (browser: Browser, path = '/login/okta?return=/'): Promise<string> => {
  const page = await browser.fetch(path);
  assert.equal(page.status, 303, page.text);
  return page.headers.get('location') ?? '';
};

test('nobody is anybody before signing in, and the page learns how to sign in', async () => {
  const browser = stage.browser();
  assert.equal((await browser.get('/me')).status, 401);
  assert.deepEqual((await browser.get('/sign-in')).json(), { providers: [{ name: 'okta' }] });
  assert.equal((await browser.get('/overview')).status, 401);
});

test('signing in leads back to where somebody was, with a cookie that scripts and other sites do not get', async () => {
  const browser = stage.browser();
  const page = await browser.signIn(stage.people, 'alice', `/login/okta?return=${encodeURIComponent('/sessions/ABC?tab=replay')}`);
  assert.equal(page.status, 303);
  assert.equal(page.headers.get('location'), '/sessions/ABC?tab=replay');
  const set = page.headers.getSetCookie().find((line) => line.startsWith('wicketgate=')) ?? '';
  assert.match(set, /^wicketgate=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=3600$/);
  const me = (await browser.get('/me')).json<{ name: string; roles: string[]; groups: string[]; subject: string }>();
  assert.deepEqual([me.name, me.subject, me.roles], ['Alice Ames', 'alice', ['admin', 'approver']]);
  assert.deepEqual(me.groups, ['okta/dba', 'okta/oncall']);
});

test('the provider is asked with PKCE, state and nonce, each of its own', async () => {
  const [one, two] = [new URL(await begin(stage.browser())), new URL(await begin(stage.browser()))];
  for (const name of ['state', 'nonce', 'code_challenge']) {
    assert.ok((one.searchParams.get(name) ?? '').length >= 32, name);
    assert.notEqual(one.searchParams.get(name), two.searchParams.get(name));
  }
  assert.equal(one.searchParams.get('code_challenge_method'), 'S256');
  assert.equal(one.searchParams.get('redirect_uri'), `${stage.site}/oidc/callback`);
});

test('a callback with another state, without its browser, twice, or with an error signs nobody in', async () => {
  const browser = stage.browser();
  const back = new URL(await stage.people.complete(await begin(browser), 'alice'));

  const stranger = stage.browser();
  const without = await stranger.fetch(back.href);
  assert.equal(without.headers.get('location'), '/login?error=expired&return=%2F');
  assert.equal(stranger.cookies.size, 0);

  const forged = new URL(back);
  forged.searchParams.set('state', 'forged');
  const attempt = new Map(browser.cookies);
  const refused = await browser.fetch(forged.href);
  assert.match(refused.headers.get('location') ?? '', /^\/login\?error=failed/);
  assert.equal((await browser.get('/me')).status, 401);

  // Another browser's attempt with this browser's code: a login that an attacker began for their victim.
  const attacker = stage.browser();
  await begin(attacker);
  assert.match((await attacker.fetch(back.href)).headers.get('location') ?? '', /^\/login\?error=failed/);

  for (const [name, value] of attempt) browser.cookies.set(name, value);
  const good = await browser.fetch(back.href);
  assert.equal(good.headers.get('location'), '/');
  const again = stage.browser();
  for (const [name, value] of attempt) again.cookies.set(name, value);
  assert.match((await again.fetch(back.href)).headers.get('location') ?? '', /^\/login\?error=failed/, 'a code is good once');

  const denied = stage.browser();
  const asked = new URL(await begin(denied));
  const no = await denied.fetch(`/oidc/callback?error=access_denied&state=${asked.searchParams.get('state')}`);
  assert.match(no.headers.get('location') ?? '', /^\/login\?error=denied/);
});

test('an attempt that somebody else sealed, cut, or changed is none', async () => {
  const browser = stage.browser();
  const back = await stage.people.complete(await begin(browser), 'alice');
  const sealed = browser.cookies.get('wicketgate-login') ?? '';
  const changed = (at: number): string => {
    const bytes = Buffer.from(sealed, 'base64url');
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    return bytes.toString('base64url');
  };
  for (const forged of ['', 'x'.repeat(200), sealed.slice(0, -4), changed(Buffer.from(sealed, 'base64url').length - 1), changed(0)]) {
    const other = stage.browser();
    other.cookies.set('wicketgate-login', forged);
    assert.match((await other.fetch(back)).headers.get('location') ?? '', /error=expired/);
  }
});

test('a session is never one that was there before', async () => {
  const browser = stage.browser();
  browser.cookies.set('wicketgate', 'A'.repeat(43));
  await browser.signIn(stage.people, 'mallory');
  const first = browser.cookies.get('wicketgate');
  assert.notEqual(first, 'A'.repeat(43));
  assert.equal((await browser.get('/me')).json<{ name: string }>().name, 'Mallory');
  const thief = stage.browser();
  thief.cookies.set('wicketgate', first ?? '');
  assert.equal((await thief.get('/me')).status, 200);
  await browser.signIn(stage.people, 'alice');
  assert.notEqual(browser.cookies.get('wicketgate'), first);
  assert.equal((await thief.get('/me')).status, 401, 'signing in again ends the session before');
});

test('after signing out the cookie is worth nothing', async () => {
  const browser = await stage.signedIn('bob');
  const kept = browser.cookies.get('wicketgate') ?? '';
  const out = await browser.post('/logout');
  assert.equal(out.status, 200, out.text);
  assert.equal(browser.cookies.has('wicketgate'), false);
  const thief = stage.browser();
  thief.cookies.set('wicketgate', kept);
  assert.equal((await thief.get('/me')).status, 401);
});

test('nobody is led to another site after signing in', async () => {
  for (const evil of ['https://evil.example/', '//evil.example', '/\\evil.example', '/\t/evil.example', 'javascript:alert(1)', '/%0d%0aset-cookie:a=b', '/..//evil.example', '/login/okta', '/api/v1/logout', `/${'a'.repeat(5000)}`]) {
    const browser = stage.browser();
    const page = await browser.fetch(`/login/okta?return=${encodeURIComponent(evil)}`);
    const done = await browser.fetch(await stage.people.complete(page.headers.get('location') ?? '', 'mallory'));
    const location = done.headers.get('location') ?? '';
    assert.equal(done.status, 303);
    const landed = new URL(location, stage.site);
    assert.equal(landed.origin, stage.site, evil);
    assert.ok(!landed.pathname.startsWith('//') && !/^\/(?:login|api)/.test(landed.pathname), `${evil} -> ${location}`);
  }
});

test('who has no group of any role is signed in and may do nothing', async () => {
  stage.people.change('mallory', { groups: ['nothing-here'] });
  try {
    const browser = await stage.signedIn('mallory');
    assert.deepEqual((await browser.get('/me')).json<{ roles: string[] }>().roles, []);
    assert.equal((await browser.get('/overview')).status, 403);
  } finally {
    stage.people.change('mallory', { groups: ['engineering'] });
  }
});

test('an unknown provider is not there', async () => {
  assert.equal((await stage.browser().fetch('/login/nobody')).status, 404);
});

test('what lies in the state names nobody and opens nothing', async () => {
  const browser = await stage.signedIn('alice');
  const cookie = browser.cookies.get('wicketgate') ?? '';
  const bytes = Buffer.concat(['state.db', 'state.db-wal'].map((name) => readFileSync(join(stage.scene.gateway.dataDir, name))));
  for (const secret of [cookie, Buffer.from(cookie, 'base64url'), 'Alice Ames', 'alice-gh', browser.csrf ?? 'x']) assert.equal(bytes.includes(secret), false);
});

test('who signed in stands on record, sealed, and what they may is asked anew at each request', async () => {
  const carol = await stage.signedIn('carol');
  const activity = await until(async () => {
    const page = (await carol.get('/activity?kind=control')).json<{ items: { act: string; by?: string; provider?: string }[] }>();
    return page.items.find(({ act, by }) => act === 'sign_in' && by === 'Carol Cole');
  });
  assert.equal(activity.provider, 'okta');
  const { config } = stage.scene;
  const control = config['control'] as { login: unknown; roles: Record<string, unknown> };
  await stage.scene.gateway.reload({ ...config, control: { ...control, roles: { ...control.roles, auditor: { groups: ['okta/somebody-else'] } } } });
  await until(async () => (await carol.get('/activity')).status === 403);
  assert.deepEqual((await carol.get('/me')).json<{ roles: string[] }>().roles, []);
  await stage.scene.gateway.reload(config);
  await until(async () => (await carol.get('/activity')).status === 200);
});

test('a provider that is down is said to be, and what was there goes on', async () => {
  const signedIn = await stage.signedIn('alice');
  // A login of the configuration whose provider nobody answers for.
  const { config } = stage.scene;
  const control = config['control'] as { login: Record<string, unknown>[]; roles: object };
  await stage.scene.gateway.reload({ ...config, control: { ...control, login: [...control.login, { name: 'gone', issuer: 'http://127.0.0.1:1', clientId: 'wicketgate', allowPrivate: true }] } });
  await until(async () => (await stage.browser().get('/sign-in')).json<{ providers: unknown[] }>().providers.length === 2);
  const page = await stage.browser().fetch('/login/gone?return=/evidence');
  assert.equal(page.headers.get('location'), '/login?error=provider_down&return=%2Fevidence');
  assert.equal((await signedIn.get('/me')).status, 200);
  await stage.scene.gateway.reloaded(config);
});

test('the provider itself goes down, between leaving for it and coming back, and while people are signed in', async () => {
  const { scene, people } = stage;
  const [alice, carol] = [await stage.signedIn('alice'), await stage.signedIn('carol')];
  const kept = join(scene.gateway.folder, 'id-token');
  writeFileSync(kept, await people.idToken('alice'), { mode: 0o600 });
  const terminal = (...words: readonly string[]): ReturnType<typeof scene.gateway.cli> => scene.gateway.cli(...words, '--config', scene.gateway.configFile, '--id-token', `file:${kept}`);
  assert.equal((await terminal('whoami')).code, 0);
  const late = stage.browser();
  const begun = await late.fetch('/login/okta?return=/approvals');
  const back = await people.complete(begun.headers.get('location') ?? '', 'bob');
  await people.stop();
  const returned = await late.fetch(back);
  assert.equal(returned.headers.get('location'), '/login?error=provider_down&return=%2Fapprovals');
  assert.equal((await late.get('/me')).status, 401);
  await until(() => /okta.*(ECONNREFUSED|cannot be reached|connect)/.test(JSON.stringify(scene.gateway.logLines().findLast(({ msg }) => msg === 'a sign-in did not work out'))), 20_000, 'the line in the log');
  // Who is signed in reads and changes as before; machines work; the terminal's kept token is judged by keys that are known.
  assert.equal((await carol.get('/activity')).status, 200);
  assert.equal((await alice.post('/identities/writer/revoke', { reason: 'while the provider is down' })).status, 200);
  assert.equal((await alice.post('/identities/writer/restore', { reason: 'and back' })).status, 200);
  assert.equal((await scene.psql('reader', '-c', 'SELECT 1')).code, 0);
  assert.match((await terminal('whoami')).stdout, /Alice Ames/);
});
