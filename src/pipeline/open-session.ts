import type { Approvals } from '../approvals/approvals.ts';
import type { Config, ConnectionConfig } from '../config/resolved.ts';
import { fixed } from '../evidence/canonical.ts';
import type { EvidenceLog, RecordedStream, Recording, Ticket } from '../evidence/log.ts';
import type { MaskSet } from '../masking/plan.ts';
import type { ApprovalDemand } from '../model/approval.ts';
import type { Command } from '../model/command.ts';
import { refusal, type Decision, type Refusal, type RefusalCode } from '../model/decision.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Session } from '../model/session.ts';
import { WindowCounter, type RateCounter } from '../policy/limits.ts';
import type { DecisionContext, SessionPolicy } from '../policy/policy-set.ts';
import type { RowBudget } from '../policy/row-budget.ts';
import { changesRows } from '../policy/threshold.ts';
import { coveredRows } from './covered-rows.ts';
import { Crowd } from './crowd.ts';
import type { Asking, GatedSession, Housekeeping, Known, NeedsApproval, NeedsCount, Passage, RowCount } from './gate.ts';
import { HeldCommand } from './held.ts';
import { AdmittedPassage, type PassageHome } from './passage.ts';
import { mint, type Permit } from './permits.ts';
import { commandBodies, reasonBody, recordedDecision, recordedEffects, ruleName } from './records.ts';

/** Refusals of one session that are written one by one in a minute. */
const MOST_REFUSALS = 120;
/** How long the rest is counted before it is written. */
const SUM_MS = 60_000;
/** Characters of a refused command that are kept. */
const REFUSED_TEXT = 16_384;

const shortened = (text: string): string => (text.length <= REFUSED_TEXT ? text : `${text.slice(0, REFUSED_TEXT)} ... (${text.length} characters)`);

/** What the configuration in force means for one session; replaced as a whole on reload. */
export interface Standing {
  readonly config: Config;
  readonly connection: ConnectionConfig;
  readonly policy: SessionPolicy;
  readonly masks: MaskSet;
}

export interface SessionParts {
  readonly session: Session;
  readonly log: EvidenceLog;
  readonly rate: RateCounter;
  readonly rowBudget: RowBudget;
  /** Who is asked; undefined where the configuration names nobody, which then asks nobody either. */
  readonly approvals: Approvals | undefined;
  readonly openRecording: (connection: string, cap: number, stream?: RecordedStream) => Recording;
  readonly observe: PipelineObserver;
  readonly closed: (session: OpenSession) => void;
}

/** Where numbers go: metrics. Never asked for a decision. */
export interface PipelineObserver {
  readonly decided: (connection: string, effect: string) => void;
  readonly settled: (connection: string, status: Outcome['status']) => void;
  readonly sessionOpened: (connection: string) => void;
  readonly sessionClosed: (connection: string) => void;
}

/** With what a command is let through. */
interface Granted {
  /** The request that people approved. */
  readonly approval?: string;
  /** Rows that it may change at most. */
  readonly most?: number;
  /** Rows that it would change, as counted before: below the threshold. */
  readonly counted?: number;
}

/** What decisions depend on besides the command. Few depend on the time: it is looked at when one does. */
class Now implements DecisionContext {
  readonly #openedAt: number;

  constructor(openedAt: number) {
    this.#openedAt = openedAt;
  }

  get now(): Date {
    return new Date();
  }

  get sessionAgeMs(): number {
    return Date.now() - this.#openedAt;
  }

  with(rows: Pick<DecisionContext, 'rows' | 'recentRows'>): DecisionContext {
    return { now: this.now, sessionAgeMs: this.sessionAgeMs, ...rows };
  }
}

