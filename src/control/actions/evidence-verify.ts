import Type from 'typebox';
import { defineAction, READERS } from '../api/action.ts';
import { Job } from '../api/schema/evidence.ts';
import { actorName } from '../sign-in/actor.ts';

export const evidenceVerify = defineAction({
  id: 'evidence.verify',
  method: 'POST',
  path: '/evidence/verify',
  says: 'Verifies the whole log, beside everything else. An outsider verifies with the command line and keys of their own: this one believes this gateway.',
  cost: 50,
  who: READERS,
  body: Type.Object({}, { additionalProperties: false, description: 'Nothing.' }),
  response: Job,
  status: 202,
  handle: async ({ actor, services }) => {
    services.jobs.free();
    const id = services.jobs.newId();
    await services.deeds.change(actor, { action: 'evidence.verify', target: id });
    return services.jobs.verify(id, actorName(actor));
  },
});
