import Type, { type Static } from 'typebox';
import { Count, Page, paging, Time, Words } from './forms.ts';

/** Something that a person or an API token did. */
export const Activity = Type.Object(
  {
    sequence: Count('Number of the record.'),
    at: Time('When.'),
    kind: Words(['access', 'control', 'approval', 'hold', 'purge', 'revocation'], 'access: something recorded was read. control: a change, a sign-in or an action here.'),
    act: Type.String({ description: 'show, replay, search, export; session.terminate, identity.revoke, token.create, sign_in ...; approve, deny, force.' }),
    by: Type.Optional(Type.String({ description: 'Who, where it is known in clear or its text can be opened.' })),
    provider: Type.Optional(Type.String({ description: 'Who vouched for them.' })),
    channel: Type.Optional(Type.String({ description: 'Through what they came: page (signed in there), terminal (wicketgate login), token (an API token), command_line (as the user of the gateway on its machine); of an answer also the name of a channel.' })),
    target: Type.Optional(Type.String({ description: 'What it was done to.' })),
    count: Type.Optional(Count('How many records were shown.')),
    detail: Type.Optional(Type.String({ description: 'Reason or filters, where their text can be opened. Hostile text: show as text.' })),
  },
  { description: 'Something that a person did.' },
);
export type Activity = Static<typeof Activity>;
export const ActivityQuery = Type.Object({ kind: Type.Optional(Words(['access', 'control', 'approval', 'hold', 'purge', 'revocation'], 'Only these.')), ...paging }, { additionalProperties: false, description: 'Activity.' });
export const ActivityPage = Page(Activity, 'What people did, newest first.');
