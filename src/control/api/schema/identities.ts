import Type, { type Static } from 'typebox';
import { Count, Name, OriginView, Page, paging, Reason, Texts, Time } from './forms.ts';

const identitySummary = {
  name: Type.String({ description: 'Name of the identity.' }),
  owner: Type.Object({ group: Type.Optional(Type.String({ description: 'Group.' })), contact: Type.Optional(Type.String({ description: 'Contact.' })) }, { description: 'Who is accountable.' }),
  purpose: Type.Optional(Type.String({ description: 'What it is for.' })),
  provider: Type.String({ description: 'Who vouches for it.' }),
  groups: Texts('Its groups.'),
  configured: Type.Boolean({ description: 'It is in the configuration in force; else only in the records.' }),
  origin: Type.Optional(OriginView),
  firstUse: Type.Optional(Time('Its first session on record.')),
  lastUse: Type.Optional(Time('Its last command or session on record.')),
  live: Count('Sessions open now.'),
  revoked: Type.Optional(Type.Object({ by: Type.String({ description: 'Who revoked it.' }), at: Time('When.') }, { description: 'It is revoked.' })),
} as const;

export const IdentitySummary = Type.Object(identitySummary, { description: 'A machine identity.' });
export type IdentitySummary = Static<typeof IdentitySummary>;

/** What policy lets an identity do on one connection. */
export const Reach = Type.Object(
  {
    connection: Type.String({ description: 'Connection.' }),
    policies: Texts('Policies that apply.'),
    allow: Texts('Classes that are allowed.'),
    rules: Count('Rules that allow or deny more.'),
    approvals: Count('Rules that require approval.'),
    masks: Count('Masks.'),
    used: Count('Commands on record in the last 90 days: 0 means a right that nobody used.'),
  },
  { description: 'What an identity may do on a connection, and whether it does.' },
);

export const IdentityDetail = Type.Object(
  {
    ...identitySummary,
    claims: Texts('Claims that a token must have, by name.'),
    when: Type.Optional(Type.String({ description: 'Condition on claims.' })),
    reaches: Type.Array(Reach, { description: 'Connections that policy lets it reach.' }),
    used: Type.Array(
      Type.Object({ connection: Type.String({ description: 'Connection.' }), verb: Type.String({ description: 'Verb.' }), allowed: Count('Let through.'), refused: Count('Refused.'), last: Time('The last time.') }),
      { description: 'What it did in the last 90 days, most first, at most 100.' },
    ),
    objects: Type.Array(Type.Object({ object: Type.String({ description: 'Object by catalog name.' }), commands: Count('Commands that touched it.') }), { description: 'What it touched among its last 10,000 commands, most first, at most 50.' }),
  },
  { description: 'A machine identity in full.' },
);
export type IdentityDetail = Static<typeof IdentityDetail>;

export const IdentityQuery = Type.Object({ text: Type.Optional(Name('Part of name, owner or purpose.')), ...paging }, { additionalProperties: false, description: 'Identities.' });
export const IdentityPage = Page(IdentitySummary, 'Identities by name.');
export const RevokeRequest = Type.Object({ reason: Reason('Why.') }, { additionalProperties: false, description: 'Ends an identity at once, or takes that back.' });
