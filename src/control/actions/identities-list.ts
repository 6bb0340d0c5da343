import { ALL_ROLES, defineAction } from '../api/action.ts';
import { DEFAULT_LIMIT } from '../api/cursor.ts';
import { IdentityPage, IdentityQuery } from '../api/schema/identities.ts';
import { identityViews } from '../identity-view.ts';

export const identitiesList = defineAction({
  id: 'identities.list',
  method: 'GET',
  path: '/identities',
  says: 'Machine identities by name: who is accountable, what for, and when they were last used.',
  who: ALL_ROLES,
  query: IdentityQuery,
  response: IdentityPage,
  handle: async ({ query: { text, cursor, limit = DEFAULT_LIMIT }, services }) => {
    const wanted = text?.toLowerCase();
    const views = await identityViews(services);
    const found = wanted === undefined ? views : views.filter(({ name, owner, purpose, groups }) => [name, owner.group, owner.contact, purpose, ...groups].some((part) => part?.toLowerCase().includes(wanted)));
    const after = cursor === undefined || cursor === '' ? found : found.filter(({ name }) => name > cursor);
    return { items: after.slice(0, limit), next: after.length > limit ? (after[limit - 1]?.name ?? null) : null };
  },
});
