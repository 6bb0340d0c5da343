import type { Api, Understood } from '../../apis/api.ts';
import { allDetectors, detect } from '../../masking/detectors.ts';
import { isSecretName } from '../../masking/bodies/recorded-body.ts';
import type { Command } from '../../model/command.ts';
import type { RequestFacts } from '../../model/request.ts';
import { judgedFields } from './fields.ts';
import type { RequestHead } from './head.ts';
import type { HeaderSection } from './header-section.ts';

/** Characters of an address that are recorded. */
const LONGEST = 8_192;
/** Names of query parameters whose values let somebody in: signed addresses, keys, tokens. */
const SECRET = /(?:token|secret|passw|signature|credential|api[-_]?key|access[-_]?key|auth|assertion)|^(?:sig|key|code|se|skoid|upload_id)$/i;
/** What is an address, with a query, which may be signed. */
const ADDRESS = /^[^?\s]*\?/;

/** What rules see and the record holds of a header section, whatever address is asked for. */
export interface SectionFacts extends Pick<RequestFacts, 'host' | 'headers' | 'body'> {
  /** What stands in the record behind the first line. */
  readonly recorded: string;
}

/** Its body is not read yet. */
export const sectionFacts = (section: HeaderSection): SectionFacts => ({
  host: section.host,
  headers: judgedFields(section),
  body: section.body.kind === 'none' ? { kind: 'none' } : { kind: 'unread', why: 'the body was not read' },
  recorded: recordedFields(section),
});

/** What is known of a request from its head, and from its target as it was read. */
export const factsOf = ({ method }: RequestHead, { path, segments, query }: Pick<RequestFacts, 'path' | 'segments' | 'query'>, { host, headers, body }: SectionFacts): RequestFacts => ({ method, host, path, segments, query, headers, body });

export type HttpCommand = Command & { readonly operation?: string };

/** A request as the pipeline and policy see it. */
export const commandOf = (head: RequestHead, facts: RequestFacts, rawQuery: string, api: Api, of: SectionFacts): HttpCommand => {
  const { verb, effects, timing, operation } = head.upgrade ? opened(facts) : api.understand(facts);
  return {
    protocol: 'http',
    verb,
    effects,
    timing,
    facts: { method: facts.method, ...(operation === undefined ? {} : { operation }) },
    recorded: recordedRequest(head, facts, rawQuery, of),
    bytes: head.bytes,
  };
};

/** What opens a WebSocket does whatever is said over it later, which no rule set reads. */
const opened = (facts: RequestFacts): Understood => ({
  verb: 'websocket',
  effects: [{ class: 'unknown', verb: 'websocket', request: facts, why: 'what is said over a WebSocket is not read' }],
  timing: 'immediate',
});

/** Header fields that say what the request is about, and are written down with it. */
export const TELLING: readonly string[] = ['content-type', 'content-encoding', 'content-length', 'range', 'if-match', 'if-none-match', 'x-amz-copy-source', 'x-goog-copy-source', 'x-ms-copy-source'];

/** What is written down of a request: its first line and what its header says of the body. */
const recordedRequest = ({ method }: RequestHead, { path }: RequestFacts, rawQuery: string, { recorded }: SectionFacts): string => {
  const query = rawQuery === '' ? '' : `?${withoutSecrets(rawQuery)}`;
  const text = `${method} ${starred(path)}${starred(query)}\n${recorded}`;
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} ... (${text.length} characters)`;
};

const recordedFields = ({ host, values }: HeaderSection): string => {
  const lines = [`Host: ${host}`];
  for (const name of TELLING) for (const value of values.get(name) ?? []) lines.push(`${name}: ${starred(addressWithoutSecrets(value))}`);
  return lines.join('\n');
};

/** A query without the values of what lets somebody in. */
export const withoutSecrets = (query: string): string => query.split('&').map(withoutSecret).join('&');

/** The value of a header field, where it is an address (as of what is to be copied) without what lets somebody in; any other as it is. */
export const addressWithoutSecrets = (value: string): string => (ADDRESS.test(value) ? value.replace(/\?(\S*)/g, (_, query: string) => `?${withoutSecrets(query)}`) : value);

const withoutSecret = (parameter: string): string => {
  const equals = parameter.indexOf('=');
  return equals >= 0 && opens(parameter.slice(0, equals)) ? `${parameter.slice(0, equals)}=*` : parameter;
};

/** Whether a parameter is called as what lets somebody in, as a whole or in one of its parts (`user[pin]`). */
const opens = (written: string): boolean => {
  const name = written.replaceAll('+', ' ').replace(/%([2-7][0-9A-Fa-f])/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return SECRET.test(name) || name.split(/[[\].]/).some(isSecretName);
};

/** The text with stars for what a detector hits, whatever the masks. */
export const starred = (text: string): string => starredBytes(text).toString('utf8');

/** The same in UTF-8. */
export const starredBytes = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  for (const { start, end } of detect(bytes, 0, bytes.length, allDetectors) ?? []) bytes.fill(0x2a, start, end);
  return bytes;
};
