import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { LOOKS, noBrowser, openBrowser, openPage, visit, type Look } from '../kit/browser.ts';
import { StandIn } from './page-stand-in.ts';

/*
 * Every page, on a phone and on a desk, by day and by night: nothing that axe objects to, nothing that the content security policy stops,
 * nothing fetched from elsewhere, nothing wider than the screen.
 */
const PAGES: Readonly<Record<string, string>> = {
  'sign-in': '/login?return=/approvals/apr-1&error=provider_down',
  overview: '/',
  approvals: '/approvals',
  'all approvals': '/approvals?state=all',
  'an approval': '/approvals/apr-1',
  'a used approval': '/approvals/apr-forced',
  sessions: '/sessions',
  commands: '/sessions?view=commands&verb=drop',
  'a session': '/sessions/01JD000003',
  'a replay': '/sessions/01JD000003?view=replay',
  identities: '/identities',
  'an identity': '/identities/etl-nightly',
  connections: '/connections',
  'a connection': '/connections/warehouse',
  'policies in force': '/policies',
  explain: '/policies?view=explain&identity=ci-migrations&connection=orders',
  matrix: '/policies?view=matrix',
  versions: '/policies?view=versions',
  evidence: '/evidence',
  activity: '/activity',
  settings: '/settings',
  'a page that is not there': '/nowhere',
};

/** Things that open on a page. */
const OPENED: Readonly<Record<string, { readonly path: string; readonly open: (page: Page) => Promise<void> }>> = {
  'break-glass': { path: '/approvals/apr-1', open: (page) => page.getByText('Break-glass', { exact: true }).click() },
  'the dialog that ends a session': { path: '/sessions/01JD000003', open: (page) => page.getByRole('button', { name: 'Terminate' }).click() },
  'an answer': { path: '/sessions/01JD000003', open: async (page) => {
    await page.getByRole('button', { name: 'Show the answer' }).click();
    await page.getByRole('group', { name: 'the answer to command 1' }).waitFor();
  } },
  'the answer of explain': { path: '/policies?view=explain&identity=a&connection=b', open: async (page) => {
    await page.getByLabel('Command').fill('DELETE FROM orders');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByText('It would wait for approval').waitFor();
    await page.getByText('Every rule that was asked').click();
  } },
  'the dialog of an export': { path: '/evidence', open: (page) => page.getByRole('button', { name: 'Export a pack' }).click() },
  'the dialog of a hold': { path: '/evidence', open: (page) => page.getByRole('button', { name: 'Add a hold' }).click() },
  'the plan of a purge': { path: '/evidence', open: async (page) => {
    await page.getByRole('button', { name: 'What would a purge destroy?' }).click();
    await page.getByText('Would go').click();
  } },
  'the dialog of a token': { path: '/settings', open: (page) => page.getByRole('button', { name: 'Make a token' }).click() },
  'all filters': { path: '/sessions', open: (page) => page.getByRole('button', { name: 'More filters' }).click() },
  'the hours as a table': { path: '/', open: (page) => page.getByText('As a table').click() },
};

describe('pages', { skip: noBrowser() ?? false, timeout: 600_000 }, () => {
  let browser: Browser;
  let standIn: StandIn;
  before(async () => {
    [standIn, browser] = await Promise.all([StandIn.start(), openBrowser()]);
  });
  after(async () => {
    await browser.close();
    await standIn.close();
  });

  for (const look of LOOKS) {
    test(`every page at ${look.width} pixels, ${look.scheme}`, () => judge(look, Object.entries(PAGES).map(([name, path]) => ({ name, path }))));
    test(`what opens on pages at ${look.width} pixels, ${look.scheme}`, () => judge(look, Object.entries(OPENED).map(([name, opened]) => ({ name, ...opened }))));
  }

  test('the menu of the narrowest screen', () => judge({ width: 320, scheme: 'light' }, [{ name: 'menu', path: '/', open: async (page) => {
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('navigation').getByRole('link', { name: 'Evidence' }).waitFor();
  } }]));

  /** Looks at pages and says all that is wrong with any of them. */
  async function judge(look: Look, visits: readonly { readonly name: string; readonly path: string; readonly open?: (page: Page) => Promise<void> }[]): Promise<void> {
    const { page, context, wrong } = await openPage(browser, standIn.url, look);
    const found: string[] = [];
    const whole = look.width >= 500 ? look.scheme === 'light' : look.scheme === 'dark' || look.width < 360;
    try {
      for (const { name, path, open } of visits) {
        await visit(page, path);
        await open?.(page);
        // What differs between day and night is colours; structure is judged once for each width.
        // To list what is right as well takes as long again.
        const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ['violations'] });
        const { violations } = await (whole ? axe : axe.withRules(['color-contrast'])).analyze();
        for (const { id, nodes } of violations) for (const { html, failureSummary } of nodes.slice(0, 3)) found.push(`${name}: ${id}: ${html.slice(0, 200)}: ${failureSummary ?? ''}`);
        const wider = Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'));
        if (wider > 0) found.push(`${name}: ${wider} pixels wider than the screen`);
        found.push(...[...wrong.splice(0), ...standIn.breaches.splice(0)].map((what) => `${name}: ${what}`));
      }
    } finally {
      await context.close();
    }
    assert.deepEqual(found, []);
  }
});
