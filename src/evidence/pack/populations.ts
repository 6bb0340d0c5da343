import type { EvidenceRecord, RecordedDecision, RecordedEffect } from '../log.ts';
import type { Leaf } from '../read.ts';
import { ApprovalRows } from './approvals.ts';
import type { Cell } from './csv.ts';

/** The populations of a pack and their columns. docs/reference/evidence.md says what each means. */
export const COLUMNS = {
  sessions: ['session', 'identity', 'provider', 'owner_group', 'owner_contact', 'groups', 'connection', 'protocol', 'address', 'tls', 'mode', 'policy', 'config', 'opened_sequence', 'opened', 'ended_sequence', 'ended', 'state', 'reason', 'commands', 'refused'],
  commands: ['index', 'session', 'command', 'identity', 'connection', 'verb', 'effects', 'decision', 'code', 'rules', 'policy', 'timing', 'bytes', 'masks', 'sequence', 'time', 'outcome', 'target_code', 'tag', 'rows_returned', 'rows_affected', 'bytes_down', 'bytes_up', 'cells_masked', 'outcome_sequence', 'outcome_time'],
  decisions: ['decision', 'code', 'rules', 'policy', 'commands', 'first_sequence', 'last_sequence'],
  refusals: ['sequence', 'time', 'session', 'command', 'identity', 'connection', 'code', 'reason', 'verb', 'effects', 'decision', 'rules', 'policy', 'count', 'network'],
  approvals: ['request', 'state', 'session', 'identity', 'connection', 'rules', 'digest', 'requested_sequence', 'requested', 'expires', 'approvals', 'denials', 'forced', 'ended_sequence', 'ended', 'used_session', 'used_command'],
  answers: ['sequence', 'time', 'request', 'identity', 'connection', 'verdict', 'exception', 'provider', 'groups', 'channel'],
  changes: ['sequence', 'time', 'config', 'policy', 'accepted', 'changes'],
  keys: ['sequence', 'time', 'event', 'vkey'],
  retention: ['sequence', 'time', 'kind', 'event', 'name', 'by', 'reason', 'connections', 'sessions', 'from', 'to', 'plan', 'keys', 'count', 'destroyed'],
  revocations: ['sequence', 'time', 'identity', 'by'],
  recoveries: ['sequence', 'time', 'what', 'session', 'command', 'count', 'of', 'bytes'],
  accesses: ['sequence', 'time', 'act', 'by', 'channel', 'recording', 'filters', 'count'],
  people: ['sequence', 'time', 'event', 'action', 'by', 'channel', 'provider', 'groups', 'token', 'target'],
  runs: ['sequence', 'time', 'event', 'instance', 'build', 'config', 'roster'],
} as const;

export type Table = keyof typeof COLUMNS;

type Of<Kind extends EvidenceRecord['kind']> = Extract<EvidenceRecord, { kind: Kind }>;
interface Session {
  readonly open: { readonly sequence: number; readonly time: string; readonly record: Of<'session_open'> } | undefined;
  commands: number;
  refused: number;
  ended: boolean;
  mentioned: boolean;
}
interface Asked {
  readonly leaf: Leaf;
  readonly record: Of<'intent'>;
  readonly identity: string | null;
  /** Records about the approval by which it was let through. */
  readonly approval: readonly number[];
}

/** Where a row came from: for the sample. */
export interface CommandRow {
  readonly index: number;
  readonly sequences: readonly number[];
}

/**
 * Makes the rows of all populations out of the records of a period, one after the other, holding what stands open only. A session or
 * command stands where its end was recorded; those without one stand last, in the order of their beginning.
 */
export class Populations {
  readonly #row: (table: Table, cells: readonly Cell[], command?: CommandRow) => void;
  readonly #sessions = new Map<string, Session>();
  readonly #open = new Map<string, Asked>();
  readonly #decisions = new Map<string, [string, string, string, string, number, number, number]>();
  readonly #approvals: ApprovalRows;
  #index = 0;

  constructor(row: (table: Table, cells: readonly Cell[], command?: CommandRow) => void) {
    this.#row = row;
    this.#approvals = new ApprovalRows(row);
  }

