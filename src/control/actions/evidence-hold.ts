import { defineAction, READERS } from '../api/action.ts';
import { HoldRequest } from '../api/schema/evidence.ts';
import { Done } from '../api/schema/forms.ts';
import { actorWords } from '../sign-in/actor.ts';

export const evidenceHold = defineAction({
  id: 'evidence.hold',
  method: 'POST',
  path: '/evidence/holds',
  says: 'Adds a legal hold: what it covers is not purged. Reads the whole log first, so it may take a while.',
  cost: 25,
  who: READERS,
  body: HoldRequest,
  response: Done,
  handle: async ({ body, actor, services }) => {
    await services.deeds.change(actor, { action: 'evidence.hold', target: body.name });
    await services.steward.hold({ event: 'add', by: actorWords(actor), ...body });
    return { done: true as const };
  },
});
