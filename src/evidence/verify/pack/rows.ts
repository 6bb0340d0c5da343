import { ApprovalRows } from './approvals.ts';
import { isObject } from './bytes.ts';
import type { Leaf } from './leaf.ts';
import { TooMuchOpen } from './too-much.ts';

/** What a cell of a population holds. */
export type Cell = string | number | boolean | null;

const COMMAND = 'index session command identity connection verb effects decision code rules policy timing bytes masks sequence time outcome target_code tag rows_returned rows_affected bytes_down bytes_up cells_masked outcome_sequence outcome_time';

/** The populations of a pack of version 1, with their columns. */
export const TABLES: ReadonlyMap<string, readonly string[]> = new Map(
  [
    ['sessions', 'session identity provider owner_group owner_contact groups connection protocol address tls mode policy config opened_sequence opened ended_sequence ended state reason commands refused'],
    ['commands', COMMAND],
    ['decisions', 'decision code rules policy commands first_sequence last_sequence'],
    ['refusals', 'sequence time session command identity connection code reason verb effects decision rules policy count network'],
    ['approvals', 'request state session identity connection rules digest requested_sequence requested expires approvals denials forced ended_sequence ended used_session used_command'],
    ['answers', 'sequence time request identity connection verdict exception provider groups channel'],
    ['changes', 'sequence time config policy accepted changes'],
    ['keys', 'sequence time event vkey'],
    ['retention', 'sequence time kind event name by reason connections sessions from to plan keys count destroyed'],
    ['revocations', 'sequence time identity by'],
    ['recoveries', 'sequence time what session command count of bytes'],
    ['accesses', 'sequence time act by channel recording filters count'],
    ['people', 'sequence time event action by channel provider groups token target'],
    ['runs', 'sequence time event instance build config roster'],
  ].map(([name = '', columns = '']) => [name, columns.split(' ')]),
);

type Fields = Readonly<Record<string, unknown>>;

const MOST_OPEN = 1 << 20;

/** A record as far as rows need it. */
interface Known {
  readonly seq: number;
  readonly time: string;
  readonly record: Fields;
  readonly bodies: Leaf['bodies'];
}

/** A record that a row comes from, and the texts that it commits to. */
export type Source = Pick<Known, 'seq' | 'bodies'>;

/** Takes a row. */
export type Emit = (table: string, cells: readonly Cell[], from: readonly Source[]) => void;

interface Session {
  readonly open: Known | undefined;
  commands: number;
  refused: number;
  seen: boolean;
}

/** Derives from the records of a period what its populations must say. */
export class Rows {
  readonly #emit: Emit;
  readonly #sessions = new Map<string, Session>();
  readonly #asked = new Map<string, Known & { readonly identity: Cell; readonly approval: readonly Source[] }>();
  readonly #decisions = new Map<string, { readonly words: readonly string[]; count: number; readonly first: number; last: number }>();
  readonly #approvals: ApprovalRows;
  #commands = 0;

  /** `emit` is given each row; a command with the records that it comes from. */
  constructor(emit: Emit) {
    this.#emit = emit;
    this.#approvals = new ApprovalRows((table, cells) => emit(table, cells, []));
  }

  before({ seq, time, record, bodies }: Known): void {
    const session = String(record['session']);
    if (record['kind'] === 'session_open') this.#sessions.set(session, { open: { seq, time, record, bodies }, commands: 0, refused: 0, seen: false });
    if (record['kind'] === 'session_close' || (record['kind'] === 'recovery' && record['what'] === 'session_lost')) this.#sessions.delete(session);
  }

