import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { builtPage } from '../../tools/build-ui.ts';
import { noBrowser, openBrowser, openPage, settled, visit, type Look, type Watched } from '../kit/browser.ts';
import type { PersonName } from '../kit/people.ts';
import { until } from '../kit/until.ts';
import { signIn } from './page-sign-in.ts';
import { startPicturesScene, type PictureJob, type PicturesScene } from './pictures-scene.ts';

/*
 * The pictures of the page in the documents are of a real one. They are taken anew each time, so that the way to them stays whole, and
 * written only when WICKETGATE_PICTURES=1 asks for it: what they show differs each time by ids and times.
 */
const root = new URL('../../', import.meta.url);
const WRITE = process.env['WICKETGATE_PICTURES'] === '1';
/** They are in the repository for good, and on the first page that anyone loads. */
const MOST_BYTES = 150_000;

type PictureName = 'overview' | 'approval-what' | 'approval-answer' | 'session' | 'evidence';
/** What each is looked at in. Its size in pixels follows. */
const LOOKS: Readonly<Record<PictureName, Required<Look>>> = {
  overview: { width: 1280, height: 960, scale: 1, scheme: 'light' },
  'approval-what': { width: 390, height: 800, scale: 1.5, scheme: 'dark' },
  'approval-answer': { width: 390, height: 800, scale: 1.5, scheme: 'dark' },
  session: { width: 1280, height: 880, scale: 1, scheme: 'light' },
  evidence: { width: 1280, height: 870, scale: 1, scheme: 'light' },
};
const NAMES = Object.keys(LOOKS) as readonly PictureName[];
const fileOf = (name: PictureName): URL => new URL(`docs/images/${name}.png`, root);

/** Width and height as the header of a PNG tells them. */
const sizeOf = (bytes: Buffer): readonly [number, number] => {
  assert.equal(bytes.subarray(0, 8).toString('latin1'), '\u0089PNG\r\n\u001a\n');
  assert.equal(bytes.subarray(12, 16).toString('latin1'), 'IHDR');
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
};

const check = (name: PictureName, bytes: Buffer): void => {
  const { width, height, scale } = LOOKS[name];
  assert.deepEqual(sizeOf(bytes), [width * scale, height * scale], name);
  assert.ok(bytes.length < MOST_BYTES, `${name} has ${bytes.length} bytes`);
};

test('the pictures can be taken of the page as it is', { skip: noBrowser() ?? false, timeout: 600_000 }, async () => {
  await builtPage();
  await using scene = await startPicturesScene();
  const browser = await openBrowser();
  try {
    for (const [name, bytes] of await pictures(scene, browser)) {
      check(name, bytes);
      if (WRITE) writeFileSync(fileOf(name), bytes);
    }
  } finally {
    await browser.close();
  }
});

test('every picture is there, and the documents show no other', () => {
  for (const name of NAMES) check(name, readFileSync(fileOf(name)));
  const shown = ['README.md', 'docs/reference/page.md'].flatMap((file) => [...readFileSync(new URL(file, root), 'utf8').matchAll(/images\/([\w-]+)\.png/g)].map(([, name]) => name));
  assert.deepEqual(new Set(shown), new Set(NAMES));
});

async function pictures(scene: PicturesScene, browser: Browser): Promise<ReadonlyMap<PictureName, Buffer>> {
  const taken = new Map<PictureName, Buffer>();
  const { gateway, people, site } = scene;
  /** A page of a person's, at a place that they were sent to before they had signed in. */
  const opened = async (name: PictureName, who: PersonName, path: string): Promise<Watched> => {
    const watched = await openPage(browser, site, LOOKS[name]);
    await watched.page.goto(path);
    await watched.page.waitForURL('**/login**');
    await signIn(watched.page, who, { site, issuer: people.issuer, provider: 'acme' });
    return watched;
  };
  const take = async (name: PictureName, { page, wrong }: Watched): Promise<void> => {
    await settled(page);
    await inAnInstallation(page, gateway.folder);
    taken.set(name, await page.screenshot());
    assert.deepEqual(wrong, [], name);
  };

  const jobs = await atWork(scene);
  await scene.witnessed(100);
  const overview = await opened('overview', 'alice', '/');
  await until(async () => {
    await visit(overview.page, '/');
    return (await overview.page.locator('.figure-value').allTextContents()).join() === '4,1,8,3' && (await overview.page.getByText('the index is catching up').count()) === 0;
  }, 30_000, 'all that was done to be counted');
  await overview.page.getByText('Live', { exact: true }).waitFor();
  await take('overview', overview);

  // The person on call follows the link of the message.
  const request = /approvals\/(\w+)/.exec(jobs.notice)?.[1] ?? '';
  const phone = await opened('approval-what', 'bob', `/approvals/${request}`);
  await phone.page.getByText('DROP TABLE orders_2019').first().waitFor();
  await take('approval-what', phone);
  await phone.page.getByLabel('Reason').fill('copied to the archive last week');
  await phone.page.getByRole('button', { name: 'Approve' }).scrollIntoViewIfNeeded();
  await take('approval-answer', phone);

  const session = await opened('session', 'alice', '/sessions?identity=shop-job&state=live');
  await session.page.getByRole('link', { name: 'shop-job' }).first().click();
  await session.page.getByRole('button', { name: 'Show the answer' }).first().click();
  await session.page.getByText('Customer 1').first().waitFor();
  await session.page.getByRole('button', { name: 'Next denial' }).click();
  await until(() => session.page.evaluate("document.querySelector('.step-marked') === document.activeElement && scrollY > 0"), 10_000, 'the page to be at the denial');
  await take('session', session);

  const evidence = await opened('evidence', 'alice', '/evidence');
  await evidence.page.getByRole('button', { name: 'Verify now' }).click();
  await evidence.page.getByText('It verifies', { exact: true }).first().waitFor({ timeout: 60_000 });
  await evidence.page.getByRole('button', { name: 'Close this message' }).click();
  await take('evidence', evidence);

  await jobs.end();
  return taken;
}

