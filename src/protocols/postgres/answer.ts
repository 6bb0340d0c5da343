import type { AnswerPlan, MaskSet } from '../../masking/plan.ts';
import { createCopyOutMasker, type CopyOutMasker } from '../../masking/copy-out.ts';
import { createRowMasker, type RowMasker } from '../../masking/rows.ts';
import type { Timing } from '../../model/command.ts';
import type { Refusal } from '../../model/decision.ts';
import type { Outcome } from '../../model/outcome.ts';
import type { Placed } from '../../pipeline/crowd.ts';
import type { Passage } from '../../pipeline/gate.ts';
import type { Understood, UnderstoodStatement } from '../../sql/understand.ts';
import type { Guard } from './guard.ts';
import type { Covered } from './covered-copy.ts';
import type { Examined } from './examine.ts';
import type { FieldDescription } from './messages.ts';
import type { Standing } from './standing.ts';

/** One admitted message on its way back: which statement is answering, what has come, how it is masked. */
export class Answer implements Placed {
  place = -1;
  readonly passage: Passage;
  readonly understood: Understood;
  /** The client's text, for the names that it defines. */
  readonly text: Buffer;
  /** What the client is told when the target fails because the gateway made it fail. */
  errorInstead: Buffer | undefined;
  /** What it runs in, when it may change only so many rows. */
  guard: Guard | undefined;
  /** Rows that people have approved with it: they are sent in the client's place. */
  covered: Covered | undefined;
  /** What the names in it stood for when it was admitted; undefined when it has none. */
  standing: Standing | undefined;
  /** Undefined when no mask applies to the session at all. */
  #plans: readonly AnswerPlan[] | undefined;
  #under: MaskSet;
  /** The statement that answers now. */
  #statement = 0;
  #masker: RowMasker | undefined;
  #copyMasker: CopyOutMasker | undefined;
  #rows = 0;
  #rowsOfStatement = 0;
  #affected: number | undefined;
  #tag: string | undefined;
  #code: string | undefined;
  #masked: Record<string, number> | undefined;
  /** Why the rest of the answer is not given to the client. */
  withheld: Refusal | undefined;
  /** The outcome was handed to the log. */
  ended = false;
  /** The message that runs it was sent to the target. */
  started = false;
  /** A Query of several statements, or behind an open series: the transaction that ends with it is not its last statement's alone. */
  endsMore = false;
  /** The portal stopped at its row limit and may be resumed. */
  suspended = false;

  constructor(passage: Passage, text: Buffer, understood: Understood, { plans, masks }: Examined) {
    this.passage = passage;
    this.text = text;
    this.understood = understood;
    this.#plans = plans;
    this.#under = masks;
  }

  /** It is masked as these masks want it. */
  isUnder(masks: MaskSet): boolean {
    return this.#under === masks;
  }

  /** It was examined again, under other masks: they hold for the rows that come of what is sent from here on. */
  put({ plans, masks }: Examined): void {
    this.#plans = plans;
    this.#under = masks;
  }

  get timing(): Timing {
    return this.passage.command.timing;
  }

  /** What the record has to wait for before more of it may come. */
  get room(): Promise<void> | undefined {
    return this.ended ? undefined : this.passage.room;
  }

  get statement(): UnderstoodStatement | undefined {
    return this.understood.statements[this.#statement];
  }

  /**
   * The last statement of a Query, when the Query fails there. The target tells that it is done only when the transaction has ended behind it: it may be
   * that it was done, and that the end failed.
   */
  get perhapsDone(): UnderstoodStatement | undefined {
    return this.endsMore && this.#statement === this.understood.statements.length - 1 ? this.statement : undefined;
  }

  /** Plan of the statement that answers now; a statement that was not foreseen has none and is withheld when masks apply. */
  get #plan(): AnswerPlan | undefined {
    return this.#plans?.[this.#statement];
  }

  /** Some mask applies to the session: what the target says of the columns decides what happens to the rows. */
  get masks(): boolean {
    return this.#plans !== undefined;
  }

