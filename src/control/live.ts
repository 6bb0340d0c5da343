import type { LiveEvent } from './api/schema/events.ts';

/** Streams that one gateway serves at once, and those of one person or token. */
const MOST_STREAMS = 500;
const MOST_OF_ONE = 10;
/** How often sessions are compared while somebody watches. */
const LOOK_MS = 1000;
/** Sessions told one by one; more at once are told as one. */
const MOST_TOLD = 50;

export interface Watcher {
  readonly caller: string;
  readonly tell: (event: LiveEvent) => void;
}

/** Tells pages what changed, so that they ask again. Nothing here is a record: what is missed is seen at the next question. */
export class LiveEvents {
  readonly #sessions: () => Iterable<string>;
  readonly #now: () => number;
  readonly #watchers = new Set<Watcher>();
  #known = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param sessions ids of the sessions that are open now */
  constructor(sessions: () => Iterable<string>, now: () => number) {
    this.#sessions = sessions;
    this.#now = now;
  }

  /** What ends it; undefined when there are too many. */
  watch(watcher: Watcher): (() => void) | undefined {
    const ofOne = [...this.#watchers].filter(({ caller }) => caller === watcher.caller).length;
    if (this.#watchers.size >= MOST_STREAMS || ofOne >= MOST_OF_ONE) return undefined;
    if (this.#watchers.size === 0) {
      this.#known = new Set(this.#sessions());
      this.#timer = setInterval(() => this.#look(), LOOK_MS);
      this.#timer.unref();
    }
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) clearInterval(this.#timer);
    };
  }

  tell(kind: LiveEvent['kind'], id?: string, state?: string): void {
    const event: LiveEvent = { kind, ...(id === undefined ? {} : { id }), ...(state === undefined ? {} : { state }), at: new Date(this.#now()).toISOString() };
    for (const { tell } of this.#watchers) tell(event);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watchers.clear();
  }

  #look(): void {
    const now = new Set(this.#sessions());
    const opened = [...now].filter((id) => !this.#known.has(id));
    const closed = [...this.#known].filter((id) => !now.has(id));
    this.#known = now;
    if (opened.length + closed.length > MOST_TOLD) {
      this.tell('session');
      return;
    }
    for (const id of opened) this.tell('session', id, 'opened');
    for (const id of closed) this.tell('session', id, 'closed');
  }
}
