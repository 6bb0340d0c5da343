import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { chromiumPath } from './chromium.ts';

/** Why tests with a browser cannot run here; undefined when they can. */
export const noBrowser = (): string | undefined => (chromiumPath() === undefined ? 'there is no Chromium here' : undefined);

/** The system's Chromium without a screen. */
export const openBrowser = (): Promise<Browser> => {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('there is no Chromium here');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
};

export interface Look {
  readonly width: number;
  /** Default: of a phone for what is narrow, of a desk otherwise. */
  readonly height?: number;
  /** Pixels of the screen for one of the page. */
  readonly scale?: number;
  readonly scheme: 'light' | 'dark';
}
/** What every page is looked at in: a phone and a desk, by day and by night. */
export const LOOKS: readonly Look[] = [{ width: 1280, scheme: 'light' }, { width: 1280, scheme: 'dark' }, { width: 360, scheme: 'light' }, { width: 360, scheme: 'dark' }];

/** A page in a context of its own, with all that went wrong in it. */
export interface Watched {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, breaches of the content security policy, requests to elsewhere. */
  readonly wrong: string[];
}

export async function openPage(browser: Browser, url: string, { width, height = width < 500 ? 760 : 900, scale = 1, scheme }: Look = { width: 1280, scheme: 'light' }): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: scale, colorScheme: scheme, baseURL: url, locale: 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce' });
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    // That a request was refused is what some tests are about.
    if (message.type() === 'error' && page.url().startsWith(url) && !message.text().startsWith('Failed to load resource')) wrong.push(message.text());
  });
  page.on('request', (request) => {
    // Going elsewhere to sign in is meant, and what is fetched there is not ours.
    if (!request.isNavigationRequest() && request.frame().url().startsWith(url) && !request.url().startsWith(url)) wrong.push(`asked elsewhere: ${request.url()}`);
  });
  return { page, context, wrong };
}

/** Goes to an address and waits until the page shows what it has to say: nothing is on its way any more. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await settled(page);
}

export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
}
