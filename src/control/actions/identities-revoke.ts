import { isCertificateName } from '../../identity/revocations.ts';
import { defineAction } from '../api/action.ts';
import { notFound, Refused } from '../api/refused.ts';
import { Done } from '../api/schema/forms.ts';
import { RevokeRequest } from '../api/schema/identities.ts';
import { actorWords } from '../sign-in/actor.ts';
import { IdentityName } from './identities-show.ts';

export const identitiesRevoke = defineAction({
  id: 'identities.revoke',
  method: 'POST',
  path: '/identities/{name}/revoke',
  says: 'Ends an identity at once, whatever the configuration says: its sessions end within 2 seconds.',
  who: ['admin'],
  params: IdentityName,
  body: RevokeRequest,
  response: Done,
  handle: async ({ params: { name }, body, actor, services }) => {
    if (!isCertificateName(name) && !services.config().identities.some((identity) => identity.name === name)) throw notFound('such identity in the configuration');
    if (services.revocations.isRevoked(name)) throw new Refused(409, 'conflict', 'it is revoked already');
    await services.deeds.change(actor, { action: 'identities.revoke', target: name, detail: { reason: body.reason } });
    services.revocations.revoke(name, `${actorWords(actor)} in the control plane`);
    return { done: true as const };
  },
});
