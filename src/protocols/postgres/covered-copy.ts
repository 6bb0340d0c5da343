import { SpoolFull, type Spool } from '../../approvals/spool.ts';
import { BinaryCopyParser } from '../../masking/copying-binary.ts';
import { copyForm, CopyMalformed, TextCopyParser } from '../../masking/copying.ts';
import type { CoveredData } from '../../model/approval.ts';
import type { Command } from '../../model/command.ts';
import { isRefusal, type Refusal } from '../../model/decision.ts';
import type { CopyFacts } from '../../sql/facts.ts';
import type { Understood } from '../../sql/understand.ts';
import type { Admission, Wait } from './admission.ts';
import type { Answer } from './answer.ts';
import { Frontend } from './codes.ts';
import { copyIn } from './copy-in.ts';
import { decodeFrontend } from './decode.ts';
import { toClient, toServer } from './encode.ts';
import { Frame, HEADER, type Run } from './frames.ts';
import type { CopyIn, Link } from './link.ts';

/** Data is looked at and kept in pieces of so many bytes, so that a long message does not keep others waiting. */
const SLICE = 64 * 1024;

const NOT_ALONE = 'needs approval, and people approve its rows with it: send COPY in a message of its own';
const FAILED_BLOCK = 'needs approval, and the transaction has failed: end it first';
const COLUMNS = 'needs approval, and the columns that COPY writes are not known';
const NOT_KEPT = 'needs approval, and its data could not be kept';

/** Rows of COPY FROM STDIN that were kept, so that people approve them together with the statement. */
export interface Covered {
  readonly spool: Spool;
  readonly data: CoveredData;
}

/** COPY FROM STDIN. */
export const bringsData = ({ statements }: Understood): boolean => statements.some(({ facts: { copy } }) => copy?.direction === 'in');

/** What people are asked about, and what to keep of it. */
export interface Wanted {
  readonly command: Command;
  readonly understood: Understood;
  /** Most bytes. */
  readonly most: number;
}

/**
 * Asks the client for its rows in the target's place, and keeps them. The target has seen nothing of the command, and does not before people have
 * approved it. `then` gets the rows once they are all there, or why they are not; when it is done the rows are forgotten.
 */
export const collect = async (admission: Admission, { command, understood, most }: Wanted, then: (end: Covered | Refusal) => Wait): Promise<void> => {
  const { link } = admission;
  const { gated } = link;
  const copy = understood.statements[0]?.facts.copy;
  const unable = !copy || understood.statements.length !== 1 ? NOT_ALONE : link.status === 'E' ? FAILED_BLOCK : copy.columns.length === 0 ? COLUMNS : undefined;
  if (!copy || unable !== undefined) return then(gated.refuse('approval_required', unable ?? NOT_ALONE, command));
  const { session } = gated;
  let spool: Spool;
  try {
    spool = await admission.spools.open(`${session.principal.identity} ${session.connection}`, most);
  } catch (error) {
    link.log.error({ error: error instanceof Error ? error.message : 'unknown' }, 'data for an approval could not be kept');
    return link.whileOpen(Promise.resolve()).then(() => then(gated.refuse('internal', NOT_KEPT, command)));
  }
  if (link.over) {
    spool.close();
    return;
  }
  link.spool = spool;
  const forget = (): void => {
    spool.close();
    link.spool = undefined;
  };
  link.collecting = new Collecting(link, { command, copy, spool, guard: link.copyGuard(copy, admission.tracking.catalog) }, (end) => {
    link.collecting = undefined;
    if (!isRefusal(end)) return Promise.resolve(then(end)).finally(forget);
    forget();
    return then(end);
  });
  admission.back.simulate(toClient.copyInResponse(copy.format === 'binary' ? 1 : 0, copy.columns.length));
};

/** Sends the rows that people have approved, through all that rows pass which come from the client. */
export const replay = async (admission: Admission, answer: Answer, { spool }: Covered): Promise<void> => {
  const { link } = admission;
  await link.whileOpen(admission.idle());
  const copy = link.copyIn;
  // The target would not have it, and has said so.
  if (copy?.answer !== answer) return;
  for await (const piece of spool.read()) {
    if (link.over) return;
    // It may fail at the target in the middle.
    if (link.copyIn !== copy) return;
    await copyIn(admission, new Frame(Frontend.CopyData, toServer.copyData(piece), HEADER));
    if (!link.target.flush()) await link.whileOpen(new Promise<void>((resolve) => link.target.drained(resolve)));
  }
  if (link.copyIn === copy && !link.over) await copyIn(admission, new Frame(Frontend.CopyDone, toServer.copyDone, HEADER));
};

