import { ALL_ROLES, defineAction } from '../api/action.ts';
import { ConnectionList } from '../api/schema/connections.ts';
import { connectionViews } from '../connection-view.ts';

export const connectionsList = defineAction({
  id: 'connections.list',
  method: 'GET',
  path: '/connections',
  says: 'Connections of the configuration in force, without credentials.',
  who: ALL_ROLES,
  response: ConnectionList,
  handle: async ({ services }) => ({ items: await connectionViews(services) }),
});
