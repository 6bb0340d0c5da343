import type { Spools } from '../../approvals/spool.ts';
import { recordedText } from '../../masking/recorded.ts';
import { isRefusal, refusal, type Refusal } from '../../model/decision.ts';
import { whenThere } from '../../model/when-there.ts';
import type { NeedsApproval, Passage } from '../../pipeline/gate.ts';
import { isHeld, type HeldCommand } from '../../pipeline/held.ts';
import type { Permit } from '../../pipeline/permits.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import type { GrantedFunctions, InvalidText, Understander, Understood } from '../../sql/understand.ts';
import type { Answer } from './answer.ts';
import type { Back } from './back.ts';
import { boundOf, namedTexts, namesRowByCursor, type Message, type NamedText } from './bound.ts';
import { asPostgres } from './connection.ts';
import { namesMissing, resolveNamed, undecidable, type NamedStatements } from './commands.ts';
import { Counting } from './counting.ts';
import { toServer } from './encode.ts';
import { estimatedRows } from './estimate.ts';
import { examine } from './examine.ts';
import { holdStill } from './hold-still.ts';
import type { Link } from './link.ts';
import { lookups, stopped } from './lookup.ts';
import { recordedForm, type Prepared } from './namespace.ts';
import { Series } from './series.ts';
import { bringsBack, changesNames, needsNames } from './settings.ts';
import type { Tracking } from './tracking.ts';

/** What handling a message comes to: done at once, or done when this resolves. */
export type Wait = Promise<void> | undefined;

/** Goes on with a value, where that is handling a message. */
export const after = <Value>(value: Value | Promise<Value>, then: (value: Value) => Wait): Wait => whenThere(value, then);

/** Why nothing of the gateway's own can be asked: from PostgreSQL 18 on. */
export const QUERY_WITHIN_SERIES = 'a Query was sent within a series that is still open: send Sync first';

/** Why nothing more of a series can be understood. */
export const SERIES_CHANGED_NAMES = 'search_path or role changed in this series: send Sync first';

/** What a server says of a statement that the client has cancelled. */
export const CANCELLED: InvalidText = { kind: 'cancelled', message: 'canceling statement due to user request' };

/** What is known of a command for which people are asked. */
export interface Sought {
  readonly again: HeldCommand | undefined;
  /** Rows that it would change, where they were counted. */
  readonly rows: number | undefined;
  /** It was run, changed too many rows, and was undone. */
  readonly undone: boolean;
}

export interface AdmissionParts {
  readonly link: Link;
  readonly tracking: Tracking;
  readonly back: Back;
  readonly understander: Understander;
  readonly spools: Spools;
  readonly limits: {
    /** Bytes of one statement's text. */
    readonly statement: number;
  };
}

const NO_FUNCTIONS: GrantedFunctions = { id: '', signatures: [] };

const namesOf = ({ prepared, portals }: Link): NamedStatements => ({
  prepared: (name) => prepared.get(name)?.understood.statements[0]?.facts,
  cursor: (name) => portals.get(name)?.understood.statements[0]?.facts,
});

/** What every way of sending SQL shares on its way to being admitted: a known state, understanding, permits. */
export class Admission {
  readonly link: Link;
  readonly tracking: Tracking;
  readonly back: Back;
  readonly limits: AdmissionParts['limits'];
  readonly spools: Spools;
  readonly #understander: Understander;
  #named: NamedStatements | undefined;
  #granted = NO_FUNCTIONS;
  /** The catalog under which a command was understood again before people were asked. */
  #confirmed = '';
  /** The series of the extended protocol that is open. */
  series = new Series();
  readonly counting: Counting = new Counting(this);
  /** Messages that were sent to be run. */
  run = 0;
  /** Statements that were sent and by which names may have come to mean something else. */
  moves = 0;

  constructor(parts: AdmissionParts) {
    this.link = parts.link;
    this.tracking = parts.tracking;
    this.back = parts.back;
    this.limits = parts.limits;
    this.spools = parts.spools;
    this.#understander = parts.understander;
  }

  /** A statement is on its way. */
  sent(facts: StatementFacts): void {
    if (facts.changesCatalog || changesNames(facts) || bringsBack(facts, this.tracking.changed)) this.moves += 1;
    this.tracking.ran(facts);
  }

