import type { Socket } from 'node:net';
import type { Spools } from '../../approvals/spool.ts';
import { refusal, type Refusal } from '../../model/decision.ts';
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

/** One session between ReadyForQuery and its end: the only file that holds both sockets. Resolves with why it ended, when both are closed. */
export const runSession = (options: SessionOptions): Promise<string> =>
  new Promise((resolve) => {
    const { gated, client, upstream, cancelKeys, log } = options;
    const target = upstream.socket;
    const { session } = gated;
    /** Bytes of a message that the client is still sending, which is not read any more. */
    let due = 0;
    let open = 2;
    let over = 'closed';

    const closed = (): void => {
      open -= 1;
      if (open === 0) resolve(over);
    };

    /** Everything that still runs is settled, both sides are closed. `last` is what the client is told. */
    const finish = (reason: string, last?: Buffer): void => {
      if (link.over) return;
      link.over = true;
      over = reason;
      link.holding.leave(client.destroyed || client.readableEnded || reason === 'client left' ? 'client_left' : 'ended');
      gated.ended.removeEventListener('abort', aborted);
      gated.draining.removeEventListener('abort', drain);
      cancelKeys.revoke(virtual.processId);
      // What runs at the target would go on without its client, unseen.
      if (!link.owed.idle && !target.destroyed) cancel();
      link.settleAll();
      link.spool?.close();
      gated.close(reason);
      if (!target.destroyed) {
        link.send(gated.housekeeping('terminate'), toServer.terminate);
        link.target.flush();
        target.end();
        target.destroySoon();
      }
      client.resume();
      if (last && !back.midMessage && !client.destroyed) partWith(client, last, due);
      else partFrom(client);
    };

    const end = (why: Refusal): void => finish(why.code, refusedSession(why));
    const aborted = (): void => end(gated.ended.reason as Refusal);

    const link = new Link(gated, log, client, target, end);
    const ownName = applicationName(session.id, session.principal.identity, options.clientName);
    const tracking = new Tracking(link, options.catalogs, {
      catalog: options.catalog,
      clientName: options.clientName,
      reportedName: upstream.parameters.get('application_name') ?? ownName,
    });
    const back = new Back(link, tracking, backendFrames(options.limits.message));

    /** The client is gone. What runs and changes something is given a moment to end, so that the record says how. */
    const left = (): void => {
      if (link.over) return;
      if (link.owed.idle || link.copyIn || !link.changing) {
        finish('client left');
        return;
      }
      const give = setTimeout(() => finish('client left'), LEAVE_MS);
      link.whenIdle(() => {
        clearTimeout(give);
        finish('client left');
      });
    };
    const cancel = (): void => {
      const key = upstream.backendKey;
      link.cancels += 1;
      if (!key || link.holding.cancel() || link.collecting?.cancel()) return;
      gated.housekeeping('cancel').spend();
      cancelUpstream(asPostgres(gated.connection).target, key, CANCEL_MS).catch(() => log.warn({}, 'a cancel request did not reach the target'));
    };
    const virtual = cancelKeys.issue(options.minor, cancel);

    /** The target is gone. The client is told, unless the target has done so. */
    const targetLeft = (): void =>
      back.targetEnded(() => {
        // In the words of a server that goes: what people answer meanwhile stays good for the next try.
        const why = link.holding.active
          ? refusal('shutting_down', 'the target ended the session while the command waited for approval: connect and send it again', { session: session.id })
          : refusal('target_unavailable', 'the target closed the connection', { session: session.id });
        finish('target left', back.saidWhy ? undefined : refusedSession(why));
      });

    const admission = new Admission({ link, tracking, back, understander: options.understander, spools: options.spools, limits: options.limits });
    const forward = new Forward(admission, frontendFrames(options.limits.message), left);

    const guarded = (direction: Forward | Back, chunk: Buffer): void => {
      if (link.over) return;
      try {
        direction.push(chunk);
      } catch (error) {
        if (direction === forward && error instanceof WireError) due = error.due ?? 0;
        link.fail(error);
      }
    };

    client.on('data', (chunk: Buffer) => guarded(forward, chunk));
    client.on('end', left);
    client.on('error', () => {});
    client.on('close', () => {
      left();
      closed();
    });
    target.on('data', (chunk: Buffer) => guarded(back, chunk));
    if (upstream.memory) upstream.memory.free = (memory) => back.keepsNothingOf(memory);
    target.on('error', () => {});
    target.on('end', targetLeft);
    target.on('close', () => {
      targetLeft();
      closed();
    });
    // Either may have gone while the other was waited for: their events are over.
    if (client.closed) closed();
    if (target.closed) closed();
    if (client.destroyed || client.readableEnded) {
      finish('client left');
      return;
    }
    if (target.destroyed || target.readableEnded) {
      targetLeft();
      return;
    }
    if (gated.ended.aborted) {
      aborted();
      return;
    }
    gated.ended.addEventListener('abort', aborted);

    /** The gateway stops: not in the middle of a transaction. */
    const drain = (): void => {
      if (link.over) return;
      if (link.owed.idle && link.status === 'I') end(gated.draining.reason as Refusal);
      else setTimeout(drain, DRAIN_LOOK_MS);
    };
    if (gated.draining.aborted) drain();
    else gated.draining.addEventListener('abort', drain);

    link.client.add(toClient.authenticationOk);
    for (const [name, value] of upstream.parameters) {
      const shown = name === 'application_name' ? options.clientName : value;
      link.client.add(toClient.parameterStatus(name, shown));
    }
    link.client.add(toClient.backendKeyData(virtual.processId, virtual.key));
    link.client.add(toClient.readyForQuery('I'));
    link.client.flush();
    if (upstream.leftover.length > 0) guarded(back, upstream.leftover);
    if (options.clientBytes.length > 0) guarded(forward, options.clientBytes);
    target.resume();
    client.resume();
  });
