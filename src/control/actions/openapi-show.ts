import Type from 'typebox';
import { defineAction } from '../api/action.ts';

export const openapiShow = defineAction({
  id: 'openapi.show',
  method: 'GET',
  path: '/openapi.json',
  says: 'This API, as OpenAPI 3.1.',
  who: 'signed-in',
  response: Type.Record(Type.String(), Type.Unknown(), { description: 'The document.' }),
  media: 'application/json',
  handle: ({ raw, services }) => {
    void raw.reply.type('application/json; charset=utf-8').send(services.openapi());
    return {};
  },
});