/** The only implementation of GatedSession: numbers the commands, asks policy, writes the intents. */
export class OpenSession implements GatedSession {
  readonly session: Session;
  readonly #parts: SessionParts;
  readonly #end = new AbortController();
  readonly #drain = new AbortController();
  readonly #live = new Crowd<AdmittedPassage>();
  // These are made when there is something to keep in them: of most sessions there is nothing, and empty they would be a twentieth of one.
  #held: Set<HeldCommand> | undefined;
  #housekeeping: Map<Housekeeping, { count: number }> | undefined;
  #standing: Standing;
  /** What the passages of this session share; one that is under way keeps what it began with. */
  #home: PassageHome;
  #maskNames: readonly string[];
  readonly #rateKey: string;
  readonly #now: Now;
  #commands = 0;
  #refused = 0;
  readonly #refusalRate = new WindowCounter();
  /** Refusals of this minute beyond those written one by one. */
  #unwritten: Map<RefusalCode, number> | undefined;
  #sum: NodeJS.Timeout | undefined;
  #closed = false;
  #age: NodeJS.Timeout | undefined;

  constructor(parts: SessionParts, standing: Standing) {
    this.#parts = parts;
    this.session = parts.session;
    this.#standing = standing;
    this.#home = this.#homeOf(standing);
    this.#maskNames = fixed(standing.policy.masks.map(({ name }) => name));
    this.#now = new Now(parts.session.openedAt);
    this.#rateKey = `${parts.session.principal.identity} ${parts.session.connection}`;
    this.#limitAge();
  }

  get connection(): ConnectionConfig {
    return this.#standing.connection;
  }

