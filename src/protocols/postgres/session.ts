import type { Socket } from 'node:net';
import type { Spools } from '../../approvals/spool.ts';
import { endedBecause, refusal, type Refusal } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { GatedSession } from '../../pipeline/gate.ts';
import type { Understander } from '../../sql/understand.ts';
import { Admission } from './admission.ts';
import { Back } from './back.ts';
import type { CancelKeys } from './cancel.ts';
import type { TargetCatalogs } from './catalogs.ts';
import { asPostgres } from './connection.ts';
import { cancelUpstream, type Upstream } from './dial.ts';
import { toClient, toServer } from './encode.ts';
import { Forward } from './forward.ts';
import { backendFrames, frontendFrames } from './frames.ts';
import { Link } from './link.ts';
import { refusedSession } from './refuse.ts';
import { applicationName } from './settings.ts';
import { Tracking } from './tracking.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { WireError } from '../../wire/errors.ts';
import { partFrom, partWith } from '../../wire/parting.ts';

/** How long a command that runs when the client leaves may go on, so that its outcome is known. */
const LEAVE_MS = 5_000;
const CANCEL_MS = 10_000;
/** While the gateway stops: how often a session in a transaction is looked at. */
const DRAIN_LOOK_MS = 20;

export interface SessionOptions {
  readonly gated: GatedSession;
  readonly client: Socket;
  /** What the client sent behind its password. */
  readonly clientBytes: Buffer;
  readonly upstream: Upstream;
  readonly minor: 0 | 2;
  readonly clientName: string;
  readonly catalog: Catalog;
  readonly catalogs: TargetCatalogs;
  readonly understander: Understander;
  readonly spools: Spools;
  readonly cancelKeys: CancelKeys;
  readonly limits: { readonly message: number; readonly statement: number };
  readonly log: Logger;
}

/** One session between ReadyForQuery and its end. Resolves with why it ended, when both sides are closed. */
export const runSession = (options: SessionOptions): Promise<string> => new Promise((resolve) => new RunningSession(options, resolve).begin(options));

/** What goes wrong with a socket shows in its end. */
const IGNORED = (): void => {};

/**
 * The only place that holds both sockets. Of what the login left behind it keeps only what it needs: thousands of sessions may stand idle, and a function
 * made here keeps everything around it that any function here uses.
 */
class RunningSession {
  readonly #gated: GatedSession;
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #cancelKeys: CancelKeys;
  readonly #link: Link;
  readonly #tracking: Tracking;
  readonly #back: Back;
  readonly #forward: Forward;
  readonly #resolve: (why: string) => void;
  /** Whom to name to cancel at the target, the key as Latin-1 text: a Buffer takes 300 bytes beside its four. */
  readonly #backend: { readonly processId: number; readonly key: string } | undefined;
  readonly #aborted = (): void => this.#end(this.#gated.ended.reason as Refusal);
  readonly #drain = (): void => this.#drained();
  /** What the client names to cancel; 0 until it has been told. */
  #processId = 0;
  /** A request to cancel is on its way to the target; another is to follow. */
  #cancelling: 'once' | 'again' | undefined;
  /** Bytes of a message that the client is still sending, which is not read any more. */
  #due = 0;
  #open = 2;
  #over = 'closed';

