import Type from 'typebox';
import { ALL_ROLES, defineAction } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { IdentityDetail } from '../api/schema/identities.ts';
import { identityViews } from '../identity-view.ts';
import { reachOf } from '../reach.ts';

export const IdentityName = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200, description: 'Name of the identity. To revoke or restore also sha256:FINGERPRINT (hexadecimal) of a client certificate.' }) }, { description: 'Which identity.' });

export const identitiesShow = defineAction({
  id: 'identities.show',
  method: 'GET',
  path: '/identities/{name}',
  says: 'One identity: what policy lets it reach, and what it used of that.',
  who: ALL_ROLES,
  params: IdentityName,
  response: IdentityDetail,
  handle: async ({ params: { name }, services }) => {
    const view = (await identityViews(services)).find((one) => one.name === name);
    if (!view) throw notFound('such identity');
    const { used, objects } = await services.reader.ask('identity', name, services.now());
    const config = services.config();
    const identity = config.identities.find((one) => one.name === name);
    const commandsOn = (connection: string): number => used.filter((one) => one.connection === connection).reduce((sum, { allowed, refused }) => sum + allowed + refused, 0);
    return {
      ...view,
      claims: Object.keys(identity?.claims ?? {}).sort(),
      ...(identity?.when === undefined ? {} : { when: identity.when }),
      reaches: identity
        ? config.connections.flatMap((connection) => {
            const reach = reachOf(config, identity, connection);
            if (!reach) return [];
            const { identity: _, ...rest } = reach;
            return [{ ...rest, used: commandsOn(connection.name) }];
          })
        : [],
      used: used.map(({ last, ...rest }) => ({ ...rest, last: new Date(last).toISOString() })),
      objects: objects.map((one) => ({ ...one })),
    };
  },
});
