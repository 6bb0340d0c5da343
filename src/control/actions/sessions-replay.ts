import Type from 'typebox';
import { defineAction, READERS } from '../api/action.ts';
import { DEFAULT_LIMIT, numberIn } from '../api/cursor.ts';
import { notFound } from '../api/refused.ts';
import { paging } from '../api/schema/forms.ts';
import { ReplayPage } from '../api/schema/sessions.ts';
import { SessionId } from './sessions-show.ts';

export const sessionsReplay = defineAction({
  id: 'sessions.replay',
  method: 'GET',
  path: '/sessions/{id}/replay',
  says: 'Frames of a session as it went, with statements and answers. That they are shown is recorded before they are.',
  who: READERS,
  params: SessionId,
  query: Type.Object(paging, { additionalProperties: false, description: 'Which part.' }),
  response: ReplayPage,
  handle: async ({ params, query, actor, services }) => {
    const part = await services.reader.ask('replay', params.id, numberIn(query.cursor) ?? -1, Math.min(50, query.limit ?? DEFAULT_LIMIT));
    if (!part) throw notFound('such session in the records (a session that has just opened takes a moment)');
    await services.deeds.view(actor, { act: 'replay', recording: params.id, count: part.frames.length });
    return { items: part.frames, next: part.next === undefined ? null : String(part.next) };
  },
});
