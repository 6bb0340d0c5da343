import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { builtPage } from '../../tools/build-ui.ts';
import { noBrowser, openBrowser, openPage, visit } from '../kit/browser.ts';
import { until } from '../kit/until.ts';
import { session } from './page-answers.ts';
import { StandIn } from './page-stand-in.ts';

/** Bytes of script, compressed, that the first page may need. */
const FIRST_LOAD = 300_000;
/** Scripts that it may be in: a browser asks for a few at a time, and for what it learns of late only then. */
const FIRST_FILES = 5;
/** Milliseconds until the page answers to its reader. Twice what it should take, as tests share the machine. */
const INTERACTIVE = 3000;

test('the built page refers to nothing elsewhere and holds nothing inline', async () => {
  const folder = await builtPage();
  const index = readFileSync(join(folder, 'index.html'), 'utf8');
  assert.doesNotMatch(index, /https?:|<style|\sstyle=|\son\w+=|<script(?![^>]* src="\/)/);
  for (const [, file = ''] of index.matchAll(/(?:src|href)="\/([^"]+)"/g)) assert.ok(readFileSync(join(folder, file)).length > 0, file);
  for (const [, css] of index.matchAll(/href="\/(assets\/[^"]+\.css)"/g)) assert.doesNotMatch(readFileSync(join(folder, css ?? ''), 'utf8'), /@import|url\((?!['"]?data:)/);
});

describe('speed of the page', { skip: noBrowser() ?? false, timeout: 240_000 }, () => {
  let browser: Browser;
  let standIn: StandIn;
  before(async () => {
    [standIn, browser] = await Promise.all([StandIn.start(), openBrowser()]);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    standIn.reset();
  });
  after(async () => {
    await browser.close();
    await standIn.close();
  });

  for (const path of ['/', '/approvals/apr-1', '/sessions']) {
    test(`the first load of ${path} stays within its budget and is soon ready`, async () => {
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
      const ready = Number(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"));
      assert.ok(ready < INTERACTIVE, `${ready} ms`);
    });
  }

  test('a hundred thousand sessions: only what is in sight is on the page, and it is asked for as one goes on', async () => {
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
    // Scrolled through at the pace of a hand: frames in time.
    const slow = Number(await page.evaluate(`new Promise((done) => {
      let last = performance.now(), slow = 0, frames = 0;
      const step = (now) => {
        if (now - last > 120) slow++;
        last = now;
        window.scrollBy(0, -400);
        if (++frames < 120) requestAnimationFrame(step); else done(slow);
      };
      requestAnimationFrame(step);
    })`));
    assert.ok(slow < 30, `${slow} of 120 frames took more than 120 ms`);
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
