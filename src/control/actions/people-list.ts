import { defineAction } from '../api/action.ts';
import { SignedInList } from '../api/schema/people.ts';
import { rolesOf } from '../sign-in/roles.ts';

export const peopleList = defineAction({
  id: 'people.list',
  method: 'GET',
  path: '/people',
  says: 'People who are signed in, newest first. Who somebody is can be read only once their browser has asked this gateway for something since it started.',
  who: ['admin'],
  response: SignedInList,
  handle: ({ actor, services }) => {
    const time = (at: number): string => new Date(at).toISOString();
    return {
      items: services.people.list().map(({ id, person, createdAt, seenAt, expiresAt }) => ({
        id,
        ...(person
          ? { name: person.name, provider: person.provider, issuer: person.issuer, subject: person.subject, roles: rolesOf(person, services.config(), services.signedIn.administrators) }
          : {}),
        signedInAt: time(createdAt),
        lastUsedAt: time(seenAt),
        expiresAt: time(expiresAt),
        own: actor.kind === 'person' && actor.session.startsWith(id),
      })),
    };
  },
});
