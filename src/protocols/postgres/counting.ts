import { predicateTouchesProtected } from '../../masking/counting.ts';
import type { Command } from '../../model/command.ts';
import type { Refusal } from '../../model/decision.ts';
import { isNeedsApproval, isNeedsCount, type NeedsApproval, type Passage, type RowCount } from '../../pipeline/gate.ts';
import type { HeldCommand } from '../../pipeline/held.ts';
import type { CountQuery } from '../../sql/facts.ts';
import { boundedCount, forCount } from '../../sql/postgres/threshold/bounded.ts';
import { messageRowChange } from '../../sql/postgres/threshold/message.ts';
import type { Understood } from '../../sql/understand.ts';
import type { Admission } from './admission.ts';
import { savepointName } from './guard.ts';
import { lookups, type OwnStatement } from './lookup.ts';
import type { Bind, Format } from './messages.ts';

/** Longest that one count may take. It takes no locks that others wait for, but it can read a whole table. */
const COUNT_TIME = "SET LOCAL statement_timeout = '3s'";
/** So far rows are counted for people who are asked. Where there are more, an approval has no maximum. */
const MOST_FOR_PEOPLE = 1_000_000;

/** OID of text: what is declared for a parameter that a count does not use. */
const TEXT = 25;

const IN_SERIES = 'something was sent before it in the same series: send Sync first';
const PROTECTED = 'which rows it changes depends on protected columns';
const NOT_IN_TIME = 'its rows could not be counted in time';

/** A message whose decision may depend on the rows that it changes. */
export interface Asked {
  readonly command: Command;
  readonly text: Buffer;
  /** With what EXECUTE and FETCH stand for in their place. */
  readonly understood: Understood;
  readonly bind?: { readonly message: Bind; readonly types: readonly number[] };
  /** It was held, and may be tried again. */
  readonly again: HeldCommand | undefined;
  /** It was run, changed so many rows, and was undone. */
  readonly undone?: RowCount | undefined;
  /** It comes back with the rows that it brings. */
  readonly kept?: boolean;
}

/** Policy's word. */
export interface Decided {
  readonly admitted: Passage | Refusal | NeedsApproval;
  /** Rows that it would change, where they were counted. */
  readonly rows?: number | undefined;
  /** The number is not a matter of the target's: nothing has to be undone, whatever it does. */
  readonly sure: boolean;
}

interface Rows {
  readonly rows: RowCount;
  readonly sure: boolean;
}

const uncountable = (why: string): Rows => ({ rows: { uncountable: why }, sure: false });

/** Counts the rows that a message would change, where policy's word depends on them, in the client's session and before it runs. */
export class Counting {
  readonly #admission: Admission;

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  /** Policy's word on a message: at once, where it does not have to be counted. */
  decide(asked: Asked): Decided | Promise<Decided> {
    const { gated } = this.#admission.link;
    const { command, again, undone, kept } = asked;
    // By far the most are neither.
    const known = again || undone !== undefined || kept ? { ...(again ? { again } : {}), ...(undone === undefined ? {} : { rows: undone }), ...(kept ? { kept } : {}) } : undefined;
    const admitted = gated.admit(command, known);
    if (!isNeedsCount(admitted)) return { admitted, rows: typeof undone === 'number' ? undone : undefined, sure: false };
    const rows = this.#known(asked);
    return 'pieces' in rows ? this.#counted(asked, rows, admitted.threshold) : this.#decided(asked, rows);
  }

  /** Policy's word on what is not counted: it has been bound before, or runs nothing. */
  uncounted(command: Command): Decided['admitted'] {
    const admitted = this.#admission.link.gated.admit(command);
    return isNeedsCount(admitted) ? this.#decided({ command, again: undefined }, uncountable('it is executed without being bound anew')).admitted : admitted;
  }

