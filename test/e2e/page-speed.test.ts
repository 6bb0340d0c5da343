import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { builtPage } from '../../tools/build-ui.ts';
import { noBrowser, openPage, visit } from '../kit/browser.ts';
import { until } from '../kit/until.ts';
import { session } from './page-answers.ts';
import { pageScene } from './page-scene.ts';
import type { StandIn } from './page-stand-in.ts';

/** Bytes of script, compressed, that the first page may need. */
const FIRST_LOAD = 300_000;
/** Scripts that it may be in: a browser asks for a few at a time, and for what it learns of late only then. */
const FIRST_FILES = 5;
/** Milliseconds until the page shows what it has to say and answers to its reader: in the middle of several loads, by the share of a processor that was to be had. */
const INTERACTIVE = 1500;
const LOADS = 5;
/** However busy the machine is, no more is put down to it. */
const MOST_BUSY = 3;
/** Milliseconds of processor time that a frame may cost while one scrolls, in the middle of so many. */
const FRAME = 60;
const FRAMES = 120;

/** When everything that was asked for stood on the page for the first frame: heading there, nothing loading. Said by the page itself, since what tests ask of it takes time. */
const TELL_READY = `(() => {
  let asked = false;
  const look = () => {
    if (!document.querySelector('h1') || document.querySelector('.loading')) { window.readyAt = undefined; return; }
    if (window.readyAt !== undefined || asked) return;
    asked = true;
    requestAnimationFrame(() => setTimeout(() => {
      asked = false;
      if (document.querySelector('h1') && !document.querySelector('.loading')) window.readyAt ??= performance.now();
    }));
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ['class'] });
})()`;

/** How much longer work takes now than it would on a machine that does nothing else: time on the clock for each unit of processor time. */
const busy = (): number => {
  const [began, used] = [performance.now(), process.cpuUsage()];
  while (performance.now() - began < 60) Math.sqrt(began);
  const { user, system } = process.cpuUsage(used);
  return Math.min(MOST_BUSY, Math.max(1, ((performance.now() - began) * 1000) / (user + system)));
};

/** Milliseconds of processor time that the page's thread has used so far. */
const processorTime = async (page: Page): Promise<() => Promise<number>> => {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
};

const middle = (numbers: readonly number[]): number => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;

test('the built page refers to nothing elsewhere and holds nothing inline', async () => {
  const folder = await builtPage();
  const index = readFileSync(join(folder, 'index.html'), 'utf8');
  assert.doesNotMatch(index, /https?:|<style|\sstyle=|\son\w+=|<script(?![^>]* src="\/)/);
  for (const [, file = ''] of index.matchAll(/(?:src|href)="\/([^"]+)"/g)) assert.ok(readFileSync(join(folder, file)).length > 0, file);
  for (const [, css] of index.matchAll(/href="\/(assets\/[^"]+\.css)"/g)) assert.doesNotMatch(readFileSync(join(folder, css ?? ''), 'utf8'), /@import|url\((?!['"]?data:)/);
});

test('the page’s own styles come after those of the components that they change', async () => {
  const folder = await builtPage();
  const styles = [...readFileSync(join(folder, 'index.html'), 'utf8').matchAll(/href="\/(assets\/[^"]+\.css)"/g)].map(([, file = '']) => readFileSync(join(folder, file), 'utf8')).join('');
  const components = styles.lastIndexOf('.m_');
  assert.ok(components > 0);
  for (const own of ['--ground:', '.status{', '.statement-copy{', '.table-line{', '.toast{']) assert.ok(styles.indexOf(own) > components, own);
});