  constructor(options: SessionOptions, resolve: (why: string) => void) {
    const { gated, client, upstream } = options;
    this.#gated = gated;
    this.#client = client;
    this.#target = upstream.socket;
    this.#cancelKeys = options.cancelKeys;
    const { backendKey } = upstream;
    this.#backend = backendKey && { processId: backendKey.processId, key: backendKey.key.toString('latin1') };
    this.#resolve = resolve;
    const link = (this.#link = new Link(gated, options.log, client, upstream.socket, (why) => this.#end(why)));
    const tracking = (this.#tracking = new Tracking(link, options.catalogs, {
      catalog: options.catalog,
      clientName: options.clientName,
      login: upstream.parameters.get('session_authorization'),
      reportedName: upstream.parameters.get('application_name') ?? applicationName(gated.session.id, gated.session.principal.identity, options.clientName),
    }));
    this.#back = new Back(link, tracking, backendFrames(options.limits.message));
    const admission = new Admission({ link, tracking, back: this.#back, understander: options.understander, spools: options.spools, limits: options.limits });
    this.#forward = new Forward(admission, frontendFrames(options.limits.message), () => this.#left());
  }

  /** Tells the client that it is logged in, and listens to both. */
  begin({ upstream, minor, clientName, clientBytes }: SessionOptions): void {
    this.#listen(upstream.memory);
    const gated = this.#gated;
    const client = this.#client;
    const target = this.#target;
    const virtual = this.#cancelKeys.issue(minor, () => this.#cancel());
    this.#processId = virtual.processId;
    // Either may have gone while the other was waited for: their events are over.
    if (client.closed) this.#closed();
    if (target.closed) this.#closed();
    if (client.destroyed || client.readableEnded) {
      this.#finish('client left');
      return;
    }
    if (target.destroyed || target.readableEnded) {
      this.#targetLeft();
      return;
    }
    if (gated.ended.aborted) {
      this.#aborted();
      return;
    }
    gated.ended.addEventListener('abort', this.#aborted);
    if (gated.draining.aborted) this.#drained();
    else gated.draining.addEventListener('abort', this.#drain);

    const { client: out } = this.#link;
    out.add(toClient.authenticationOk);
    for (const [name, value] of upstream.parameters) out.add(toClient.parameterStatus(name, name === 'application_name' ? clientName : value));
    out.add(toClient.backendKeyData(virtual.processId, virtual.key));
    out.add(toClient.readyForQuery('I'));
    out.flush();
    if (upstream.leftover.length > 0) this.#fromTarget(upstream.leftover);
    if (clientBytes.length > 0) this.#fromClient(clientBytes);
    target.resume();
    client.resume();
  }

  #listen(memory: Upstream['memory']): void {
    const client = this.#client;
    const target = this.#target;
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk));
    client.on('end', () => this.#left());
    client.on('error', IGNORED);
    client.on('close', () => {
      this.#left();
      this.#closed();
    });
    target.on('data', (chunk: Buffer) => this.#fromTarget(chunk));
    if (memory) {
      memory.free = (read) => {
        memory.widens = this.#link.owed.head?.context.answer?.goesUnsearched ?? false;
        return this.#back.keepsNothingOf(read);
      };
    }
    target.on('error', IGNORED);
    target.on('end', () => this.#targetLeft());
    target.on('close', () => {
      this.#targetLeft();
      this.#closed();
    });
  }

  #fromClient(chunk: Buffer): void {
    if (this.#link.over) return;
    try {
      this.#forward.push(chunk);
    } catch (error) {
      if (error instanceof WireError) this.#due = error.due ?? 0;
      this.#link.fail(error);
    }
  }

  #fromTarget(chunk: Buffer): void {
    if (this.#link.over) return;
    try {
      this.#back.push(chunk);
    } catch (error) {
      this.#link.fail(error);
    }
  }

  #closed(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#resolve(this.#over);
  }

  #end(why: Refusal): void {
    this.#finish(endedBecause(why), refusedSession(why));
  }

  /** Everything that still runs is settled, both sides are closed. `last` is what the client is told. */
  #finish(reason: string, last?: Buffer): void {
    const link = this.#link;
    const gated = this.#gated;
    const client = this.#client;
    const target = this.#target;
    if (link.over) return;
    link.over = true;
    this.#over = reason;
    link.holding.leave(client.destroyed || client.readableEnded || reason === 'client left' ? 'client_left' : 'ended');
    gated.ended.removeEventListener('abort', this.#aborted);
    gated.draining.removeEventListener('abort', this.#drain);
    this.#cancelKeys.revoke(this.#processId);
    // What runs at the target would go on without its client, unseen.
    if (!link.owed.idle && !target.destroyed) this.#cancel();
    link.settleAll();
    this.#tracking.left();
    link.spool?.close();
    gated.close(reason);
    if (!target.destroyed) {
      link.send(gated.housekeeping('terminate'), toServer.terminate);
      link.target.flush();
      target.end();
      target.destroySoon();
    }
    client.resume();
    if (last && !this.#back.midMessage && !client.destroyed) partWith(client, last, this.#due);
    else partFrom(client);
  }

  /** The client is gone. What runs and changes something is given a moment to end, so that the record says how. */
  #left(): void {
    const link = this.#link;
    if (link.over) return;
    if (link.owed.idle || link.copyIn || !link.changing) {
      this.#finish('client left');
      return;
    }
    const give = setTimeout(() => this.#finish('client left'), LEAVE_MS);
    link.whenIdle(() => {
      clearTimeout(give);
      this.#finish('client left');
    });
  }

  /** The target is gone. The client is told, unless the target has done so. */
  #targetLeft(): void {
    if (this.#link.over) return;
    this.#back.targetEnded(() => {
      const { id } = this.#gated.session;
      // In the words of a server that goes: what people answer meanwhile stays good for the next try.
      const why = this.#link.holding.active
        ? refusal('shutting_down', 'the target ended the session while the command waited for approval: connect and send it again', { session: id })
        : refusal('target_unavailable', 'the target closed the connection', { session: id });
      this.#finish('target left', this.#back.saidWhy ? undefined : refusedSession(why));
    });
  }

  #cancel(): void {
    const link = this.#link;
    link.cancels += 1;
    if (!this.#backend || link.holding.cancel() || link.collecting?.cancel() || this.#cancelling === 'again') return;
    this.#gated.housekeeping('cancel').spend();
    if (this.#cancelling === undefined) void this.#cancelUpstream(this.#backend);
    else this.#cancelling = 'again';
  }

  /** One request at a time, however many the client sends: each is a connection to the target. What comes meanwhile is one more, for it may be meant for the next command. */
  async #cancelUpstream({ processId, key }: { readonly processId: number; readonly key: string }): Promise<void> {
    do {
      this.#cancelling = 'once';
      await cancelUpstream(asPostgres(this.#gated.connection).target, { processId, key: Buffer.from(key, 'latin1') }, CANCEL_MS).catch(() => this.#link.log.warn({}, 'a cancel request did not reach the target'));
    } while (this.#hasMoreToCancel());
    this.#cancelling = undefined;
  }

  #hasMoreToCancel(): boolean {
    return this.#cancelling === 'again';
  }

  /** The gateway stops: not in the middle of a transaction, and not before its client knows how the last one ended. */
  #drained(): void {
    const link = this.#link;
    if (link.over) return;
    if (link.owed.idle && link.status === 'I' && this.#back.toldAll) this.#end(this.#gated.draining.reason as Refusal);
    else setTimeout(this.#drain, DRAIN_LOOK_MS);
  }
}
