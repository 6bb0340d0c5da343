import { recordedText } from '../../masking/recorded.ts';
import { isRefusal, type Refusal } from '../../model/decision.ts';
import type { Understood } from '../../sql/understand.ts';
import { isNeedsApproval, type Passage, type RowCount } from '../../pipeline/gate.ts';
import type { HeldCommand } from '../../pipeline/held.ts';
import { after, type Admission, type Wait } from './admission.ts';
import type { Answer } from './answer.ts';
import { recordedWhole } from './bound.ts';
import { commandOf, waitsBeforeForward } from './commands.ts';
import type { Decided } from './counting.ts';
import { bringsData, collect, replay, type Covered } from './covered-copy.ts';
import { toClient } from './encode.ts';
import { SqlState } from './errors.ts';
import { examine, type Examined } from './examine.ts';
import type { Frame } from './frames.ts';
import { AFTER_GUARDED, needsGuard, NOT_OPENED, openGuard } from './guarding.ts';
import { refusedCommand, serverWording, type Wording } from './refuse.ts';
import { Series } from './series.ts';

/** One Query on its way to the target. */
interface Query {
  readonly frame: Frame;
  readonly text: Buffer;
  /** As it came, and with what EXECUTE and FETCH stand for in their place. */
  readonly outer: Understood;
  readonly understood: Understood;
  readonly again: HeldCommand | undefined;
  /** It was run, changed so many rows, and was undone. */
  readonly undone: RowCount | undefined;
  /** The rows that it brings, for people to approve with it. */
  readonly covered: Covered | undefined;
}

