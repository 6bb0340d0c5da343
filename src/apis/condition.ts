import type { RequestFacts } from '../model/request.ts';
import { folded, headerValues } from './alike.ts';
import type { OperationSource } from './set-file.ts';

type Wanted = NonNullable<OperationSource['query']>;

/** When an operation, or one more effect of it, is meant. */
export interface ConditionSource {
  readonly query?: Wanted | undefined;
  readonly queryOneOf?: readonly string[] | undefined;
  readonly headers?: Wanted | undefined;
  readonly fields?: readonly string[] | undefined;
}

/** Whether a request meets it. A body that nobody read could say anything, so it counts as met. */
export const compileConditions = ({ query, queryOneOf, headers, fields }: ConditionSource): ((facts: RequestFacts) => boolean) => {
  const parameters = Object.entries(query ?? {});
  const named = Object.entries(headers ?? {}).map(([name, wanted]) => [name.toLowerCase(), wanted] as const);
  const paths = (fields ?? []).map((field) => field.split('.').map(folded));
  return (facts) =>
    parameters.every(([name, wanted]) => meets(facts.query.get(name), wanted)) &&
    (queryOneOf === undefined || queryOneOf.some((name) => facts.query.has(name))) &&
    named.every(([name, wanted]) => meets(headerValues(facts.headers, name), wanted)) &&
    (paths.length === 0 || paths.some((path) => hasField(facts.body, path)));
};

/** Several values where one is wanted are read in one way here and in another there: no operation knows them. */
function meets(values: readonly string[] | undefined, wanted: Wanted[string]): boolean {
  if (typeof wanted === 'boolean') return (values !== undefined) === wanted;
  const [value] = values ?? [];
  if (value === undefined || values?.length !== 1) return false;
  return typeof wanted === 'string' ? value === wanted : wanted.includes(value);
}

function hasField(body: RequestFacts['body'], path: readonly string[]): boolean {
  if (body.kind !== 'json') return body.kind === 'unread';
  return leadsTo(body.value, path);
}

/** By folded names. Another spelling of a name counts as the name: what a field brings is a further effect, and readers differ on what they take for it. */
function leadsTo(value: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([other, member]) => folded(other) === name && leadsTo(member, rest));
}
