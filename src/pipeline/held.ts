import type { Waiter } from '../approvals/approvals.ts';
import type { Command } from '../model/command.ts';
import type { Refusal } from '../model/decision.ts';

/** Why a held command waits no longer. */
export type Left = Parameters<Waiter['leave']>[0];

/**
 * One command that waits for people on its live connection. When `over` says `again`, the protocol handles the client's message anew, from
 * its bytes: what names mean, what policy says and what the target has may have changed meanwhile.
 */
export class HeldCommand {
  readonly kind = 'held';
  readonly command: Command;
  readonly waiter: Waiter;
  readonly over: Promise<'again' | Refusal>;
  readonly #over: (held: HeldCommand) => void;
  #comeAgain: () => void = () => {};
  #left = false;

  /**
   * @param refused records what it was refused for, and gives what the client is told of it
   * @param over nothing is kept for it any more: it was refused, or has left. One that was told to come again leaves when it has.
   */
  constructor(command: Command, waiter: Waiter, refused: (why: Refusal) => Refusal, over: (held: HeldCommand) => void) {
    this.command = command;
    this.waiter = waiter;
    this.#over = over;
    const reconsidered = new Promise<'again'>((resolve) => (this.#comeAgain = () => resolve('again')));
    this.over = Promise.race([waiter.over, reconsidered]).then((end) => {
      if (end === 'again') return end;
      over(this);
      // Who left is told nothing; why is recorded by whoever made it leave.
      return this.#left ? end : refused(end);
    });
  }

  /** For the client: what is waited for, until when, and where people see it. */
  get notice(): string {
    return this.waiter.notice;
  }

  get request(): string {
    return this.waiter.request;
  }

  /** Policy has changed, and would not ask people any more. */
  reconsider(): void {
    this.#comeAgain();
  }

  /** The client is gone or has cancelled, the session ends, or it has come again. Harmless when it is over. */
  leave(why: Left): void {
    this.#left = true;
    this.waiter.leave(why);
    this.#over(this);
  }
}

export const isHeld = (value: unknown): value is HeldCommand => value instanceof HeldCommand;
