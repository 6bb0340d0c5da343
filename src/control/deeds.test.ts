import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeToken, newTokenId } from './sign-in/api-tokens.ts';
import { ORIGIN, startControlPlane } from './testdata/control-plane.ts';

test('what cannot be recorded is not done and not shown', async (t) => {
  const plane = await startControlPlane();
  t.after(() => plane.close());
  const { cookie, csrf } = plane.signIn('admins', 'auditors');
  const row = makeToken(plane.state.signedIn.tokens, newTokenId(), { name: 'kept', roles: ['viewer'], actions: undefined, createdBy: 'test', now: plane.clock.now, expiresAt: plane.clock.now + 60_000 }).row;
  const ask = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const response = await plane.server.inject({ method, url: `/api/v1${path}`, headers: { cookie, 'x-csrf-token': csrf, origin: ORIGIN, ...(body ? { 'content-type': 'application/json' } : {}) }, ...(body ? { payload: JSON.stringify(body) } : {}) });
    return { status: response.statusCode, code: response.json<{ code?: string }>().code };
  };
  assert.equal((await ask('GET', '/activity')).status, 200);
  await plane.evidence.close();
  for (const [method, path, body] of [
    ['POST', '/tokens', { name: 'new', roles: ['admin'], days: 1 }],
    ['POST', `/tokens/${row.id}/revoke`, {}],
    ['POST', '/identities/jobs/revoke', { reason: 'why' }],
    ['POST', '/evidence/verify', {}],
    ['POST', '/evidence/holds', { name: 'h', reason: 'why' }],
    ['GET', '/activity', undefined],
    ['GET', '/commands?verb=select', undefined],
  ] as const) {
    assert.deepEqual(await ask(method, path, body), { status: 503, code: 'evidence' }, path);
  }
  assert.deepEqual(plane.state.signedIn.tokens.list().map(({ name, revokedAt }) => [name, revokedAt]), [['kept', undefined]]);
  assert.equal(plane.state.revocations.isRevoked('jobs'), false);
  assert.deepEqual(plane.services.jobs.list(), []);
  assert.equal((await ask('GET', '/me')).status, 200, 'what reads nothing that is sealed goes on');
});

test('roles are those of the configuration in force; a token ends with its time and by being revoked', async (t) => {
  const plane = await startControlPlane();
  t.after(() => plane.close());
  const { cookie } = plane.signIn('auditors');
  const me = async (headers: Readonly<Record<string, string>>) => (await plane.server.inject({ method: 'GET', url: '/api/v1/activity', headers })).statusCode;
  assert.equal(await me({ cookie }), 200);
  plane.change((config) => ({ ...config, control: { ...config.control, roles: { ...config.control.roles, auditor: [] } } }));
  assert.equal(await me({ cookie }), 403);
  const { secret, row } = makeToken(plane.state.signedIn.tokens, newTokenId(), { name: 'a', roles: ['auditor', 'approver'], actions: undefined, createdBy: 'test', now: plane.clock.now, expiresAt: plane.clock.now + 60_000 });
  const authorization = `Bearer ${secret}`;
  assert.equal(await me({ authorization }), 200);
  assert.equal((await plane.server.inject({ method: 'POST', url: '/api/v1/approvals/X/answer', headers: { authorization, 'content-type': 'application/json' }, payload: JSON.stringify({ verdict: 'approve', reason: 'r', digest: 'ab'.repeat(16) }) })).statusCode, 403, 'a machine never answers, whatever its row says');
  plane.clock.now += 60_000;
  assert.equal(await me({ authorization }), 401);
  plane.clock.now -= 60_000;
  plane.state.signedIn.tokens.revoke(row.id, plane.clock.now);
  assert.equal(await me({ authorization }), 401);
});
