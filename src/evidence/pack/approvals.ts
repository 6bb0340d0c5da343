import type { ApprovalRecord } from '../log.ts';
import type { Leaf } from '../read.ts';
import type { Cell } from './csv.ts';

interface Request {
  readonly request: string;
  session: string | null;
  identity: string | null;
  connection: string | null;
  digest: string | null;
  rules: string | null;
  requested: readonly [number, string] | undefined;
  expires: string | null;
  approvals: number;
  denials: number;
  forced: boolean;
  state: string;
  /** Its records: they go with the sampled command that it let through. */
  readonly sequences: number[];
}

type Row = (table: 'approvals' | 'answers', cells: readonly Cell[]) => void;

/**
 * Makes the rows about requests for approval, out of the records of a period alone: what was asked or answered before it stands in the
 * pack of that time. A request stands where its end was recorded; those without one stand last, in the order of their first record.
 */
export class ApprovalRows {
  readonly #row: Row;
  readonly #open = new Map<string, Request>();

  constructor(row: Row) {
    this.#row = row;
  }

  take({ seq, time }: Leaf, record: ApprovalRecord): void {
    const request = this.#request(record.request);
    request.sequences.push(seq);
    request.session ??= record.session;
    request.identity ??= record.identity;
    request.connection ??= record.connection;
    request.digest ??= record.digest;
    switch (record.event) {
      case 'requested':
        request.requested ??= [seq, time];
        request.rules = record.steps.map(({ rule }) => rule).join(', ');
        request.expires = record.expires;
        request.state = 'pending';
        return;
      case 'answered':
        if (record.verdict === 'deny') request.denials += 1;
        else request.approvals += 1;
        request.forced ||= record.verdict === 'force';
        this.#row('answers', [seq, time, record.request, record.identity, record.connection, record.verdict, record.verdict === 'force', record.provider, record.groups.join(', '), record.channel]);
        return;
      case 'approved':
        request.rules = record.steps.map(({ rule }) => rule).join(', ');
        request.state = 'approved';
        return;
      case 'denied':
      case 'expired':
      case 'withdrawn':
        this.#end({ ...request, state: record.event }, [seq, time, null, null]);
    }
  }

  /** A command was let through by an approval: gives the records of the period that are about it. */
  used({ seq, time }: Leaf, request: string, by: { readonly session: string; readonly command: number; readonly connection: string; readonly identity: string | null }): readonly number[] {
    const of = this.#request(request);
    this.#end({ ...of, state: 'used', connection: of.connection ?? by.connection, identity: of.identity ?? by.identity }, [seq, time, by.session, by.command]);
    return of.sequences;
  }

  finish(): void {
    for (const request of this.#open.values()) this.#row('approvals', [...cellsOf(request), null, null, null, null]);
  }

  #request(request: string): Request {
    let found = this.#open.get(request);
    if (!found) {
      found = { request, session: null, identity: null, connection: null, digest: null, rules: null, requested: undefined, expires: null, approvals: 0, denials: 0, forced: false, state: 'pending', sequences: [] };
      this.#open.set(request, found);
    }
    return found;
  }

  #end(request: Request, ended: readonly Cell[]): void {
    this.#row('approvals', [...cellsOf(request), ...ended]);
    this.#open.delete(request.request);
  }
}

const cellsOf = ({ request, session, identity, connection, digest, rules, requested, expires, approvals, denials, forced, state }: Request): Cell[] =>
  [request, state, session, identity, connection, rules, digest, requested?.[0] ?? null, requested?.[1] ?? null, expires, approvals, denials, forced];
