import Type from 'typebox';
import { forms } from './forms.ts';

/** What the sections of the schema are made of. */
export const strict = { additionalProperties: false } as const;
export const Name = (description: string) => Type.String({ pattern: forms.name.pattern, description });
export const Duration = (description: string) =>
  Type.String({ pattern: forms.duration.pattern, description: `${description} A duration such as 30s, 10m, 12h, 400d.` });
export const Size = (description: string) =>
  Type.String({ pattern: forms.size.pattern, description: `${description} A size such as 64KiB, 16MiB.` });
export const Secret = (description: string) =>
  Type.String({ pattern: forms.secret.pattern, description: `${description} A reference, env:NAME or file:PATH; a literal is an error.` });
export const Names = (description: string) => Type.Array(Type.String(), { minItems: 1, description });
/** Groups of people. */
export const PeopleGroups = (description: string) => Type.Array(Type.String({ pattern: forms.peopleGroup.pattern }), { minItems: 1, description: `${description} Each as LOGIN/GROUP, such as okta/dba.` });
