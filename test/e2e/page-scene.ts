import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../kit/browser.ts';
import { until } from '../kit/until.ts';
import { StandIn } from './page-stand-in.ts';

/** A browser, and what stands in for the gateway behind the page. */
export interface PageScene {
  readonly browser: Browser;
  readonly standIn: StandIn;
}

/** For the tests of a suite: each begins anew, and one in which the page and the API did not keep to their contract fails. Gives them once they are there. */
export const pageScene = (): (() => PageScene) => {
  let scene: PageScene;
  before(async () => {
    const [browser, standIn] = await Promise.all([openBrowser(), StandIn.start()]);
    scene = { browser, standIn };
  });
  afterEach(async () => {
    for (const context of scene.browser.contexts()) await context.close();
    // Else the next test would take an old page for its own that listens.
    await until(() => scene.standIn.listening === 0, 20_000, 'the end of the old pages');
    const breaches = [...scene.standIn.breaches];
    scene.standIn.reset();
    assert.deepEqual(breaches, []);
  });
  after(async () => {
    await scene.browser.close();
    await scene.standIn.close();
  });
  return () => scene;
};