  take({ seq, time, record, bodies }: Leaf): void {
    const known = { seq, time, record, bodies };
    const say = (table: string, ...names: readonly string[]): void => this.#emit(table, [seq, time, ...names.map((name) => cell(record[name]))], []);
    switch (record.kind) {
      case 'session_open':
        this.before(known);
        this.#see(record['session']);
        return;
      case 'intent':
        return this.#ask(known);
      case 'outcome':
        return this.#answer(known, fields(record['outcome']));
      case 'refusal':
        return this.#refuse(known);
      case 'session_close':
        return this.#end(known, 'closed', cell(record['reason']));
      case 'recovery':
        say('recoveries', 'what', 'session', 'command', 'count', 'of', 'bytes');
        if (record['what'] === 'indeterminate' && record['session'] !== undefined && record['command'] !== undefined) this.#answer(known, { status: 'indeterminate' });
        if (record['what'] === 'session_lost' && record['session'] !== undefined) this.#end(known, 'lost', null);
        return;
      case 'approval':
        return this.#approvals.take(known, time, record);
      case 'config_change':
        this.#emit('changes', [seq, time, cell(record['config']), cell(record['policy']), cell(record['accepted']), joined(record['changes'], '; ')], []);
        return;
      case 'key_event':
        return say('keys', 'event', 'vkey');
      case 'hold':
      case 'purge':
        return say('retention', 'kind', 'event', 'name', 'by', 'reason', 'connections', 'sessions', 'from', 'to', 'plan', 'keys', 'count', 'destroyed');
      case 'revocation':
        return say('revocations', 'identity', 'by');
      case 'access':
        return say('accesses', 'act', 'by', 'channel', 'recording', 'filters', 'count');
      case 'control':
        return say('people', 'event', 'action', 'by', 'channel', 'provider', 'groups', 'token', 'target');
      case 'instance':
        return say('runs', 'event', 'instance', 'build', 'config', 'roster');
      default:
    }
  }

  finish(): void {
    this.#approvals.finish();
    for (const asked of this.#asked.values()) this.#command(asked, asked, undefined, { status: 'open' });
    for (const [id, session] of this.#sessions) if (session.seen) this.#session(id, session, undefined, 'open', null);
    for (const { words, count, first, last } of this.#decisions.values()) this.#emit('decisions', [...words, count, first, last], []);
  }

  #see(id: unknown): Session {
    const name = String(id);
    let session = this.#sessions.get(name);
    if (!session) this.#sessions.set(name, (session = { open: undefined, commands: 0, refused: 0, seen: true }));
    if (this.#sessions.size > MOST_OPEN) throw new TooMuchOpen('more sessions stand open than can be followed');
    session.seen = true;
    return session;
  }

  #ask(known: Known): void {
    const { record, seq } = known;
    this.#see(record['session']).commands += 1;
    const identity = this.#identity(record['session']);
    const approval = record['approval'] === undefined ? [] : this.#approvals.used(seq, known.time, record, identity);
    this.#asked.set(`${String(record['session'])} ${String(record['command'])}`, { ...known, identity, approval });
    if (this.#asked.size > MOST_OPEN) throw new TooMuchOpen('more commands stand open than can be followed');
    this.#decide(fields(record['decision']), '', seq);
  }

  #answer(known: Known, outcome: Fields): void {
    const { session, command } = known.record;
    const of = this.#sessions.get(String(session));
    if (of) of.seen = true;
    const key = `${String(session)} ${String(command)}`;
    const asked = this.#asked.get(key);
    if (asked) this.#command(asked, asked, known, outcome);
    this.#asked.delete(key);
  }

  #command(asked: Known, { identity, approval }: { readonly identity: Cell; readonly approval: readonly Source[] }, end: Known | undefined, outcome: Fields): void {
    const { seq, time, record } = asked;
    const decision = fields(record['decision']);
    const masked = outcome['masked'] === undefined ? null : Object.values(fields(outcome['masked'])).reduce<number>((sum, cells) => sum + Number(cells), 0);
    const cells = [
      ...[record['session'], record['command'], identity, record['connection'], record['verb']].map(cell), effects(record['effects']),
      ...[decision['effect'], null, decision['rules'], decision['policy'], record['timing'], record['bytes'], record['masks'], seq, time].map(cell),
      ...['status', 'code', 'tag', 'rowsReturned', 'rowsAffected', 'bytesDown', 'bytesUp'].map((name) => cell(outcome[name])), masked, cell(end?.seq), cell(end?.time),
    ];
    this.#row(cells, [asked, ...(end ? [end] : []), ...approval]);
  }

  #refuse(known: Known): void {
    const { seq, time, record } = known;
    const { session, command } = record;
    const decision = fields(record['decision']);
    if (session !== undefined) this.#see(session).refused += 1;
    const identity = record['identity'] === undefined && session !== undefined ? this.#identity(session) : cell(record['identity']);
    const what = [cell(record['verb']), effects(record['effects'])];
    const judged = [decision['effect'], decision['rules'], decision['policy']].map(cell);
    const [effect = null, ...rules] = judged;
    this.#emit('refusals', [seq, time, cell(session), cell(command), identity, cell(record['connection']), cell(record['code']), cell(record['reason']), ...what, ...judged, cell(record['count']), cell(record['network'])], []);
    if (session === undefined || command === undefined) return;
    this.#decide(decision, String(record['code']), seq);
    this.#row([cell(session), cell(command), identity, cell(record['connection']), ...what, effect, cell(record['code']), ...rules, null, null, null, seq, time, 'refused', ...new Array<Cell>(9).fill(null)], [known]);
  }