  /**
   * When the target owes nothing and everything is known that the next decision rests on; `unready` when that could not be
   * found out.
   */
  whenReady(then: () => Wait, unready: (why: Refusal) => Wait): Wait {
    const { link } = this;
    const refresh = (): Wait => {
      if (link.copyIn) return this.violation('a message came in the middle of COPY data');
      // A look-up ends with a Sync, which would end the client's open series.
      if (this.series.forwarded) return this.series.changesNames ? unready(link.gated.refuse('not_understood', SERIES_CHANGED_NAMES)) : then();
      if (link.inImplicitBlock && !this.tracking.pinned) return unready(link.gated.refuse('not_understood', QUERY_WITHIN_SERIES));
      const pin = this.tracking.pin();
      // Outside a transaction asking costs the client nothing, and in the middle of its series it would be too late.
      const ask = (): Promise<unknown> | undefined => (link.status !== 'I' ? undefined : this.stale ? this.#ask().then(() => this.#readContext()) : this.#readContext());
      const first = pin ? pin.then(ask) : ask();
      return first ? this.#unlessCancelled(first).then((refused) => (refused ? unready(refused) : then())) : then();
    };
    if (link.owed.idle) return refresh();
    // The target keeps the answers of an open series to itself until it is told to flush.
    if (this.series.forwarded) link.send(link.gated.housekeeping('sync'), toServer.flush);
    return link.whileOpen(this.idle()).then(refresh);
  }

  /** Waits for look-ups of the gateway's own. The client may cancel meanwhile what it has sent, or has set a limit on time: what hits one of those must not end the session. */
  async #unlessCancelled(asked: Promise<unknown>): Promise<Refusal | undefined> {
    const { link } = this;
    const { cancels } = link;
    const refused = (why: string | undefined): Refusal | undefined => (why === undefined ? undefined : link.gated.refuse('cancelled', why));
    const byClient = (): string | undefined => (link.cancels === cancels ? undefined : CANCELLED.message);
    try {
      await link.whileOpen(asked);
    } catch (error) {
      const why = link.over ? undefined : refused(byClient() ?? stopped(error));
      if (!why) throw error;
      return why;
    }
    return refused(byClient());
  }

  /** `whenReady` would call back at once, outside of a series. */
  get ready(): boolean {
    const { link, tracking } = this;
    if (!link.owed.idle || link.copyIn !== undefined || !tracking.pinned) return false;
    return link.status !== 'I' || !(this.stale || this.#wantsContext);
  }

  /** Where people can be asked, what they would be asked for is kept known: in the middle of a series it could not be read. */
  get #wantsContext(): boolean {
    return this.link.gated.mayAsk && this.tracking.contextStale;
  }

  #readContext(): Promise<unknown> | undefined {
    if (!this.#wantsContext) return undefined;
    // Whoever needs it finds out that it is not known.
    return this.tracking.readContext().catch(() => undefined);
  }

  /**
   * People have to approve: asks them, holds the message while they think, and lets it be handled `again` from its start when they have
   * approved. `then` gets what came of it otherwise.
   */
  approve(needs: NeedsApproval, message: Message, { again, rows, undone }: Sought, then: (admitted: Passage | Refusal) => Wait, retry: (held: HeldCommand | undefined) => Wait): Wait {
    const { link, tracking } = this;
    const { gated } = link;
    const asked = async (): Promise<void> => {
      const unknown = (): Wait => {
        again?.leave('ended');
        return then(gated.refuse('approval_required', 'needs approval, and what it would be given for is not known here: send Sync first', needs.command));
      };
      if (namesRowByCursor(link, message.understood)) {
        again?.leave('ended');
        return then(gated.refuse('approval_required', 'needs approval, and WHERE CURRENT OF does not say for which row: name it by its key', needs.command));
      }
      let free = false;
      let estimate: number | null | undefined;
      if (!this.inSeries && link.status !== 'E') {
        await link.whileOpen(tracking.readContext().catch(() => undefined));
        const others = await link.whileOpen(tracking.others(needs.command.effects).catch(() => 'changing' as const));
        free = others === 'nothing';
        if (others === 'changing') {
          again?.leave('ended');
          return then(gated.refuse('approval_required', 'needs approval, and another session is changing what it touches: try again when that is done', needs.command));
        }
        // Whoever was told of it before has been told of this as well.
        if (rows === undefined && !again) estimate = await link.whileOpen(estimatedRows(link, needs.command.effects, tracking.catalog).catch(() => undefined));
      }
      const named = namedTexts(link, message.understood);
      const shown = await this.#shown(named);
      // From here on nobody changes it, until it has run or is known not to run now; and nothing is looked up, which would end that. For others
      // who keep rows from being changed it would have to wait: that is for the command to do.
      const still = free ? await link.whileOpen(holdStill(this, needs.command.effects, message.understood)) : undefined;
      const settle = (how: 'keep' | 'release'): Promise<void> => link.whileOpen(still?.[how]() ?? Promise.resolve());
      const letGo = async (next: () => Wait): Promise<void> => {
        await settle('release');
        await next();
      };
      const now = await link.whileOpen(tracking.confirm().catch(() => undefined));
      if (!now) return letGo(unknown);
      if (now.moved && this.#confirmed !== now.id) {
        this.#confirmed = now.id;
        return letGo(() => retry(again));
      }
      const { context } = tracking;
      if (!context) return letGo(unknown);
      const inTransaction = link.status !== 'I';
      const bound = boundOf(named, { reached: tracking.reached, context, searchPath: tracking.names.searchPath, catalog: tracking.catalog, inTransaction, inSeries: this.inSeries }, message, needs.command.effects);
      // What was undone is not held either: it is refused at once, and the client told how many rows it was.
      const place = this.inSeries || undone ? 'series' : inTransaction ? 'transaction' : 'free';
      const answer = gated.ask(needs, { bound: { ...bound, ...(estimate === undefined ? {} : { estimatedRows: estimate }), ...(shown.length === 0 ? {} : { standsFor: shown }) }, place, ...(again ? { again } : {}), ...(rows === undefined ? {} : { rows }) });
      if (isRefusal(answer)) return letGo(() => then(answer));
      if (!isHeld(answer)) {
        await settle('keep');
        return then(answer);
      }
      await settle('release');
      const end = await link.whileOpen(link.holding.wait(answer));
      if (end !== 'again') return then(end);
      // Whatever becomes of it now: what was kept for it and is not used goes to the next.
      await Promise.resolve(retry(answer)).finally(() => answer.leave('ended'));
    };
    return asked();
  }

