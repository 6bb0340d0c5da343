import { Approvals } from './approvals.ts';
import type { VerifiedLeaf } from './leaf.ts';

/** Something that is missing, or does not go together. */
export interface Gap {
  readonly what: string;
  readonly sequence: number | undefined;
  readonly session?: string;
}

interface SessionState {
  /** session_open was seen, and neither a close nor a loss. */
  open: boolean;
  readonly since: number;
  /** The highest command number so far. */
  last: number;
  /** Commands whose intent has no outcome yet, with the intent's sequence. */
  readonly unsettled: Map<number, number>;
  /** Commands declared indeterminate: a true outcome may still come. */
  indeterminate: Set<number> | undefined;
}

interface MissingNumbers {
  readonly session: string;
  first: number;
  last: number;
  readonly sequence: number;
}

const NAMED_GAPS = 100;
/** What is followed at once: far more than a gateway holds, little enough that a log made up to fill memory cannot. */
const MOST_SESSIONS = 1 << 16;
const MOST_UNSETTLED = 1 << 18;
const MOST_MISSING = 1000;
const MOST_ID = 256;

/**
 * Follows sessions, commands and runs through the records, one pass, holding what stands open only. What it can not know is
 * whether the log had further records behind its end: that needs a checkpoint, a copy of a later state, or a witness.
 */
export class Completeness {
  readonly gaps: Gap[] = [];
  readonly approvals = new Approvals((what, sequence, session) => this.gap(what, sequence, session));
  count = 0;
  readonly #sessions = new Map<string, SessionState>();
  readonly #missing: MissingNumbers[] = [];
  /** Commands without an outcome, in all sessions. */
  #unsettled = 0;
  #indeterminate = 0;
  #overflowed = false;
  #running = false;
  /** What a run that ended without a stop left open, until recovery records settle it. */
  #inherited = false;
  sessions = 0;
  commands = 0;
  refusals = 0;
  readonly recovered = { indeterminate: 0, session_lost: 0, torn_tail: 0, unrecorded: 0 };
  unknownKinds = 0;
  /** Runs of the gateway, and those of them that ended without a stop and were followed by another. */
  runs = 0;
  crashes = 0;

