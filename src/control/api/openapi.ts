import { version } from '../../build.ts';
import type { AnyAction } from './action.ts';
import { COMPONENTS, plain, withReferences, type Json } from './components.ts';

type Doc = Readonly<Record<string, Json>>;

/** What can go wrong with every request. */
const PROBLEMS: Readonly<Record<string, string>> = {
  '400': 'The request is not what the API takes.',
  '401': 'Nobody is signed in, or the API token is not good.',
  '403': 'Who asks may not do that, or the request did not come from a page of this site.',
  '404': 'There is no such thing.',
  '409': 'It is so already, or something stands in the way.',
  '429': 'Too much at once. Retry-After says when to come back.',
  '503': 'It cannot be recorded, or the records cannot be read now: nothing was done.',
};

/** The API as OpenAPI 3.1, out of the actions and their schemas. */
export const openApi = (actions: readonly AnyAction[]): Doc => {
  const paths: Record<string, Record<string, Json>> = {};
  for (const action of actions) (paths[`/api/v1${action.path}`] ??= {})[action.method.toLowerCase()] = operation(action);
  return {
    openapi: '3.1.0',
    info: { title: 'Wicketgate control plane', version, description: 'Everything that the page and the terminal do. Every change, and every view of a recording, is on record before it has effect.' },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: Object.fromEntries([...COMPONENTS].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, schema]) => [name, withReferences(plain(schema), name)])),
      responses: { Problem: { description: 'Why not.', content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } } } },
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: '__Host-wicketgate', description: 'A person who signed in. Every request that is not GET also needs the header x-csrf-token and comes from a page of the site.' },
        token: { type: 'http', scheme: 'bearer', description: 'An API token: a machine.' },
      },
    },
  };
};

const operation = ({ id, says, who, person, params, query, body, response, status = 200, media, method }: AnyAction): Json => {
  const parameters = [...parametersIn('path', params && plain(params)), ...parametersIn('query', query && plain(query))];
  return {
    operationId: id,
    summary: says,
    tags: [id.split('.')[0] ?? ''],
    'x-roles': who === 'anyone' || who === 'signed-in' ? who : [...who],
    security: who === 'anyone' ? [] : [{ session: [] }, ...(person ? [] : [{ token: [] }])],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: withReferences(plain(body)) } } } } : {}),
    responses: {
      [String(status)]: { description: 'Done.', content: { [media ?? 'application/json']: { schema: withReferences(plain(response)) } } },
      ...Object.fromEntries(Object.keys(PROBLEMS).filter((code) => who !== 'anyone' || code === '429').filter((code) => method === 'POST' || code !== '409').map((code) => [code, { $ref: '#/components/responses/Problem' }])),
    },
  };
};

const parametersIn = (where: 'path' | 'query', schema: Json | undefined): Json[] => {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return [];
  const { properties = {}, required = [] } = schema as { properties?: Readonly<Record<string, Json>>; required?: readonly string[] };
  return Object.entries(properties).map(([name, of]) => {
    const { description = '', ...rest } = of as { readonly [key: string]: Json };
    return { name, in: where, required: where === 'path' || required.includes(name), description, schema: rest };
  });
};
