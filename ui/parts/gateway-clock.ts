import { useSyncExternalStore } from 'react';

/** The header tells seconds, and an answer is on its way for a while: less than this says nothing. */
const SURE = 5_000;

let ahead = 0;
const watchers = new Set<() => void>();
const watch = (watcher: () => void): (() => void) => {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
};

/** An answer of the gateway says what time it was there; `asked` and `answered` are by the clock of this device. */
export function compareClocks(date: string | null, asked: number, answered: number): void {
  const there = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(there)) return;
  const found = there + 500 - (asked + answered) / 2;
  const now = Math.abs(found) <= SURE + (answered - asked) / 2 ? 0 : Math.round(found);
  // What only moves within the seconds of the header is the same.
  if (now === ahead || (now !== 0 && ahead !== 0 && Math.abs(now - ahead) < SURE)) return;
  ahead = now;
  for (const watcher of watchers) watcher();
}

/** How far the gateway's clock is ahead of this device's, in milliseconds; 0 where they agree. */
export const useClockAhead = (): number => useSyncExternalStore(watch, () => ahead);

/** The time now by the gateway's clock, which is the one that ends things. */
export const gatewayNow = (): number => Date.now() + ahead;
