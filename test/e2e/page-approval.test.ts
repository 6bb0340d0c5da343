import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { noBrowser, openPage, settled, visit } from '../kit/browser.ts';
import { until } from '../kit/until.ts';
import { approval, me } from './page-answers.ts';
import { pageScene } from './page-scene.ts';
import { refusal, type StandIn } from './page-stand-in.ts';

const PHONE = { width: 360, scheme: 'dark' } as const;

describe('answering an approval', { skip: noBrowser() ?? false, timeout: 600_000 }, () => {
  let browser: Browser;
  let standIn: StandIn;
  const scene = pageScene();
  before(() => {
    ({ browser, standIn } = scene());
  });

  const answered = () => standIn.asked.filter(({ operation }) => operation === 'approvals.answer').map(({ body }) => body);

  test('with the keyboard alone: from the overview to a recorded answer', async () => {
    const { page, wrong } = await openPage(browser, standIn.url);
    await visit(page, '/');
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'Skip to the content');
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.waitForURL('**/approvals');
    await page.getByRole('link', { name: 'delete public.orders' }).waitFor();
    // The focus goes with the page, to its title.
    await until(async () => (await focused(page)) === 'Approvals');
    await page.keyboard.press('j');
    assert.equal(await focused(page), 'delete public.orders');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/approvals/apr-1');
    await settled(page);
    await tabTo(page, 'Reason');
    await page.keyboard.type('checked with the owner');
    await tabTo(page, 'Approve');
    await page.keyboard.press('Enter');
    await page.getByText('Your approval is recorded').waitFor();
    await page.getByText('It was approved and has not run yet.').waitFor();
    assert.deepEqual(answered(), [{ verdict: 'approve', reason: 'checked with the owner', digest: '5f'.repeat(32) }]);
    assert.deepEqual(wrong, []);
  });

  test('on a phone: what would run, by whom, where, how many rows, under which rule; then a denial', async () => {
    const { page, wrong } = await openPage(browser, standIn.url, PHONE);
    await visit(page, '/approvals/apr-1');
    for (const text of ['DELETE FROM orders o', 'ci-migrations', 'okta/platform', 'li.wei', '1,204', 'at most 2,000', 'policies/guard.yaml:14', 'policies/guard.yaml:31', '2 values are hidden', 'Mina Park']) assert.ok(await page.getByText(text).first().isVisible(), text);
    await page.getByLabel('Reason').fill('not in\nthe change window');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByText('It was denied and did not run.').waitFor();
    assert.deepEqual(answered(), [{ verdict: 'deny', reason: 'not in the change window', digest: '5f'.repeat(32) }]);
    assert.deepEqual(wrong, []);
  });

  test('without a reason nothing is sent, and the field is where the focus goes', async () => {
    const { page } = await openPage(browser, standIn.url, PHONE);
    await visit(page, '/approvals/apr-1');
    await page.getByLabel('Reason').fill('   ');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('A reason is needed').waitFor();
    assert.equal(await focused(page), 'Reason');
    assert.deepEqual(answered(), []);
  });

  test('break-glass is offered to people of its groups only', async () => {
    const { page } = await openPage(browser, standIn.url, PHONE);
    standIn.say('approvals.show', () => approval({ mayForce: false }));
    await visit(page, '/approvals/apr-1');
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    assert.equal(await page.getByText('Break-glass', { exact: true }).count(), 0);
  });

  test('the rows that the target takes the table to have are shown where none were counted', async () => {
    const { page } = await openPage(browser, standIn.url, PHONE);
    for (const [estimatedRows, words] of [[1_200, 'not counted; the changed tables hold about 1,200 rows, as the target estimates'], [null, 'not counted; how many the changed tables hold is not known: never analyzed']] as const) {
      standIn.say('approvals.show', () => { const { rows: _rows, maxRows: _maxRows, ...uncounted } = approval({ estimatedRows }); return uncounted; });
      await visit(page, '/approvals/apr-1');
      await page.getByText(words.slice('not counted'.length + 2)).waitFor();
      assert.ok((await page.locator('main').innerText()).includes(words));
    }
  });

  test('those that somebody forced are a list of their own, with an address', async () => {
    const { page, wrong } = await openPage(browser, standIn.url, PHONE);
    await visit(page, '/approvals');
    await page.getByText('Forced', { exact: true }).click();
    await page.waitForURL('**/approvals?state=exceptions');
    await until(() => standIn.asked.some(({ operation, query }) => operation === 'approvals.list' && query['exceptions'] === 'only'));
    await page.getByText('Break-glass', { exact: true }).first().waitFor();
    assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')) <= 0, 'nothing hangs out of a phone');
    assert.deepEqual(wrong, []);
  });

  test('break-glass stands apart, and asks once more', async () => {
    const { page } = await openPage(browser, standIn.url, PHONE);
    await visit(page, '/approvals/apr-1');
    const force = page.getByRole('button', { name: 'Force it' });
    assert.equal(await force.isVisible(), false);
    await page.getByLabel('Reason').fill('the shop is down');
    await page.getByText('Break-glass', { exact: true }).click();
    assert.equal(await force.isDisabled(), true);
    await page.getByLabel('This is an emergency').check();
    await force.click();
    await page.getByText('Forced. It is recorded as an exception').waitFor();
    assert.deepEqual(answered(), [{ verdict: 'force', reason: 'the shop is down', digest: '5f'.repeat(32) }]);
  });

  test('a device whose clock is wrong: how soon a request ends is told by the gateway’s clock, and that they differ is said', async () => {
    for (const [minutes, words] of [[-20, 'clock is 20 min behind the gateway'], [90, 'clock is 1 h 30 min ahead of the gateway']] as const) {
      const { page, context } = await openPage(browser, standIn.url, PHONE);
      await page.clock.install({ time: Date.now() + minutes * 60_000 });
      standIn.say('approvals.show', () => approval({ expiresAt: new Date(Date.now() + 10.5 * 60_000).toISOString() }));
      await visit(page, '/approvals/apr-1');
      await page.getByText(words).waitFor();
      await page.getByText('in 10 min').first().waitFor();
      await context.close();
    }
    const { page } = await openPage(browser, standIn.url, PHONE);
    await visit(page, '/approvals/apr-1');
    assert.equal(await page.getByText('clock is').count(), 0, 'a clock that is right is not mentioned');
  });

  test('a refused answer says why, keeps the reason, and shows how the request stands now', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/approvals/apr-1');
    standIn.say('approvals.answer', () => refusal(403, 'forbidden', 'you asked for this command yourself, so you cannot approve it'));
    await page.getByLabel('Reason').fill('looks right');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('you asked for this command yourself').waitFor();
    assert.equal(await page.getByLabel('Reason').inputValue(), 'looks right');
    // Not before it is answered: the page reads it again by itself now and then.
    standIn.say('approvals.answer', () => {
      standIn.say('approvals.show', () => approval({ state: 'expired', waiting: 0 }));
      return refusal(410, 'over', 'this request is over: it has expired');
    });
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Nobody answered, or nobody used the approval, in time. It did not run.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
  });

  for (const [state, words] of [['used', 'ran once'], ['withdrawn', 'has cancelled'], ['expired', 'in time'], ['denied', 'did not run']] as const) {
    test(`a request that is ${state} cannot be answered, and says what became of it`, async () => {
      const { page } = await openPage(browser, standIn.url);
      standIn.say('approvals.show', () => approval({ state, waiting: 0 }));
      await visit(page, '/approvals/apr-1');
      await page.getByText(words).first().waitFor();
      assert.equal(await page.getByLabel('Reason').count(), 0);
    });
  }

  for (const [what, standing, words] of [['approved and has not run', { state: 'approved', waiting: 0 }, 'has not run yet'], ['approved by oneself, and waits for somebody else', { mine: 'approve' }, 'It waits for somebody else']] as const) {
    test(`what is ${what} can be taken back, with a reason, and nothing else`, async () => {
      const { page, wrong } = await openPage(browser, standIn.url, PHONE);
      standIn.say('approvals.show', () => approval(standing));
      await visit(page, '/approvals/apr-1');
      await page.getByText(words).first().waitFor();
      assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
      assert.equal(await page.getByText('Break-glass', { exact: true }).count(), 0);
      await page.getByLabel('Reason').fill('the window has closed');
      await page.getByRole('button', { name: 'Deny' }).click();
      await until(() => answered().length === 1);
      assert.deepEqual(answered(), [{ verdict: 'deny', reason: 'the window has closed', digest: '5f'.repeat(32) }]);
      assert.deepEqual(wrong, []);
    });
  }

  test('another person’s answer shows at once, in the list too', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/approvals/apr-1');
    await until(() => standIn.listening === 1);
    standIn.say('approvals.show', () => approval({ state: 'denied', waiting: 0 }));
    standIn.tell('approval', { id: 'apr-1', state: 'denied' });
    await page.getByText('It was denied and did not run.').waitFor();
    await page.getByRole('link', { name: 'Approvals', exact: true }).first().click();
    await page.getByRole('link', { name: 'delete public.orders' }).waitFor();
    standIn.say('approvals.list', () => ({ items: [], next: null }));
    standIn.tell('approval', { id: 'apr-1', state: 'denied' });
    await page.getByText('Nothing waits for an answer').waitFor();
  });

  test('a change of another request does not read this one again, as each reading is recorded', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/approvals/apr-1');
    await until(() => standIn.listening === 1);
    const before = standIn.asked.filter(({ operation }) => operation === 'approvals.show').length;
    standIn.tell('approval', { id: 'apr-2', state: 'pending' });
    // The same event makes the overview be asked for: when that has come, this one would have come too.
    await until(() => standIn.asked.filter(({ operation }) => operation === 'overview.show').length >= 2);
    await settled(page);
    assert.equal(standIn.asked.filter(({ operation }) => operation === 'approvals.show').length, before);
  });

  test('who may not answer is told what it takes', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('me.show', () => me({ roles: ['auditor'] }));
    await visit(page, '/approvals/apr-1');
    await page.getByText('To answer takes the role approver').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
    standIn.say('me.show', () => me({ groups: ['okta/finance'] }));
    await visit(page, '/approvals/apr-1');
    await page.getByText('Your approval would not count').waitFor();
  });
});

/** Name of what has the focus. */
const focused = async (page: Page): Promise<string> => String(await page.evaluate("(() => { const at = document.activeElement; const label = at.labels?.[0]?.textContent ?? at.getAttribute('aria-label') ?? at.textContent; return label.replace('*', '').trim(); })()"));

/** Presses Tab until something of that name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let pressed = 0; pressed < 60; pressed++) {
    await page.keyboard.press('Tab');
    if ((await focused(page)) === name) return;
  }
  assert.fail(`Tab does not lead to ${name}`);
}
