import { defineAction } from '../api/action.ts';
import { Refused } from '../api/refused.ts';
import { NewToken, TokenRequest } from '../api/schema/settings.ts';
import { actorName } from '../sign-in/actor.ts';
import { makeToken, newTokenId } from '../sign-in/api-tokens.ts';
import { tokenView } from '../token-view.ts';

const DAY_MS = 86_400_000;
const MOST_TOKENS = 1000;

export const tokensCreate = defineAction({
  id: 'tokens.create',
  method: 'POST',
  path: '/tokens',
  says: 'Makes an API token. Its secret is in this answer and nowhere else. A token is a machine: it can never answer an approval or make tokens.',
  who: ['admin'],
  person: true,
  body: TokenRequest,
  response: NewToken,
  status: 201,
  handle: async ({ body, actor, services }) => {
    const { name, roles, actions, days } = body;
    if (roles.includes('approver')) throw new Refused(400, 'invalid', 'a token is a machine: it never has the role approver');
    const beyond = roles.filter((role) => !actor.roles.includes(role));
    if (beyond.length > 0) throw new Refused(403, 'forbidden', `you do not have the role ${beyond.join(', ')} yourself`);
    const { tokens } = services.signedIn;
    const now = services.now();
    const good = tokens.list().filter(({ expiresAt, revokedAt }) => revokedAt === undefined && expiresAt > now);
    if (good.length >= MOST_TOKENS) throw new Refused(409, 'conflict', 'there are too many tokens: revoke some');
    if (good.some((token) => token.name === name)) throw new Refused(409, 'conflict', `there is a token ${name} already: give another name, or revoke that one`);
    const id = newTokenId();
    await services.deeds.change(actor, { action: 'tokens.create', target: id, detail: { name, roles, days, ...(actions ? { actions } : {}) } });
    const { row, secret } = makeToken(tokens, id, { name, roles, actions, createdBy: actorName(actor), now, expiresAt: now + days * DAY_MS });
    return { token: tokenView(row), secret };
  },
});
