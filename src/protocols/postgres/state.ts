/**
 * What the target still owes: a queue of expected replies, without I/O. Every message sent to the target puts an item
 * here; every message from it belongs to the first item, or is asynchronous, or means that the gateway has lost track.
 * PostgreSQL 18 documentation, 54.2 "Message Flow".
 */

/** What a reply item waits for. */
export type ExpectedKind = 'query' | 'parse' | 'bind' | 'describe_statement' | 'describe_portal' | 'execute' | 'close' | 'sync' | 'simulated';

export interface Expected<Context> {
  readonly kind: ExpectedKind;
  /** The replies are for the gateway itself: the client does not see them. */
  readonly own: boolean;
  readonly context: Context;
}

/** What a message from the target means. */
export type Meaning<Context> =
  /** Belongs to no request: notice, parameter status, notification. */
  | { readonly kind: 'async' }
  /** Belongs to `item`; `last` when nothing more comes for it. */
  | { readonly kind: 'reply'; readonly item: Expected<Context>; readonly last: boolean }
  /** The item failed; in the extended protocol everything up to the next Sync is `skipped` by the target. */
  | { readonly kind: 'error'; readonly item: Expected<Context>; readonly skipped: readonly Expected<Context>[] }
  /** An error that answers nothing: the target is about to close. */
  | { readonly kind: 'fatal' }
  /** Nobody asked for this: what follows cannot be attributed, so the session must end. */
  | { readonly kind: 'out_of_sync' };

const code = (letter: string): number => letter.charCodeAt(0);
const ASYNC = new Set(['N', 'S', 'A'].map(code));
const ERROR = code('E');
const READY = code('Z');

/** The messages that an item may get before its last one, and the ones that end it. */
const MORE: Readonly<Record<ExpectedKind, ReadonlySet<number>>> = {
  query: new Set(['T', 'D', 'C', 'I', 'G', 'H', 'd', 'c'].map(code)),
  parse: new Set(),
  bind: new Set(),
  describe_statement: new Set(['t'].map(code)),
  describe_portal: new Set(),
  execute: new Set(['D', 'G', 'H', 'd', 'c'].map(code)),
  close: new Set(),
  sync: new Set(),
  simulated: new Set(),
};
const LAST: Readonly<Record<ExpectedKind, ReadonlySet<number>>> = {
  query: new Set([READY]),
  parse: new Set(['1'].map(code)),
  bind: new Set(['2'].map(code)),
  describe_statement: new Set(['T', 'n'].map(code)),
  describe_portal: new Set(['T', 'n'].map(code)),
  execute: new Set(['C', 'I', 's'].map(code)),
  close: new Set(['3'].map(code)),
  sync: new Set([READY]),
  simulated: new Set(),
};

export class ExpectedReplies<Context> {
  #items: Expected<Context>[] = [];
  #first = 0;
  #skipping = false;

  get idle(): boolean {
    return this.#first === this.#items.length;
  }

  get length(): number {
    return this.#items.length - this.#first;
  }

  get head(): Expected<Context> | undefined {
    return this.#items[this.#first];
  }

  /** After an error the target reads and drops everything up to the next Sync, also what is sent to it only now. */
  get skipping(): boolean {
    return this.#skipping;
  }

  /** Notes what a message will be answered with. False: the target will drop the message, and nothing is owed. */
  add(item: Expected<Context>): boolean {
    if (this.#skipping && item.kind !== 'sync') return false;
    this.#skipping = false;
    this.#items.push(item);
    return true;
  }

  /** Takes the first item when it is one that the gateway answers itself. */
  takeSimulated(): Expected<Context> | undefined {
    const head = this.head;
    if (head?.kind !== 'simulated') return undefined;
    this.#shift();
    return head;
  }

  /**
   * COPY data is asked for by the first item: the target ignores the Syncs that it reads before anything else, so none of
   * them is answered. Any other message makes the COPY fail, and then a Sync behind it is answered.
   */
  dropIgnoredSyncs(): readonly Expected<Context>[] {
    const [head, ...behind] = this.#items.slice(this.#first);
    const other = behind.findIndex(({ kind }) => kind !== 'sync');
    const ignored = behind.slice(0, other < 0 ? behind.length : other);
    this.#items = [...(head ? [head] : []), ...behind.slice(ignored.length)];
    this.#first = 0;
    return ignored;
  }

  /** Everything still expected, oldest first; empties the queue. */
  drain(): readonly Expected<Context>[] {
    const left = this.#items.slice(this.#first);
    this.#items = [];
    this.#first = 0;
    return left;
  }

  receive(type: number): Meaning<Context> {
    if (ASYNC.has(type)) return { kind: 'async' };
    const item = this.head;
    if (type === ERROR) return item ? this.#fail(item) : { kind: 'fatal' };
    if (!item) return { kind: 'out_of_sync' };
    if (LAST[item.kind].has(type)) {
      this.#shift();
      return { kind: 'reply', item, last: true };
    }
    return MORE[item.kind].has(type) ? { kind: 'reply', item, last: false } : { kind: 'out_of_sync' };
  }

  #fail(item: Expected<Context>): Meaning<Context> {
    // A simple query, and a Sync whose commit fails, still get their ReadyForQuery.
    if (item.kind === 'query' || item.kind === 'sync') return { kind: 'error', item, skipped: [] };
    this.#shift();
    const skipped: Expected<Context>[] = [];
    for (let next = this.head; next && next.kind !== 'sync'; next = this.head) {
      skipped.push(next);
      this.#shift();
    }
    this.#skipping = this.idle;
    return { kind: 'error', item, skipped };
  }

  #shift(): void {
    this.#first += 1;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    } else if (this.#first > 1024) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }
}
