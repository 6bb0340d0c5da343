/**
 * What the target still owes: a queue of expected replies, without I/O. Every message sent to the target puts an item
 * here; every message from it belongs to the first item, or is asynchronous, or means that the gateway has lost track.
 * PostgreSQL 18 documentation, 54.2 "Message Flow".
 */

/** What a reply item waits for. */
export type ExpectedKind = 'query' | 'parse' | 'bind' | 'describe_statement' | 'describe_portal' | 'execute' | 'close' | 'sync' | 'copy_syncs' | 'simulated';

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
const ERROR = code('E');
const READY = 'Z';

const ASYNC = 1;
const MORE = 2;
const LAST = 3;

/** By the type of a message from the target, what it means to an item that expects these. */
const table = (more: string, last: string): Uint8Array => {
  const meanings = new Uint8Array(256);
  for (const letter of 'NSA') meanings[code(letter)] = ASYNC;
  for (const letter of more) meanings[code(letter)] = MORE;
  for (const letter of last) meanings[code(letter)] = LAST;
  return meanings;
};

/** The messages that an item may get before its last one, and the ones that end it. */
const MEANINGS: Readonly<Record<ExpectedKind, Uint8Array>> = {
  query: table('TDCIGHdc', READY),
  parse: table('', '1'),
  bind: table('', '2'),
  describe_statement: table('t', 'Tn'),
  describe_portal: table('', 'Tn'),
  execute: table('DGHdc', 'CIs'),
  close: table('', '3'),
  sync: table('', READY),
  // Some ReadyForQuery, and CloseComplete behind the last.
  copy_syncs: table(READY, '3'),
  simulated: table('', ''),
};

/** What the target still owes, in order: tells of each of its messages what it is an answer to, and what an error skips. */
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
    if (this.#skipping && item.kind !== 'sync' && item.kind !== 'copy_syncs') return false;
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

  /** Everything still expected, oldest first; empties the queue. */
  drain(): readonly Expected<Context>[] {
    const left = this.#items.slice(this.#first);
    this.#items = [];
    this.#first = 0;
    return left;
  }

  receive(type: number): Meaning<Context> {
    const item = this.head;
    if (type === ERROR) return item ? this.#fail(item) : { kind: 'fatal' };
    const meaning = MEANINGS[item?.kind ?? 'simulated'][type];
    if (meaning === ASYNC) return { kind: 'async' };
    if (!item || meaning === 0) return { kind: 'out_of_sync' };
    if (meaning === LAST) this.#shift();
    return { kind: 'reply', item, last: meaning === LAST };
  }

  #fail(item: Expected<Context>): Meaning<Context> {
    // A simple query, and a Sync whose commit fails, still get their ReadyForQuery.
    if (item.kind === 'query' || item.kind === 'sync') return { kind: 'error', item, skipped: [] };
    this.#shift();
    const skipped: Expected<Context>[] = [];
    for (let next = this.head; next && next.kind !== 'sync' && next.kind !== 'copy_syncs'; next = this.head) {
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
