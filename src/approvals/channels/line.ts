import type { ApprovalView } from '../approvals.ts';
import { Bucket } from '../../wire/bucket.ts';
import { digestOfState, isOpen } from './about.ts';
import { ChannelFault, type ChannelPorts, type Receiver, type Told } from './ports.ts';

/** How a channel stands, for people and programs. */
export interface ChannelStatus {
  readonly name: string;
  readonly type: 'slack' | 'webhook';
  /** Requests of which something is to be told. */
  readonly waiting: number;
  /** What is wrong, and for how many seconds; undefined: the last message arrived. */
  readonly fault?: { readonly why: string; readonly since: number };
  /** Since start: messages that arrived, tries that failed, and requests that were over before anything was told of them. */
  readonly delivered: number;
  readonly failures: number;
  readonly skipped: number;
}

export interface LineParts extends Pick<ChannelPorts, 'approvals' | 'told' | 'clock' | 'log'> {
  readonly name: string;
  /** What the store knows it by: another receiver under the same name was told nothing yet. */
  readonly toldAs: string;
  readonly type: ChannelStatus['type'];
  readonly receiver: Receiver;
  /** Where statements leave: called before the first message about a request. */
  readonly disclose?: (view: ApprovalView) => Promise<unknown>;
  /** Milliseconds before the first try after one that failed; each further one waits twice as long. */
  readonly firstPause?: number;
}

/** Requests that wait to be told. There are never more open ones than approvals take; beyond, the oldest are dropped. */
const MOST_WAITING = 20_000;
/** What changes at once is told at once. */
const GATHER = 50;
const FIRST_PAUSE = 1_000;
/** People may be waited for: a receiver that is back is found within a minute. */
const LONGEST_PAUSE = 60_000;
/** A message that never arrives is given up so long after its request has expired. */
const GIVEN_UP = 86_400_000;
/** How often a fault that lasts is mentioned again. */
const NAG = 300_000;

/**
 * One channel with what it is to be told. It keeps ids and looks requests up when it sends, so that after an hour without a receiver each
 * request is told once, as it stands then. One message at a time, each tried until it arrives or nobody can want it any more.
 */
export class ChannelLine {
  readonly #parts: LineParts;
  readonly #waiting = new Set<string>();
  readonly #bucket: Bucket;
  #fault: { readonly why: string; readonly at: number } | undefined;
  #saidAt = 0;
  #failed = 0;
  #delivered = 0;
  #failures = 0;
  #skipped = 0;
  #closed = false;
  #stopTimer: (() => void) | undefined;
  #sending: Promise<void> | undefined;

  constructor(parts: LineParts) {
    this.#parts = parts;
    this.#bucket = new Bucket(parts.receiver.burst, parts.receiver.perSecond, parts.clock.monotonic());
  }

  get toldAs(): string {
    return this.#parts.toldAs;
  }

  get status(): ChannelStatus {
    const { name, type, clock } = this.#parts;
    const fault = this.#fault && { why: this.#fault.why, since: Math.floor((clock.monotonic() - this.#fault.at) / 1_000) };
    return { name, type, waiting: this.#waiting.size, ...(fault && { fault }), delivered: this.#delivered, failures: this.#failures, skipped: this.#skipped };
  }

  /** Something about the request has changed. Returns at once. */
  changed(request: string): void {
    if (this.#closed) return;
    this.#waiting.add(request);
    if (this.#waiting.size > MOST_WAITING) this.#drop();
    if (this.#sending === undefined && this.#stopTimer === undefined) this.#later(GATHER);
  }

  /** Sends no more, and waits for what is being sent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer?.();
    await this.#sending;
  }

  #drop(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined) return;
    this.#waiting.delete(oldest);
    this.#skipped += 1;
    this.#parts.log.warn({ channel: this.#parts.name, request: oldest }, 'too many requests wait to be told to a channel: the oldest is not told');
  }

  #later(milliseconds: number): void {
    this.#stopTimer = this.#parts.clock.after(milliseconds, () => {
      this.#stopTimer = undefined;
      this.#sending = this.#sendAll().finally(() => {
        this.#sending = undefined;
      });
    });
  }

  async #sendAll(): Promise<void> {
    for (;;) {
      const [request] = this.#waiting;
      if (this.#closed || request === undefined) return;
      const now = this.#parts.clock.monotonic();
      if (this.#bucket.left(now) < 1) {
        this.#later(1_000 / this.#parts.receiver.perSecond);
        return;
      }
      this.#waiting.delete(request);
      try {
        await this.#send(request);
        // Many of which nothing is to be told must not keep commands waiting.
        await new Promise((resolve) => setImmediate(resolve));
      } catch (error) {
        this.#waiting.add(request);
        this.#later(this.#bad(error));
        return;
      }
    }
  }

  async #send(request: string): Promise<void> {
    const { toldAs: channel, approvals, told, receiver, clock, disclose } = this.#parts;
    const view = approvals.get(request);
    const before = told.get(channel, request);
    if (view === undefined || clock.wall() > view.expiresAt + GIVEN_UP) {
      told.remove(channel, request);
      return;
    }
    const open = isOpen(view);
    // It came and went while nothing could be told: of no use to anybody now.
    if (!open && before?.told === undefined && before?.message === undefined) {
      told.remove(channel, request);
      this.#skipped += 1;
      return;
    }
    const digest = digestOfState(view);
    if (before?.told !== digest) {
      const trying: Told = { channel, request, version: before === undefined ? 1 : before.version + (before.trying === digest ? 0 : 1), trying: digest, told: before?.told, message: before?.message };
      if (before?.trying !== digest) told.put(trying);
      if (before?.told === undefined) await disclose?.(view).catch(notRecorded);
      this.#bucket.take(clock.monotonic());
      const message = await receiver.tell({ view, id: `msg_${request}_${trying.version}`, message: before?.message });
      told.put({ ...trying, told: digest, message });
      this.#good();
    }
    if (!open) told.remove(channel, request);
  }

  #good(): void {
    this.#delivered += 1;
    this.#failed = 0;
    if (this.#fault !== undefined) this.#parts.log.info({ channel: this.#parts.name, waiting: this.#waiting.size }, 'a channel takes messages again');
    this.#fault = undefined;
  }

  /** How long to wait now. */
  #bad(error: unknown): number {
    const { name, clock, log, firstPause = FIRST_PAUSE } = this.#parts;
    const known = error instanceof ChannelFault;
    const why = known ? error.message : 'failed';
    const now = clock.monotonic();
    if (this.#fault?.why !== why || now - this.#saidAt >= NAG) {
      this.#saidAt = now;
      log.warn({ channel: name, fault: why, waiting: this.#waiting.size, ...(known ? {} : { error: (error as Error).message }) }, 'a channel does not take messages; they are tried again');
    }
    this.#fault = { why, at: this.#fault?.at ?? now };
    const pause = Math.min(firstPause * 2 ** Math.min(this.#failed, 20), LONGEST_PAUSE) * (0.5 + Math.random() / 2);
    this.#failed += 1;
    this.#failures += 1;
    return Math.max(pause, (known ? error.retryAfter : undefined) ?? 0);
  }
}

const notRecorded = (): never => {
  throw new ChannelFault('not sent, because it cannot be recorded that the statement is shown');
};
