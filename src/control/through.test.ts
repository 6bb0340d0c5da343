import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseLeaf, readLog } from '../evidence/read.ts';
import { until } from '../../test/kit/until.ts';
import { makeToken, newTokenId } from './sign-in/api-tokens.ts';
import { ORIGIN, startControlPlane } from './testdata/control-plane.ts';

test('records tell through what somebody came, and Activity shows it', async (t) => {
  const plane = await startControlPlane();
  t.after(() => plane.close());
  const { cookie, csrf } = plane.signIn('admins', 'auditors');
  const made = (name: string, role: 'admin' | 'auditor'): string =>
    makeToken(plane.state.signedIn.tokens, newTokenId(), { name, roles: [role], actions: undefined, createdBy: 'test', now: plane.clock.now, expiresAt: plane.clock.now + 60_000 }).secret;
  const [secret, reading] = [made('nightly', 'admin'), made('reports', 'auditor')];
  const page = { cookie, 'x-csrf-token': csrf, origin: ORIGIN };
  const token = { authorization: `Bearer ${secret}` };
  const post = async (headers: Readonly<Record<string, string>>, url: string): Promise<void> => {
    const { statusCode, body } = await plane.server.inject({ method: 'POST', url: `/api/v1${url}`, headers: { ...headers, 'content-type': 'application/json' }, payload: JSON.stringify({ reason: 'why' }) });
    assert.equal(statusCode, 200, body);
  };
  await post(page, '/identities/jobs/revoke');
  await post(token, '/identities/jobs/restore');
  assert.equal((await plane.server.inject({ url: '/api/v1/activity', headers: { authorization: `Bearer ${reading}` } })).statusCode, 200);
  await plane.services.deeds.signedIn(plane.person('admins'));
  await plane.services.deeds.bootstrapLink('root');
  await plane.services.steward.access({ act: 'show', by: 'root', recording: 'abc', count: 1 });
  const shown = await until(async () => {
    const { items } = (await plane.server.inject({ url: '/api/v1/activity?limit=200', headers: { cookie } })).json<{ items: { act: string; by?: string; channel?: string }[] }>();
    return items.some(({ act, by }) => act === 'show' && by === 'root') ? items : undefined;
  });
  const through = (act: string, by?: string): readonly (string | undefined)[] => shown.filter((one) => one.act === act && (by === undefined || one.by === by)).map(({ channel }) => channel);
  assert.deepEqual(through('identities.revoke'), ['page']);
  assert.deepEqual(through('identities.restore'), ['token']);
  assert.deepEqual(through('show', 'reports'), ['token']);
  assert.deepEqual(through('sign_in'), ['page']);
  assert.deepEqual(through('bootstrap_link'), ['command_line']);
  assert.deepEqual(through('show', 'root'), ['command_line']);
  const leaves = [];
  for await (const item of readLog(join(plane.services.folders.data, 'evidence'), {})) if (item.type === 'leaf') leaves.push(parseLeaf(item).record);
  for (const record of leaves) if (record.kind === 'control' || record.kind === 'access') assert.ok(record.channel !== undefined, JSON.stringify(record));
});