interface Parts {
  readonly command: Command;
  readonly copy: CopyFacts;
  readonly spool: Spool;
  readonly guard: CopyIn['guard'];
}

/** The client is sending rows that are kept. */
export class Collecting {
  readonly #link: Link;
  readonly #parts: Parts;
  readonly #rows: RowCounter;
  readonly #over: (end: Covered | Refusal) => Wait;
  #taking = false;
  #cancelled = false;

  constructor(link: Link, parts: Parts, over: (end: Covered | Refusal) => Wait) {
    this.#link = link;
    this.#parts = parts;
    this.#rows = new RowCounter(parts.copy);
    this.#over = over;
  }

  /** CopyData, CopyDone or CopyFail of the client. */
  async take(event: Frame | Run): Promise<void> {
    this.#taking = true;
    const end = event instanceof Frame ? await this.#taken(event) : this.#refuse('protocol', 'COPY data came in pieces that cannot be kept');
    this.#taking = false;
    if (this.#link.over) return;
    if (this.#cancelled) await this.#over(this.#cancel());
    else if (end) await this.#over(end);
  }

  /** The client asks for it to be cancelled. */
  cancel(): boolean {
    if (this.#link.over) return false;
    this.#cancelled = true;
    if (!this.#taking) void this.#over(this.#cancel());
    return true;
  }

  #refuse(...[code, message]: [Refusal['code'], string]): Refusal {
    return this.#link.gated.refuse(code, message, this.#parts.command);
  }

  #cancel(): Refusal {
    return this.#refuse('cancelled', 'canceling statement due to user request');
  }

  async #taken(event: Frame): Promise<Covered | Refusal | undefined> {
    const { spool, guard } = this.#parts;
    try {
      if (event.type === Frontend.CopyFail) {
        const message = decodeFrontend(event);
        return this.#refuse('cancelled', `COPY from stdin failed: ${message.kind === 'CopyFail' ? message.reason : ''}`);
      }
      if (event.type === Frontend.CopyDone) {
        const refused = guard?.(undefined);
        if (refused !== undefined) return this.#refuse('write_back', refused);
        const rows = this.#rows.end();
        return { spool, data: { bytes: spool.bytes, ...(rows === undefined ? {} : { rows }), sha256: await spool.finish() } };
      }
      const { body } = event;
      for (let at = 0; at < body.length && !this.#cancelled && !this.#link.over; at += SLICE) {
        const piece = body.subarray(at, at + SLICE);
        // People are not asked about what is refused whatever they say.
        const refused = guard?.(piece);
        if (refused !== undefined) return this.#refuse('write_back', refused);
        this.#rows.push(piece);
        await spool.add(piece);
      }
      return undefined;
    } catch (error) {
      if (error instanceof SpoolFull) return this.#refuse('limit', `needs approval, and ${error.message}`);
      if (this.#link.over) return undefined;
      this.#link.log.error({ error: error instanceof Error ? error.message : 'unknown' }, 'data for an approval could not be kept');
      return this.#refuse('internal', NOT_KEPT);
    }
  }
}

/** Rows as the form of the data has them, for people to see. */
class RowCounter {
  readonly #parser: TextCopyParser | BinaryCopyParser;
  #rows: number;
  #readable = true;

  constructor(facts: CopyFacts) {
    this.#rows = facts.format !== 'binary' && facts.header === true ? -1 : 0;
    const reader = { wants: () => false, field: () => {}, row: () => void (this.#rows += 1) };
    this.#parser = facts.format === 'binary' ? new BinaryCopyParser(reader) : new TextCopyParser(copyForm(facts), reader);
  }

  push(data: Uint8Array): void {
    this.#read(() => this.#parser.push(data));
  }

  /** Undefined when the data is not of its form: the target will say so. */
  end(): number | undefined {
    this.#read(() => this.#parser.end());
    return this.#readable ? Math.max(0, this.#rows) : undefined;
  }

  #read(work: () => void): void {
    if (!this.#readable) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof CopyMalformed)) throw error;
      this.#readable = false;
    }
  }
}
