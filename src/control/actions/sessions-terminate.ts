import { defineAction } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { Done } from '../api/schema/forms.ts';
import { TerminateRequest } from '../api/schema/sessions.ts';
import { SessionId } from './sessions-show.ts';

export const sessionsTerminate = defineAction({
  id: 'sessions.terminate',
  method: 'POST',
  path: '/sessions/{id}/terminate',
  says: 'Ends a live session. Its client is told.',
  who: ['admin'],
  params: SessionId,
  body: TerminateRequest,
  response: Done,
  handle: async ({ params, body, actor, services }) => {
    if (!services.gate.live.has(params.id)) throw notFound('such live session');
    await services.deeds.change(actor, { action: 'sessions.terminate', target: params.id, detail: { reason: body.reason } });
    if (!services.gate.endSession(params.id)) throw notFound('such live session any more: it ended by itself');
    return { done: true as const };
  },
});
