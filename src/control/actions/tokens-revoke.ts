import Type from 'typebox';
import { defineAction } from '../api/action.ts';
import { notFound, Refused } from '../api/refused.ts';
import { Done } from '../api/schema/forms.ts';

export const tokensRevoke = defineAction({
  id: 'tokens.revoke',
  method: 'POST',
  path: '/tokens/{id}/revoke',
  says: 'Ends an API token at once.',
  who: ['admin'],
  params: Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{16}$', description: 'Id of the token.' }) }, { description: 'Which token.' }),
  body: Type.Object({}, { additionalProperties: false, description: 'Nothing.' }),
  response: Done,
  handle: async ({ params: { id }, actor, services }) => {
    const { tokens } = services.signedIn;
    const row = tokens.byId(id);
    if (!row) throw notFound('such token');
    if (row.revokedAt !== undefined) throw new Refused(409, 'conflict', 'it is revoked already');
    await services.deeds.change(actor, { action: 'tokens.revoke', target: id, detail: { name: row.name } });
    tokens.revoke(id, services.now());
    return { done: true as const };
  },
});
