import { defineAction } from '../api/action.ts';
import { Me } from '../api/schema/me.ts';

export const meShow = defineAction({
  id: 'me.show',
  method: 'GET',
  path: '/me',
  says: 'Who is asking, what they may do, and the token for changes.',
  who: 'signed-in',
  response: Me,
  handle: ({ actor }) => {
    const expiresAt = new Date(actor.expiresAt).toISOString();
    if (actor.kind === 'token') return { kind: 'token' as const, name: actor.name, roles: [...actor.roles], groups: [], expiresAt };
    const { provider, issuer, subject, name, groups } = actor.person;
    return { kind: 'person' as const, name, provider, issuer, subject, roles: [...actor.roles], groups: [...groups], csrf: actor.csrf, idleUntil: new Date(actor.idleUntil).toISOString(), expiresAt };
  },
});