  get masks(): MaskSet {
    return this.#standing.masks;
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  get room(): Promise<void> | undefined {
    return this.#parts.log.room;
  }

  get draining(): AbortSignal {
    return this.#drain.signal;
  }

  get readsBodies(): boolean {
    return this.#standing.policy.readsBodies;
  }

  get mayAsk(): boolean {
    return this.#parts.approvals !== undefined && this.#standing.policy.mayAsk;
  }

  judge(command: Command): Refusal | NeedsApproval | NeedsCount | undefined {
    const decision = this.#decide(command);
    if (decision.threshold !== undefined) return { kind: 'needs_count', command, threshold: decision.threshold };
    if (decision.effect === 'allow') return undefined;
    return this.#asks(decision) ? needsApproval(command, decision) : this.#refuseByPolicy(command, decision);
  }

  admit(command: Command, known: Known = {}): Passage | Refusal | NeedsApproval | NeedsCount {
    const { again, rows, kept } = known;
    const { session } = this.#parts;
    const unable = this.#unable(command);
    if (unable) return unable;
    const perMinute = this.#standing.policy.limits.commandsPerMinute;
    // One that was held, or whose data was kept, was counted when it came.
    if (perMinute !== undefined && !again && !kept && rows === undefined && !this.#parts.rate.take(this.#rateKey, perMinute)) {
      return this.refuse('limit', `more than ${perMinute} commands a minute by ${session.principal.identity} on ${session.connection}`, command);
    }
    const decision = this.#decide(command, rows);
    if (decision.threshold !== undefined && rows === undefined) return { kind: 'needs_count', command, threshold: decision.threshold };
    // What is refused is counted where it is recorded, since most of it never comes this far.
    if (decision.effect !== 'deny') this.#parts.observe.decided(session.connection, decision.effect);
    if (this.#asks(decision)) return needsApproval(command, decision);
    again?.leave('ended');
    return this.#decided(command, decision, rows);
  }

  /** What a decision comes to that asks nobody. */
  #decided(command: Command, decision: Decision, rows: RowCount | undefined): Passage | Refusal {
    if (decision.effect !== 'allow') return this.#refuseByPolicy(command, decision);
    if (decision.threshold === undefined) return this.#grant(command, decision);
    if (typeof rows === 'number') return this.#grant(command, decision, { most: decision.threshold, counted: rows });
    if (rows?.undoable) return this.#grant(command, decision, { most: decision.threshold });
    return this.refuse('limit', `it may change no more than ${decision.threshold} rows, and how many it would change is not known: ${rows?.uncountable ?? 'it was not counted'}`, command);
  }

  ask({ command }: NeedsApproval, { bound, place, again, rows }: Asking): Passage | Refusal | HeldCommand {
    const { approvals, session } = this.#parts;
    const unable = this.#unable(command);
    // Decided once more: what the approval is bound to may have had to be looked up first.
    const decision = this.#decide(command, rows);
    if (unable || !approvals || !this.#asks(decision)) {
      again?.leave('ended');
      return unable ?? this.#decided(command, decision, rows);
    }
    const covered = rows === undefined ? undefined : coveredRows(rows, decision.threshold);
    // Without a counted number an approval has no maximum, and what people approve is not undone: they are told.
    const lifted = covered === undefined && command.effects.some(changesRows) ? decision.maxRows : undefined;
    const mostHeld = this.#standing.policy.limits.heldCommands;
    const asked = approvals.ask({ session, command, decision, bound, place, ...(covered === undefined ? {} : { rows: rows as number, maxRows: covered }), ...(lifted === undefined ? {} : { liftsRowLimit: lifted }), ...(mostHeld === undefined ? {} : { mostHeld }), ...(again ? { waiter: again.waiter } : {}) });
    switch (asked.kind) {
      case 'approved':
        return this.#grant(command, decision, { approval: asked.request, ...(covered === undefined ? {} : { most: covered }) });
      case 'refused':
        return this.#notApproved(asked.refusal, command, decision);
      case 'held': {
        const held = new HeldCommand(command, asked.waiter, (why) => this.#notApproved(why, command, decision), (over) => this.#held?.delete(over));
        (this.#held ??= new Set()).add(held);
        return held;
      }
    }
  }

  /** What people have not approved, or not yet: a request is asked for by many sessions, and each client is told its own. */
  #notApproved(why: Refusal, command: Command, decision: Decision): Refusal {
    const told = { ...(ABOUT_APPROVAL.has(why.code) ? withRule(why, decision) : why), session: this.session.id };
    this.#recordRefusal(told, command, decision);
    return told;
  }

  refuse(code: RefusalCode, message: string, command?: Command): Refusal {
    const plain = refusal(code, message, { session: this.session.id });
    // Where people cannot be asked, the client is told which rule wants them to be.
    const decision = code === 'approval_required' && command ? this.#decide(command) : undefined;
    return this.#denied(decision && this.#asks(decision) ? withRule(plain, decision) : plain, command, decision);
  }

  housekeeping(what: Housekeeping): Permit {
    const counted = this.#housekeeping?.get(what);
    if (counted) counted.count += 1;
    else (this.#housekeeping ??= new Map()).set(what, { count: 1 });
    return mint();
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#age);
    // One that was told to come again, and cannot any more, must not keep what was approved from the next.
    for (const held of this.#held ?? []) held.leave('ended');
    this.#writeSum();
    const { log, session } = this.#parts;
    log.append({
      kind: 'session_close',
      session: session.id,
      reason,
      commands: this.#commands,
      refused: this.#refused,
      housekeeping: Object.fromEntries([...(this.#housekeeping ?? [])].map(([what, { count }]) => [what, count])),
    });
    this.#parts.closed(this);
  }

  /** Ends the session from outside. The protocol words the refusal natively and closes. */
  terminate(why: Refusal): void {
    if (!this.#end.signal.aborted) this.#end.abort(why);
  }

  /** The gateway stops: the protocol ends the session when it is between transactions. */
  drain(why: Refusal): void {
    this.#drain.abort(why);
  }

  /** A new configuration is in force. What runs now is decided again; what may no longer run ends the session. */
  replace(standing: Standing): void {
    this.#standing = standing;
    this.#home = this.#homeOf(standing);
    this.#maskNames = fixed(standing.policy.masks.map(({ name }) => name));
    this.#limitAge();
    for (const held of this.#held ?? []) if (!this.#asks(this.#decide(held.command))) held.reconsider();
    for (const passage of this.#live.all) {
      // One that was let through for its few rows is under the number that is in force now, or not; what it has used up itself does not count.
      const { mostRows } = passage;
      const { effect } = mostRows === undefined ? this.#decide(passage.command) : this.#standing.policy.decide(passage.command, this.#now.with({ rows: mostRows }));
      // What people have approved may go on while policy would ask them again.
      if (effect !== 'allow' && !(effect === 'require_approval' && passage.decision.effect === 'require_approval')) {
        this.terminate(refusal('revoked', 'policy no longer allows the command that is running', { session: this.session.id }));
        return;
      }
    }
  }

  #decide(command: Command, rows?: RowCount): Decision {
    const { policy } = this.#standing;
    if (typeof rows !== 'number') return policy.decide(command, this.#now);
    return policy.decide(command, this.#now.with({ rows, recentRows: this.#parts.rowBudget.recent(this.#budgetKey(command)) }));
  }

  /** Thresholds count by what is changed: the first table that the command changes. */
  #budgetKey({ effects }: Command): string {
    const changed = effects.find(({ class: granted }) => granted !== 'read')?.object;
    return `${this.#rateKey} ${changed ? qualified(changed) : ''}`;
  }

  /** Why nothing may run now, whatever policy says. */
  #unable(command: Command): Refusal | undefined {
    const { log } = this.#parts;
    if (this.#end.signal.aborted) return this.#end.signal.reason as Refusal;
    // What was on its way when the session ended must not use what was approved.
    if (this.#closed) return refusal('internal', 'the session is over', { session: this.session.id });
    return log.unavailable === undefined ? undefined : this.refuse('evidence_unavailable', `evidence cannot be written, so nothing may run: ${log.unavailable}`, command);
  }

  #asks(decision: Decision): decision is Decision & { readonly approval: NonNullable<Decision['approval']> } {
    return decision.effect === 'require_approval' && decision.approval !== undefined && this.#parts.approvals !== undefined;
  }

  #grant(command: Command, decision: Decision, { approval, most, counted }: Granted = {}): Passage {
    const { log, session, openRecording } = this.#parts;
    const { connection } = this.#standing;
    const cap = connection.evidence.recordAnswers;
    const number = ++this.#commands;
    const intent: Ticket = log.append(
      {
        bytes: command.bytes,
        command: number,
        connection: session.connection,
        decision: recordedDecision(decision),
        effects: recordedEffects(command.effects),
        kind: 'intent',
        masks: this.#maskNames,
        session: session.id,
        timing: command.timing,
        verb: command.verb,
        ...(approval === undefined ? {} : { approval }),
      },
      commandBodies(command, session.connection),
    );
    // What people have approved is not counted against what may be done without them.
    const settleRows = counted === undefined ? undefined : this.#parts.rowBudget.reserve(this.#budgetKey(command), counted);
    const passage = new AdmittedPassage({
      home: this.#home,
      number,
      command: withoutValues(command),
      decision,
      intent,
      mostRows: most,
      recording: cap > 0 ? openRecording(session.connection, cap) : undefined,
      settled: settleRows && (({ rowsAffected, status }) => settleRows(rowsAffected ?? (status === 'indeterminate' ? (counted ?? 0) : 0))),
    });
    this.#live.join(passage);
    return passage;
  }

  #homeOf({ connection }: Standing): PassageHome {
    const { log, session, openRecording, observe } = this.#parts;
    const cap = connection.evidence.recordAnswers;
    return {
      log,
      session: session.id,
      strict: connection.evidence.mode === 'strict',
      recordData: cap > 0 ? () => openRecording(session.connection, cap, 'data') : undefined,
      ended: (passage, { status }) => {
        this.#live.leave(passage);
        observe.settled(session.connection, status);
      },
    };
  }

  #refuseByPolicy(command: Command, decision: Decision): Refusal {
    const rule = decision.rules[0];
    const { denied } = decision;
    // What the target does not have is refused in the words in which the target would: tools ask that way whether it is there.
    if (denied?.missing && !rule) {
      const missing = refusal('not_found', `${describeObject(denied)} does not exist`, {
        session: this.session.id,
        ...(denied.object ? { object: { kind: denied.object.kind, name: qualified(denied.object) } } : {}),
      });
      return this.#denied(missing, command, decision);
    }
    const code: RefusalCode = decision.effect === 'require_approval' ? 'approval_required' : denied?.class === 'unknown' ? 'not_understood' : 'denied';
    const what = denied ? describe(denied) : command.verb;
    const by = rule ? ` by ${ruleName(rule)}` : '';
    return this.#denied(refusal(code, `${what} refused${by}: ${decision.reason}`, { session: this.session.id, ...(rule ? { rule } : {}) }), command, decision);
  }

  /** Counted and recorded. */
  #denied(refused: Refusal, command: Command | undefined, decision: Decision | undefined): Refusal {
    if (DENIALS.has(refused.code)) this.#parts.observe.decided(this.session.connection, 'deny');
    this.#recordRefusal(refused, command, decision);
    return refused;
  }

  #recordRefusal(refused: Refusal, command: Command | undefined, decision: Decision | undefined): void {
    const { log, session } = this.#parts;
    this.#refused += 1;
    // A client that is refused over and over must not fill the disk: past some a minute they are counted.
    if (!this.#refusalRate.take(MOST_REFUSALS, performance.now())) {
      const unwritten = (this.#unwritten ??= new Map());
      unwritten.set(refused.code, (unwritten.get(refused.code) ?? 0) + 1);
      this.#sum ??= setTimeout(() => this.#writeSum(), SUM_MS).unref();
      return;
    }
    const number = ++this.#commands;
    log.append(
      {
        kind: 'refusal',
        session: session.id,
        command: number,
        connection: session.connection,
        code: refused.code,
        ...(command ? { verb: command.verb, effects: recordedEffects(command.effects) } : {}),
        ...(decision ? { decision: recordedDecision(decision) } : {}),
        ...(refused.approval === undefined ? {} : { approval: refused.approval }),
      },
      [...(command ? commandBodies({ ...command, recorded: shortened(command.recorded), recordedBytes: undefined }, session.connection) : []), reasonBody(refused, session.connection)],
    );
  }

  #writeSum(): void {
    clearTimeout(this.#sum);
    this.#sum = undefined;
    const { log, session } = this.#parts;
    for (const [code, count] of this.#unwritten ?? []) log.append({ kind: 'refusal', session: session.id, connection: session.connection, code, count });
    this.#unwritten = undefined;
  }

  #limitAge(): void {
    clearTimeout(this.#age);
    const age = this.#standing.policy.limits.sessionAge;
    if (age === undefined || this.#closed) return;
    const left = Math.max(0, this.session.openedAt + age - Date.now());
    // A timer holds at most 2^31-1 ms; a longer age is looked at again then.
    this.#age = setTimeout(() => {
      if (Date.now() - this.session.openedAt >= age) this.terminate(refusal('limit', 'the session has reached its greatest age', { session: this.session.id }));
      else this.#limitAge();
    }, Math.min(left, 2 ** 31 - 1));
    this.#age.unref();
  }
}

/** Refusals of what a command would do, by policy or by a mask; the others are of how it came, or of what people answered. */
const DENIALS: ReadonlySet<RefusalCode> = new Set(['denied', 'not_understood', 'not_found', 'masking', 'write_back']);

/** Refusals that come of people not having approved: the others are about something else that happened meanwhile. */
const ABOUT_APPROVAL: ReadonlySet<RefusalCode> = new Set(['approval_required', 'denied', 'limit']);

/** Names the rule, and its reason, beside the request. */
const withRule = (why: Refusal, { rules: [rule], reason }: Decision): Refusal =>
  rule === undefined ? why : { ...why, message: `${why.message}; approval is required by ${ruleName(rule)}: ${reason}`, rule };

const needsApproval = (command: Command, { approval: { coverData } }: Decision & { readonly approval: ApprovalDemand }): NeedsApproval => ({ kind: 'needs_approval', command, ...(coverData === undefined ? {} : { coverData }) });

/** Values are recorded, and needed no longer: an open portal must not hold on to them. */
const withoutValues = (command: Command): Command => {
  if (command.parameters === undefined) return command;
  const { protocol, verb, effects, timing, facts, recorded, recordedBytes, bytes } = command;
  return { protocol, verb, effects, timing, facts, recorded, recordedBytes, bytes };
};

const describe = (effect: Command['effects'][number]): string => {
  const { verb, object } = effect;
  if (!object) return verb;
  return `${verb} on ${object.kind} ${qualified(object)}`;
};

const qualified = ({ schema, name }: { readonly schema?: string; readonly name: string }): string => (schema === undefined ? name : `${schema}.${name}`);

const describeObject = ({ object, verb }: Command['effects'][number]): string => (object ? `"${qualified(object)}"` : verb);
