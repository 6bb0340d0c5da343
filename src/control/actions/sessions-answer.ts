import Type from 'typebox';
import { defineAction, READERS } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { CommandAnswer } from '../api/schema/sessions.ts';

export const sessionsAnswer = defineAction({
  id: 'sessions.answer',
  method: 'GET',
  path: '/sessions/{id}/commands/{command}/answer',
  says: 'The masked answer of one command as its client got it, and what was sent behind the command in its recorded form. That it is shown is recorded before it is.',
  who: READERS,
  params: Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', description: 'Id of the session.' }), command: Type.Integer({ minimum: 0, description: 'Number of the command.' }) }, { description: 'Which command.' }),
  response: CommandAnswer,
  handle: async ({ params, actor, services }) => {
    const answer = await services.reader.ask('answer', params.id, params.command);
    if (!answer) throw notFound('such command in the records');
    await services.deeds.view(actor, { act: 'show', recording: params.id, count: 1 });
    return answer;
  },
});
