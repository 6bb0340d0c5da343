import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyAction } from '../api/action.ts';
import { ROLES, type Role } from '../api/schema/me.ts';
import { makeToken, newTokenId } from '../sign-in/api-tokens.ts';
import { ORIGIN, startControlPlane, type ControlPlane } from '../testdata/control-plane.ts';
import { ACTIONS } from './all.ts';

/** Who may do what, written down a second time: whoever changes an action's roles has to change this too, and sees what it means. */
const MAY: Readonly<Record<string, string>> = {
  'me.signIn': 'nobody none admin approver auditor viewer',
  'me.show': 'none admin approver auditor viewer',
  'me.logout': 'none admin approver auditor viewer',
  'overview.show': 'admin approver auditor viewer',
  'sessions.list': 'admin approver auditor viewer',
  'sessions.show': 'admin approver auditor viewer',
  'sessions.timeline': 'admin auditor',
  'sessions.answer': 'admin auditor',
  'sessions.replay': 'admin auditor',
  'sessions.terminate': 'admin',
  'commands.search': 'admin approver auditor viewer',
  'approvals.list': 'admin approver auditor',
  'approvals.show': 'admin approver auditor',
  'approvals.answer': 'approver',
  'identities.list': 'admin approver auditor viewer',
  'identities.show': 'admin approver auditor viewer',
  'identities.revoke': 'admin',
  'identities.restore': 'admin',
  'connections.list': 'admin approver auditor viewer',
  'connections.show': 'admin approver auditor viewer',
  'policies.list': 'admin approver auditor viewer',
  'policies.versions': 'admin approver auditor viewer',
  'policies.explain': 'admin approver auditor viewer',
  'policies.matrix': 'admin approver auditor viewer',
  'evidence.show': 'admin approver auditor viewer',
  'evidence.verify': 'admin auditor',
  'evidence.export': 'admin auditor',
  'evidence.jobs': 'admin auditor',
  'evidence.job': 'admin auditor',
  'evidence.pack': 'admin auditor',
  'evidence.holds': 'admin auditor',
  'evidence.hold': 'admin auditor',
  'evidence.release': 'admin auditor',
  'evidence.purgePlan': 'admin auditor',
  'activity.list': 'admin auditor',
  'settings.show': 'admin auditor',
  'people.list': 'admin',
  'people.signOut': 'admin',
  'tokens.list': 'admin',
  'tokens.create': 'admin',
  'tokens.revoke': 'admin',
  'events.stream': 'admin approver auditor viewer',
  'openapi.show': 'none admin approver auditor viewer',
};
const PEOPLE_ONLY = ['me.logout', 'approvals.answer', 'tokens.create'];

/** A request that every check but the last ones lets through. */
const BODIES: Readonly<Record<string, object>> = {
  'sessions.terminate': { reason: 'why' },
  'approvals.answer': { verdict: 'approve', reason: 'why', digest: 'ab'.repeat(16) },
  'identities.revoke': { reason: 'why' },
  'identities.restore': { reason: 'why' },
  'policies.explain': { identity: 'jobs', connection: 'shop', command: 'select 1' },
  'evidence.verify': {},
  'evidence.export': { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z', reason: 'why' },
  'evidence.hold': { name: 'h', reason: 'why' },
  'evidence.release': { reason: 'why' },
  'people.signOut': { reason: 'why' },
  'tokens.create': { name: 't', roles: ['admin'], days: 1 },
  'tokens.revoke': {},
};

const urlOf = ({ id, path }: AnyAction): string =>
  `/api/v1${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'command' ? '1' : name === 'name' ? 'no-such' : id.startsWith('people') ? '00'.repeat(16) : id.startsWith('evidence') || id.startsWith('tokens') ? '00'.repeat(8) : 'NOSUCH'))}`;

const ask = async (plane: ControlPlane, action: AnyAction, headers: Readonly<Record<string, string>>): Promise<number> => {
  const body = BODIES[action.id];
  const response = await plane.server.inject({ method: action.method, url: urlOf(action), headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) }, ...(body ? { payload: JSON.stringify(body) } : {}), remoteAddress: `10.0.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}` });
  return response.statusCode;
};

