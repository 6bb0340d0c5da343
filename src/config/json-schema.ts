import { Configuration } from './schema.ts';

/**
 * The JSON schema of a configuration (draft 2020-12), for editors: completion, descriptions, and the errors that a schema can know.
 * `wicketgate check` knows more.
 */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  const plain = JSON.parse(JSON.stringify(Configuration)) as Record<string, unknown>;
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...plain };
}
