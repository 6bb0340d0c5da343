import type { Answer } from './answer.ts';
import { errorFields } from './error-fields.ts';
import { field, SqlState } from './errors.ts';
import type { Frame } from './frames.ts';
import type { Guard } from './guard.ts';
import { close, tooMany, UNDO_TRIES, type Closed } from './guarding.ts';
import type { Link } from './link.ts';
import { refusedCommand } from './refuse.ts';

/** How the client is told. */
export interface Telling {
  /** Gives out what was held back. */
  readonly release: (guard: Guard, answer: Answer) => void;
  /** An error of the target as the client may see it. */
  readonly report: (frame: Frame) => Buffer;
  /** Writes the outcome, and then goes on. */
  readonly finish: (answer: Answer, then: () => void) => void;
  readonly showReady: (frame: Frame) => void;
  /** Makes the client's block fail, with this error. */
  readonly failTarget: (error: Buffer | null) => void;
}

/** How guarded Queries end. */
export class GuardEnds {
  readonly #link: Link;
  readonly #tell: Telling;

  constructor(link: Link, tell: Telling) {
    this.#link = link;
    this.#tell = tell;
  }

  /**
   * A guarded Query is over: makes it last, or takes it back. Nothing of it is told before the target has answered that, and nothing of the
   * client's comes in between.
   */
  close(guard: Guard, answer: Answer, frame: Frame): void {
    const link = this.#link;
    const tell = this.#tell;
    if (answer.failed) {
      // In a block of the client's it fails as at any server.
      if (guard.savepoint !== undefined) this.#closed(guard, answer, { error: undefined, ready: frame });
      else this.#undo(guard, ({ ready }) => this.#closed(guard, answer, { error: undefined, ready }));
      return;
    }
    const permit = guard.verdict === 'passed' ? answer.passage.effect() : undefined;
    if (permit) {
      guard.closing = true;
      close(link, [guard.keep], permit, (end) => this.#closed(guard, answer, end));
      return;
    }
    const rows = guard.verdict === undefined || guard.verdict === 'passed' ? { uncountable: 'the target did not say that it was done' } : guard.verdict;
    guard.take();
    answer.undo(SqlState.insufficient_privilege);
    this.#undo(guard, ({ ready }) => {
      if (!guard.once && !answer.withheld) tell.finish(answer, () => guard.end(rows));
      else this.#refused(answer, answer.withheld ? null : refusedCommand(tooMany(link, answer, rows)), ready);
    });
  }

  #undo(guard: Guard, then: (end: Closed) => void, tries = UNDO_TRIES): void {
    const link = this.#link;
    close(link, guard.undo, link.gated.housekeeping('guard'), (end) => {
      if (end.error && tries > 1) this.#undo(guard, then, tries - 1);
      else then(end);
    });
  }

  #closed(guard: Guard, answer: Answer, { error, ready }: Closed): void {
    const tell = this.#tell;
    if (error) {
      answer.undo(field(errorFields(error), 'C') ?? 'XX000');
      guard.take();
      const bytes = tell.report(error);
      answer.passage.down(bytes);
      this.#link.client.add(bytes);
    } else tell.release(guard, answer);
    if (answer.withheld && this.#link.status === 'T') {
      this.#refused(answer, null, ready);
      guard.end();
      return;
    }
    tell.finish(answer, () => {
      if (ready) tell.showReady(ready);
      guard.end();
    });
  }

  /** A Query that was taken back, or whose answer was withheld: its error, and an open block fails. */
  #refused(answer: Answer, error: Buffer | null, ready: Frame | undefined): void {
    const tell = this.#tell;
    if (this.#link.status === 'T') {
      tell.failTarget(error);
      tell.finish(answer, () => answer.guard?.end());
      return;
    }
    tell.finish(answer, () => {
      if (error) this.#link.client.add(error);
      if (ready) tell.showReady(ready);
      answer.guard?.end();
    });
  }
}
