import type { StatementFacts } from '../../sql/facts.ts';
import type { Answer } from './answer.ts';
import type { Promised } from './binding.ts';
import { Names, type Cursor } from './namespace.ts';
import { Savepoints } from './savepoints.ts';

/** A portal as the gateway knows it. */
export interface Portal extends Cursor {
  readonly answer: Answer | undefined;
  /** The target does not have it: it is bound there once people have approved the rows that come with its execution. */
  readonly promised?: Promised;
  /** Bound by the protocol: the target drops it at the end of the transaction. */
  readonly bound: boolean;
  /** A cursor WITH HOLD: the target keeps it beyond the transaction. */
  readonly held?: true;
  /** `Admission.run` when it was bound. */
  readonly since?: number;
  /** `Admission.moves` when it was bound. */
  readonly moves?: number;
  /** How many savepoints of the open transaction it was opened behind; undefined when it comes from one that was committed. */
  depth?: number | undefined;
}

const bytesOfPortal = ({ bound, text }: Portal): number => (bound ? 0 : text.length);

/**
 * The portals and cursors of one session, as the target has them: most go with their transaction, or with the savepoint that they were opened behind.
 * A command that will not be run because its portal is gone is abandoned.
 */
export class Portals {
  readonly #names = new Names<Portal>(bytesOfPortal);
  readonly #abandon: (answer: Answer) => void;
  /** Made with the first savepoint: few sessions ever set one. */
  #savepoints: Savepoints | undefined;
  /** No portal of the open transaction was opened behind more savepoints than this: a savepoint that comes and goes need not look through them all. */
  #deepest = 0;

  constructor(abandon: (answer: Answer) => void) {
    this.#abandon = abandon;
  }

  get size(): number {
    return this.#names.size;
  }

  /** In bytes. */
  get weight(): number {
    return this.#names.weight;
  }

  get(name: string): Portal | undefined {
    return this.#names.get(name);
  }

  /** Asked for in this series: it counts for the messages behind it, until `opened` or `forget`. */
  propose(name: string, portal: Portal): void {
    this.#names.propose(name, portal);
  }

  /** The series is over: what the target did not open is not there. */
  forget(): void {
    this.#names.forget();
  }

  /** The target has it, from where the transaction is now. */
  opened(name: string, portal: Portal): void {
    portal.depth = this.#savepoints?.depth ?? 0;
    this.#deepest = Math.max(this.#deepest, portal.depth);
    this.#names.confirm(name, portal);
  }

  /** It stays where it is, and its next rows belong to another command. */
  goesOn(name: string, portal: Portal): void {
    this.#names.confirm(name, portal);
  }

  /** @param name undefined: all of them */
  drop(name?: string): void {
    for (const { answer } of this.#names.removeWhere((_, each) => name === undefined || each === name)) if (answer) this.#abandon(answer);
  }

  /** SAVEPOINT, RELEASE or ROLLBACK TO has been done: the last takes with it what was opened behind the savepoint. */
  savepoint({ transaction, savepoint: name }: StatementFacts): void {
    if (name === undefined) return;
    if (transaction === 'savepoint') (this.#savepoints ??= new Savepoints()).set(name);
    else if (transaction === 'release') {
      const depth = this.#savepoints?.release(name);
      if (depth === undefined || depth >= this.#deepest) return;
      for (const portal of this.#names.values()) if (portal.depth !== undefined && portal.depth > depth) portal.depth = depth;
      this.#deepest = depth;
    } else if (transaction === 'rollback_to') {
      const depth = this.#savepoints?.rollBackTo(name);
      if (depth === undefined || depth >= this.#deepest) return;
      this.#gone((portal) => portal.depth !== undefined && portal.depth > depth);
      this.#deepest = depth;
    }
  }

  /**
   * The target drops portals and cursors at the end of a transaction, all but cursors WITH HOLD, and those as well when it rolls back what opened them.
   * Told by the completion of COMMIT and ROLLBACK as well, since with AND CHAIN the status never says so.
   */
  transactionEnded(committed: boolean): void {
    this.#savepoints?.clear();
    this.#deepest = 0;
    if (this.#names.size === 0) return;
    this.#gone(({ held, depth }) => held !== true || (depth !== undefined && !committed));
    for (const portal of this.#names.values()) portal.depth = undefined;
  }

  /** What is being executed (the COMMIT itself, and what was sent behind it) is settled by what the target says of it. */
  #gone(which: (portal: Portal) => boolean): void {
    for (const { answer } of this.#names.removeWhere(which)) if (answer && (!answer.started || answer.suspended)) this.#abandon(answer);
  }
}
