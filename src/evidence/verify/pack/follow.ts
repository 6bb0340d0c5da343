import type { Leaf } from './leaf.ts';

/** Something that is missing. */
export interface Gap {
  readonly what: string;
  readonly log?: string;
  readonly sequence?: number;
  readonly session?: string;
}

interface Session {
  /** It began before the pack: what came before its first record here is not known. */
  readonly carried: boolean;
  last: number | undefined;
  readonly unsettled: Set<number>;
}

interface Missing {
  readonly session: string;
  readonly first: number;
  readonly last: number;
  readonly sequence: number;
}

const MOST_OPEN = 1 << 17;
const MOST_MISSING = 1000;
const MOST_KIND = 40;
/** Kinds that leave nothing open. */
const ALONE: ReadonlySet<string> = new Set(['progress', 'config_change', 'revocation', 'heartbeat', 'clock', 'key_event', 'self_check', 'hold', 'purge', 'access', 'approval', 'control']);

/**
 * Follows sessions, commands and runs through the records of a pack: each command of a session has its number without gaps, each that was let
 * through has an end, and what a crash left open is told.
 */
export class Follow {
  readonly #gap: (gap: Gap) => void;
  readonly #sessions = new Map<string, Session>();
  #missing: Missing[] = [];
  #crashed = false;
  #running: boolean | undefined;
  #overflowed = false;

  constructor(gap: (gap: Gap) => void) {
    this.#gap = gap;
  }

  /** A session that began before the pack. */
  carry(session: string): void {
    this.#sessions.set(session, { carried: true, last: undefined, unsettled: new Set() });
  }

  take({ seq, record }: Leaf): void {
    if (this.#crashed && record.kind !== 'recovery') this.#afterCrash(seq);
    const id = String(record['session']);
    const command = Number(record['command']);
    switch (record.kind) {
      case 'instance':
        if (record['event'] === 'start') {
          // Of a pack that begins within a run it is not known what stood open.
          this.#crashed = this.#running === true;
          this.#running = true;
        } else this.#running = false;
        return;
      case 'session_open':
        if (this.#sessions.has(id)) this.#gap({ what: 'the session is opened twice', sequence: seq, session: id });
        this.#add(id, seq);
        break;
      case 'intent':
        this.#numbered(id, command, seq)?.unsettled.add(command);
        break;
      case 'refusal':
        if (record['session'] !== undefined && record['command'] !== undefined) this.#numbered(id, command, seq);
        break;
      case 'outcome':
        this.#settled(id, command, seq);
        break;
      case 'session_close':
        this.#closed(id, Number(record['commands']), seq);
        break;
      case 'recovery':
        this.#recovered(record, id, command, seq);
        break;
      default:
        // What is not understood is not vouched for.
        if (!ALONE.has(record.kind)) this.#gap({ what: `a record of the kind "${record.kind.slice(0, MOST_KIND)}", which this verifier does not know: verify with the version that wrote it`, sequence: seq });
    }
    this.#running ??= true;
  }

  finish(): void {
    for (const { session, first, last, sequence } of this.#missing) this.#gap({ what: first === last ? `command ${first} has no record` : `commands ${first} to ${last} have no record`, sequence, session });
  }

  #add(id: string, seq: number): void {
    if (this.#sessions.size < MOST_OPEN) this.#sessions.set(id, { carried: false, last: 0, unsettled: new Set() });
    else if (!this.#overflowed) {
      this.#overflowed = true;
      this.#gap({ what: `more than ${MOST_OPEN} sessions stand open: the others are not followed`, sequence: seq });
    }
  }

  #numbered(id: string, command: number, seq: number): Session | undefined {
    const session = this.#sessions.get(id);
    if (!session) {
      this.#gap({ what: 'a command belongs to a session whose beginning is not in the log', sequence: seq, session: id });
      return undefined;
    }
    if (session.last !== undefined && command <= session.last) this.#gap({ what: `command ${command} comes after command ${session.last}`, sequence: seq, session: id });
    else if (session.last !== undefined && command > session.last + 1) this.#miss(id, session.last + 1, command - 1, seq);
    session.last = command;
    return session;
  }

  #settled(id: string, command: number, seq: number): void {
    const session = this.#sessions.get(id);
    // The end of a session may be recorded before that of its last command.
    if (session?.unsettled.delete(command) || session?.carried) return;
    if (session) this.#gap({ what: `command ${command} has an outcome and was never let through`, sequence: seq, session: id });
  }

  #closed(id: string, commands: number, seq: number): void {
    const session = this.#sessions.get(id);
    if (!session) {
      this.#gap({ what: 'a session is closed that is not open', sequence: seq, session: id });
      return;
    }
    if (session.last !== undefined && commands > session.last) this.#miss(id, session.last + 1, commands, seq);
    if (session.last !== undefined && commands < session.last) this.#gap({ what: `the session's close tells of ${commands} commands, the log has ${session.last}`, sequence: seq, session: id });
    this.#sessions.delete(id);
  }

  #recovered(record: Leaf['record'], id: string, command: number, seq: number): void {
    const what = record['what'];
    if (what === 'indeterminate') this.#settled(id, command, seq);
    else if (what === 'session_lost') this.#sessions.delete(id);
    else if (what === 'unrecorded' && record['session'] !== undefined) {
      const last = command + (typeof record['count'] === 'number' ? record['count'] : 1) - 1;
      const session = this.#sessions.get(id);
      if (session?.last !== undefined && command === session.last + 1) session.last = last;
      this.#missing = this.#missing.flatMap((one) => {
        if (one.session !== id || one.first > last || one.last < command) return [one];
        return [...(one.first < command ? [{ ...one, last: command - 1 }] : []), ...(one.last > last ? [{ ...one, first: last + 1 }] : [])];
      });
    }
  }

  #miss(session: string, first: number, last: number, sequence: number): void {
    if (this.#missing.length < MOST_MISSING) this.#missing.push({ session, first, last, sequence });
    else this.#gap({ what: `commands ${first} to ${last} have no record`, sequence, session });
  }

  #afterCrash(seq: number): void {
    this.#crashed = false;
    for (const [id, { carried }] of this.#sessions) if (!carried) this.#gap({ what: 'the run that had this session ended without a stop, and no record says that it is lost', sequence: seq, session: id });
    this.#sessions.clear();
  }
}
