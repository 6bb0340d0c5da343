import { setTimeout as pause } from 'node:timers/promises';

/**
 * A bound for what is promised at once, or within two seconds: a busy machine may stall for some, and without what makes it happen
 * the test would wait for a minute or more.
 */
export const SOON_MS = 10_000;

/** Thrown by a condition that can never come true any more: `until` passes it on at once. */
export class Fatal extends Error {}

/**
 * Waits until `condition` gives something truthy, and returns that. A condition that throws counts as not yet; its last error is the
 * cause when the time is over. `timeoutMs` is a bound for a broken run, not a measure: be generous.
 */
export async function until<T>(condition: () => T | Promise<T>, timeoutMs = 20_000, what = 'the condition'): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (let wait = 2; ; wait = Math.min(wait * 1.5, 50)) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      if (error instanceof Fatal) throw error;
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${timeoutMs} ms`, { cause: last });
    await pause(wait);
  }
}
