import Type, { type Static } from 'typebox';
import { Reason, Time } from './forms.ts';
import { RoleWord } from './me.ts';

/** One session of a person. Who it is lies sealed under what their browser holds, so it is known only once they have asked for something. */
export const SignedInPerson = Type.Object(
  {
    id: Type.String({ description: 'Id of the session. It signs nobody in.' }),
    name: Type.Optional(Type.String({ description: 'Name of the person, for reading only. Absent when nothing was asked in this session since the gateway started.' })),
    provider: Type.Optional(Type.String({ description: 'control.login[].name.' })),
    issuer: Type.Optional(Type.String({ description: 'Issuer.' })),
    subject: Type.Optional(Type.String({ description: 'Subject.' })),
    roles: Type.Optional(Type.Array(RoleWord('A role.'), { description: 'Roles now.' })),
    signedInAt: Time('When they signed in.'),
    lastUsedAt: Time('Its last use, to the minute.'),
    expiresAt: Time('When it ends in any case.'),
    own: Type.Boolean({ description: 'It is the session that asks.' }),
  },
  { description: 'A session of a person who is signed in.' },
);
export type SignedInPerson = Static<typeof SignedInPerson>;
export const SignedInList = Type.Object({ items: Type.Array(SignedInPerson, { description: 'Sessions, newest first, at most 1,000.' }) }, { description: 'People who are signed in.' });
export const SignOutRequest = Type.Object({ reason: Reason('Why.') }, { additionalProperties: false, description: 'Ends a session.' });
