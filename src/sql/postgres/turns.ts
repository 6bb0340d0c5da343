import type { Asker } from '../understand.ts';

/** What waits under one name. */
interface Line<Item> {
  readonly waiting: Item[];
  /** Work done so far, counted from where the others were when it came: who has the least is next. */
  spent: number;
}

/** Names without anything waiting that are remembered for what they have spent. */
const MOST_REMEMBERED = 10_000;

/** Start-time fair queueing over names: each gets the same share of work, whatever it asks for and however often. */
class Shares<Item> {
  readonly #lines = new Map<string, Line<Item>>();
  /** What the one served last had spent: newcomers start here, so that nobody saves up. */
  #now = 0;

  push(name: string, item: Item): void {
    const line = this.#lines.get(name);
    if (line) {
      if (line.waiting.length === 0) line.spent = Math.max(line.spent, this.#now);
      line.waiting.push(item);
    } else this.#lines.set(name, { waiting: [item], spent: this.#now });
  }

  /** The name whose turn it is. */
  next(): string | undefined {
    let found: string | undefined;
    let least = Infinity;
    for (const [name, { waiting, spent }] of this.#lines) {
      if (waiting.length === 0 || spent >= least) continue;
      found = name;
      least = spent;
    }
    return found;
  }

  /** Takes the oldest item of a name. */
  take(name: string): Item | undefined {
    const line = this.#lines.get(name);
    const item = line?.waiting.shift();
    if (line && item !== undefined) this.#now = line.spent;
    return item;
  }

  waiting(name: string): number {
    return this.#lines.get(name)?.waiting.length ?? 0;
  }

  spend(name: string, work: number): void {
    const line = this.#lines.get(name);
    if (!line) return;
    line.spent += work;
    if (this.#lines.size <= MOST_REMEMBERED) return;
    for (const [each, { waiting, spent }] of this.#lines) if (waiting.length === 0 && spent <= this.#now) this.#lines.delete(each);
  }
}

/**
 * What waits for the parser. Identities take turns by the time they have used, and within one identity its sessions do: a
 * flood of hard texts delays whoever sends it, and everybody else by no more than the text that is in work.
 */
export class Turns<Item extends { readonly asker: Asker }> {
  readonly #identities = new Shares<string>();
  readonly #sessions = new Map<string, Shares<Item>>();
  length = 0;

  push(item: Item): void {
    const { id, principal } = item.asker;
    let sessions = this.#sessions.get(principal.identity);
    if (!sessions) this.#sessions.set(principal.identity, (sessions = new Shares()));
    sessions.push(id, item);
    this.#identities.push(principal.identity, id);
    this.length++;
  }

  /** How many items of this session wait. */
  of({ id, principal }: Asker): number {
    return this.#sessions.get(principal.identity)?.waiting(id) ?? 0;
  }

  shift(): Item | undefined {
    const identity = this.#identities.next();
    const sessions = identity === undefined ? undefined : this.#sessions.get(identity);
    const id = sessions?.next();
    if (identity === undefined || id === undefined) return undefined;
    this.#identities.take(identity);
    this.length--;
    return sessions?.take(id);
  }

  /** The work that an item has cost, in milliseconds. */
  spend({ id, principal }: Asker, work: number): void {
    this.#identities.spend(principal.identity, work);
    this.#sessions.get(principal.identity)?.spend(id, work);
  }

  /** Everything that waits, taken out. */
  drain(): Item[] {
    const all: Item[] = [];
    for (let item = this.shift(); item !== undefined; item = this.shift()) all.push(item);
    return all;
  }
}