/** The simple protocol: one Query, any number of statements, all of them or none. */
export class SimpleQueries {
  readonly #admission: Admission;

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  /**
   * @param again it was held, and may be tried again
   * @param undone it was run, changed so many rows, and was undone
   * @param covered the rows that it brings, for people to approve with it
   */
  query(frame: Frame, again?: HeldCommand, undone?: RowCount, covered?: Covered): Wait {
    const { body } = frame;
    const text = body.subarray(0, -1);
    if (body.at(-1) !== 0 || text.includes(0)) return this.#admission.violation('the text of a Query is not one string');
    return this.#whenReady(() => {
      const long = this.#admission.tooLong(text);
      if (long !== undefined) return this.#refuse(this.#admission.link.gated.refuse('limit', long));
      return after(this.#admission.understand(text), (understood) => after<void>(this.#admission.freshen(understood), () => this.#admit({ frame, text, outer: understood, understood: this.#admission.resolve(understood), again, undone, covered })));
    });
  }

  /** FunctionCall, the fast path: nothing of it could be judged. */
  functionCall(): Wait {
    return this.#whenReady(() => this.#refuse(this.#admission.link.gated.refuse('protocol', 'function calls by the fast path are not supported: use SELECT (pg_dump reads large objects so: give it --no-large-objects, before version 16 --no-blobs)'), SqlState.feature_not_supported));
  }

  #whenReady(then: () => Wait): Wait {
    const admission = this.#admission;
    if (admission.series.guarded) return admission.flushed().then(() => this.#refuse(admission.link.gated.refuse('limit', AFTER_GUARDED)));
    // Something before it has failed, and only Sync ends that: the server drops it as well. A look-up of the gateway's own would end it.
    const unlessSkipped = (): Wait => (admission.link.owed.skipping ? undefined : then());
    return after<void>(admission.sendDeferred(), () => admission.whenReady(unlessSkipped, (why) => this.#refuse(why)));
  }

  #admit(query: Query): Wait {
    const { text, outer, understood, again, undone, covered } = query;
    const admission = this.#admission;
    const { link, tracking } = admission;
    const { gated } = link;
    const recorded = recordedWhole(link, outer, understood, recordedText(text, understood, gated.masks, tracking.catalog));
    const command = commandOf({ understood, catalog: tracking.catalog, recorded, bytes: text.length });
    const full = understood.statements.some(({ facts: { named } }) => named?.kind === 'prepare' || named?.kind === 'declare') ? link.noRoomFor(text.length) : undefined;
    if (full !== undefined) return this.#refuse(gated.refuse('limit', full, command));
    const examined = examine(gated, tracking, understood, command);
    if (isRefusal(examined)) return this.#refuse(examined, serverWording(examined, understood));
    const decided = admission.counting.decide({ command, text, understood, again, kept: covered !== undefined, ...(undone === undefined ? {} : { undone }) });
    const go = ({ admitted, rows, sure }: Decided): Wait => {
      if (!isNeedsApproval(admitted)) return this.#run(query, admitted, examined, sure);
      if (admitted.coverData !== undefined && !covered && bringsData(understood)) {
        again?.leave('ended');
        return collect(admission, { command, understood, most: admitted.coverData }, (end) => (isRefusal(end) ? this.#refuse(end) : this.query(query.frame, undefined, undefined, end)));
      }
      return admission.approve(admitted, { text, understood: outer, ...(covered ? { data: covered.data } : {}) }, { again, rows, undone: undone !== undefined }, (passage) => this.#run(query, passage, examined, sure), (held) => this.query(query.frame, held, undefined, covered));
    };
    return decided instanceof Promise ? link.whileOpen(decided).then(go) : go(decided);
  }

  /** @param sure its rows need not be checked */
  #run(query: Query, passage: Passage | Refusal, examined: Examined, sure: boolean): Wait {
    const { link } = this.#admission;
    const { text, understood } = query;
    if (isRefusal(passage)) return this.#refuse(passage, serverWording(passage, understood));
    const answer = link.admitted(passage, text, understood, examined);
    const unmaskable = this.#admission.underMasksInForce(answer);
    if (unmaskable) {
      link.abandon(answer);
      return this.#refuse(unmaskable);
    }
    answer.covered = query.covered;
    return needsGuard(passage, { sure }) ? this.#guarded(query, answer) : this.#send(query, answer);
  }

  /** Runs in a block or a savepoint of the gateway's own. What changes too many rows is undone, and decided once more with what is known then. */
  async #guarded(query: Query, answer: Answer): Promise<void> {
    const { link } = this.#admission;
    const copies = query.understood.statements.some(({ facts: { copy } }) => copy !== undefined);
    answer.guard = await link.whileOpen(openGuard(link, answer.passage, copies));
    if (!answer.guard) {
      link.abandon(answer);
      return this.#refuse(link.gated.refuse('internal', NOT_OPENED, answer.passage.command));
    }
    await this.#send(query, answer);
    link.target.flush();
    // While the client sends data, its messages have to be read on.
    if (copies) return;
    const undone = await link.whileOpen(answer.guard.over);
    if (undone !== undefined) await this.query(query.frame, undefined, undone);
  }

  #send({ frame, understood }: Query, answer: Answer): Wait {
    const admission = this.#admission;
    const { link } = admission;
    const { passage } = answer;
    this.#dropUnnamed();
    const sent = admission.withPermit(passage, waitsBeforeForward(understood, link.inBlock && !admission.series.forwarded), (permit) => {
      link.owe({ kind: 'query', own: false, context: { answer } });
      answer.started = true;
      answer.endsMore = understood.statements.length > 1 || admission.series.forwarded;
      if (admission.series.forwarded && (admission.series.control || link.status !== 'T')) link.withinSeries = true;
      if (bringsData(understood)) link.brings(answer);
      admission.run += 1;
      for (const { facts } of understood.statements) admission.sent(facts);
      link.pass(permit, frame);
      admission.series = new Series();
    });
    const { covered } = answer;
    return covered ? after<void>(sent, () => replay(admission, answer, covered)) : sent;
  }

  /** Any Query drops the unnamed statement and portal, before its text is read. */
  #dropUnnamed(): void {
    const { prepared, portals } = this.#admission.link;
    prepared.confirm('', undefined);
    portals.drop('');
  }

  /** Outside a block nothing of the message runs; inside one the target is made to fail as by its own permission error. */
  #refuse(refused: Refusal, wording?: Wording): Wait {
    const { link, back, series } = this.#admission;
    this.#dropUnnamed();
    const error = refusedCommand(refused, wording);
    if (link.status === 'I' && !series.forwarded) {
      back.simulate(Buffer.concat([error, toClient.readyForQuery('I')]));
    } else link.failTarget(error);
    this.#admission.series = new Series();
    return undefined;
  }
}