/** What a role answers to who may not. What comes instead (200, 404, 409 ...) says that they were let in. */
const isLetIn = (status: number): boolean => status !== 401 && status !== 403 && status < 500;

test('every action is in the table', () => {
  assert.deepEqual(ACTIONS.map(({ id }) => id).sort(), Object.keys(MAY).sort());
});

test('each action lets in who may and nobody else', { timeout: 120_000 }, async (t) => {
  const plane = await startControlPlane();
  t.after(() => plane.close());
  const wrong: string[] = [];
  for (const action of ACTIONS) {
    // The stream does not end by itself: what it answers to a stranger is below.
    const roles = MAY[action.id]?.split(' ') ?? [];
    const check = async (who: string, headers: Readonly<Record<string, string>>, may: boolean): Promise<void> => {
      if (action.id === 'events.stream' && may) return;
      const status = await ask(plane, action, headers);
      if (isLetIn(status) !== may) wrong.push(`${action.id} as ${who}: ${status}`);
    };
    await check('nobody', {}, roles.includes('nobody'));
    for (const group of ['strangers', ...ROLES.map((role) => `${role}s`)]) {
      const { cookie, csrf } = plane.signIn(group);
      const role = group === 'strangers' ? 'none' : group.slice(0, -1);
      await check(role, { cookie, 'x-csrf-token': csrf, origin: ORIGIN, 'sec-fetch-site': 'same-origin' }, roles.includes(role));
    }
    for (const role of ROLES) {
      const secret = tokenOf(plane, [role]);
      const may = !PEOPLE_ONLY.includes(action.id) && (roles.includes('none') || (role !== 'approver' && roles.includes(role)) || roles.includes('nobody'));
      await check(`token of ${role}`, { authorization: `Bearer ${secret}` }, may);
      const other = tokenOf(plane, [role], ['overview.show']);
      await check(`token of ${role} for another action`, { authorization: `Bearer ${other}` }, may && (action.id === 'overview.show' || roles.includes('nobody')));
    }
    await check('wrong token', { authorization: `Bearer wgt_${'A'.repeat(43)}` }, roles.includes('nobody'));
  }
  assert.deepEqual(wrong, []);
});

const tokenOf = ({ state, clock }: ControlPlane, roles: readonly Role[], actions?: readonly string[]): string =>
  makeToken(state.signedIn.tokens, newTokenId(), { name: 'machine', roles, actions, createdBy: 'test', now: clock.now, expiresAt: clock.now + 60_000 }).secret;

test('every change needs the token of the session and a page of this site', async (t) => {
  const plane = await startControlPlane();
  t.after(() => plane.close());
  const { cookie, csrf } = plane.signIn('admins', 'approvers', 'auditors');
  const other = plane.signIn('admins');
  for (const action of ACTIONS.filter(({ method }) => method !== 'GET')) {
    for (const [why, headers] of [
      ['no token', { cookie, origin: ORIGIN }],
      ['token of another session', { cookie, origin: ORIGIN, 'x-csrf-token': other.csrf }],
      ['empty token', { cookie, origin: ORIGIN, 'x-csrf-token': '' }],
      ['no origin', { cookie, 'x-csrf-token': csrf }],
      ['another origin', { cookie, origin: 'https://evil.example', 'x-csrf-token': csrf }],
      ['null origin', { cookie, origin: 'null', 'x-csrf-token': csrf }],
      ['another port', { cookie, origin: 'http://127.0.0.1:7081', 'x-csrf-token': csrf }],
      ['cross-site fetch', { cookie, origin: ORIGIN, 'x-csrf-token': csrf, 'sec-fetch-site': 'cross-site' }],
      ['same-site fetch', { cookie, origin: ORIGIN, 'x-csrf-token': csrf, 'sec-fetch-site': 'same-site' }],
    ] as const) {
      const body = BODIES[action.id];
      const response = await plane.server.inject({ method: 'POST', url: urlOf(action), headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) }, ...(body ? { payload: JSON.stringify(body) } : {}) });
      assert.equal(response.statusCode, 403, `${action.id} with ${why}: ${response.body}`);
      assert.equal(response.json<{ code: string }>().code, 'csrf');
    }
  }
});