  /** A record from before the period: only whose session it begins is remembered. */
  before(leaf: Leaf): void {
    const { record } = leaf;
    if (record.kind === 'session_open') this.#begin(leaf, record, false);
    else if (record.kind === 'session_close' || (record.kind === 'recovery' && record.what === 'session_lost')) this.#sessions.delete(record.session ?? '');
  }

  /** A record of the period. */
  take(leaf: Leaf): void {
    const { record, seq, time } = leaf;
    switch (record.kind) {
      case 'session_open':
        this.#begin(leaf, record, true);
        return;
      case 'intent':
        this.#session(record.session).commands += 1;
        this.#ask(leaf, record);
        return;
      case 'approval':
        this.#approvals.take(leaf, record);
        return;
      case 'outcome':
        this.#settle(record.session, record.command, leaf, record.outcome.status, record.outcome);
        return;
      case 'refusal':
        this.#refusal(leaf, record);
        return;
      case 'session_close':
        this.#end(record.session, leaf, 'closed', record.reason);
        return;
      case 'recovery':
        this.#row('recoveries', [seq, time, record.what, record.session ?? null, record.command ?? null, record.count ?? null, record.of ?? null, record.bytes ?? null]);
        if (record.session === undefined) return;
        if (record.what === 'indeterminate' && record.command !== undefined) this.#settle(record.session, record.command, leaf, 'indeterminate', {});
        if (record.what === 'session_lost') this.#end(record.session, leaf, 'lost', null);
        return;
      case 'config_change':
        this.#row('changes', [seq, time, record.config, record.policy, record.accepted, record.changes.join('; ')]);
        return;
      case 'key_event':
        this.#row('keys', [seq, time, record.event, record.vkey]);
        return;
      case 'hold':
        this.#row('retention', [seq, time, 'hold', record.event, record.name, record.by, record.reason, list(record.connections), list(record.sessions), record.from ?? null, record.to ?? null, null, null, null, null]);
        return;
      case 'purge':
        this.#row('retention', [seq, time, 'purge', record.event, null, record.by, null, null, null, null, null, record.plan, list(record.keys), record.count, record.destroyed ?? null]);
        return;
      case 'revocation':
        this.#row('revocations', [seq, time, record.identity, record.by]);
        return;
      case 'access':
        this.#row('accesses', [seq, time, record.act, record.by, record.channel ?? null, record.recording ?? null, list(record.filters), record.count]);
        return;
      case 'control':
        this.#row('people', [seq, time, record.event, record.action ?? null, record.by, record.channel ?? null, record.provider ?? null, list(record.groups), record.token ?? null, record.target ?? null]);
        return;
      case 'instance':
        this.#row('runs', [seq, time, record.event, record.instance, record.build, record.config, list(record.roster)]);
        return;
      case 'progress':
      case 'heartbeat':
      case 'clock':
      case 'self_check':
        return;
    }
  }

  /** The period is over: what is still open, and the counts of decisions. */
  finish(): void {
    this.#approvals.finish();
    for (const asked of this.#open.values()) this.#command(asked, undefined, 'open', {});
    for (const [id, session] of this.#sessions) if (session.mentioned && !session.ended) this.#sessionRow(id, session, undefined, 'open', null);
    for (const row of this.#decisions.values()) this.#row('decisions', row);
  }

  #ask(leaf: Leaf, record: Of<'intent'>): void {
    const { session, command, connection, approval, decision } = record;
    const identity = this.#identity(session);
    const about = approval === undefined ? [] : this.#approvals.used(leaf, approval, { session, command, connection, identity });
    this.#open.set(`${session} ${command}`, { leaf, record, identity, approval: about });
    this.#decided(decision, '', leaf.seq);
  }

  #begin({ seq, time }: Leaf, record: Of<'session_open'>, mentioned: boolean): void {
    this.#sessions.set(record.session, { open: { sequence: seq, time, record }, commands: 0, refused: 0, ended: false, mentioned });
  }

  #session(id: string): Session {
    let session = this.#sessions.get(id);
    if (!session) this.#sessions.set(id, (session = { open: undefined, commands: 0, refused: 0, ended: false, mentioned: true }));
    session.mentioned = true;
    return session;
  }

