import { defineAction, READERS } from '../api/action.ts';
import { HoldList } from '../api/schema/evidence.ts';
import { holdsInForce } from '../holds.ts';

export const evidenceHolds = defineAction({
  id: 'evidence.holds',
  method: 'GET',
  path: '/evidence/holds',
  says: 'Legal holds in force.',
  who: READERS,
  response: HoldList,
  handle: async ({ services }) => ({ items: await holdsInForce(services) }),
});