  /** Rows pass as they are and need not be held whole. */
  get streams(): boolean {
    return this.withheld === undefined && (this.#plans === undefined || this.#plan?.pass === true || this.#masker?.pass === true) && this.passage.decision.maxRows === undefined;
  }

  /** Rows are masked many at once: those that have arrived whole. */
  get masksRuns(): boolean {
    return this.withheld === undefined && this.#masker !== undefined && this.#plan?.pass !== true && this.passage.decision.maxRows === undefined;
  }

  /** Many rows come at once, and no detector looks through them: little is done with each byte. */
  get goesUnsearched(): boolean {
    return this.streams || (this.masksRuns && this.#plan?.detect.length === 0);
  }

  /** The answer may have to be withheld midway: nothing behind it may be sent before it has ended. */
  get mayBeWithheld(): boolean {
    // Rows go the other way, and its end comes only with the client's Sync: waiting for it first would be waiting for ever.
    if (this.statement?.facts.copy?.direction === 'in') return false;
    return this.passage.decision.maxRows !== undefined || (this.#plans !== undefined && !this.#plans.every(({ pass }) => pass));
  }

  describe(fields: readonly FieldDescription[]): void {
    this.#collectMasked();
    const plan = this.#plan;
    this.#masker =
      plan && !plan.pass
        ? createRowMasker(
            plan,
            fields.map(({ modifier, ...field }) => ({ ...field, typmod: modifier })),
          )
        : undefined;
  }

  countRows(rows: number): void {
    this.#rows += rows;
    this.#rowsOfStatement += rows;
  }

  /** More rows than policy lets one command return. */
  get overLimit(): boolean {
    const most = this.passage.decision.maxRows;
    return most !== undefined && this.#rowsOfStatement > most;
  }

  /** The DataRow body as the client may see it, or why it may not be seen. */
  mask(body: Buffer): Uint8Array | 'withhold' {
    if (this.#plans === undefined || this.#plan?.pass === true) return body;
    // Without a description nobody can tell which cell is which.
    return this.#masker ? this.#masker.mask(body) : 'withhold';
  }

  /** The same for whole DataRow messages, one behind the other. */
  maskRun(messages: Buffer): Buffer | 'withhold' {
    return this.#masker ? this.#masker.maskRun(messages) : 'withhold';
  }

  /** What `maskRun` gave last is with the client's socket, and its memory free. */
  reuseRun(): void {
    this.#masker?.reuse();
  }

  /** The payload of a CopyData message as the client may see it. */
  maskCopy(body: Buffer): Uint8Array | 'withhold' {
    if (this.#plans === undefined || this.#plan?.pass === true) return body;
    const plan = this.#plan;
    if (!plan) return 'withhold';
    // COPY of protected columns was refused; what is left is to look for what detectors find.
    this.#copyMasker ??= createCopyOutMasker(plan);
    return this.#copyMasker?.mask(body) ?? body;
  }

  /** A statement of the message is done. */
  complete(tag: string): void {
    this.#note(tag);
    this.#collectMasked();
    this.#statement += 1;
    this.#rowsOfStatement = 0;
  }

  /** Rows that it has changed so far, where the target said so. */
  get affected(): number | undefined {
    return this.#affected;
  }

  /** It changed too many rows, and was undone. */
  undo(sqlState: string): void {
    this.fail(sqlState);
    this.#affected = undefined;
    this.#rows = 0;
  }

  fail(sqlState: string | undefined): void {
    this.#code = sqlState ?? 'XX000';
  }

  get failed(): boolean {
    return this.#code !== undefined;
  }

  outcome(status?: Outcome['status']): Outcome {
    this.#collectMasked();
    const outcome: { -readonly [Key in keyof Outcome]: Outcome[Key] } = { status: status ?? (this.#code !== undefined ? 'error' : this.withheld ? 'withheld' : 'ok') };
    if (this.#code !== undefined) outcome.code = this.#code;
    if (this.#tag !== undefined) outcome.tag = this.#tag;
    if (this.#rows > 0) outcome.rowsReturned = this.#rows;
    if (this.#affected !== undefined) outcome.rowsAffected = this.#affected;
    if (this.#masked !== undefined) outcome.masked = { ...this.#masked };
    return outcome;
  }

  /** `INSERT 0 5`, `UPDATE 3`, `SELECT 2`, `CREATE TABLE`: words and counts of the target's own. */
  #note(tag: string): void {
    if (tag !== lastTag.tag) lastTag = readTag(tag);
    this.#tag = lastTag.words;
    if (lastTag.affected !== undefined) this.#affected = (this.#affected ?? 0) + lastTag.affected;
  }

  #collectMasked(): void {
    if (this.#masker === undefined && this.#copyMasker === undefined) return;
    for (const masker of [this.#masker, this.#copyMasker]) {
      for (const [name, count] of masker?.counts ?? []) (this.#masked ??= {})[name] = (this.#masked[name] ?? 0) + count;
    }
    this.#masker = this.#copyMasker = undefined;
  }
}

interface CommandTag {
  readonly tag: string;
  readonly words: string | undefined;
  readonly affected: number | undefined;
}

const readTag = (tag: string): CommandTag => {
  const [, words = '', count] = /^([A-Z][A-Z ]*?)(?: 0(?= ))?(?: (\d+))?$/.exec(tag) ?? [];
  return { tag, words: words || undefined, affected: count !== undefined && /^(INSERT|UPDATE|DELETE|MERGE|COPY)$/.test(words) ? Number(count) : undefined };
};

/** The same comes again and again. */
let lastTag = readTag('');