  #settle(session: string, command: number, leaf: Leaf, status: string, outcome: Partial<Of<'outcome'>['outcome']>): void {
    const known = this.#sessions.get(session);
    if (known) known.mentioned = true;
    const asked = this.#open.get(`${session} ${command}`);
    // Of a command that began before the period: it stands in the pack of that one.
    if (!asked) return;
    this.#open.delete(`${session} ${command}`);
    this.#command(asked, leaf, status, outcome);
  }

  #command({ leaf: { seq, time }, record, identity, approval }: Asked, settled: Leaf | undefined, status: string, outcome: Partial<Of<'outcome'>['outcome']>): void {
    const { session, command, connection, verb, effects, decision, timing, bytes, masks } = record;
    const masked = outcome.masked ? Object.values(outcome.masked).reduce((sum, cells) => sum + cells, 0) : null;
    this.#commandRow(
      [session, command, identity, connection, verb, effectsText(effects), decision.effect, null, list(decision.rules), decision.policy, timing, bytes, list(masks), seq, time],
      [status, outcome.code ?? null, outcome.tag ?? null, outcome.rowsReturned ?? null, outcome.rowsAffected ?? null, outcome.bytesDown ?? null, outcome.bytesUp ?? null, masked, settled?.seq ?? null, settled?.time ?? null],
      [seq, ...(settled ? [settled.seq] : []), ...approval],
    );
  }

  #refusal({ seq, time }: Leaf, record: Of<'refusal'>): void {
    const { session, command, connection, code, verb, effects, decision } = record;
    if (session !== undefined) this.#session(session).refused += 1;
    const identity = record.identity ?? (session === undefined ? null : this.#identity(session));
    this.#row('refusals', [seq, time, session ?? null, command ?? null, identity, connection ?? null, code, record.reason ?? null, verb ?? null, effects ? effectsText(effects) : null, decision?.effect ?? null, list(decision?.rules), decision?.policy ?? null, record.count ?? null, record.network ?? null]);
    if (session === undefined || command === undefined) return;
    this.#decided(decision, code, seq);
    this.#commandRow(
      [session, command, identity, connection ?? null, verb ?? null, effects ? effectsText(effects) : null, decision?.effect ?? null, code, list(decision?.rules), decision?.policy ?? null, null, null, null, seq, time],
      ['refused', null, null, null, null, null, null, null, null, null],
      [seq],
    );
  }

  #commandRow(asked: readonly Cell[], ended: readonly Cell[], sequences: readonly number[]): void {
    this.#row('commands', [this.#index, ...asked, ...ended], { index: this.#index, sequences });
    this.#index += 1;
  }

  #decided(decision: RecordedDecision | undefined, code: string, seq: number): void {
    const words = [decision?.effect ?? '', code, list(decision?.rules) ?? '', decision?.policy ?? ''] as const;
    const key = JSON.stringify(words);
    const row = this.#decisions.get(key);
    if (row) {
      row[4] += 1;
      row[6] = seq;
    } else this.#decisions.set(key, [...words, 1, seq, seq]);
  }

  #end(id: string, leaf: Leaf, state: string, reason: string | null): void {
    const session = this.#session(id);
    session.ended = true;
    this.#sessionRow(id, session, leaf, state, reason);
    this.#sessions.delete(id);
  }

  #sessionRow(id: string, { open, commands, refused }: Session, ended: Leaf | undefined, state: string, reason: string | null): void {
    const principal = open?.record.principal;
    const of = open?.record;
    this.#row('sessions', [
      id, principal?.identity ?? null, principal?.provider ?? null, principal?.owner.group ?? null, principal?.owner.contact ?? null, list(principal?.groups), of?.connection ?? null, of?.protocol ?? null,
      of?.peer.address ?? null, of?.peer.tls ?? null, of?.mode ?? null, of?.policy ?? null, of?.config ?? null, open?.sequence ?? null, open?.time ?? null,
      ended?.seq ?? null, ended?.time ?? null, state, reason, commands, refused,
    ]);
  }

  #identity(session: string): string | null {
    return this.#sessions.get(session)?.open?.record.principal.identity ?? null;
  }
}

const list = (values: readonly string[] | undefined): string | null => (values === undefined ? null : values.join(', '));

const effectsText = (effects: readonly RecordedEffect[]): string => effects.map(({ class: kind, verb, object, function: called }) => [kind, verb, object, called].filter((word) => word !== undefined).join(' ')).join('; ');
