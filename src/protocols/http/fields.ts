import { CREDENTIAL_FIELDS } from './credentials.ts';
import { fieldName } from './field-names.ts';
import type { BodyLength, Fields, RequestHead } from './head.ts';
import type { HeaderSection } from './header-section.ts';

export interface Outward {
  /** Lower-case names that only the gateway may send. */
  readonly owns: readonly string[];
  /** What the target is told as `Host`. */
  readonly host: string;
  /** Beginning of the session id, which the target's own log may show. */
  readonly session: string;
  readonly body: BodyLength;
  /** Lower-case names that are left out for this request. */
  readonly without: ReadonlySet<string>;
}

/** Header fields for the target: the client's own, without what belongs to the hop, to the gateway, or to nobody. */
export const fieldsForTarget = (head: RequestHead, { owns, host, session, body, without }: Outward): [string, string][] => {
  const fields: [string, string][] = [['Host', host]];
  for (const [name, value] of head.fields) {
    const { lower, dashed, hop, claims } = fieldName(name);
    if (lower === 'host' || lower === 'content-length' || lower === 'expect' || hop || head.nominated.has(lower) || CREDENTIAL_FIELDS.has(lower) || claims || without.has(lower)) continue;
    // `_` is `-` to many targets.
    if (owns.includes(lower) || (lower !== dashed && (owns.includes(dashed) || fieldName(dashed).claims))) continue;
    fields.push([name, value]);
  }
  if (body.kind === 'length') fields.push(['Content-Length', String(body.length)]);
  else if (body.kind === 'chunked') fields.push(['Transfer-Encoding', 'chunked']);
  // RFC 9110 section 8.6: where a body has a meaning, none is said to be none.
  else if (head.values.has('content-length') || head.method === 'POST' || head.method === 'PUT' || head.method === 'PATCH') fields.push(['Content-Length', '0']);
  fields.push(['Via', '1.1 wicketgate'], ['X-Wicketgate-Session', session]);
  return fields;
};

/** Header fields that rules see: without credentials, and without what belongs to the hop. */
export const judgedFields = ({ values: all, nominated }: Pick<HeaderSection, 'values' | 'nominated'>): ReadonlyMap<string, readonly string[]> => {
  const judged = new Map<string, readonly string[]>();
  for (const [name, values] of all) {
    const { hop, claims } = fieldName(name);
    if (!hop && !nominated.has(name) && !CREDENTIAL_FIELDS.has(name) && !claims) judged.set(name, values);
  }
  return judged;
};

/** Header fields of an answer for the client. */
export const fieldsForClient = (fields: Fields): Fields => {
  const nominated = new Set<string>();
  for (const [name, value] of fields) if (fieldName(name).lower === 'connection') for (const item of value.toLowerCase().split(',')) nominated.add(item.trim());
  return fields.filter(([name]) => {
    const { lower, hop, leadsPast } = fieldName(name);
    return !hop && !leadsPast && lower !== 'content-length' && !nominated.has(lower);
  });
};

/** The one value of a field of an answer; undefined when it did not come, or came more than once. */
export const single = (fields: Fields, name: string): string | undefined => {
  const found = fields.filter(([one]) => fieldName(one).lower === name);
  return found.length === 1 ? found[0]?.[1] : undefined;
};
