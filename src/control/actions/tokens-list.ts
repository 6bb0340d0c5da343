import { defineAction } from '../api/action.ts';
import { TokenList } from '../api/schema/settings.ts';
import { tokenView } from '../token-view.ts';

export const tokensList = defineAction({
  id: 'tokens.list',
  method: 'GET',
  path: '/tokens',
  says: 'API tokens, newest first, without their secrets.',
  who: ['admin'],
  response: TokenList,
  handle: ({ services }) => ({ items: services.signedIn.tokens.list().map(tokenView) }),
});
