import type { ApprovalDemand } from '../model/approval.ts';
import type { Refusal } from '../model/decision.ts';
import type { Waiter } from './approvals.ts';
import type { RequestDetail } from './detail.ts';
import type { Asker } from './duties.ts';
import type { ApprovalClock } from './ports.ts';

/** What is known of a command that is about to wait. */
export interface Holding {
  readonly digest: string;
  readonly session: string;
  readonly identity: string;
  readonly connection: string;
  readonly asker: Asker;
  readonly demand: ApprovalDemand;
  /** Of its place in line: lower is older. */
  readonly order: number;
  /** By the monotonic clock. */
  readonly deadline: number;
  /** By the wall clock, for people. */
  readonly until: number;
}

type Left = Parameters<Waiter['leave']>[0];

/** One held command. `waiting`; `called` when the approval is kept for it; then `over`. */
export class Held implements Waiter {
  readonly holding: Holding;
  readonly over: Promise<'again' | Refusal>;
  state: 'waiting' | 'called' | 'over' = 'waiting';
  request: string;
  readonly #settle: (end: 'again' | Refusal) => void;
  readonly #notice: (request: string, until: number) => string;
  readonly #leave: (held: Held, why: Left) => void;
  readonly #stopTimer: () => void;

  constructor(holding: Holding, request: string, clock: ApprovalClock, tell: { notice: (request: string, until: number) => string; leave: (held: Held, why: Left) => void; late: (held: Held) => void }) {
    this.holding = holding;
    this.request = request;
    this.#notice = tell.notice;
    this.#leave = tell.leave;
    const { promise, resolve } = Promise.withResolvers<'again' | Refusal>();
    this.over = promise;
    this.#settle = resolve;
    this.#stopTimer = clock.after(Math.max(0, holding.deadline - clock.monotonic()), () => tell.late(this));
  }

  /** Another request may have taken the place of the one that it began with. */
  get notice(): string {
    return this.#notice(this.request, this.until);
  }

  get until(): number {
    return this.holding.until;
  }

  leave(why: Left): void {
    if (this.state !== 'over') this.#leave(this, why);
  }

  /** What was approved is kept for it until it asks or leaves. */
  call(): void {
    this.state = 'called';
    this.#stopTimer();
    this.#settle('again');
  }

  end(why: 'again' | Refusal): void {
    this.state = 'over';
    this.#stopTimer();
    this.#settle(why);
  }
}

/** The commands of one digest that wait, and the request they wait for. */
export interface Line {
  readonly digest: string;
  request: string;
  /** Oldest first. */
  waiting: Held[];
  /** The one that an approval is kept for. */
  called: Held | undefined;
  /** What the request says, while somebody waits. */
  detail: RequestDetail;
  /** Somebody who asked may come back without waiting: their client was told to try again, or is gone without a word. */
  mayReturn: boolean;
}

export const isEmpty = ({ waiting, called }: Line): boolean => waiting.length === 0 && called === undefined;

const holderOf = ({ identity, connection }: Pick<Holding, 'identity' | 'connection'>): string => `${identity}\0${connection}`;

/** All commands that wait on live connections of this process. */
export class Waiters {
  readonly #lines = new Map<string, Line>();
  readonly #byRequest = new Map<string, Line>();
  readonly #held = new Map<string, number>();
  #order = 0;

  line(digest: string): Line | undefined {
    return this.#lines.get(digest);
  }

  lines(): Line[] {
    return [...this.#lines.values()];
  }

  ofRequest(request: string): Line | undefined {
    return this.#byRequest.get(request);
  }

  /** From now on the line waits for another request. */
  moveTo(line: Line, request: string): void {
    this.#byRequest.delete(line.request);
    line.request = request;
    for (const held of line.waiting) held.request = request;
    this.#byRequest.set(request, line);
  }

  nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  held(holder: Pick<Holding, 'identity' | 'connection'>): number {
    return this.#held.get(holderOf(holder)) ?? 0;
  }

  /** Puts it in line by its age. */
  join(held: Held, detail: RequestDetail, mayReturn: boolean): Line {
    const { digest, order } = held.holding;
    let line = this.#lines.get(digest);
    if (line === undefined) {
      line = { digest, request: held.request, waiting: [], called: undefined, detail, mayReturn };
      this.#lines.set(digest, line);
      this.#byRequest.set(line.request, line);
    }
    line.detail = detail;
    const behind = line.waiting.findLastIndex((other) => other.holding.order < order) + 1;
    line.waiting.splice(behind, 0, held);
    this.#count(held, 1);
    return line;
  }

  /** The oldest steps out of the line; what was approved is kept for it. */
  callNext(line: Line): Held | undefined {
    if (line.called !== undefined) return undefined;
    line.called = line.waiting.shift();
    line.called?.call();
    return line.called;
  }

  /** Takes it out of its line, which may be empty then and must be settled by the caller. Undefined when it was over already. */
  take(held: Held): Line | undefined {
    if (held.state === 'over') return undefined;
    const line = this.#lines.get(held.holding.digest);
    if (line === undefined) return undefined;
    if (line.called === held) line.called = undefined;
    else line.waiting = line.waiting.filter((other) => other !== held);
    this.#count(held, -1);
    return line;
  }

  /** Ends all who still wait in a line; the one that was called comes by itself. */
  dismiss(line: Line, why: (held: Held) => Refusal): void {
    for (const held of line.waiting) {
      this.#count(held, -1);
      held.end(why(held));
    }
    line.waiting = [];
  }

  dropIfEmpty(line: Line): boolean {
    if (!isEmpty(line)) return false;
    if (this.#lines.get(line.digest) === line) this.#lines.delete(line.digest);
    if (this.#byRequest.get(line.request) === line) this.#byRequest.delete(line.request);
    return true;
  }

  #count(held: Held, by: 1 | -1): void {
    const holder = holderOf(held.holding);
    const now = (this.#held.get(holder) ?? 0) + by;
    if (now === 0) this.#held.delete(holder);
    else this.#held.set(holder, now);
  }
}
