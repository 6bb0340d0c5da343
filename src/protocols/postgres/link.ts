import type { Socket } from 'node:net';
import { createCopyInGuard } from '../../masking/copy-guard.ts';
import type { Logger } from '../../model/logger.ts';
import type { Refusal } from '../../model/decision.ts';
import type { GatedSession } from '../../pipeline/gate.ts';
import type { Permit } from '../../pipeline/permits.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { UnderstoodStatement } from '../../sql/understand.ts';
import type { Frame, Run } from './frames.ts';
import type { Answer } from './answer.ts';
import { Names, type Cursor, type Prepared } from './namespace.ts';
import type { TransactionStatus } from './messages.ts';
import { ExpectedReplies } from './state.ts';

/** What a reply that the target owes is for. */
export interface Owed {
  readonly answer?: Answer;
  /** Bytes of a simulated reply. */
  readonly bytes?: Buffer;
  /** The target was made to fail: what the client is told instead of its error; null tells nothing. */
  readonly insteadOfError?: Buffer | null;
  /** For replies of the gateway's own that still end a message of the client's: its ReadyForQuery goes to the client. */
  readonly showsReady?: boolean;
  /** The item ended: the target did it, or it did not (error, skipped). */
  readonly done?: (ok: boolean) => void;
  /** Sees the replies of the gateway's own requests. */
  readonly capture?: (event: Frame | Run) => void;
}

/** A portal as the gateway knows it. */
export interface Portal extends Cursor {
  readonly answer: Answer | undefined;
  /** Bound by the protocol: the target drops it at the end of the transaction. */
  readonly bound: boolean;
}

/** COPY FROM STDIN that is under way. */
export interface CopyIn {
  readonly answer: Answer;
  /** Looks at the data for masked values, and at its end (undefined); returns why it may not go on. */
  readonly guard: ((data: Buffer | undefined) => string | undefined) | undefined;
  /** Refused or failed: what the client still sends is dropped. */
  dropped: boolean;
}

/** Everything both directions of one session share. Only `session.ts` creates it. */
export class Link {
  readonly gated: GatedSession;
  readonly log: Logger;
  readonly owed = new ExpectedReplies<Owed>();
  readonly prepared = new Names<Prepared>();
  readonly portals = new Names<Portal>();
  readonly target: Outgoing;
  readonly client: Outgoing;
  status: TransactionStatus = 'I';
  copyIn: CopyIn | undefined;
  /** Ends the session: the client gets the refusal as FATAL, both sides close. */
  readonly end: (why: Refusal) => void;
  #idle: (() => void)[] = [];

  constructor(gated: GatedSession, log: Logger, client: Socket, target: Socket, end: (why: Refusal) => void) {
    this.gated = gated;
    this.log = log;
    this.client = new Outgoing(client);
    this.target = new Outgoing(target);
    this.end = end;
  }

  /** Every byte to the target passes here, and every one needs a permit. */
  send(permit: Permit, bytes: Uint8Array): void {
    permit.spend();
    this.target.add(bytes);
  }

  /** Calls back when the target owes nothing and the client has been given all of it, or COPY data is asked for. */
  whenIdle(then: () => void): void {
    if (this.owed.idle) then();
    else this.#idle.push(then);
  }

  /** SQL that defines or drops statements and cursors has been done. */
  applyNamed({ facts, start, end }: UnderstoodStatement, answer: Answer, under: string): void {
    if (facts.tag.startsWith('discard') && facts.settings.some(({ name }) => name === '*')) {
      this.prepared.clear();
      this.#dropPortals(() => true);
    }
    const { named } = facts;
    if (!named) return;
    const name = named.name ?? '';
    const inner = named.inner && { statements: [{ facts: named.inner, start: 0, end: 0 }], literals: [], unparsed: false };
    switch (named.kind) {
      case 'prepare':
        if (inner) this.prepared.confirm(name, { text: Buffer.from(answer.text.subarray(start, end)), by: 'sql', understood: inner, under, parameterTypes: [], recorded: '' });
        return;
      case 'deallocate':
        if (named.name === undefined) this.prepared.clear();
        else this.prepared.confirm(name, undefined);
        return;
      case 'declare':
        if (inner) this.portals.confirm(name, { understood: inner, answer: undefined, bound: false });
        return;
      case 'close':
        this.#dropPortals((portal, portalName) => named.name === undefined || portalName === name);
        return;
      case 'execute':
      case 'fetch':
    }
  }

  /** The target drops bound portals at the end of a transaction; cursors WITH HOLD stay, and a name too many does no harm. */
  transactionEnded(): void {
    this.#dropPortals(({ bound }) => bound);
  }

  /** What looks at COPY data on its way to protected columns; undefined when it need not be looked at. */
  copyGuard(answer: Answer, catalog: Catalog): CopyIn['guard'] {
    const copy = answer.statement?.facts.copy;
    const { masks } = this.gated;
    if (masks.empty || !copy) return undefined;
    const guard = createCopyInGuard(copy, masks, catalog);
    return guard && ((data) => guard.push(data)?.reason);
  }

  dropPortal(name: string): void {
    this.#dropPortals((_, portalName) => portalName === name);
  }

  #dropPortals(which: (portal: Portal, name: string) => boolean): void {
    for (const { answer } of this.portals.removeWhere(which)) if (answer) this.abandon(answer);
  }

  /** A command that was let through and will not be run, or not to its end. */
  abandon(answer: Answer): void {
    if (answer.ended) return;
    answer.ended = true;
    answer.passage.end(answer.outcome(answer.suspended ? 'ok' : 'unused'), (failure) => {
      if (failure) this.end(failure);
    });
  }

  becameIdle(): void {
    if (this.#idle.length === 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const then of waiting) then();
  }
}

/** Bytes gathered while one batch of messages is worked on, then written at once. */
export class Outgoing {
  readonly socket: Socket;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  add(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  get pending(): number {
    return this.#bytes;
  }

  /** Writes what was gathered. False when the other side is slow: wait for `drained`. */
  flush(): boolean {
    const parts = this.#parts;
    if (parts.length === 0) return !this.socket.writableNeedDrain;
    this.#parts = [];
    const bytes = this.#bytes;
    this.#bytes = 0;
    if (this.socket.destroyed || this.socket.writableEnded) return true;
    if (parts.length === 1) return this.socket.write(parts[0] as Uint8Array);
    // One write is one system call; copying a little is cheaper than two.
    if (bytes <= 65536) return this.socket.write(Buffer.concat(parts, bytes));
    this.socket.cork();
    for (const part of parts) this.socket.write(part);
    this.socket.uncork();
    return !this.socket.writableNeedDrain;
  }

  drained(then: () => void): void {
    this.socket.once('drain', then);
  }
}
