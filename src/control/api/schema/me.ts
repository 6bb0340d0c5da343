import Type, { type Static } from 'typebox';
import { Time, Words } from './forms.ts';

export const ROLES = ['admin', 'approver', 'auditor', 'viewer'] as const;
/** What somebody may do. Roles do not include one another. */
export type Role = (typeof ROLES)[number];
export const RoleWord = (description: string) => Words(ROLES, description);

/** Who is asking, as the gateway knows them. */
export const Me = Type.Object(
  {
    kind: Words(['person', 'token'], 'A person who signed in, or an API token, which is a machine.'),
    name: Type.String({ description: 'Name of the person, for reading only, or of the token.' }),
    provider: Type.Optional(Type.String({ description: 'Of a person: control.login[].name.' })),
    issuer: Type.Optional(Type.String({ description: 'Of a person: the issuer. Issuer and subject together are the person.' })),
    subject: Type.Optional(Type.String({ description: 'Of a person: the subject.' })),
    roles: Type.Array(RoleWord('A role.'), { description: 'Roles now, from the person\'s groups and the configuration in force. May be empty: signed in, and allowed nothing.' }),
    groups: Type.Array(Type.String(), { description: 'Groups as at sign-in, as provider/group.' }),
    csrf: Type.Optional(Type.String({ description: 'Of a person: to be sent as the header x-csrf-token with every request that is not GET. Bound to the session.' })),
    idleUntil: Type.Optional(Time('Of a person: when the session ends unless something is asked before.')),
    expiresAt: Time('When the session or the token ends in any case.'),
  },
  { description: 'Who is asking.' },
);
export type Me = Static<typeof Me>;

/** Ways to sign in, for somebody who has not. */
export const SignIn = Type.Object(
  { providers: Type.Array(Type.Object({ name: Type.String({ description: 'control.login[].name. Sign in at /login/NAME?return=/path.' }) }), { description: 'Providers of the configuration. Empty: nobody can sign in; control.login is to be configured.' }) },
  { description: 'How to sign in.' },
);
