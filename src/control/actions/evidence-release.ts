import Type from 'typebox';
import { defineAction, READERS } from '../api/action.ts';
import { ReleaseRequest } from '../api/schema/evidence.ts';
import { Done } from '../api/schema/forms.ts';
import { actorWords } from '../sign-in/actor.ts';

export const evidenceRelease = defineAction({
  id: 'evidence.release',
  method: 'POST',
  path: '/evidence/holds/{name}/release',
  says: 'Ends a legal hold.',
  cost: 25,
  who: READERS,
  params: Type.Object({ name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', description: 'Name of the hold.' }) }, { description: 'Which hold.' }),
  body: ReleaseRequest,
  response: Done,
  handle: async ({ params, body, actor, services }) => {
    await services.deeds.change(actor, { action: 'evidence.release', target: params.name });
    await services.steward.hold({ event: 'remove', name: params.name, by: actorWords(actor), reason: body.reason });
    return { done: true as const };
  },
});
