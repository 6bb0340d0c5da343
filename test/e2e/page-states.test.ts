import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { noBrowser, openPage, settled, visit } from '../kit/browser.ts';
import { until } from '../kit/until.ts';
import { me, overview, policies } from './page-answers.ts';
import { pageScene } from './page-scene.ts';
import { refusal, type OperationId, type StandIn } from './page-stand-in.ts';

const nobody = () => refusal(401, 'unauthenticated', 'you are not signed in');

describe('states of the page', { skip: noBrowser() ?? false, timeout: 600_000 }, () => {
  let browser: Browser;
  let standIn: StandIn;
  const scene = pageScene();
  before(() => {
    ({ browser, standIn } = scene());
  });

  const nothing = () => ({ items: [], next: null });
  const EMPTY: readonly { readonly path: string; readonly operation: OperationId; readonly says: unknown; readonly words: string }[] = [
    { path: '/approvals', operation: 'approvals.list', says: nothing(), words: 'Nothing waits for an answer' },
    { path: '/sessions', operation: 'sessions.list', says: nothing(), words: 'No sessions yet' },
    { path: '/sessions?state=live', operation: 'sessions.list', says: nothing(), words: 'No session is open' },
    { path: '/sessions?identity=nobody', operation: 'sessions.list', says: nothing(), words: 'No sessions match' },
    { path: '/sessions?view=commands', operation: 'commands.search', says: nothing(), words: 'No commands yet' },
    { path: '/sessions/01JD000003', operation: 'sessions.timeline', says: nothing(), words: 'Nothing is recorded of it' },
    { path: '/sessions/01JD000003?view=replay', operation: 'sessions.replay', says: nothing(), words: 'Nothing can be replayed' },
    { path: '/identities', operation: 'identities.list', says: nothing(), words: 'No identities yet' },
    { path: '/identities?text=zzz', operation: 'identities.list', says: nothing(), words: 'No identity matches' },
    { path: '/connections', operation: 'connections.list', says: { items: [] }, words: 'No connections yet' },
    { path: '/policies', operation: 'policies.list', says: { ...policies, items: [] }, words: 'No policy is in force' },
    { path: '/policies?view=matrix', operation: 'policies.matrix', says: { version: 'ab', identities: [], connections: [], cells: [], cut: false }, words: 'Nobody reaches anything' },
    { path: '/policies?view=versions', operation: 'policies.versions', says: nothing(), words: 'No version is on record' },
    { path: '/evidence', operation: 'evidence.jobs', says: { items: [] }, words: 'Nothing was verified or exported' },
    { path: '/activity', operation: 'activity.list', says: nothing(), words: 'Nobody did anything of this kind' },
    { path: '/settings', operation: 'tokens.list', says: { items: [] }, words: 'No tokens' },
    { path: '/', operation: 'overview.show', says: overview({ live: { sessions: 0, byConnection: [] }, denied: [], newIdentities: [], approvals: { pending: 0, waiting: 0 } }), words: 'Nobody is connected' },
  ];

  test('an empty page says why it is empty', async () => {
    const { page, wrong } = await openPage(browser, standIn.url);
    for (const { path, operation, says, words } of EMPTY) {
      standIn.say(operation, () => says);
      await visit(page, path);
      await page.getByText(words).first().waitFor();
      standIn.say(operation);
    }
    assert.deepEqual(wrong, []);
  });

  const FAILING: readonly (readonly [string, OperationId])[] = [
    ['/', 'overview.show'], ['/approvals', 'approvals.list'], ['/approvals/apr-1', 'approvals.show'], ['/sessions', 'sessions.list'], ['/sessions?view=commands', 'commands.search'], ['/sessions/01JD000003', 'sessions.show'],
    ['/sessions/01JD000003', 'sessions.timeline'], ['/sessions/01JD000003?view=replay', 'sessions.replay'], ['/identities', 'identities.list'], ['/identities/ci-migrations', 'identities.show'], ['/connections', 'connections.list'],
    ['/connections/orders', 'connections.show'], ['/policies', 'policies.list'], ['/policies?view=matrix', 'policies.matrix'], ['/policies?view=versions', 'policies.versions'], ['/evidence', 'evidence.show'], ['/evidence', 'evidence.jobs'],
    ['/activity', 'activity.list'], ['/settings', 'settings.show'], ['/settings', 'tokens.list'],
  ];

  test('a failure says what is wrong and what to do, and trying again mends it', async () => {
    const { page, wrong } = await openPage(browser, standIn.url);
    for (const [path, operation] of FAILING) {
      standIn.say(operation, () => refusal(500, 'internal', 'the gateway failed at this'));
      await visit(page, path);
      const alert = page.getByRole('alert').filter({ hasText: 'the gateway failed at this' });
      await alert.waitFor();
      assert.match(String(await alert.textContent()), /f00dfeed/);
      standIn.say(operation);
      const again = alert.getByRole('button', { name: 'Try again' });
      // Some pages read again by themselves now and then: then there is nothing left to press.
      await until(async () => {
        if ((await again.count()) > 0) await again.click({ timeout: 2_000 }).catch(() => undefined);
        return (await alert.count()) === 0;
      }, 30_000, `${path} to be mended`);
    }
    assert.deepEqual(wrong, []);
  });

  test('what is not there, and what one may not see, are told apart', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/approvals/no-such');
    await page.getByText('It may be older than what is kept, or the link is wrong.').waitFor();
    standIn.say('activity.list', () => refusal(403, 'forbidden', 'this takes the role auditor or admin'));
    await visit(page, '/activity');
    await page.getByText('this takes the role auditor or admin').waitFor();
    await page.getByText('An administrator gives roles to groups').waitFor();
  });

  test('a viewer sees no door that is closed to them', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('me.show', () => me({ roles: ['viewer'] }));
    await visit(page, '/sessions/01JD000003');
    await page.getByText('Statements and answers are for auditors').waitFor();
    assert.deepEqual(await page.getByRole('navigation').getByRole('link').allTextContents(), ['Overview', 'Sessions', 'Identities', 'Connections', 'Policies', 'Evidence']);
    assert.equal(await page.getByRole('button', { name: 'Terminate' }).count(), 0);
    assert.equal(standIn.asked.some(({ operation }) => operation === 'sessions.timeline'), false);
    await visit(page, '/sessions');
    assert.equal(await page.getByLabel('Text of a statement').count(), 0);
  });

  test('somebody without a role is told who gives roles', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('me.show', () => me({ roles: [], groups: ['okta/interns'] }));
    await visit(page, '/approvals/apr-1');
    await page.getByText('You have no role here').waitFor();
    await page.getByText('okta/interns').waitFor();
    assert.equal(standIn.asked.some(({ operation }) => operation !== 'me.show'), false);
  });

  test('a deep link survives the sign-in, and leads nowhere else', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('me.show', nobody);
    await page.goto('/sessions?view=commands&identity=ci-*&rows=%3E100');
    await page.waitForURL('**/login?return=*');
    assert.equal(standIn.asked.filter(({ operation }) => operation === 'me.show').length, 1, 'that nobody is signed in need not be heard twice');
    const link = page.getByRole('link', { name: 'Continue with okta' });
    const href = new URL(String(await link.getAttribute('href')), standIn.url);
    assert.equal(href.pathname, '/login/okta');
    // The provider sends the browser to the server, and the server to this path.
    standIn.say('me.show');
    await visit(page, String(href.searchParams.get('return')));
    await page.getByRole('link', { name: /SELECT/ }).first().waitFor();
    assert.deepEqual({ ...standIn.asked.findLast(({ operation }) => operation === 'commands.search')?.query }, { identity: 'ci-*', rows: '>100', limit: '100' });
    for (const elsewhere of ['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/login?return=/login']) {
      await page.goto(`/login?return=${encodeURIComponent(elsewhere)}`);
      await link.waitFor();
      assert.equal(await link.getAttribute('href'), '/login/okta', elsewhere);
    }
  });

  test('a sign-in that ends while the page is open leads back to where one was', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/identities');
    for (const operation of ['me.show', 'identities.list', 'overview.show'] as const) standIn.say(operation, nobody);
    await until(() => standIn.listening === 1);
    standIn.tell('signed_out');
    await page.waitForURL('**/login?return=%2Fidentities');
  });

  test('signing out ends the session, and nothing of it stays on the screen', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/');
    await page.getByRole('button', { name: 'Ada Okafor' }).click();
    standIn.say('me.show', nobody);
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.waitForURL('**/login');
    await page.getByRole('link', { name: 'Continue with entra' }).waitFor();
    assert.equal(standIn.asked.filter(({ operation }) => operation === 'me.logout').length, 1);
  });

  for (const [code, words] of [['provider_down', 'The provider does not answer'], ['denied', 'did not let you in'], ['expired', 'took too long'], ['failed', 'was not accepted'], ['unavailable', 'evidence cannot be written'], ['rate', 'Too many tries'], ['used', 'admin bootstrap'], ['<b>other</b>', 'was not accepted']] as const) {
    test(`a sign-in that failed with ${code} says what to do`, async () => {
      const { page } = await openPage(browser, standIn.url);
      await visit(page, `/login?error=${encodeURIComponent(code)}&return=/evidence`);
      await page.getByRole('alert').filter({ hasText: words }).waitFor();
      assert.equal(await page.getByRole('link', { name: 'Continue with okta' }).getAttribute('href'), '/login/okta?return=%2Fevidence');
    });
  }

  test('without a provider nobody is sent anywhere', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('me.signIn', () => ({ providers: [] }));
    await visit(page, '/login');
    await page.getByText('Nobody can sign in yet').waitFor();
  });

  test('a gateway that restarts is waited for, and what was missed meanwhile is asked anew', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/approvals');
    await page.getByText('Live', { exact: true }).waitFor();
    standIn.say('approvals.list', nothing);
    standIn.dropStreams();
    await page.getByText('Nothing waits for an answer').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
  });

  test('a gateway that does not answer is told so, and the page comes back by itself', async () => {
    const { page, context } = await openPage(browser, standIn.url);
    await visit(page, '/');
    await context.setOffline(true);
    await page.getByRole('navigation').getByRole('link', { name: 'Evidence' }).hover();
    await context.setOffline(false);
    await page.getByRole('navigation').getByRole('link', { name: 'Evidence' }).click();
    await page.getByRole('heading', { name: 'Head' }).waitFor();
  });

  test('colours and clock are remembered, and the system’s colours are the first choice', async () => {
    const { page } = await openPage(browser, standIn.url, { width: 1280, scheme: 'dark' });
    const scheme = () => page.evaluate("document.documentElement.getAttribute('data-mantine-color-scheme')");
    await visit(page, '/sessions');
    assert.equal(await scheme(), 'dark');
    await page.getByText('Light', { exact: true }).click();
    await until(async () => (await scheme()) === 'light');
    const first = page.getByRole('row').nth(1).locator('time').first();
    const local = await first.textContent();
    await page.getByText('UTC', { exact: true }).click();
    await until(async () => (await first.textContent()) !== local);
    const utc = await first.textContent();
    await page.reload();
    await settled(page);
    assert.equal(await scheme(), 'light');
    assert.equal(await first.textContent(), utc);
    assert.match(String(await first.getAttribute('title')), /\+0[12]:00 \(local\)\n.* UTC$/s);
  });

  test('changes say what they do, ask for a reason, and send what the API takes', async () => {
    const { page } = await openPage(browser, standIn.url);
    const sent = (operation: OperationId) => standIn.asked.findLast((asked) => asked.operation === operation)?.body;
    await visit(page, '/sessions/01JD000003');
    await page.getByRole('button', { name: 'Terminate' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Terminate' }).click();
    await page.getByText('Say why').waitFor();
    await page.getByRole('dialog').getByLabel('Reason').fill('runaway job');
    await page.getByRole('dialog').getByRole('button', { name: 'Terminate' }).click();
    await page.getByText('The session was terminated').waitFor();
    assert.deepEqual(sent('sessions.terminate'), { reason: 'runaway job' });

    await visit(page, '/identities/ci-migrations');
    await page.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('token leaked');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('Revoked', { exact: true }).first().waitFor();
    assert.deepEqual(sent('identities.revoke'), { reason: 'token leaked' });

    await visit(page, '/evidence');
    await page.getByRole('button', { name: 'Export a pack' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('yearly audit');
    await page.getByRole('dialog').getByLabel('From').fill('2026-01-01');
    await page.getByRole('dialog').getByRole('button', { name: 'Export' }).click();
    await page.getByText('The pack is being made').waitFor();
    assert.equal((sent('evidence.export') as { from: string }).from, '2026-01-01T00:00:00.000Z');
    await page.getByRole('button', { name: 'Add a hold' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('case-9');
    await page.getByRole('dialog').getByLabel('Reason').fill('inquiry');
    await page.getByRole('dialog').getByLabel('Only connections').fill('orders, billing');
    await page.getByRole('dialog').getByRole('button', { name: 'Add the hold' }).click();
    await page.getByText('The hold is in force').waitFor();
    assert.deepEqual(sent('evidence.hold'), { name: 'case-9', reason: 'inquiry', connections: ['orders', 'billing'] });
    await page.getByRole('button', { name: 'Release case-2026-17' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('closed');
    await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
    await page.getByText('The hold was released').waitFor();
    assert.equal(await page.getByRole('link', { name: /^Download/ }).getAttribute('href'), '/api/v1/evidence/jobs/job-2/pack');

    await visit(page, '/settings');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('ci-report');
    await page.getByRole('dialog').getByLabel('auditor').check();
    assert.equal(await page.getByRole('dialog').getByLabel('approver').count(), 0);
    await page.getByRole('dialog').getByRole('button', { name: 'Make it' }).click();
    await page.getByText('wgt_shown-once-9f8e7d').waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    assert.equal(await page.getByText('wgt_shown-once-9f8e7d').count(), 0);
    assert.deepEqual(sent('tokens.create'), { name: 'ci-report', roles: ['auditor'], days: 30 });
  });
});