  leaf({ seq, record }: Pick<VerifiedLeaf, 'seq' | 'record'>): void {
    if (seq === 0 && !(record.kind === 'instance' && record['event'] === 'start')) this.gap('the first record is not the start of an instance', seq);
    this.approvals.take(record, seq);
    if (this.#inherited && record.kind !== 'recovery') this.#checkInherited(seq);
    const handle = HANDLERS.get(record.kind);
    if (handle) handle(this, record, seq);
    else this.unknownKinds += 1;
  }

  /** The same for the kinds that nearly all records are of, given what matters in them: no approval has to do with it. False: not one of them, nothing was done. */
  command(kind: string, session: string, command: number, seq: number): boolean {
    if (seq === 0 || this.#inherited) return false;
    if (kind === 'intent') this.intent(session, command, seq);
    else if (kind === 'outcome') this.outcome(session, command, seq);
    else return false;
    return true;
  }

  /** The end of the log. `stopped`: it ends with an instance's stop. */
  end(): { readonly stopped: boolean; readonly openSessions: number; readonly openCommands: number } {
    for (const { session, first, last, sequence } of this.#missing) {
      this.gap(first === last ? `command ${first} has no record` : `commands ${first} to ${last} have no record`, sequence, session);
    }
    let openSessions = 0;
    let openCommands = 0;
    for (const [id, session] of this.#sessions) {
      if (session.open) openSessions += 1;
      openCommands += session.unsettled.size;
      if (this.#running && session.open) continue;
      if (session.open) this.gap('the session has no close, although the instance stopped', session.since, id);
      for (const [command, sequence] of session.unsettled) this.gap(`command ${command} has no outcome, although its session is over`, sequence, id);
    }
    return { stopped: !this.#running, openSessions, openCommands };
  }

  instance(record: VerifiedLeaf['record'], seq: number): void {
    if (record['event'] === 'start') {
      // A start without a stop before it: the run before was killed. Its open ends must be told next.
      this.#inherited = [...this.#sessions.values()].some(({ open, unsettled }) => open || unsettled.size > 0);
      if (this.#running) this.crashes += 1;
      this.#running = true;
      this.runs += 1;
      return;
    }
    if (!this.#running) this.gap('an instance stops that has not started', seq);
    this.#running = false;
  }

  sessionOpen(record: VerifiedLeaf['record'], seq: number): void {
    const id = idOf(record);
    if (this.#sessions.has(id)) this.gap('the session is opened twice', seq, id);
    this.sessions += 1;
    if (this.#sessions.size >= MOST_SESSIONS) {
      this.#overflow(`more than ${MOST_SESSIONS} sessions stand open`, seq);
      return;
    }
    this.#settleAll(this.#sessions.get(id));
    this.#sessions.set(id, { open: true, since: seq, last: 0, unsettled: new Map(), indeterminate: undefined });
  }

  intent(id: string, command: unknown, seq: number): void {
    const session = this.#numbered('intent', id, command, seq);
    if (!session) return;
    this.commands += 1;
    if (this.#unsettled >= MOST_UNSETTLED) {
      this.#overflow(`more than ${MOST_UNSETTLED} commands stand open`, seq);
      return;
    }
    this.#unsettled += 1;
    session.unsettled.set(command as number, seq);
  }

  refusal(record: VerifiedLeaf['record'], seq: number): void {
    this.refusals += 1;
    if (record['command'] !== undefined) this.#numbered('refusal', idOf(record), record['command'], seq);
  }

  progress(record: VerifiedLeaf['record'], seq: number): void {
    const id = idOf(record);
    const command = record['command'] as number;
    const session = this.#sessions.get(id);
    if (!session?.unsettled.has(command) && !session?.indeterminate?.has(command)) this.gap(`command ${String(command)} makes progress without an intent`, seq, id);
  }

  outcome(id: string, command: unknown, seq: number): void {
    const session = this.#sessions.get(id);
    if (session?.unsettled.delete(command as number)) this.#unsettled -= 1;
    else if (session?.indeterminate?.delete(command as number)) this.#indeterminate -= 1;
    else {
      this.gap(`command ${String(command)} has an outcome without an intent`, seq, id);
      return;
    }
    this.#forget(id, session);
  }

  sessionClose(record: VerifiedLeaf['record'], seq: number): void {
    const id = idOf(record);
    const session = this.#sessions.get(id);
    if (!session?.open) {
      this.gap('a session is closed that is not open', seq, id);
      return;
    }
    const commands = record['commands'] as number;
    if (commands > session.last) this.#miss(id, session.last + 1, commands, seq);
    else if (commands < session.last) this.gap(`the session's close tells of ${commands} commands, the log has ${session.last}`, seq, id);
    session.open = false;
    this.#forget(id, session);
  }

  recovery(record: VerifiedLeaf['record'], seq: number): void {
    const what = record['what'] as keyof Completeness['recovered'];
    if (what in this.recovered) this.recovered[what] += 1;
    const id = idOf(record);
    const session = this.#sessions.get(id);
    if (what === 'indeterminate') {
      const command = record['command'] as number;
      if (!session?.unsettled.delete(command)) this.gap(`command ${String(command)} is called indeterminate without an intent that is open`, seq, id);
      else {
        this.#unsettled -= 1;
        this.#declare(session, command, seq);
      }
      if (session) this.#forget(id, session);
    } else if (what === 'session_lost') {
      if (!session?.open) this.gap('a session is called lost that is not open', seq, id);
      else session.open = false;
      if (session) this.#forget(id, session);
    } else if (what === 'unrecorded') {
      const first = record['command'] as number;
      this.#found(id, first, first + (typeof record['count'] === 'number' ? record['count'] : 1) - 1);
    }
  }

  /** Takes the number of a command: each session counts from 1 without gaps. */
  #numbered(kind: string, id: string, command: unknown, seq: number): SessionState | undefined {
    const session = this.#sessions.get(id);
    if (!session?.open) {
      this.gap(`a ${kind} belongs to a session that is not open: its session_open is missing`, seq, id);
      return undefined;
    }
    if (typeof command !== 'number' || command <= session.last) {
      this.gap(`command ${String(command)} comes after command ${session.last}`, seq, id);
      return undefined;
    }
    if (command > session.last + 1) this.#miss(id, session.last + 1, command - 1, seq);
    session.last = command;
    return session;
  }

  /** Numbers that are not there: a recovery record may yet say why. */
  #miss(session: string, first: number, last: number, sequence: number): void {
    if (this.#missing.length < MOST_MISSING) this.#missing.push({ session, first, last, sequence });
    else this.gap(`commands ${first} to ${last} have no record`, sequence, session);
  }

  #found(session: string, first: number, last: number): void {
    const state = this.#sessions.get(session);
    if (state && first === state.last + 1) {
      state.last = last;
      return;
    }
    const at = this.#missing.findIndex((missing) => missing.session === session && missing.first <= first && missing.last >= last);
    const missing = this.#missing[at];
    if (!missing) return;
    this.#missing.splice(at, 1);
    if (missing.first < first) this.#missing.push({ ...missing, last: first - 1 });
    if (missing.last > last) this.#missing.push({ ...missing, first: last + 1 });
  }

  #forget(id: string, session: SessionState): void {
    if (session.open || session.unsettled.size > 0) return;
    this.#indeterminate -= session.indeterminate?.size ?? 0;
    this.#sessions.delete(id);
  }

  #declare(session: SessionState, command: number, seq: number): void {
    if (this.#indeterminate >= MOST_UNSETTLED) {
      this.#overflow(`more than ${MOST_UNSETTLED} commands are indeterminate`, seq);
      return;
    }
    this.#indeterminate += 1;
    session.indeterminate ??= new Set();
    session.indeterminate.add(command);
  }

  #settleAll(session: SessionState | undefined): void {
    this.#unsettled -= session?.unsettled.size ?? 0;
    this.#indeterminate -= session?.indeterminate?.size ?? 0;
  }

  /** Said once: what is missing beyond that is not told apart from what could not be followed. */
  #overflow(what: string, seq: number): void {
    if (!this.#overflowed) this.gap(`${what}: what belongs to the others is not followed`, seq);
    this.#overflowed = true;
  }

  #checkInherited(seq: number): void {
    this.#inherited = false;
    for (const [id, session] of this.#sessions) {
      if (session.open) this.gap('the run that had this session ended without a stop, and no recovery record says that it is lost', seq, id);
      for (const command of session.unsettled.keys()) this.gap(`the run ended without a stop, and command ${command} was not declared indeterminate`, seq, id);
    }
    this.#sessions.clear();
    this.#unsettled = 0;
    this.#indeterminate = 0;
  }

  /** Something is missing. The first are named, all are counted. */
  gap(what: string, sequence: number, session?: string): void {
    this.count += 1;
    if (this.gaps.length < NAMED_GAPS) this.gaps.push({ what, sequence, ...(session === undefined ? {} : { session }) });
  }
}

/** A session's name as it is remembered: of a length that cannot fill memory. */
const idOf = (record: VerifiedLeaf['record']): string => {
  const id = String(record['session']);
  return id.length <= MOST_ID ? id : id.slice(0, MOST_ID);
};

type Handler = (follow: Completeness, record: VerifiedLeaf['record'], seq: number) => void;

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['instance', (follow, record, seq) => follow.instance(record, seq)],
  ['session_open', (follow, record, seq) => follow.sessionOpen(record, seq)],
  ['intent', (follow, record, seq) => follow.intent(idOf(record), record['command'], seq)],
  ['refusal', (follow, record, seq) => follow.refusal(record, seq)],
  ['progress', (follow, record, seq) => follow.progress(record, seq)],
  ['outcome', (follow, record, seq) => follow.outcome(idOf(record), record['command'], seq)],
  ['session_close', (follow, record, seq) => follow.sessionClose(record, seq)],
  ['recovery', (follow, record, seq) => follow.recovery(record, seq)],
  // Kinds that stand alone, and approvals, which see every record.
  ['config_change', () => undefined],
  ['revocation', () => undefined],
  ...['heartbeat', 'clock', 'key_event', 'self_check', 'hold', 'purge', 'access', 'approval', 'control'].map((kind): [string, Handler] => [kind, () => undefined]),
]);
