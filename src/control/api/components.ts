import type { TSchema } from 'typebox';
import * as activity from './schema/activity.ts';
import * as approvals from './schema/approvals.ts';
import * as connections from './schema/connections.ts';
import * as events from './schema/events.ts';
import * as evidence from './schema/evidence.ts';
import * as forms from './schema/forms.ts';
import * as identities from './schema/identities.ts';
import * as me from './schema/me.ts';
import * as overview from './schema/overview.ts';
import * as people from './schema/people.ts';
import * as policies from './schema/policies.ts';
import * as sessions from './schema/sessions.ts';
import * as settings from './schema/settings.ts';

const isSchema = (value: unknown): value is TSchema => typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'object' && typeof (value as { description?: unknown }).description === 'string';

/** Shapes that have a name, by that name: objects of the schema files. */
export const COMPONENTS: ReadonlyMap<string, TSchema> = new Map(
  [forms, me, overview, sessions, approvals, identities, connections, people, policies, evidence, activity, settings, events]
    .flatMap((module) => Object.entries(module as Readonly<Record<string, unknown>>))
    .filter((entry): entry is [string, TSchema] => /^[A-Z][A-Za-z]+$/.test(entry[0]) && isSchema(entry[1])),
);

/** JSON schema as plain JSON: what is hidden in a schema object is left behind. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export const plain = (schema: TSchema): Json => JSON.parse(JSON.stringify(schema)) as Json;

/** A shape with every named one in it, itself too unless it is the one at the top, as a reference. */
export const withReferences = (schema: Json, top?: string): Json => {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return (schema as readonly Json[]).map((one) => withReferences(one));
  const name = names().get(JSON.stringify(schema));
  if (name !== undefined && name !== top) return { $ref: `#/components/schemas/${name}` };
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withReferences(value)]));
};

let known: ReadonlyMap<string, string> | undefined;
const names = (): ReadonlyMap<string, string> => (known ??= new Map([...COMPONENTS].map(([name, schema]) => [JSON.stringify(plain(schema)), name])));
