import { recordedParameters, recordedText } from '../../masking/recorded.ts';
import { isRefusal, type Refusal } from '../../model/decision.ts';
import { isNeedsApproval, isNeedsCount, type Passage } from '../../pipeline/gate.ts';
import type { Permit } from '../../pipeline/permits.ts';
import type { Understood } from '../../sql/understand.ts';
import { after, CANCELLED, SERIES_CHANGED_NAMES, type Admission, type Wait } from './admission.ts';
import type { Answer } from './answer.ts';
import { recordedWhole } from './bound.ts';
import { decodedText, type Binding, type Guarded, type Judged, type Promised } from './binding.ts';
import { Frontend } from './codes.ts';
import { commandOf } from './commands.ts';
import { passSync } from './copy-syncs.ts';
import type { Decided } from './counting.ts';
import { bringsData, collect, replay } from './covered-copy.ts';
import { decodeFrontend } from './decode.ts';
import { toClient, toServer } from './encode.ts';
import { SqlState } from './errors.ts';
import { EndOfSeries } from './end-of-series.ts';
import { examine } from './examine.ts';
import type { Frame } from './frames.ts';
import type { Guard } from './guard.ts';
import { AFTER_GUARDED, needsGuard, NOT_OPENED, openGuard, undo } from './guarding.ts';
import { describeOwn, lookups } from './lookup.ts';
import type { Close, Describe, Execute, FrontendMessage, Parse } from './messages.ts';
import { recordedFetch, recordedForm, RESERVED, unusableName, type Prepared } from './namespace.ts';
import type { Portal } from './portals.ts';
import { refusedCommand, serverWording, unparsableText, type Wording } from './refuse.ts';
import { onlyDefines, SERIES_CHANGED_OBJECTS } from './series.ts';
import { bringsBack, changesNames, looksUpWhenRun, needsNames } from './settings.ts';
import { definesNames, standingOf, standsForOthers, stillStands, whenNamed } from './standing.ts';

const NOT_UTF8 = { sqlState: SqlState.character_not_in_repertoire, message: 'invalid byte sequence for encoding "UTF8"' } as const;
const NO_STATEMENT = 'the prepared statement does not exist';
const MOVED = 'what its names mean may have changed since it was bound: bind it anew';
const DEFINED_ANEW = 'what it executes or fetches from was defined anew since it was bound: bind it anew';
const NOT_FIRST = 'needs approval, and people approve its rows with it: something was sent before it in the same series, send Sync first';

/**
 * The extended protocol. A command is admitted at Bind, where the target may first run something (planning, input of
 * parameters), and goes on at Execute. Parse runs nothing: it is judged, and sent as housekeeping.
 */
export class ExtendedQueries {
  readonly #admission: Admission;
  #guarded: WeakMap<Answer, Guarded> | undefined;
  readonly #end: EndOfSeries;

  constructor(admission: Admission) {
    this.#admission = admission;
    this.#end = new EndOfSeries(admission);
  }

  /** A message of a series. A series is decided from a known state: its first message waits for the answers of all before it. */
  message(event: Frame): Wait {
    const message = decodedText(event);
    const { series } = this.#admission;
    const binds = event.type === Frontend.Bind;
    // Flush is answered by nothing, and a target that reads COPY data ignores it.
    if (event.type === Frontend.Password || (event.type === Frontend.Flush && series.deferred.length === 0)) return this.#take(event, message);
    if (series.barrier === undefined && (binds || series.deferred.length === 0) && (series.forwarded || this.#admission.ready)) return this.#take(event, message);
    // A Bind may have to wait for people: what was deferred is sent with it.
    return this.#whenKnown(() => (binds ? this.#take(event, message) : after<void>(this.#admission.sendDeferred(), () => this.#take(event, message))));
  }

  #take(event: Frame, message: FrontendMessage | undefined): Wait {
    const { link } = this.#admission;
    if (message === undefined) return this.#refuseSeries(link.gated.refuse('protocol', 'a text is not valid UTF-8'), NOT_UTF8);
    switch (message.kind) {
      case 'Parse':
        return this.#parse(event, message);
      case 'Bind':
        return this.#bind({ frame: event, message, again: undefined, undone: undefined, covered: undefined });
      case 'Describe':
        return this.#describe(event, message);
      case 'Execute':
        return this.#execute(event, message);
      case 'Close':
        return this.#close(event, message);
      case 'Flush':
        link.pass(link.gated.housekeeping('sync'), event);
        return undefined;
      default:
        return this.#admission.violation(`a ${message.kind} message was not expected`);
    }
  }

  #whenKnown(then: () => Wait): Wait {
    const { series } = this.#admission;
    if (series.barrier) return this.#passBarrier().then(() => (this.#admission.series.discarding ? undefined : then()));
    return series.forwarded ? then() : this.#admission.whenReady(then, (why) => this.#refuseSeries(why));
  }

