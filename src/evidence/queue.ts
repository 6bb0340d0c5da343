import type { EvidenceRecord } from './log.ts';
import type { Pending } from './pending.ts';
import { RecordTicket, TicketGroup } from './tickets.ts';

/** Most bytes of one write, unless one record is larger. */
const BATCH = 1024 * 1024;

/** What goes out in one write: its records share the fate of one group of tickets. */
export interface Batch {
  readonly group: TicketGroup;
  readonly items: Pending[];
  bound: number;
}

/** What waits to be written, in order. */
export class RecordQueue {
  readonly #largest: number;
  readonly #wanted: () => void;
  #batches: Batch[] = [];
  /** Upper bound of the bytes queued. */
  bytes = 0;
  records = 0;
  /** Sequence of the next record that is queued. */
  next: number;

  /**
   * @param segmentBytes a batch that does not fit into the rest of a segment goes to the next as a whole, so that batches stay small against one
   * @param wanted called when somebody waits for the durability of what is written already
   */
  constructor(next: number, segmentBytes: number, wanted: () => void) {
    this.next = next;
    this.#largest = Math.min(BATCH, segmentBytes / 16);
    this.#wanted = wanted;
  }

  get first(): Batch | undefined {
    return this.#batches[0];
  }

  get last(): Batch | undefined {
    return this.#batches.at(-1);
  }

  /** Gives the ticket of a record; bodies alone have none. */
  add(item: Pending): RecordTicket | undefined {
    let batch = this.last;
    if (!batch || batch.bound + item.bound > this.#largest) {
      batch = { group: new TicketGroup(), items: [], bound: 0 };
      this.#batches.push(batch);
    }
    batch.items.push(item);
    batch.bound += item.bound;
    this.bytes += item.bound;
    if (item.record === undefined) return undefined;
    this.records += 1;
    const ticket = new RecordTicket(this.next, batch.group, this.#wanted);
    this.next += 1;
    return ticket;
  }

  /** The first batch is written. */
  shift(): void {
    const batch = this.#batches.shift();
    if (!batch) return;
    this.bytes -= batch.bound;
    for (const { record } of batch.items) if (record !== undefined) this.records -= 1;
  }

  /** Takes out everything: it will not be written. Sequences go on from `next`. */
  abandon(next: number): readonly Batch[] {
    const batches = this.#batches;
    this.#batches = [];
    this.bytes = 0;
    this.records = 0;
    this.next = next;
    return batches;
  }
}

/** The records of a batch. */
export const recordsOf = ({ items }: { readonly items: readonly Pending[] }): EvidenceRecord[] => items.flatMap(({ record }) => record ?? []);
