import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { builtPage } from '../../tools/build-ui.ts';
import { noBrowser, openBrowser, openPage, visit } from '../kit/browser.ts';
import type { PersonName } from '../kit/people.ts';
import { until } from '../kit/until.ts';
import { ASKING } from './approvals-scene.ts';
import { startControlScene, type ControlScene } from './control-scene.ts';
import { signIn } from './page-sign-in.ts';

/*
 * The whole way with nothing in the place of anything: a client of PostgreSQL is held, somebody signs in with a real provider on a phone,
 * approves, the command runs once, and an auditor finds it in the evidence.
 */
describe('the page and the gateway', { skip: noBrowser() ?? false, timeout: 600_000 }, () => {
  let browser: Browser;
  let stage: ControlScene;
  before(async () => {
    await builtPage();
    [stage, browser] = await Promise.all([startControlScene({ policies: ASKING, more: { approvals: { forbid: ['owner'], breakGlass: { groups: ['okta/incident-commanders'] } } } }), openBrowser()]);
  });
  after(async () => {
    await browser.close();
    await stage[Symbol.asyncDispose]();
  });

  const signedIn = (page: Page, who: PersonName): Promise<void> => signIn(page, who, { site: stage.site, issuer: stage.people.issuer, provider: 'okta' });

  test('a drop is held, approved on a phone, runs once, and the evidence shows it', async () => {
    const client = await stage.scene.client('migrator');
    const dropped = client.query('DROP TABLE audit');
    const phone = await openPage(browser, stage.site, { width: 360, scheme: 'dark' });
    const desk = await openPage(browser, stage.site);
    try {
      const bob = await stage.signedIn('bob');
      const { id } = await until(async () => (await bob.get('/approvals?state=pending')).json<{ items: { id: string }[] }>().items[0], 30_000, 'a request');

      // The link of the message, on a phone, by somebody who is not signed in.
      await phone.page.goto(`/approvals/${id}`);
      await phone.page.waitForURL('**/login?return=**');
      await signedIn(phone.page, 'bob');
      assert.equal(new URL(phone.page.url()).pathname, `/approvals/${id}`);
      for (const text of ['DROP TABLE audit', 'migrator', 'what is dropped is gone', 'migrating/drops', 'okta/dba']) await phone.page.getByText(text).first().waitFor();
      await phone.page.getByText('1 live command').waitFor();
      assert.deepEqual((await new AxeBuilder({ page: phone.page }).setLegacyMode(true).analyze()).violations.map(({ id: rule }) => rule), []);
      await phone.page.getByLabel('Reason').fill('the owner agreed, ticket 42');
      await phone.page.getByRole('button', { name: 'Approve' }).click();
      await dropped;
      await phone.page.getByText('It was approved and ran once.').waitFor();
      await phone.page.getByText('the owner agreed, ticket 42').waitFor();

      // An auditor, at a desk: from the list of sessions to the approval, and to the whole log.
      await desk.page.goto('/sessions?identity=migrator&verb=drop');
      await desk.page.waitForURL('**/login?return=**');
      await signedIn(desk.page, 'carol');
      await desk.page.getByRole('link', { name: 'migrator' }).first().click();
      await desk.page.getByText('DROP TABLE audit').first().waitFor();
      await desk.page.getByRole('link', { name: 'approval', exact: true }).first().click();
      await desk.page.waitForURL(`**/approvals/${id}`);
      await desk.page.getByText('Bob Burns').first().waitFor();
      await desk.page.getByRole('navigation').getByRole('link', { name: 'Evidence' }).click();
      await desk.page.getByRole('button', { name: 'Verify now' }).click();
      await desk.page.getByText('It verifies', { exact: true }).first().waitFor({ timeout: 60_000 });
      await desk.page.getByRole('navigation').getByRole('link', { name: 'Activity' }).click();
      await desk.page.getByText('the owner agreed, ticket 42').first().waitFor();
      assert.deepEqual([...phone.wrong, ...desk.wrong], []);
    } finally {
      await client.end();
      await phone.context.close();
      await desk.context.close();
    }
  });

  test('every page shows what the gateway says, and a denial reaches the client with its reason', async () => {
    const client = await stage.scene.client('migrator');
    const refused = assert.rejects(client.query('DROP TABLE orders'), /not in the change window/);
    const { page, wrong, context } = await openPage(browser, stage.site);
    try {
      await page.goto('/');
      await page.waitForURL('**/login');
      await signedIn(page, 'alice');
      await page.getByText('Live', { exact: true }).waitFor();
      await page.getByRole('navigation').getByRole('link', { name: /Approvals/ }).click();
      await page.getByRole('link', { name: /drop table/ }).click();
      await page.getByLabel('Reason').fill('not in the change window');
      await page.getByRole('button', { name: 'Deny' }).click();
      await page.getByText('It was denied and did not run.').waitFor();
      await refused;
      for (const path of ['/', '/approvals?state=all', '/sessions', '/sessions?view=commands', '/identities', '/identities/migrator', '/connections', '/policies', '/policies?view=matrix', '/policies?view=versions', '/evidence', '/activity', '/settings']) {
        await visit(page, path);
        assert.deepEqual(await page.getByRole('alert').allTextContents(), [], path);
      }
      await visit(page, '/policies?view=explain');
      await page.getByRole('combobox', { name: 'Identity' }).fill('migrator');
      await page.getByRole('combobox', { name: 'Connection' }).fill('orders');
      await page.getByLabel('Command').fill('DROP TABLE orders');
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.getByText('The answer').waitFor();
      assert.deepEqual(wrong, []);
    } finally {
      await client.end();
      await context.close();
    }
  });
});
