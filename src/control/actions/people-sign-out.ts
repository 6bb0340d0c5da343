import Type from 'typebox';
import { defineAction } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { Done } from '../api/schema/forms.ts';
import { SignOutRequest } from '../api/schema/people.ts';

export const peopleSignOut = defineAction({
  id: 'people.signOut',
  method: 'POST',
  path: '/people/{id}/sign-out',
  says: 'Ends the session of somebody who is signed in, at once. They can sign in again unless their provider keeps them from it.',
  who: ['admin'],
  params: Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{32}$', description: 'Id of the session in the list.' }) }, { description: 'Whose session.' }),
  body: SignOutRequest,
  response: Done,
  handle: async ({ params: { id }, body, actor, services }) => {
    const found = services.people.list().find((one) => one.id === id);
    if (!found) throw notFound('such session: it has ended');
    const { person } = found;
    await services.deeds.change(actor, { action: 'people.signOut', target: id, detail: { reason: body.reason, ...(person ? { name: person.name, issuer: person.issuer, subject: person.subject } : {}) } });
    services.people.endById(id);
    return { done: true as const };
  },
});
