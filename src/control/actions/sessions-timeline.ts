import Type from 'typebox';
import { defineAction, READERS } from '../api/action.ts';
import { DEFAULT_LIMIT, numberIn } from '../api/cursor.ts';
import { notFound } from '../api/refused.ts';
import { paging } from '../api/schema/forms.ts';
import { TimelinePage } from '../api/schema/sessions.ts';
import { SessionId } from './sessions-show.ts';

export const sessionsTimeline = defineAction({
  id: 'sessions.timeline',
  method: 'GET',
  path: '/sessions/{id}/timeline',
  says: 'Steps of a session with statements, decisions and outcomes, in order. That they are shown is recorded before they are.',
  who: READERS,
  params: SessionId,
  query: Type.Object(paging, { additionalProperties: false, description: 'Which part.' }),
  response: TimelinePage,
  handle: async ({ params, query, actor, services }) => {
    const part = await services.reader.ask('timeline', params.id, numberIn(query.cursor) ?? -1, query.limit ?? DEFAULT_LIMIT);
    if (!part) throw notFound('such session in the records (a session that has just opened takes a moment)');
    await services.deeds.view(actor, { act: 'show', recording: params.id, count: part.entries.length });
    return { items: part.entries, next: part.next === undefined ? null : String(part.next) };
  },
});
