import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTIONS } from '../actions/all.ts';
import { ORIGIN, startControlPlane } from '../testdata/control-plane.ts';

/** What the rest of a request needs beside its reason. */
const REST: Readonly<Record<string, object>> = {
  'approvals.answer': { verdict: 'approve', digest: 'ab'.repeat(16) },
  'evidence.export': { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' },
  'evidence.hold': { name: 'h' },
};

const BAD = [' ', 'two\nlines', 'two\r\nlines', 'a tab\there', '\u001b[31mred', 'bell\u0007', 'nul\u0000', '\u202eright to left', 'an isolate\u2066', 'nothing\u200bseen', 'soft\u00adhyphen', 'line\u2028separator', '\u{e0041}tag', 'lone \ud800 surrogate'];

test('a reason that is not one line of visible text is refused by every action that takes one, and nothing is recorded or done', async (t) => {
  const plane = await startControlPlane();
  t.after(() => plane.close());
  /** Somebody new each time: what one caller may ask is limited. */
  const send = (url: string, body: object) => {
    const { cookie, csrf } = plane.signIn('admins', 'auditors', 'approvers');
    return plane.server.inject({ method: 'POST', url, headers: { cookie, 'x-csrf-token': csrf, origin: ORIGIN, 'content-type': 'application/json' }, payload: JSON.stringify(body) });
  };
  const taking = ACTIONS.filter(({ body }) => body !== undefined && JSON.stringify(body).includes('"reason"'));
  assert.deepEqual(taking.map(({ id }) => id).sort(), ['approvals.answer', 'evidence.export', 'evidence.hold', 'evidence.release', 'identities.restore', 'identities.revoke', 'people.signOut', 'sessions.terminate']);
  const before = plane.evidence.stats.next;
  for (const { id, path } of taking) {
    const url = `/api/v1${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'name' ? 'jobs' : id.startsWith('people') ? '00'.repeat(16) : 'NOSUCH'))}`;
    for (const reason of BAD) {
      const response = await send(url, { ...REST[id], reason });
      assert.deepEqual([response.statusCode, response.json<{ code: string }>().code], [400, 'reason'], `${id} ${JSON.stringify(reason)}: ${response.body}`);
    }
  }
  assert.equal(plane.evidence.stats.next, before);
  assert.equal(plane.state.revocations.isRevoked('jobs'), false);
  const good = await send('/api/v1/identities/jobs/revoke', { reason: 'sie hat gekündigt; ผู้ดูแล 👍 (#7)' });
  assert.equal(good.statusCode, 200, good.body);
});
