import { ALL_ROLES, defineAction } from '../api/action.ts';
import { Refused } from '../api/refused.ts';
import { LiveEvent } from '../api/schema/events.ts';
import type { Actor } from '../sign-in/actor.ts';
import { INBOX } from './approvals-list.ts';

/** How often something is sent when nothing happens. */
const BEAT_MS = 15_000;
/** How often it is asked whether whoever listens is still signed in: they see nothing for longer than others whose right has ended. */
const LOOK_MS = 1_000;
/** What may wait for a listener that does not read. */
const MOST_UNREAD = 64 * 1024;

const sees = (actor: Actor, kind: LiveEvent['kind']): boolean => {
  if (kind === 'approval') return INBOX.some((role) => actor.roles.includes(role));
  return kind !== 'job' || actor.roles.some((role) => role === 'admin' || role === 'auditor');
};

export const eventsStream = defineAction({
  id: 'events.stream',
  method: 'GET',
  path: '/events',
  says: 'What changes, as server-sent events. They say what to ask again and carry nothing of it.',
  who: ALL_ROLES,
  response: LiveEvent,
  media: 'text/event-stream',
  handle: ({ actor: first, services, still, raw: { reply, request } }) => {
    let actor = first;
    const caller = actor.kind === 'person' ? actor.session : actor.id;
    const write = (text: string): void => {
      if (reply.raw.writableLength > MOST_UNREAD) reply.raw.destroy();
      else reply.raw.write(text);
    };
    const tell = (event: LiveEvent): void => {
      if (sees(actor, event.kind)) write(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
    };
    const end = services.live.watch({ caller, tell });
    if (!end) throw new Refused(429, 'rate', 'too many pages listen at once: close some', 30);
    reply.hijack();
    reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    write('retry: 2000\n\n');
    const beat = setInterval(() => write(': still here\n\n'), BEAT_MS);
    const look = setInterval(() => {
      const now = again(still);
      if (now && now.roles.length > 0) {
        actor = now;
        return;
      }
      stop();
      tell({ kind: 'signed_out', at: new Date(services.now()).toISOString() });
      reply.raw.end();
    }, LOOK_MS);
    beat.unref();
    look.unref();
    const stop = (): void => {
      clearInterval(beat);
      clearInterval(look);
      end();
    };
    request.raw.once('close', stop);
    return undefined as never;
  },
});

/** A token that was revoked meanwhile is refused, not unknown. */
const again = (still: () => Actor | undefined): Actor | undefined => {
  try {
    return still();
  } catch {
    return undefined;
  }
};
