import Type from 'typebox';
import { ALL_ROLES, defineAction } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { ConnectionView } from '../api/schema/connections.ts';
import { connectionViews } from '../connection-view.ts';

export const connectionsShow = defineAction({
  id: 'connections.show',
  method: 'GET',
  path: '/connections/{name}',
  says: 'One connection, without its credential.',
  who: ALL_ROLES,
  params: Type.Object({ name: Type.String({ minLength: 1, maxLength: 200, description: 'Name of the connection.' }) }, { description: 'Which connection.' }),
  response: ConnectionView,
  handle: async ({ params, services }) => {
    const view = (await connectionViews(services)).find(({ name }) => name === params.name);
    if (!view) throw notFound('such connection');
    return view;
  },
});