  #row(cells: readonly Cell[], from: readonly Source[]): void {
    this.#emit('commands', [this.#commands, ...cells], from);
    this.#commands += 1;
  }

  #decide(decision: Fields, code: string, seq: number): void {
    const words = [cell(decision['effect']) ?? '', code, cell(decision['rules']) ?? '', cell(decision['policy']) ?? ''].map(String);
    const key = words.join('\u0000');
    const known = this.#decisions.get(key);
    if (known) {
      known.count += 1;
      known.last = seq;
    } else this.#decisions.set(key, { words, count: 1, first: seq, last: seq });
    if (this.#decisions.size > MOST_OPEN) throw new TooMuchOpen('more kinds of decisions are told of than can be counted');
  }

  #end(known: Known, state: string, reason: Cell): void {
    const id = String(known.record['session']);
    this.#session(id, this.#see(id), known, state, reason);
    this.#sessions.delete(id);
  }

  #session(id: string, { open, commands, refused }: Session, end: Known | undefined, state: string, reason: Cell): void {
    const of = open?.record ?? {};
    const principal = fields(of['principal']);
    const owner = fields(principal['owner']);
    const peer = fields(of['peer']);
    const cells = [id, principal['identity'], principal['provider'], owner['group'], owner['contact'], principal['groups'], of['connection'], of['protocol'], peer['address'], peer['tls'], of['mode'], of['policy'], of['config'], open?.seq, open?.time, end?.seq, end?.time, state, reason, commands, refused];
    this.#emit('sessions', cells.map(cell), []);
  }

  #identity(session: unknown): Cell {
    return cell(fields(this.#sessions.get(String(session))?.open?.record['principal'])['identity']);
  }
}

const fields = (value: unknown): Fields => (isObject(value) ? value : {});

/** Lists are one text. */
const cell = (value: unknown): Cell => (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : Array.isArray(value) ? joined(value, ', ') : null);

const joined = (value: unknown, between: string): Cell => (Array.isArray(value) ? value.map(String).join(between) : null);

const effects = (value: unknown): Cell =>
  Array.isArray(value) ? value.map((effect) => ['class', 'verb', 'object', 'function'].map((name) => fields(effect)[name]).filter((word) => word !== undefined).map(String).join(' ')).join('; ') : null;

/** A row as the CSV file must have it. */
export const asCsv = (cells: readonly Cell[]): string => `${cells.map(quoted).join(',')}\r\n`;

const quoted = (value: Cell): string => {
  if (typeof value !== 'string') return value === null ? '' : `${value}`;
  const harmless = ['=', '+', '-', '@', '\t', '\r'].includes(value.charAt(0)) ? `'${value}` : value;
  return /["\n\r,]/.test(harmless) ? `"${harmless.split('"').join('""')}"` : harmless;
};

/** A row as the JSON file must have it, without what stands between rows. */
export const asJson = (columns: readonly string[], cells: readonly Cell[]): string => `{${columns.map((column, i) => `"${column}":${JSON.stringify(cells[i] ?? null)}`).join(',')}}`;
