import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { noBrowser, openPage, settled, visit } from '../kit/browser.ts';
import { until } from '../kit/until.ts';
import { approval, HOSTILE, hit, timeline } from './page-answers.ts';
import { pageScene } from './page-scene.ts';
import type { StandIn } from './page-stand-in.ts';

/** What must be read in the place of the hostile text: all of it, as text. */
const SEEN = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\\u{202e} txet desrever \\u{202c}\\u{200b}\\u{0}\\u{1b}[2J -- שלום \\u{e0041} &amp; <literal:text>';

describe('text that somebody else chose', { skip: noBrowser() ?? false, timeout: 600_000 }, () => {
  let browser: Browser;
  let standIn: StandIn;
  const scene = pageScene();
  before(() => {
    ({ browser, standIn } = scene());
  });

  test('markup, control characters and marks of direction are shown as text, in every place', async () => {
    const { page, wrong } = await openPage(browser, standIn.url);
    standIn.say('approvals.show', () => approval({ text: HOSTILE, parameters: [HOSTILE], requester: HOSTILE, hidden: 2, answers: [{ by: HOSTILE, provider: 'okta', verdict: 'approve', reason: HOSTILE, at: new Date().toISOString(), channel: 'page' }] }));
    for (const path of ['/approvals/apr-1', '/sessions/01JD000003', '/sessions?view=commands', '/activity']) {
      await visit(page, path);
      await page.getByText('txet desrever').first().waitFor();
      const shown = String(await page.evaluate("document.querySelector('main').textContent"));
      assert.ok(shown.includes(SEEN), `${path}: ${shown}`);
      assert.doesNotMatch(shown, /[\u0000-\u0008\u001b\u200b\u202c\u202e\u{e0041}]/u, path);
      assert.equal(await page.evaluate("document.querySelectorAll('main img, main script').length + (window.hacked ?? 0)"), 0, path);
    }
    await visit(page, '/sessions/01JD000003?view=replay');
    await page.getByRole('slider', { name: 'Place in the session' }).fill('5');
    assert.ok(String(await page.getByRole('log').textContent()).includes(SEEN));
    assert.deepEqual(wrong, []);
  });

  test('data that is approved with its command, and a limit on rows that does not hold, are told', async () => {
    const { page, wrong } = await openPage(browser, standIn.url);
    const { rows: _, maxRows: __, ...uncounted } = approval({});
    standIn.say('approvals.show', () => ({ ...uncounted, liftsRowLimit: 10_000, data: { bytes: 2_048, rows: 12, sha256: 'ab'.repeat(32) } }));
    await visit(page, '/approvals/apr-1');
    await page.getByText('No row limit: rowsPerCommand of 10,000 does not hold for it.').waitFor();
    await page.getByText('12 rows, 2.0 KiB, covered: nothing but these bytes would run').waitFor();
    await page.getByText('ab'.repeat(32)).waitFor();
    standIn.say('approvals.show', () => ({ ...uncounted, liftsRowLimit: 10_000 }));
    await visit(page, '/approvals/apr-1');
    await page.getByText('No row limit: could not be counted; rowsPerCommand of 10,000 does not hold for it.').waitFor();
    standIn.say('approvals.show', () => ({ ...uncounted, data: { bytes: 2_048, rows: 12, sha256: 'ab'.repeat(32) } }));
    await visit(page, '/approvals/apr-1');
    await page.getByText('12 that come with it').waitFor();
    assert.deepEqual(wrong, []);
  });

  test('text that runs from right to left does not move what stands around it', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('approvals.show', () => approval({ text: "DELETE FROM a WHERE note = 'שלום' OR 1 = 1", hidden: 0 }));
    await visit(page, '/approvals/apr-1');
    // In the order in which it is stored, the last character is the one furthest to the right.
    const inOrder = await page.evaluate(`(() => {
      const text = document.querySelector('.statement-text').firstChild;
      const left = (at) => { const range = document.createRange(); range.setStart(text, at); range.setEnd(text, at + 1); return range.getBoundingClientRect().left; };
      const places = Array.from(text.data, (_, at) => left(at));
      return places.every((place, at) => at === 0 || place > places[at - 1]);
    })()`);
    assert.equal(inOrder, true);
  });

  test('hidden values are marked and counted; the gateway’s own count is the one that is told', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('approvals.show', () => approval({ text: "UPDATE t SET a = <literal:text>, b = '<literal:text>'", parameters: [], hidden: 1 }));
    await visit(page, '/approvals/apr-1');
    await page.getByText('1 value is hidden').waitFor();
    await page.getByText('with any other value it is another command').waitFor();
  });

  test('an enormous statement is shown bit by bit, and the page stays quick', async () => {
    const { page, wrong } = await openPage(browser, standIn.url, { width: 360, scheme: 'light' });
    const enormous = `INSERT INTO t VALUES ${Array.from({ length: 60_000 }, (_, index) => `(${index}, '\u200b${index}')`).join(',\n')}`;
    assert.ok(enormous.length > 1_000_000);
    standIn.say('approvals.show', () => approval({ text: enormous, hidden: 0 }));
    const began = performance.now();
    await visit(page, '/approvals/apr-1');
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    assert.ok(performance.now() - began < 30_000);
    const shown = () => page.getByRole('group', { name: 'the command' }).textContent().then((text) => text?.length ?? 0);
    const first = await shown();
    assert.ok(first < 6000, String(first));
    await page.getByRole('button', { name: /^Show more/ }).click();
    await until(async () => (await shown()) > first + 10_000);
    const second = await shown();
    assert.ok(second < 80_000, String(second));
    await page.getByRole('button', { name: 'Show less' }).click();
    await until(async () => (await shown()) === first);
    assert.deepEqual(wrong, []);
  });

  test('a timeline tells masks that did something from masks that were in force, and why a command was refused', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/sessions/01JD000003');
    const step = (sequence: number) => page.locator(`[data-sequence="${sequence}"]`);
    await step(101).getByText('masked by', { exact: true }).waitFor();
    await step(109).getByText('masks in force', { exact: true }).waitFor();
    assert.equal(await step(109).getByText('masked by').count(), 0, 'nothing of it was masked');
    await step(107).getByText('public.customers.email would be copied out (mask analysts/pii)').waitFor();
  });

  test('Activity tells through what somebody came', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/activity');
    for (const words of ['a terminal', 'this page', 'oncall']) await page.getByText(words, { exact: true }).first().waitFor();
  });

  test('what can no longer be read says why', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('sessions.timeline', () => ({ items: (['key_destroyed', 'lost', 'missing', 'altered'] as const).map((absent, index) => ({ ...timeline[3], sequence: index, texts: [{ part: 'statement', absent }] })), next: null }));
    await visit(page, '/sessions/01JD000003');
    for (const words of ['Its key was destroyed', 'lost when the disk failed', 'not in the log', 'ALTERED']) await page.getByText(words).waitFor();
    standIn.say('approvals.show', () => { const { text: _, ...rest } = approval(); return rest; });
    await visit(page, '/approvals/apr-1');
    await page.getByText('The text can no longer be read').waitFor();
  });

  test('copying gives the visible form: what is pasted into a terminal does not act there', async () => {
    const { page, context } = await openPage(browser, standIn.url);
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    standIn.say('approvals.show', () => approval({ text: 'SELECT 1;\u001b]0;x\u0007\r -- \u202e', parameters: [] }));
    await visit(page, '/approvals/apr-1');
    await page.getByRole('button', { name: 'Copy the command' }).click();
    await page.getByText('Copied').waitFor();
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), 'SELECT 1;\\u{1b}]0;x\\u{7}\\u{d} -- \\u{202e}');
  });

  test('a link to one command of a session finds it on a later page of its timeline', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('sessions.timeline', ({ query }) => {
      const from = Number(query['cursor'] ?? 0);
      return { items: Array.from({ length: 100 }, (_, index) => ({ ...timeline[2], sequence: from + index, command: from + index, texts: [{ part: 'statement', text: `SELECT ${from + index}` }] })), next: from < 300 ? String(from + 100) : null };
    });
    await visit(page, '/sessions/01JD000003?command=250');
    await page.getByText('SELECT 250', { exact: true }).waitFor();
    assert.equal(await page.locator('.step-marked').getAttribute('data-sequence'), '250');
    await page.getByRole('button', { name: 'Next denial' }).click();
    await page.locator('.step-marked[data-sequence="251"]').waitFor();
    await settled(page);
  });

  test('a hit without readable text is named by what it did', async () => {
    const { page } = await openPage(browser, standIn.url);
    standIn.say('commands.search', () => ({ items: [{ ...hit(0), texts: [] }], next: null }));
    await visit(page, '/sessions?view=commands');
    await page.getByRole('link', { name: 'drop table public.customers' }).waitFor();
  });
});