describe('speed of the page', { skip: noBrowser() ?? false, timeout: 600_000 }, () => {
  let browser: Browser;
  let standIn: StandIn;
  const scene = pageScene();
  before(() => {
    ({ browser, standIn } = scene());
  });

  for (const path of ['/', '/approvals/apr-1', '/sessions']) {
    test(`the first load of ${path} stays within its budget`, async () => {
      const { page } = await openPage(browser, standIn.url, { width: 360, scheme: 'light' });
      let [bytes, files] = [0, 0];
      page.on('response', (response) => {
        if (!new URL(response.url()).pathname.endsWith('.js')) return;
        assert.equal(response.headers()['content-encoding'], 'br', response.url());
        bytes += Number(response.headers()['content-length']);
        files += 1;
      });
      await visit(page, path);
      assert.ok(bytes > 50_000 && bytes < FIRST_LOAD, `${bytes} bytes`);
      assert.ok(files <= FIRST_FILES, `${files} files`);
      for (const operation of ['me.show', 'overview.show']) assert.equal(standIn.asked.filter((asked) => asked.operation === operation).length, 1, operation);
    });

    test(`${path} is soon ready`, async (t) => {
      const times: { readonly ready: number; readonly share: number }[] = [];
      for (let load = 0; load < LOADS; load++) {
        // Each in a context of its own, so that nothing comes from a cache.
        const { page, context } = await openPage(browser, standIn.url, { width: 360, scheme: 'light' });
        await page.addInitScript(TELL_READY);
        const before = busy();
        await visit(page, path);
        await page.waitForFunction('window.readyAt !== undefined');
        const ready = Number(await page.evaluate('window.readyAt'));
        times.push({ ready, share: (before + busy()) / 2 });
        await context.close();
      }
      const said = times.map(({ ready, share }) => `${Math.round(ready)} ms on a machine ${share.toFixed(2)} times as slow`).join(', ');
      t.diagnostic(said);
      assert.ok(middle(times.map(({ ready, share }) => ready / share)) < INTERACTIVE, said);
    });
  }

  test('a hundred thousand sessions: only what is in sight is on the page, and it is asked for as one goes on', async (t) => {
    const { page, wrong } = await openPage(browser, standIn.url);
    await visit(page, '/sessions');
    const rows = () => page.getByRole('row').count();
    assert.ok((await rows()) < 80);
    for (let pages = 1; pages < 40; pages++) {
      await until(async () => {
        await page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight)');
        return standIn.asked.filter(({ operation }) => operation === 'sessions.list').length > pages;
      });
    }
    assert.ok((await rows()) < 80, 'rows out of sight stay on the page');
    assert.ok(Number(await page.evaluate("document.querySelectorAll('.table-line').length")) > 10);
    const asked = standIn.asked.filter(({ operation }) => operation === 'sessions.list').map(({ query }) => query['cursor'] ?? '0');
    assert.deepEqual(asked, [...new Set(asked)], 'no page is asked for twice');
    // Scrolled through at the pace of a hand: what a frame costs, in processor time, so that other work of the machine does not count.
    const worked = await processorTime(page);
    const before = await worked();
    await page.evaluate(`new Promise((done) => {
      let frames = 0;
      const step = () => {
        window.scrollBy(0, -400);
        if (++frames < ${FRAMES}) requestAnimationFrame(step); else done();
      };
      requestAnimationFrame(step);
    })`);
    const each = ((await worked()) - before) / FRAMES;
    t.diagnostic(`${each.toFixed(1)} ms of processor time for a frame`);
    assert.ok(each < FRAME, `${each} ms of processor time for a frame`);
    assert.deepEqual(wrong, []);
  });

  test('rows can be walked through with the keyboard, and the list does not jump when something new comes', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/sessions');
    for (let row = 0; row < 40; row++) await page.keyboard.press('j');
    await page.keyboard.press('k');
    assert.equal(await page.evaluate('document.activeElement.getAttribute("href")'), `/sessions/${session(38).id}`);
    await page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight)');
    await until(() => standIn.asked.filter(({ operation }) => operation === 'sessions.list').length >= 2);
    await until(() => standIn.listening === 1);
    const before = standIn.asked.filter(({ operation }) => operation === 'sessions.list').length;
    standIn.tell('session', { id: 'new', state: 'opened' });
    await page.getByText('There is something newer.').waitFor();
    assert.equal(standIn.asked.filter(({ operation }) => operation === 'sessions.list').length, before);
    await page.getByRole('button', { name: 'Show it' }).click();
    await page.getByText('There is something newer.').waitFor({ state: 'detached' });
  });

  test('what is filtered is asked of the gateway, stands in the address, and a search in texts is not repeated by itself', async () => {
    const { page } = await openPage(browser, standIn.url);
    await visit(page, '/sessions');
    await page.keyboard.press('/');
    await page.keyboard.type('customers');
    await page.getByLabel('Identity', { exact: true }).fill('ci-*');
    await page.getByRole('button', { name: 'More filters' }).click();
    await page.getByLabel('Rows').fill('>100');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sessions?**text=customers**');
    await until(() => standIn.listening === 1);
    const searches = () => standIn.asked.filter(({ operation, query }) => operation === 'sessions.list' && query['text'] !== undefined);
    await until(() => searches().length === 1);
    assert.deepEqual({ ...searches()[0]?.query }, { identity: 'ci-*', text: 'customers', rows: '>100', limit: '100' });
    const before = standIn.asked.filter(({ operation }) => operation === 'overview.show').length;
    standIn.tell('session');
    await until(() => standIn.asked.filter(({ operation }) => operation === 'overview.show').length > before);
    assert.equal(searches().length, 1);
  });
});
