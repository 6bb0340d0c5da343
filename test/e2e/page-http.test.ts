import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { builtPage } from '../../tools/build-ui.ts';
import { LOOKS, noBrowser, openBrowser, openPage, settled, visit } from '../kit/browser.ts';
import { startPeople, type PeopleProvider } from '../kit/people.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { until } from '../kit/until.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { signIn } from './page-sign-in.ts';
import { recorded } from './whole-evidence.ts';

/** The page of a real gateway through which HTTP requests went: nothing of it is made up. */
describe('the page shows HTTP', { skip: noBrowser() ?? false, timeout: 600_000 }, () => {
  let scene: HttpScene;
  let people: PeopleProvider;
  let browser: Browser;
  let site = '';
  let session = '';
  before(async () => {
    const port = await freePort();
    site = `http://127.0.0.1:${port}`;
    [people] = await Promise.all([startPeople({ redirectUris: ['http://127.0.0.1/oidc/callback'] }), builtPage()]);
    scene = await startHttpScene({
      http: { prefix: '/billing', hosts: ['localhost'] },
      control: { listen: `127.0.0.1:${port}`, url: site, login: [people.login({ more: { name: 'acme' } })], roles: { auditor: { groups: ['acme/dba'] } } },
      env: { ...people.env },
      policies: [{ name: 'writing', identities: ['writer'], connections: ['api'], allow: ['read', 'write'], rules: [{ name: 'kept', match: { request: { methods: ['DELETE'] } }, effect: 'deny', reason: 'invoices are kept' }], mask: [{ fields: ['iban'], transform: { partial: 4 } }] }],
      target: {
        handler: (request, response) => {
          request.resume();
          request.once('end', () => {
            response.writeHead(200, { 'Content-Type': 'application/json', 'Set-Cookie': 'sid=only-for-the-client' });
            response.end('{"invoice":7,"customer":"Zoe","iban":"DE89370400440532013000"}');
          });
        },
      },
    });
    releasePort(port);
    await scene.ask('writer', '/billing/v1/invoices/7');
    await scene.ask('writer', '/billing/v1/invoices', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"customer":"Zoe","password":"never-recorded","cents":1200}' });
    await scene.ask('writer', '/billing/v1/invoices/7', { method: 'DELETE' });
    session = await until(async () => (await recorded(scene, 'DELETE /v1/invoices/7')).at(-1)?.session, 20_000, 'the requests on record');
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await scene?.[Symbol.asyncDispose]();
    await people?.stop();
  });

  const signedIn = async (page: Page): Promise<void> => {
    await visit(page, '/');
    await signIn(page, 'alice', { site, issuer: people.issuer, provider: 'acme' });
  };

  for (const look of LOOKS) {
    test(`a session, its connection and what policy says, ${look.width} wide, ${look.scheme}`, async () => {
      const { page, context, wrong } = await openPage(browser, site, look);
      await signedIn(page);

      await visit(page, `/sessions/${session}`);
      for (const text of ['GET /v1/invoices/7', 'POST /v1/invoices', 'DELETE /v1/invoices/7', 'Refused: policy', 'invoices are kept']) await page.getByText(text).first().waitFor();
      await page.getByRole('button', { name: 'Show what was sent and the answer' }).click();
      await page.getByText('"password":"<value:text>"').waitFor();
      await page.getByText('HTTP 200 OK').first().waitFor();
      await page.getByText('Set-Cookie: sid=*').first().waitFor();
      await settled(page);
      assert.ok(await fits(page), 'the session is wider than the screen');
      assert.doesNotMatch(await page.content(), /never-recorded|only-for-the-client|DE8937/);

      await visit(page, '/connections/api');
      for (const text of ['localhost', '/billing', 'rest', 'a bearer token']) await page.getByText(text).first().waitFor();
      assert.ok(!(await page.content()).includes(TARGET_TOKEN));
      assert.ok(await fits(page), 'the connection is wider than the screen');

      await visit(page, '/policies?view=explain&identity=writer&connection=api');
      await page.getByLabel('Command').fill('DELETE /billing/v1/invoices/7');
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.getByText('invoices are kept').first().waitFor();
      assert.equal(await page.getByText('the names of its tables').count(), 0);
      assert.ok(await fits(page), 'the explanation is wider than the screen');

      assert.deepEqual(wrong, []);
      await context.close();
    });
  }
});

const fits = (page: Page): Promise<boolean> => page.evaluate('document.documentElement.scrollWidth <= window.innerWidth');