/** The gateway of a test has its files in a folder of this run; shown is where one that is installed has them. */
async function inAnInstallation(page: Page, folder: string): Promise<void> {
  await page.evaluate(`for (const code of document.querySelectorAll('code')) if (code.textContent.includes(${JSON.stringify(folder)})) code.textContent = code.textContent.replaceAll(${JSON.stringify(folder)}, '/etc/wicketgate')`);
  assert.ok(!String(await page.evaluate('document.body.innerText')).includes(folder));
}

/** A morning in the shop: what is over, what is refused, what is connected now, and a drop that waits. */
async function atWork({ connected, target }: PicturesScene): Promise<{ readonly notice: string; end(): Promise<void> }> {
  const ask = async (client: Awaited<ReturnType<typeof connected>>, ...statements: readonly string[]): Promise<number> => {
    let refused = 0;
    for (const sql of statements) await client.query(sql).catch(() => (refused += 1));
    return refused;
  };
  const whole = async (job: PictureJob, refusals: number, ...statements: readonly string[]): Promise<void> => {
    const client = await connected(job);
    assert.equal(await ask(client, ...statements), refusals, `${job}: ${statements.join('; ')}`);
    await client.end();
  };
  for (let round = 1; round <= 6; round += 1) {
    await whole('shop-job', 0, `INSERT INTO orders (customer, item, cents) VALUES (${round}, 'order of the day', 900)`, 'SELECT c.name, c.email, o.item FROM orders o JOIN customers c ON c.id = o.customer ORDER BY o.id DESC LIMIT 5', 'SELECT sum(cents) FROM orders');
    await whole('billing-report', round % 2, 'SELECT city, count(*) FROM customers GROUP BY city', 'SELECT customer, sum(cents) FROM orders GROUP BY customer', ...(round % 2 ? ["UPDATE orders SET cents = 0 WHERE item = 'item 1'"] : []));
  }
  await whole('shop-job', 3, 'DELETE FROM customers WHERE id = 20', "SELECT id FROM customers WHERE email LIKE 'customer1%'", 'DELETE FROM customers WHERE id = 19');
  const [first, second, shop, migrations] = [await connected('billing-report'), await connected('billing-report'), await connected('shop-job'), await connected('shop-migrations')] as const;
  await ask(first, 'SELECT count(*) FROM orders');
  await ask(second, 'SELECT max(cents) FROM orders');
  assert.equal(await ask(shop, 'SELECT name, email, ssn FROM customers ORDER BY id LIMIT 3', "UPDATE orders SET item = 'item 8, blue' WHERE id = 8", 'DELETE FROM customers WHERE id = 20', "SELECT name FROM customers WHERE ssn LIKE '101%'"), 2);
  await ask(migrations, 'ALTER TABLE orders ADD COLUMN note text');
  const noticed = new Promise<string>((resolve) => migrations.on('notice', ({ message = '' }) => message.includes('waiting for approval') && resolve(message)));
  // So that there is an estimate to be shown.
  await target.query('ANALYZE orders_2019');
  const dropped = migrations.query('DROP TABLE orders_2019');
  dropped.catch(() => {});
  return {
    notice: await noticed,
    end: async () => {
      for (const client of [first, second, shop, migrations]) await client.end();
      assert.deepEqual(await target.query("SELECT to_regclass('orders_2019') IS NOT NULL AS kept"), [{ kept: true }]);
    },
  };
}
