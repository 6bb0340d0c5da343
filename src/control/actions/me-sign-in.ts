import { defineAction } from '../api/action.ts';
import { SignIn } from '../api/schema/me.ts';

export const meSignIn = defineAction({
  id: 'me.signIn',
  method: 'GET',
  path: '/sign-in',
  says: 'Ways to sign in, for somebody who has not.',
  who: 'anyone',
  response: SignIn,
  handle: ({ services }) => ({ providers: services.config().control.login.map(({ name }) => ({ name })) }),
});
