import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApprovalDetail, ApprovalSummary, SessionSummary, TimelineEntry } from '../../src/control/client.ts';
import { until } from '../kit/until.ts';
import { ASKING } from './approvals-scene.ts';
import type { Browser } from './control-browser.ts';
import { startControlScene, type ControlScene } from './control-scene.ts';

let stage: ControlScene;
before(async () => {
  stage = await startControlScene({ policies: ASKING, more: { approvals: { forbid: ['owner'], breakGlass: { groups: ['okta/incident-commanders'] } } } });
}, { timeout: 120_000 });
after(() => stage[Symbol.asyncDispose]());

const pending = (browser: Browser): Promise<ApprovalSummary> =>
  until(async () => {
    const { items } = (await browser.get('/approvals?state=pending')).json<{ items: ApprovalSummary[] }>();
    return items.length === 1 ? items[0] : undefined;
  }, 30_000, 'one request');

test('a drop is held, seen, approved in the control plane, runs once, and the records show by whom', { timeout: 90_000 }, async () => {
  const [bob, mallory, carol] = [await stage.signedIn('bob'), await stage.signedIn('mallory'), await stage.signedIn('carol')];
  const client = await stage.scene.client('migrator');
  try {
    const dropped = client.query('DROP TABLE audit');
    const { id } = await pending(bob);
    assert.ok(!JSON.stringify(await pending(bob)).includes('DROP TABLE'), 'the list has no text');
    assert.equal((await mallory.get('/approvals')).status, 403);
    assert.equal((await mallory.get(`/approvals/${id}`)).status, 403);
    const detail = (await bob.get(`/approvals/${id}`)).json<ApprovalDetail>();
    assert.deepEqual([detail.text, detail.waiting, detail.steps[0]?.groups], ['DROP TABLE audit', 1, ['okta/dba']]);

    const answer = (browser: Browser, body: object, headers: Record<string, string> = {}) => browser.post(`/approvals/${id}/answer`, { verdict: 'approve', reason: 'ticket 42', digest: detail.digest, ...body }, headers);
    assert.equal((await answer(mallory, {})).status, 403);
    assert.equal((await answer(bob, {}, { 'x-csrf-token': 'forged' })).json<{ code: string }>().code, 'csrf');
    assert.equal((await answer(bob, { digest: '00'.repeat(32) })).json<{ code: string }>().code, 'digest');
    assert.equal((await answer(bob, { reason: '' })).status, 400);
    assert.equal((await answer(bob, { verdict: 'force' })).status, 403, 'break-glass is for its group');
    assert.equal((await pending(bob)).id, id, 'nothing of that counted');

    const approved = await answer(bob, {});
    assert.equal(approved.status, 200, approved.text);
    await dropped;
    const done = (await bob.get(`/approvals/${id}`)).json<ApprovalDetail>();
    assert.deepEqual([done.state, done.answers.map(({ by, verdict, channel }) => [by, verdict, channel]), done.mine], ['used', [['Bob Burns', 'approve', 'page']], 'approve']);
    assert.equal((await answer(bob, {})).status, 410, 'it is over');

    const session = await until(async () => (await carol.get('/sessions?identity=migrator&verb=drop')).json<{ items: SessionSummary[] }>().items[0]);
    const steps = (await carol.get(`/sessions/${session.id}/timeline`)).json<{ items: TimelineEntry[] }>().items;
    assert.ok(steps.some(({ verb, approval }) => verb === 'drop_table' && approval === id), JSON.stringify(steps));
    const acts = await until(async () => {
      const { items } = (await carol.get('/activity?kind=approval')).json<{ items: { act: string; by?: string; target?: string; detail?: string }[] }>();
      return items.find(({ target }) => target === id);
    });
    assert.deepEqual([acts.act, acts.by, acts.detail], ['approve', 'Bob Burns', 'ticket 42']);
  } finally {
    await client.end();
  }
});

test('a denial reaches the client with its reason; break-glass is loud', { timeout: 90_000 }, async () => {
  const [bob, carol] = [await stage.signedIn('bob'), await stage.signedIn('carol')];
  const client = await stage.scene.client('migrator');
  try {
    const refused = assert.rejects(client.query('DROP TABLE orders'), /not tonight/);
    const first = await pending(bob);
    const { digest } = (await bob.get(`/approvals/${first.id}`)).json<ApprovalDetail>();
    assert.equal((await bob.post(`/approvals/${first.id}/answer`, { verdict: 'deny', reason: 'not tonight', digest })).status, 200);
    await refused;

    const dropped = client.query('DROP TABLE orders');
    const second = await pending(bob);
    const view = (await carol.get(`/approvals/${second.id}`)).json<ApprovalDetail>();
    assert.equal(view.mayForce, true);
    assert.equal((await bob.get(`/approvals/${second.id}`)).json<ApprovalDetail>().mayForce, false, 'not of its group');
    const forced = await carol.post(`/approvals/${second.id}/answer`, { verdict: 'force', reason: 'the house is on fire', digest: view.digest });
    assert.equal(forced.status, 200, forced.text);
    await dropped;
    assert.equal((await bob.get(`/approvals/${second.id}`)).json<ApprovalDetail>().exception, true);
    assert.equal((await carol.get(`/approvals/${second.id}`)).json<ApprovalDetail>().mayForce, false, 'it is over');
    const exceptions = (await bob.get('/approvals?exceptions=only')).json<{ items: { id: string; exception: boolean }[] }>().items;
    assert.deepEqual(exceptions.map(({ id, exception }) => [id, exception]), [[second.id, true]]);
    assert.equal((await bob.get('/approvals?exceptions=all')).status, 400);
  } finally {
    await client.end();
  }
});
