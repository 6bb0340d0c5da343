import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { addressOf } from './gateway.ts';
import type { LiveEvent } from './types.ts';

/** Whether changes are told as they happen. */
export type LiveState = 'connecting' | 'live' | 'lost';

/** Which questions are asked anew when something of that kind has changed. */
const TOUCHED: Readonly<Record<LiveEvent['kind'], readonly string[]>> = {
  session: ['overview', 'sessions'],
  approval: ['approvals', 'overview'],
  identity: ['identities', 'overview'],
  evidence: ['evidence', 'overview'],
  config: ['policies', 'connections', 'identities', 'settings', 'overview'],
  job: ['jobs'],
  signed_out: ['me'],
};
const KINDS = Object.keys(TOUCHED) as LiveEvent['kind'][];

/** Changes that come in a burst are one reason to ask. What people wait for is asked soon; a busy gateway opens sessions all the time. */
const SOON = 300;
const LATER = 2500;
const WAITED_FOR: ReadonlySet<LiveEvent['kind']> = new Set(['approval', 'job', 'signed_out']);
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 30_000;

let state: LiveState = 'connecting';
const watchers = new Set<() => void>();
function tell(next: LiveState): void {
  if (state === next) return;
  state = next;
  for (const watcher of watchers) watcher();
}
function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
export const useLiveState = (): LiveState => useSyncExternalStore(watch, () => state);

/** Listens to the gateway as long as the page is open: the one place that does. Reconnects; what may have been missed meanwhile is asked anew. */
export function useLive(): void {
  const client = useQueryClient();
  useEffect(() => listen(client), [client]);
}

/** Gathers keys for a while, then does what is due for each of them once. */
class Gathered {
  readonly #due = new Set<string>();
  readonly #wait: number;
  readonly #then: (key: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(wait: number, then: (key: string) => void) {
    this.#wait = wait;
    this.#then = then;
  }

  add(keys: readonly string[]): void {
    for (const key of keys) this.#due.add(key);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const due = [...this.#due];
      this.#due.clear();
      for (const key of due) this.#then(key);
    }, this.#wait);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function listen(client: QueryClient): () => void {
  let source: EventSource | undefined;
  let retry = FIRST_RETRY;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const soon = new Gathered(SOON, (key) => refresh(client, key));
  const later = new Gathered(LATER, (key) => refresh(client, key));
  const changed = (kind: LiveEvent['kind']): void => (WAITED_FOR.has(kind) ? soon : later).add(TOUCHED[kind]);
  const connect = (again: boolean): void => {
    source = new EventSource(addressOf('/events'));
    source.addEventListener('open', () => {
      retry = FIRST_RETRY;
      tell('live');
      if (again) {
        for (const kind of KINDS) changed(kind);
        void client.invalidateQueries({ queryKey: ['approval'] });
      }
    });
    for (const kind of KINDS) source.addEventListener(kind, (event: MessageEvent<string>) => {
      changed(kind);
      // Looking at a request is recorded: only the one that has changed is asked for again.
      const id = kind === 'approval' ? idOf(event.data) : undefined;
      if (id !== undefined) void client.invalidateQueries({ queryKey: ['approval', id] });
    });
    source.addEventListener('error', () => {
      tell('lost');
      // A browser gives up when it was refused; then whether we are still signed in is asked with the next answer.
      source?.close();
      clearTimeout(timer);
      timer = setTimeout(() => {
        void client.invalidateQueries({ queryKey: ['me'] });
        connect(true);
      }, retry);
      retry = Math.min(LONGEST_RETRY, retry * 2);
    });
  };
  connect(false);
  return () => {
    source?.close();
    clearTimeout(timer);
    soon.stop();
    later.stop();
    tell('connecting');
  };
}

function idOf(data: string): string | undefined {
  try {
    const { id } = JSON.parse(data) as Partial<LiveEvent>;
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

const outdated = new Set<string>();

/** Whether a list of several pages has something newer than what is shown. */
export const useOutdated = (hash: string): boolean => useSyncExternalStore(watch, () => outdated.has(hash));

export function setOutdated(hash: string, is: boolean): void {
  if (is) outdated.add(hash);
  else outdated.delete(hash);
  for (const watcher of watchers) watcher();
}

/** Asks anew, but for lists of which several pages are loaded: they would jump under the reader, who is told instead. */
function refresh(client: QueryClient, key: string): void {
  void client.invalidateQueries({
    queryKey: [key],
    predicate: (query) => {
      const pages = (query.state.data as { readonly pages?: readonly unknown[] } | undefined)?.pages;
      if (pages === undefined || pages.length <= 1) return true;
      setOutdated(query.queryHash, true);
      return false;
    },
  });
}
