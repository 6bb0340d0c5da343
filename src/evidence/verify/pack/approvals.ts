import type { Cell, Source } from './rows.ts';
import { TooMuchOpen } from './too-much.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Request {
  /** The names that each of its records repeats: of the first one in the period. */
  readonly names: Fields;
  asked: { readonly seq: number; readonly time: string } | undefined;
  rules: string | null;
  expires: Cell;
  yes: number;
  no: number;
  forced: boolean;
  state: string;
  /** The records of the period about it: a sampled command that it let through comes from them as well. */
  readonly records: Source[];
}

/** More than a gateway holds at once. */
const MOST_OPEN = 1 << 17;
/** More than people could say about one request. */
const MOST_RECORDS = 10_000;

/** Derives from the records of a period what the populations about approvals must say. */
export class ApprovalRows {
  readonly #emit: (table: string, cells: readonly Cell[]) => void;
  readonly #requests = new Map<string, Request>();

  constructor(emit: (table: string, cells: readonly Cell[]) => void) {
    this.#emit = emit;
  }

  take({ seq, bodies }: Source, time: string, record: Fields): void {
    const id = String(record['request']);
    const request = this.#of(id, record);
    if (request.records.length >= MOST_RECORDS) throw new TooMuchOpen('more is said about one request for approval than can be followed');
    request.records.push({ seq, bodies });
    const { event, verdict } = record;
    if (event === 'requested' || event === 'approved') {
      request.rules = rulesOf(record['steps']);
      request.state = event === 'approved' ? 'approved' : 'pending';
    }
    if (event === 'requested') {
      request.asked ??= { seq, time };
      request.expires = plain(record['expires']);
    }
    if (event === 'answered') {
      if (verdict === 'deny') request.no += 1;
      else request.yes += 1;
      if (verdict === 'force') request.forced = true;
      const groups = record['groups'];
      this.#emit('answers', [seq, time, id, plain(record['identity']), plain(record['connection']), plain(verdict), verdict === 'force', plain(record['provider']), Array.isArray(groups) ? groups.map(String).join(', ') : null, plain(record['channel'])]);
    }
    if (event === 'denied' || event === 'expired' || event === 'withdrawn') this.#over(id, { ...request, state: event }, [seq, time, null, null]);
  }

  /** A command that was let through by an approval; `identity`: whose its session is. Gives the records about the approval. */
  used(seq: number, time: string, record: Fields, identity: Cell): readonly Source[] {
    const id = String(record['approval']);
    const { names, ...request } = this.#of(id, {});
    const connection = plain(names['connection']) ?? plain(record['connection']);
    this.#over(id, { ...request, names: { ...names, connection, identity: plain(names['identity']) ?? identity }, state: 'used' }, [seq, time, plain(record['session']), plain(record['command'])]);
    return request.records;
  }

  finish(): void {
    for (const [id, request] of this.#requests) this.#emit('approvals', [...cells(id, request), null, null, null, null]);
  }

  #of(id: string, names: Fields): Request {
    const known = this.#requests.get(id);
    if (known) return known;
    if (this.#requests.size >= MOST_OPEN) throw new TooMuchOpen('more requests for approval stand open than can be followed');
    const request: Request = { names, asked: undefined, rules: null, expires: null, yes: 0, no: 0, forced: false, state: 'pending', records: [] };
    this.#requests.set(id, request);
    return request;
  }

  #over(id: string, request: Request, end: readonly Cell[]): void {
    this.#emit('approvals', [...cells(id, request), ...end]);
    this.#requests.delete(id);
  }
}

const cells = (id: string, { names, asked, rules, expires, yes, no, forced, state }: Request): Cell[] =>
  [id, state, plain(names['session']), plain(names['identity']), plain(names['connection']), rules, plain(names['digest']), asked?.seq ?? null, asked?.time ?? null, expires, yes, no, forced];

const rulesOf = (steps: unknown): string | null => (Array.isArray(steps) ? steps.map((step: unknown) => String((step as Fields | null)?.['rule'])).join(', ') : null);

const plain = (value: unknown): Cell => (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null);
