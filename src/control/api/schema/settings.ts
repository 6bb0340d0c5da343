import Type, { type Static } from 'typebox';
import { Name, Texts, Time } from './forms.ts';
import { RoleWord } from './me.ts';

export const Settings = Type.Object(
  {
    build: Type.String({ description: 'Version of the gateway.' }),
    runtime: Type.String({ description: 'Version of Node.' }),
    startedAt: Time('When it started.'),
    config: Type.Object({ digest: Type.String({ description: 'Digest of the configuration in force.' }), files: Texts('Its files.'), policy: Type.String({ description: 'Version of its policies.' }) }, { description: 'The configuration in force.' }),
    problems: Texts('What is wrong, in words: a refused configuration, keys that cannot be fetched, evidence that is late.'),
    login: Type.Array(Type.Object({ name: Type.String({ description: 'Name.' }), issuer: Type.String({ description: 'Issuer.' }) }), { description: 'Who vouches for people.' }),
    roles: Type.Array(Type.Object({ role: RoleWord('Role.'), groups: Texts('Groups that have it.') }), { description: 'Who has which role.' }),
    bootstrapped: Type.Array(Type.Object({ issuer: Type.String({ description: 'Issuer.' }), subject: Type.String({ description: 'Subject.' }), at: Time('When.') }), { description: 'Administrators made by wicketgate admin bootstrap.' }),
  },
  { description: 'Settings. Secrets are no part of it.' },
);

/** An API token, without its secret. */
export const TokenView = Type.Object(
  {
    id: Type.String({ description: 'Id.' }),
    name: Type.String({ description: 'Name.' }),
    roles: Type.Array(RoleWord('Role.'), { description: 'What it may do. It can never answer an approval.' }),
    actions: Type.Optional(Texts('Only these actions, by operationId; absent: all of its roles.')),
    createdBy: Type.String({ description: 'Who made it.' }),
    createdAt: Time('When.'),
    expiresAt: Time('When it ends.'),
    lastUsedAt: Type.Optional(Time('Its last use, to the minute.')),
    revokedAt: Type.Optional(Time('When it was revoked.')),
  },
  { description: 'An API token.' },
);
export type TokenView = Static<typeof TokenView>;
export const TokenList = Type.Object({ items: Type.Array(TokenView, { description: 'Tokens, newest first.' }) }, { description: 'API tokens.' });
export const TokenRequest = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', description: 'Name, for records.' }),
    roles: Type.Array(RoleWord('Role.'), { minItems: 1, maxItems: 4, uniqueItems: true, description: 'Roles; only those that the creator has, and never approver.' }),
    actions: Type.Optional(Type.Array(Name('operationId.'), { minItems: 1, maxItems: 100, description: 'Only these actions.' })),
    days: Type.Integer({ minimum: 1, maximum: 365, description: 'Days that it lives.' }),
  },
  { additionalProperties: false, description: 'A new API token.' },
);
export const NewToken = Type.Object({ token: TokenView, secret: Type.String({ description: 'Shown once. Send it as Authorization: Bearer SECRET.' }) }, { description: 'A new API token with its secret.' });
