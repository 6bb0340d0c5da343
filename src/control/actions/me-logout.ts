import { defineAction } from '../api/action.ts';
import { Done } from '../api/schema/forms.ts';

export const meLogout = defineAction({
  id: 'me.logout',
  method: 'POST',
  path: '/logout',
  says: 'Ends the session that asks, at once. The session at the provider is not ended.',
  who: 'signed-in',
  person: true,
  response: Done,
  handle: async ({ actor, services, signOut }) => {
    // Ended first: that somebody leaves must not hang on the disk.
    signOut();
    if (actor.kind === 'person') await services.deeds.signedOut(actor.person);
    return { done: true as const };
  },
});
