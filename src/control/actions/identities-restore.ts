import { defineAction } from '../api/action.ts';
import { Refused } from '../api/refused.ts';
import { Done } from '../api/schema/forms.ts';
import { RevokeRequest } from '../api/schema/identities.ts';
import { IdentityName } from './identities-show.ts';

export const identitiesRestore = defineAction({
  id: 'identities.restore',
  method: 'POST',
  path: '/identities/{name}/restore',
  says: 'Takes a revocation back.',
  who: ['admin'],
  params: IdentityName,
  body: RevokeRequest,
  response: Done,
  handle: async ({ params: { name }, body, actor, services }) => {
    if (!services.revocations.isRevoked(name)) throw new Refused(409, 'conflict', 'it is not revoked');
    await services.deeds.change(actor, { action: 'identities.restore', target: name, detail: { reason: body.reason } });
    services.revocations.restore(name);
    return { done: true as const };
  },
});