  /** Waits for an answer that may be withheld. When it was, the target's transaction is made to fail and the series is over. */
  async #passBarrier(): Promise<void> {
    const { series } = this.#admission;
    for (let answer = series.barrier; answer; answer = series.barrier) {
      await this.#admission.link.whileOpen(this.#admission.idle());
      series.barrier = undefined;
      // COPY data is asked for: only now is it known that this message comes in the middle of it.
      if (this.#admission.link.copyIn) return this.#admission.violation('a message came in the middle of COPY data');
      if (answer.withheld !== undefined) this.#failSeries(null);
      else if (answer.guard?.verdict !== undefined) await this.#settleGuard(answer, answer.guard, answer.guard.verdict);
    }
  }

  /** A guarded statement was executed. In a block of the client's its savepoint goes at once; a block of the gateway's own ends with Sync. */
  async #settleGuard(answer: Answer, guard: Guard, rows: NonNullable<Guard['verdict']>): Promise<void> {
    const { link, series } = this.#admission;
    if (rows === 'passed') {
      if (guard.savepoint === undefined) return;
      const kept = await link.whileOpen(lookups(link, 'guard', [{ sql: guard.keep }]).then(() => true, () => false));
      series.guarded = undefined;
      // Cancelled there, or out of time: the client's block has failed with it, and nothing of the statement lasts.
      if (!kept) this.#failSeries(refusedCommand(link.gated.refuse('cancelled', CANCELLED.message, answer.passage.command)));
      return;
    }
    const again = this.#guarded?.get(answer);
    await undo(link, guard);
    series.guarded = undefined;
    series.forwarded = series.ran = series.wrote = false;
    series.last = undefined;
    if (!again?.execute) return;
    link.portals.drop(again.message.portal);
    await this.#bindWhenReady({ frame: again.bind, message: again.message, again: undefined, undone: { ...again, execute: again.execute, rows }, covered: undefined });
  }

  #refuseSeries(refused: Refusal, wording?: Wording): Wait {
    const error = refusedCommand(refused, wording);
    if (this.#admission.link.status === 'I' && !this.#admission.series.forwarded) {
      this.#admission.series.discarding = true;
      this.#admission.back.simulate(error);
    } else this.#failSeries(error);
    return undefined;
  }

  /** Sends, in the refused message's place, one that cannot parse: the target skips to Sync and its transaction fails. */
  #failSeries(insteadOfError: Buffer | null): void {
    const link = this.#admission.link;
    this.#admission.series.discarding = true;
    this.#admission.series.forwarded = true;
    link.send(link.gated.housekeeping('fail'), toServer.parse(`${RESERVED}refused`, unparsableText(link.gated.session.id)));
    link.owe({ kind: 'parse', own: true, context: { insteadOfError } });
  }

  #nameRefused(name: string): Refusal | undefined {
    const refused = name === '' ? undefined : unusableName(name);
    return refused && this.#admission.link.gated.refuse(refused.code, refused.why);
  }

  #parse(frame: Frame, message: Parse): Wait {
    const link = this.#admission.link;
    const { gated } = link;
    const unusable = this.#nameRefused(message.statement);
    if (unusable) return this.#refuseSeries(unusable);
    const text = Buffer.from(message.text, 'utf8');
    const full = link.noRoomFor(message.statement === '' ? 0 : text.length);
    if (full !== undefined) return this.#refuseSeries(gated.refuse('limit', full));
    if (text.length > this.#admission.limits.statement) return this.#refuseSeries(gated.refuse('limit', `the statement has ${text.length} bytes; at most ${this.#admission.limits.statement} are read`));
    if (this.#admission.series.changesNames) return this.#refuseSeries(gated.refuse('not_understood', SERIES_CHANGED_NAMES));
    const { types } = this.#admission.tracking.catalog;
    if (message.parameterTypes.some((oid) => types.some((type) => type.oid === oid && type.foreignCheck === true))) {
      return this.#refuseSeries(gated.refuse('not_understood', 'a parameter is of a domain whose check runs code of its own'));
    }
    return after(this.#admission.understand(text), (understood) => {
      if (this.#admission.series.definesNames && standsForOthers(understood)) return whenNamed(this.#admission, () => this.#parse(frame, message));
      const recorded = recordedForm(recordedText(text, understood, gated.masks, this.#admission.tracking.catalog), gated.masks);
      const resolved = this.#admission.resolve(understood);
      if (this.#admission.series.changesObjects && !onlyDefines(resolved)) return this.#refuseSeries(gated.refuse('not_understood', SERIES_CHANGED_OBJECTS));
      const command = commandOf({ understood: resolved, catalog: this.#admission.tracking.catalog, recorded: recorded.text, bytes: text.length });
      const judged = gated.judge(command);
      if (isRefusal(judged)) return this.#refuseParse(message, judged, resolved);
      const prepared: Prepared = { text, by: 'parse', understood, under: this.#admission.tracking.under, parameterTypes: message.parameterTypes, recorded };
      const name = message.statement;
      link.prepared.propose(name, prepared);
      const send = (permit: Permit, answer?: Answer): void => {
        link.owe({
          kind: 'parse',
          own: false,
          context: {
            ...(answer ? { answer } : {}),
            done: (ok) => {
              if (ok) link.prepared.confirm(name, prepared);
              // The target drops the unnamed statement before it reads the new one.
              else if (name === '') link.prepared.confirm('', undefined);
            },
          },
        });
        link.pass(permit, frame);
      };
      const forward = (): Wait => {
        this.#admission.series.forwarded = true;
        // A Parse runs nothing, so it is only judged; where nothing at all may reach the target unrecorded, it is a command.
        if (gated.connection.evidence.mode !== 'strict') {
          send(gated.housekeeping('prepare'));
          return undefined;
        }
        const passage = this.#admission.counting.uncounted({ ...command, verb: 'prepare', timing: 'read', effects: [] });
        if (isRefusal(passage) || isNeedsApproval(passage)) return this.#refuseParse(message, isRefusal(passage) ? passage : gated.refuse('approval_required', 'needs approval', command), resolved);
        const answer = link.admitted(passage, text, resolved, { plans: undefined, masks: gated.masks });
        return this.#admission.withPermit(passage, false, (permit) => {
          answer.started = true;
          send(permit, answer);
        });
      };
      if (!judged || this.#admission.series.forwarded) return forward();
      // The target would keep locks on what the text names for as long as people think.
      this.#admission.series.deferred = [...this.#admission.series.deferred, forward];
      return undefined;
    });
  }

  #refuseParse(message: Parse, refused: Refusal, understood: Understood): Wait {
    // As in PostgreSQL, where the old one is dropped before the new text is read.
    if (message.statement === '') this.#admission.link.prepared.confirm('', undefined);
    return this.#refuseSeries(refused, serverWording(refused, understood));
  }

  #bindWhenReady(binding: Binding): Wait {
    return this.#whenKnown(() => this.#bind(binding));
  }

  #bind(binding: Binding): Wait {
    const { message } = binding;
    const link = this.#admission.link;
    const unusable = this.#nameRefused(message.portal) ?? this.#nameRefused(message.statement);
    if (unusable) return this.#refuseSeries(unusable);
    const full = link.noRoomFor(0);
    if (full !== undefined) return this.#refuseSeries(link.gated.refuse('limit', full));
    const known = link.prepared.get(message.statement);
    if (!known) return this.#refuseSeries(link.gated.refuse('protocol', NO_STATEMENT), SqlState.invalid_sql_statement_name);
    if (this.#admission.series.changesNames) return this.#refuseSeries(link.gated.refuse('not_understood', SERIES_CHANGED_NAMES));
    if (this.#admission.series.guarded) return this.#refuseSeries(link.gated.refuse('limit', AFTER_GUARDED));
    if (this.#admission.series.definesNames && standsForOthers(known.understood)) return whenNamed(this.#admission, () => this.#bind(binding));
    if (this.#admission.isCurrent(known) && !(this.#admission.stale && needsNames(known.understood))) return this.#admitBind(binding, known);
    return this.#admission.again(known).then(() => this.#admitBind(binding, known));
  }

  #admitBind(binding: Binding, prepared: Prepared): Wait {
    const { series, tracking, link } = this.#admission;
    const { gated } = link;
    const { catalog } = tracking;
    const understood = this.#admission.resolve(prepared.understood);
    if (series.changesObjects && !onlyDefines(understood)) return this.#refuseSeries(gated.refuse('not_understood', SERIES_CHANGED_OBJECTS));
    const bound = { bind: binding.message, types: prepared.parameterTypes };
    const parameters = recordedParameters(understood, gated.masks, catalog, bound);
    const recorded = recordedWhole(link, prepared.understood, understood, prepared.recorded.text);
    const recordedBytes = recorded === prepared.recorded.text ? prepared.recorded.bytes : undefined;
    const command = commandOf({ understood, catalog, recorded, recordedBytes, parameters, bytes: prepared.text.length });
    const examined = examine(gated, tracking, understood, command, bound);
    if (isRefusal(examined)) return this.#refuseSeries(examined, serverWording(examined, understood));
    const judged: Judged = { binding, prepared, command, understood, examined };
    if (!series.forwarded || series.ran || link.inImplicitBlock) return this.#decideBind(judged);
    const word = gated.judge(command);
    if (isRefusal(word)) return this.#refuseSeries(word, serverWording(word, understood));
    // To be counted and guarded, it has to stand by itself. Where something of the series has failed, this is dropped as well.
    return isNeedsCount(word) ? this.#admission.settleSeries().then((whole) => (whole ? this.#decideBind(judged) : undefined)) : this.#decideBind(judged);
  }

  #decideBind(judged: Judged): Wait {
    const { binding: { message, again, undone, covered }, prepared, command, understood } = judged;
    const decided = this.#admission.counting.decide({ command, text: prepared.text, understood, bind: { message, types: prepared.parameterTypes }, again, kept: covered !== undefined, undone: undone?.rows });
    return decided instanceof Promise ? this.#admission.link.whileOpen(decided).then((word) => this.#bindDecided(judged, word)) : this.#bindDecided(judged, decided);
  }

  #bindDecided(judged: Judged, { admitted, rows, sure }: Decided): Wait {
    if (!isNeedsApproval(admitted)) return this.#bindAdmitted(judged, admitted, sure);
    const { binding, prepared, command, understood } = judged;
    const { message, again, undone, covered } = binding;
    if (admitted.coverData !== undefined && !covered && bringsData(understood)) return this.#promise(prepared, { binding, command, understood, most: admitted.coverData });
    const whole = { text: prepared.text, understood: prepared.understood, bind: { message, types: prepared.parameterTypes }, ...(covered ? { data: covered.rows.data } : {}) };
    return this.#admission.approve(admitted, whole, { again, rows, undone: undone !== undefined }, (passage) => this.#bindAdmitted(judged, passage, sure), (held) => this.#bindWhenReady({ ...binding, again: held }));
  }

  #bindAdmitted({ binding, prepared, understood, examined }: Judged, passage: Passage | Refusal, sure: boolean): Wait {
    if (isRefusal(passage)) return this.#refuseSeries(passage, serverWording(passage, understood));
    const answer = this.#admission.link.admitted(passage, prepared.text, understood, examined);
    answer.covered = binding.covered?.rows;
    answer.standing = standingOf(this.#admission.link, prepared.understood);
    if (needsGuard(passage, { sure })) return this.#openGuard(binding, answer);
    const sent = this.#admission.sendDeferred();
    return sent ? sent.then(() => this.#sendBind(binding, answer)) : this.#sendBind(binding, answer);
  }

  async #openGuard(binding: Binding, answer: Answer): Promise<void> {
    const { link, series } = this.#admission;
    answer.guard = await link.whileOpen(openGuard(link, answer.passage, false));
    if (!answer.guard) {
      link.abandon(answer);
      await this.#refuseSeries(link.gated.refuse('internal', NOT_OPENED, answer.passage.command));
      return;
    }
    series.guarded = answer;
    (this.#guarded ??= new WeakMap()).set(answer, { bind: binding.frame, message: binding.message, execute: undefined });
    await this.#admission.sendDeferred();
    await this.#sendBind(binding, answer);
  }

  /** People approve its rows with it: the target gets nothing of it before, and the client is asked for them when it executes it. */
  #promise({ text }: Prepared, promised: Promised): Wait {
    const { link, back, series } = this.#admission;
    const { binding, command, understood } = promised;
    binding.again?.leave('ended');
    if (series.ran || link.inImplicitBlock) return this.#refuseSeries(link.gated.refuse('approval_required', NOT_FIRST, command));
    return after<void>(this.#admission.sendDeferred(), () => {
      link.portals.propose(binding.message.portal, { understood, text, answer: undefined, bound: true, promised });
      back.simulate(toClient.bindComplete);
      return undefined;
    });
  }

  #executePromised(frame: Frame, { binding, ...wanted }: Promised): Wait {
    const { link, series } = this.#admission;
    if (series.ran || link.inImplicitBlock) return this.#refuseSeries(link.gated.refuse('approval_required', NOT_FIRST, wanted.command));
    const ask = (): Wait => collect(this.#admission, wanted, (end) => (isRefusal(end) ? this.#refuseSeries(end) : this.#bindWhenReady({ ...binding, again: undefined, covered: { rows: end, execute: frame } })));
    return series.forwarded ? this.#admission.settleSeries().then((whole) => (whole ? ask() : undefined)) : ask();
  }

  #sendBind({ frame, message, undone, covered }: Binding, answer: Answer): Wait {
    const link = this.#admission.link;
    const { passage, understood } = answer;
    const { command } = passage;
    // The client has had the answer to this Bind, and waits for that to its Execute.
    const execute = undone?.execute ?? covered?.execute;
    const portal: Portal = { understood, text: answer.text, answer, bound: true, since: this.#admission.run, moves: this.#admission.moves };
    const name = message.portal;
    this.#admission.series.last = passage;
    this.#admission.series.forwarded = this.#admission.series.ran = true;
    const replaced = link.portals.get(name)?.answer;
    link.portals.propose(name, portal);
    // Planning may run a function that is declared immutable: what takes effect at once waits already here.
    const bound = this.#admission.withPermit(passage, command.timing === 'immediate', (permit) => {
      link.owe({
        kind: 'bind',
        own: execute !== undefined,
        context: {
          answer,
          showsError: true,
          done: (ok) => {
            if (replaced && name === '') link.abandon(replaced);
            if (ok) link.portals.opened(name, portal);
            else link.abandon(answer);
          },
        },
      });
      link.pass(permit, frame);
    });
    return execute ? after<void>(bound, () => this.#execute(execute, decodeFrontend(execute) as Execute)) : bound;
  }

  #describe(frame: Frame, message: Describe): Wait {
    const link = this.#admission.link;
    const unusable = this.#nameRefused(message.name);
    if (unusable) return this.#refuseSeries(unusable);
    if (message.what === 'statement' && !link.prepared.get(message.name)) return this.#refuseSeries(link.gated.refuse('protocol', NO_STATEMENT), SqlState.invalid_sql_statement_name);
    const portal = message.what === 'portal' ? link.portals.get(message.name) : undefined;
    if (portal?.promised) {
      this.#admission.back.simulate(toClient.noData);
      return undefined;
    }
    const answer = portal?.answer;
    link.owe({ kind: message.what === 'portal' ? 'describe_portal' : 'describe_statement', own: false, context: answer && !answer.ended ? { answer } : {} });
    link.pass(link.gated.housekeeping('describe'), frame);
    this.#admission.series.forwarded = true;
    return undefined;
  }

  #execute(frame: Frame, message: Execute): Wait {
    const link = this.#admission.link;
    const { gated } = link;
    const unusable = this.#nameRefused(message.portal);
    if (unusable) return this.#refuseSeries(unusable);
    const portal = link.portals.get(message.portal);
    if (!portal) return this.#refuseSeries(gated.refuse('protocol', 'the portal does not exist'), SqlState.invalid_cursor_name);
    if (portal.promised) return this.#executePromised(frame, portal.promised);
    const { guarded } = this.#admission.series;
    if (this.#admission.series.definesNames && portal.answer?.standing) return whenNamed(this.#admission, () => this.#execute(frame, message));
    if (guarded && (portal.answer !== guarded || guarded.started)) return this.#refuseSeries(gated.refuse('limit', AFTER_GUARDED));
    const answer = portal.answer && !portal.answer.ended ? portal.answer : this.#admitAgain(message.portal, portal);
    if (isRefusal(answer)) return this.#refuseSeries(answer);
    const { passage, understood, standing } = answer;
    if (standing && !answer.started && !stillStands(link, standing)) return this.#refuseSeries(gated.refuse('not_understood', DEFINED_ANEW, passage.command));
    if (portal.moves !== undefined && portal.moves !== this.#admission.moves && !answer.started && looksUpWhenRun(understood)) return this.#refuseSeries(gated.refuse('not_understood', MOVED, passage.command));
    if (portal.since !== undefined && portal.since !== this.#admission.run && !answer.started && passage.decision.effect === 'require_approval') {
      return this.#refuseSeries(gated.refuse('approval_required', 'what was approved is executed right after it is bound, or not at all: bind it anew', passage.command));
    }
    const unmaskable = this.#admission.underMasksInForce(answer);
    if (unmaskable) return this.#refuseSeries(unmaskable);
    this.#admission.run += 1;
    const facts = understood.statements[0]?.facts;
    const timing = facts?.timing ?? 'read';
    const series = this.#admission.series;
    // Bound before this series; what was bound or admitted in it is younger, and is waited for instead.
    series.last ??= passage;
    series.forwarded = series.ran = true;
    const again = this.#guarded?.get(answer);
    if (again) again.execute = frame;
    if (timing !== 'read') series.wrote = true;
    if (facts?.changesCatalog) series.changesObjects = true;
    if (facts && definesNames(facts)) series.definesNames = true;
    if (facts && (changesNames(facts) || bringsBack(facts, this.#admission.tracking.changed))) series.changesNames = true;
    if (facts && facts.transaction !== 'none') series.control = true;
    answer.suspended = false;
    const sent = this.#admission.withPermit(passage, timing === 'commits' || timing === 'immediate', (permit) => {
      if (answer.mayBeWithheld) describeOwn(link, message.portal, answer);
      link.owe({ kind: 'execute', own: false, context: { answer } });
      answer.started = true;
      if (bringsData(understood)) link.brings(answer);
      if (facts) this.#admission.sent(facts);
      link.pass(permit, frame);
      if (!answer.mayBeWithheld && !answer.guard) return;
      link.send(gated.housekeeping('sync'), toServer.flush);
      series.barrier = answer;
    });
    const { covered } = answer;
    return covered ? after<void>(sent, () => replay(this.#admission, answer, covered)) : sent;
  }

  /** A cursor opened by SQL, or a portal that has ended: a command of its own. */
  #admitAgain(name: string, portal: Portal): Answer | Refusal {
    const { gated, portals } = this.#admission.link;
    const { understood } = portal;
    const command = commandOf({ understood, catalog: this.#admission.tracking.catalog, recorded: portal.answer?.passage.command.recorded ?? recordedFetch(name), bytes: 0 });
    const examined = examine(gated, this.#admission.tracking, understood, command);
    if (isRefusal(examined)) return examined;
    const passage = this.#admission.counting.uncounted(command);
    if (isRefusal(passage)) return passage;
    if (isNeedsApproval(passage)) return gated.refuse('approval_required', 'each execution needs an approval of its own: bind it anew', command);
    this.#admission.series.last = passage;
    const answer = this.#admission.link.admitted(passage, portal.answer?.text ?? Buffer.alloc(0), understood, examined);
    answer.standing = portal.answer?.standing;
    portals.goesOn(name, { ...portal, answer });
    return answer;
  }

  #close(frame: Frame, message: Close): Wait {
    const link = this.#admission.link;
    const unusable = this.#nameRefused(message.name);
    if (unusable) return this.#refuseSeries(unusable);
    if (message.what === 'statement') link.prepared.propose(message.name, undefined);
    link.owe({
      kind: 'close',
      own: false,
      context: {
        done: (ok) => {
          if (!ok) return;
          if (message.what === 'statement') link.prepared.confirm(message.name, undefined);
          else link.portals.drop(message.name);
        },
      },
    });
    link.pass(link.gated.housekeeping('close'), frame);
    this.#admission.series.forwarded = true;
    return undefined;
  }

  sync(frame: Frame): Wait {
    decodeFrontend(frame);
    const { series, link } = this.#admission;
    // What was refused before it was sent is not sent any more.
    if (series.discarding) series.deferred = [];
    if (series.deferred.length > 0) return after<void>(this.#admission.sendDeferred(), () => this.sync(frame));
    if (link.mayAskForData) return this.#whenAsked(frame);
    return series.barrier ? this.#passBarrier().then(() => this.#end.send(frame)) : this.#end.send(frame);
  }

  /** A Sync behind COPY: whether data is asked for has to be known first. */
  async #whenAsked(frame: Frame): Promise<void> {
    const { link } = this.#admission;
    await link.whileOpen(this.#admission.idle());
    if (link.copyIn) return passSync(link, frame);
    link.asksNoMore();
    await this.sync(frame);
  }
}
