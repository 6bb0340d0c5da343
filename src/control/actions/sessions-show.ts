import Type from 'typebox';
import { ALL_ROLES, defineAction } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { SessionSummary } from '../api/schema/sessions.ts';
import { liveView, sessionView } from '../reading/session-view.ts';

export const SessionId = Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', description: 'Id of the session.' }) }, { description: 'Which session.' });

export const sessionsShow = defineAction({
  id: 'sessions.show',
  method: 'GET',
  path: '/sessions/{id}',
  says: 'One session in a line, without its texts.',
  who: ALL_ROLES,
  params: SessionId,
  response: SessionSummary,
  handle: async ({ params, services }) => {
    const row = await services.reader.ask('session', params.id);
    const view = row ? sessionView(row, services.gate) : liveView(params.id, services.gate);
    if (!view) throw notFound('such session');
    return view;
  },
});