  #decided({ command, again }: Pick<Asked, 'command' | 'again'>, { rows, sure }: Rows): Decided {
    const { gated } = this.#admission.link;
    const admitted = gated.admit(command, { ...(again ? { again } : {}), rows });
    return {
      admitted: isNeedsCount(admitted) ? gated.refuse('internal', 'the rows that it changes are not known', command) : admitted,
      ...(typeof rows === 'number' ? { rows } : {}),
      sure,
    };
  }

  /** What is known without asking the target, or what to ask it. */
  #known({ command, understood, bind }: Asked): Rows | CountQuery {
    const { link, tracking } = this.#admission;
    const follows = this.#admission.series.ran || link.inImplicitBlock;
    // In a failed block the target runs nothing but its end.
    if (link.status === 'E' || command.effects.every(({ class: granted }) => granted === 'read' || granted === 'session')) return { rows: 0, sure: true };
    const change = messageRowChange(understood);
    if (change.countable && change.kind === 'insert') return { rows: change.rows, sure: true };
    const touches = predicateTouchesProtected(understood, link.gated.masks, tracking.catalog);
    if (!change.countable) {
      const undoable = !follows && !touches && takenBack(understood, bind !== undefined);
      return { rows: { uncountable: change.why, ...(undoable ? { undoable } : {}) }, sure: false };
    }
    if (touches) return uncountable(PROTECTED);
    return follows ? uncountable(IN_SERIES) : change.count;
  }

  /** Up to the threshold first, which is all that most decisions need; further when people are to see how many it would be. */
  async #counted(asked: Asked, query: CountQuery, threshold: number): Promise<Decided> {
    const { link } = this.#admission;
    const { cancels } = link;
    const first = await this.#count(asked, query, threshold);
    // The client cancelled it: nothing else was running.
    if (link.cancels !== cancels) return this.#cancelled(asked);
    if (first === undefined) return this.#decided(asked, uncountable(NOT_IN_TIME));
    const decided = this.#decided(asked, { rows: first, sure: false });
    if (first <= threshold || !isNeedsApproval(decided.admitted)) return decided;
    const all = await this.#count(asked, query, MOST_FOR_PEOPLE);
    if (link.cancels !== cancels) return this.#cancelled(asked);
    if (all === undefined) return this.#decided(asked, uncountable(NOT_IN_TIME));
    return this.#decided(asked, all > MOST_FOR_PEOPLE ? uncountable(`it would change more than ${MOST_FOR_PEOPLE} rows`) : { rows: all, sure: false });
  }

  #cancelled({ command, again }: Asked): Decided {
    again?.leave('cancelled');
    return { admitted: this.#admission.link.gated.refuse('cancelled', 'canceling statement due to user request', command), sure: false };
  }

  /** Rows that match now, at most one more than `limit`; undefined when the target would not tell. */
  async #count({ text, bind }: Asked, query: CountQuery, limit: number): Promise<number | undefined> {
    const { link } = this.#admission;
    const { sql, parameters } = boundedCount(text, query, limit);
    const savepoint = link.status === 'T' ? savepointName() : undefined;
    const [open, close] = savepoint === undefined ? OUTSIDE : [[`SAVEPOINT ${savepoint}`, 'SET TRANSACTION READ ONLY', COUNT_TIME], [`ROLLBACK TO SAVEPOINT ${savepoint}`, `RELEASE SAVEPOINT ${savepoint}`]];
    const run = (statements: readonly OwnStatement[]): ReturnType<typeof lookups> => link.whileOpen(lookups(link, 'count', statements));
    const opened = open.map((each): OwnStatement => ({ sql: each }));
    try {
      const declared = bind?.types ?? [];
      const unknown = parameters.some((number) => (declared[number - 1] ?? 0) === 0);
      const types = bind && unknown ? (await run([...opened, { sql: text.toString('utf8'), types: declared, describe: true }])).at(-1)?.types : declared;
      const values = bind?.message.values ?? [];
      const counted = await run([
        ...(bind && unknown ? [] : opened),
        { sql, types: forCount(parameters, types ?? [], TEXT), formats: forCount(parameters, expanded(bind), 0), values: forCount(parameters, values, null) },
      ]);
      const rows = counted.at(-1)?.rows[0]?.[0];
      return typeof rows === 'string' && /^\d+$/.test(rows) ? Number(rows) : undefined;
    } catch {
      return undefined;
    } finally {
      await run(close.map((each) => ({ sql: each }))).catch(() => {});
      // A transaction of the gateway's own must not stay open behind the client's back.
      if (savepoint === undefined && link.status !== 'I') link.end(link.gated.refuse('internal', 'the target did not end a transaction of the gateway'));
    }
  }
}

/** Not DEFERRABLE, whatever the session's default: that waits for other transactions before the limit on time is in force. */
const OUTSIDE = [['BEGIN READ ONLY, NOT DEFERRABLE', COUNT_TIME], ['ROLLBACK']] as const;

/** One format for each value. */
const expanded = (bind: Asked['bind']): readonly Format[] => {
  if (!bind) return [];
  const { formats, values } = bind.message;
  return values.map((_, at) => (formats.length === 1 ? formats[0] : formats[at]) ?? 0);
};

/**
 * Loads of many rows that are not counted: whether a rollback takes back what they do, and the target says how many it was. COPY by the
 * extended protocol is left out: its data would come between the messages of a series.
 */
const takenBack = ({ statements, unparsed }: Understood, extended: boolean): boolean => {
  const [only] = statements;
  if (unparsed || statements.length !== 1 || !only) return false;
  const { tag, timing, copy, effects } = only.facts;
  if (timing !== 'transactional' || effects.some(({ class: granted, verb }) => granted === 'unknown' || verb === 'trigger' || verb === 'call')) return false;
  return tag === 'insert' || (tag === 'copy' && copy?.direction === 'in' && !extended);
};
