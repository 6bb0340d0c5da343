import { useSyncExternalStore } from 'react';

/** Something that this browser remembers for whoever uses it. Without storage it lasts until the page is left. */
export interface Remembered<T extends string> {
  use(): T;
  get(): T;
  set(value: T): void;
}

export function remembered<T extends string>(key: string, values: readonly T[], first: T): Remembered<T> {
  const watchers = new Set<() => void>();
  const read = (): T => {
    try {
      const stored = localStorage.getItem(key);
      return values.find((value) => value === stored) ?? first;
    } catch {
      return first;
    }
  };
  let now = read();
  const tell = (): void => {
    for (const watcher of watchers) watcher();
  };
  const watch = (watcher: () => void): (() => void) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  };
  return {
    use: () => useSyncExternalStore(watch, () => now),
    get: () => now,
    set: (value) => {
      now = value;
      try {
        localStorage.setItem(key, value);
      } catch {
        // It holds until the page is left.
      }
      tell();
    },
  };
}