  /** The recorded form of what names stand for: whoever approves EXECUTE has to see what it executes. */
  async #shown(named: readonly NamedText[]): Promise<readonly { readonly name: string; readonly recorded: string }[]> {
    const shown = [];
    for (const { name, text, parsed } of named) {
      // The recorded form of the message has it already.
      if (parsed) continue;
      const understood = await this.understand(text);
      shown.push({ name, recorded: recordedText(text, understood, this.link.gated.masks, this.tracking.catalog) });
    }
    return shown;
  }

  /**
   * What was sent of a series runs nothing: ends it at the target, so that what comes next can be counted and guarded. False when something of
   * it has failed: the client has been told, and the rest up to Sync is dropped.
   */
  async settleSeries(): Promise<boolean> {
    const { link, series } = this;
    await this.flushed();
    if (link.owed.skipping) return false;
    await link.whileOpen(lookups(link, 'count', []));
    series.forwarded = false;
    return true;
  }

  /** Sends what was kept back until it is known what runs it. */
  sendDeferred(): Wait {
    if (this.series.deferred.length === 0) return undefined;
    const [first, ...others] = this.series.deferred as readonly [() => Wait, ...(() => Wait)[]];
    this.series.deferred = others;
    return after<void>(first(), () => this.sendDeferred());
  }

  /** When all answers to what was sent of a series are there. */
  async flushed(): Promise<void> {
    const { link } = this;
    if (link.owed.idle) return;
    link.send(link.gated.housekeeping('sync'), toServer.flush);
    await link.whileOpen(this.idle());
  }

  idle(): Promise<void> {
    this.link.target.flush();
    return new Promise((resolve) => this.link.whenIdle(resolve));
  }

  /** The client broke the protocol: the session ends, and nothing behind this message is read. */
  violation(what: string): Promise<never> {
    this.link.end(this.link.gated.refuse('protocol', what));
    return new Promise(() => {});
  }

  /** The text, understood under what names mean now. Where that is not known, it is read first. */
  understand(text: Buffer): Understood | Promise<Understood> {
    const first = this.#read(text);
    if (first instanceof Promise) return this.link.whileOpen(first.then((understood) => this.#checked(text, understood)));
    const checked = this.#checked(text, first);
    return checked instanceof Promise ? this.link.whileOpen(checked) : checked;
  }

  /** What the client has sent stands in a transaction that the next Sync commits: a look-up ends with one. */
  get inSeries(): boolean {
    return this.series.forwarded || this.link.inImplicitBlock;
  }

  /** The client's session can be asked now: nothing is owed, and no series is open that a look-up would end. */
  get #mayAsk(): boolean {
    return this.link.owed.idle && !this.inSeries;
  }

  /** What names mean has to be read again before something that rests on it is decided. */
  get stale(): boolean {
    return this.tracking.stale(this.#mayAsk);
  }

  /** The functions that are vouched for now: a reload may have changed the list. */
  get #grantedNow(): GrantedFunctions {
    const { functions } = asPostgres(this.link.gated.connection);
    if (this.#granted.signatures !== functions) this.#granted = { id: functions.join(';'), signatures: functions };
    return this.#granted;
  }

  #read(text: Buffer): Understood | Promise<Understood> {
    return this.#understander.understand(text, this.tracking.catalog, this.tracking.names, this.#grantedNow, this.link.gated.session);
  }

  #checked(text: Buffer, understood: Understood): Understood | Promise<Understood> {
    if (this.stale && needsNames(understood)) return this.#refreshed(text);
    return namesMissing(understood) ? this.#lookAgain(text, understood) : understood;
  }

  async #refreshed(text: Buffer): Promise<Understood> {
    const { cancels } = this.link;
    const known = await this.#ask();
    const understood = await this.#read(text);
    if (!known) return { ...undecidable(understood), ...(this.link.cancels === cancels ? {} : { invalid: CANCELLED }) };
    return namesMissing(understood) ? this.#lookAgain(text, understood) : understood;
  }

  /** Reads again what names mean; whether it is known now. The client's own limits on time, or a target without room, can be in the way. */
  async #ask(): Promise<boolean> {
    try {
      return await this.tracking.refresh(this.#mayAsk);
    } catch (error) {
      if (!this.link.over) this.link.log.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'the target could not be asked for what a decision rests on');
      return false;
    }
  }

  /** It names what the catalog does not have: somebody may have created it since the snapshot was taken. */
  async #lookAgain(text: Buffer, first: Understood): Promise<Understood> {
    if (!(await this.tracking.renew())) return first;
    if (this.stale && !(await this.tracking.refresh(this.#mayAsk))) return undecidable(first);
    return this.#read(text);
  }

  /** Why a text is too long to be read, if it is. */
  tooLong(text: Buffer): string | undefined {
    return text.length > this.limits.statement ? `the statement has ${text.length} bytes; at most ${this.limits.statement} are read` : undefined;
  }

  /** Before its rows are asked for: masks may have changed since it was examined, while it waited or while its portal stood open. Returns why it may not run under them. */
  underMasksInForce(answer: Answer): Refusal | undefined {
    const { gated } = this.link;
    if (answer.isUnder(gated.masks)) return undefined;
    const examined = examine(gated, this.tracking, answer.understood, answer.passage.command);
    if (isRefusal(examined)) return examined;
    answer.put(examined);
    return undefined;
  }

  /** Puts what EXECUTE and FETCH name in their place. */
  resolve(understood: Understood): Understood {
    return resolveNamed(understood, (this.#named ??= namesOf(this.link)));
  }

  /** Whether a prepared statement was understood, and is written down in its recorded form, under what is in force now. */
  isCurrent({ under, recorded }: Prepared): boolean {
    return under === this.tracking.under && recorded.masks === this.link.gated.masks;
  }

  /** Statements that EXECUTE names are understood again when the catalog, the names or the masks have moved on. */
  freshen(understood: Understood): Wait {
    const stale = understood.statements.flatMap(({ facts: { named } }) => {
      const name = named?.kind === 'execute' ? named.name : undefined;
      const prepared = name === undefined ? undefined : this.link.prepared.get(name);
      return prepared && (prepared.by === 'parse' ? !this.isCurrent(prepared) : prepared.under !== this.tracking.under) ? [{ prepared }] : [];
    });
    if (stale.length === 0) return undefined;
    return Promise.all(stale.map(({ prepared }) => this.again(prepared))).then(() => {});
  }

  /** Understands a prepared statement again under what is known now. In place: whether the target has it is settled elsewhere. */
  async again(prepared: Prepared): Promise<void> {
    const outer = await this.understand(prepared.text);
    const inner = outer.statements[0]?.facts.named?.inner;
    prepared.understood = prepared.by === 'parse' || !inner ? outer : { statements: [{ facts: inner, start: 0, end: 0 }], literals: [], unparsed: false };
    prepared.under = this.tracking.under;
    // Which literals are replaced in the recorded form rests on the catalog, too.
    const { masks } = this.link.gated;
    prepared.recorded = recordedForm(recordedText(prepared.text, outer, masks, this.tracking.catalog), masks);
  }

  /** Sends when the permit can be had: at once, or once the intent is durable. */
  withPermit(passage: Passage, effect: boolean, send: (permit: Permit) => void): Wait {
    const permit = effect ? passage.effect() : passage.forward();
    if (permit) {
      send(permit);
      return undefined;
    }
    this.link.target.flush();
    return new Promise((resolve) =>
      passage.whenDurable((failure) => {
        if (this.link.over) return;
        const late = failure ? undefined : effect ? passage.effect() : passage.forward();
        if (late) send(late);
        else this.link.end(failure ?? refusal('evidence_unavailable', 'the record of the command could not be made durable', { session: this.link.gated.session.id }));
        resolve();
      }),
    );
  }
}
