import type { Ticket } from './log.ts';

type Then = (failure?: string) => void;

/** All records that are written together: their tickets share one state, so that a flush touches no ticket of its own. */
export class TicketGroup {
  state: Ticket['state'] = 'queued';
  reason: string | undefined;
  /** Somebody waits for durability. */
  wanted = false;
  #written: Then[] = [];
  #durable: Then[] = [];

  whenWritten(then: Then): void {
    if (this.state === 'queued') this.#written.push(then);
    else call(then, this.reason);
  }

  whenDurable(then: Then): void {
    if (this.state === 'durable' || this.state === 'failed') call(then, this.reason);
    else this.#durable.push(then);
  }

  becomeWritten(): void {
    this.state = 'written';
    const waiting = this.#written;
    this.#written = [];
    for (const then of waiting) call(then, undefined);
  }

  becomeDurable(): void {
    this.state = 'durable';
    const waiting = this.#durable;
    this.#durable = [];
    for (const then of waiting) call(then, undefined);
  }

  fail(reason: string): void {
    this.state = 'failed';
    this.reason = reason;
    const waiting = [...this.#written, ...this.#durable];
    this.#written = [];
    this.#durable = [];
    for (const then of waiting) call(then, reason);
  }
}

/** A caller's mistake must not stop the log half-way: it surfaces as an uncaught exception after the log has done its own. */
const call = (then: Then, failure: string | undefined): void => {
  try {
    then(failure);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
};

/** One record's ticket. */
export class RecordTicket implements Ticket {
  readonly sequence: number;
  readonly #schedule: () => void;
  group: TicketGroup;

  constructor(sequence: number, group: TicketGroup, schedule: () => void) {
    this.sequence = sequence;
    this.group = group;
    this.#schedule = schedule;
  }

  get state(): Ticket['state'] {
    return this.group.state;
  }

  whenWritten(then: Then): void {
    this.group.whenWritten(then);
  }

  whenDurable(then: Then): void {
    const { group } = this;
    if (group.state === 'queued' || group.state === 'written') {
      if (!group.wanted) {
        group.wanted = true;
        if (group.state === 'written') this.#schedule();
      }
    }
    group.whenDurable(then);
  }
}

/** The ticket of a record that the log did not take. Its sequence is -1: it has none. */
export const failedTicket = (reason: string): Ticket => {
  const group = new TicketGroup();
  group.fail(reason);
  return new RecordTicket(-1, group, () => undefined);
};
