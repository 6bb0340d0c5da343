import { ALL_ROLES, defineAction } from '../api/action.ts';
import { Matrix } from '../api/schema/policies.ts';
import { reachOf } from '../reach.ts';

const MOST_IDENTITIES = 200;
const MOST_CONNECTIONS = 100;

export const policiesMatrix = defineAction({
  id: 'policies.matrix',
  method: 'GET',
  path: '/policies/matrix',
  says: 'Who can reach what: identities by connections, with what policies let them do.',
  who: ALL_ROLES,
  response: Matrix,
  handle: ({ services }) => {
    const config = services.config();
    const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);
    const identities = [...config.identities].sort(byName).slice(0, MOST_IDENTITIES);
    const connections = [...config.connections].sort(byName).slice(0, MOST_CONNECTIONS);
    return {
      version: services.policies().version,
      identities: identities.map(({ name }) => name),
      connections: connections.map(({ name }) => name),
      cells: identities.flatMap((identity) => connections.flatMap((connection) => reachOf(config, identity, connection) ?? [])),
      cut: config.identities.length > MOST_IDENTITIES || config.connections.length > MOST_CONNECTIONS,
    };
  },
});
