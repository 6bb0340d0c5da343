import type { Page } from 'playwright-core';
import type { PersonName } from '../kit/people.ts';
import { settled } from '../kit/browser.ts';

export interface SignInPlace {
  /** Where the gateway serves the page. */
  readonly site: string;
  /** The provider's address, and what the gateway calls it. */
  readonly issuer: string;
  readonly provider: string;
}

/** Signs in as a person does: at the provider, from the page's own sign-in to wherever one wanted to be. */
export async function signIn(page: Page, who: PersonName, { site, issuer, provider }: SignInPlace): Promise<void> {
  await page.getByRole('link', { name: `Continue with ${provider}` }).click();
  await page.waitForURL((url) => url.href.startsWith(issuer));
  await page.locator('input[name=login]').fill(who);
  await page.locator('input[name=password]').fill('any');
  // Each form leads to another page of the provider's, the last of them back.
  while (!page.url().startsWith(site)) {
    const here = page.url();
    await page.locator('[type=submit]').first().click();
    await page.waitForURL((url) => url.href !== here);
  }
  await settled(page);
}
