import type { EvidenceRecord } from './log.ts';

interface SessionWork {
  /** Opened in this log and not yet closed. */
  open: boolean;
  /** Numbers of commands whose intent is in the log without an outcome, in the order in which they came. Mostly one: a set would grow and shrink with each. */
  readonly intents: number[];
}

/** What stands open in the log: sessions without a close, intents without an outcome, purges that were begun. */
export class OpenWork {
  readonly #sessions = new Map<string, SessionWork>();
  readonly #purges = new Map<string, BegunPurge>();

  /** Takes in one record that is in the log. */
  apply(record: EvidenceRecord): void {
    switch (record.kind) {
      case 'session_open':
        this.#of(record.session).open = true;
        return;
      case 'intent':
        this.#of(record.session).intents.push(record.command);
        return;
      case 'outcome':
        this.#settle(record.session, record.command);
        return;
      case 'session_close':
        this.#close(record.session);
        return;
      case 'purge':
        this.#purge(record);
        return;
      case 'recovery':
        if (record.session === undefined) return;
        if (record.what === 'session_lost') this.#close(record.session);
        else if (record.what === 'indeterminate' && record.command !== undefined) this.#settle(record.session, record.command);
        return;
      default:
    }
  }

  isOpen(session: string): boolean {
    return this.#sessions.get(session)?.open === true;
  }

  hasIntent(session: string, command: number): boolean {
    return this.#sessions.get(session)?.intents.includes(command) === true;
  }

  /** Intents without outcome, then sessions without close, in the order in which they came. */
  get intents(): readonly { readonly session: string; readonly command: number }[] {
    return [...this.#sessions].flatMap(([session, work]) => [...work.intents].map((command) => ({ session, command })));
  }

  get sessions(): readonly string[] {
    return [...this.#sessions].filter(([, work]) => work.open).map(([session]) => session);
  }

  /** Purges that were begun and not finished: their keys may still be there. */
  get purges(): readonly BegunPurge[] {
    return [...this.#purges.values()];
  }

  toJSON(): SavedWork {
    return [[...this.#sessions].map(([session, work]) => [session, work.open, [...work.intents]]), this.purges];
  }

  static from(saved: SavedWork): OpenWork {
    const work = new OpenWork();
    const [sessions, purges] = saved;
    for (const [session, open, intents] of sessions) work.#sessions.set(session, { open, intents: [...intents] });
    for (const purge of purges) work.#purges.set(purge.plan, purge);
    return work;
  }

  #of(session: string): SessionWork {
    let work = this.#sessions.get(session);
    if (!work) {
      work = { open: false, intents: [] };
      this.#sessions.set(session, work);
    }
    return work;
  }

  #purge({ event, plan, by, keys, count }: Extract<EvidenceRecord, { kind: 'purge' }>): void {
    if (event === 'done') this.#purges.delete(plan);
    else this.#purges.set(plan, { plan, by, count, keys: [...(this.#purges.get(plan)?.keys ?? []), ...keys] });
  }

  #settle(session: string, command: number): void {
    const work = this.#sessions.get(session);
    if (!work) return;
    const at = work.intents.indexOf(command);
    if (at >= 0) work.intents.splice(at, 1);
    if (!work.open && work.intents.length === 0) this.#sessions.delete(session);
  }

  #close(session: string): void {
    const work = this.#sessions.get(session);
    if (!work) return;
    work.open = false;
    if (work.intents.length === 0) this.#sessions.delete(session);
  }
}

/** A purge of which the log says that it began and not that it ended. */
export interface BegunPurge {
  readonly plan: string;
  readonly by: string;
  readonly count: number;
  readonly keys: readonly string[];
}

export type SavedWork = readonly [sessions: readonly (readonly [session: string, open: boolean, intents: readonly number[]])[], purges: readonly BegunPurge[]];
