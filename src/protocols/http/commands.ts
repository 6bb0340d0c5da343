import type { Api, Understood } from '../../apis/api.ts';
import { allDetectors, detect } from '../../masking/detectors.ts';
import type { Command } from '../../model/command.ts';
import type { RequestFacts } from '../../model/request.ts';
import { judgedFields } from './fields.ts';
import type { RequestHead } from './head.ts';

/** Characters of an address that are recorded. */
const LONGEST = 8_192;
/** Names of query parameters whose values let somebody in: signed addresses, keys, tokens. */
const SECRET = /(?:token|secret|passw|signature|credential|api[-_]?key|access[-_]?key|auth|assertion)|^(?:sig|key|code|se|skoid)$/i;

/** What is known of a request from its head, and from its target as it was read. */
export const factsOf = (head: RequestHead, { path, segments, query }: Pick<RequestFacts, 'path' | 'segments' | 'query'>): RequestFacts => ({
  method: head.method,
  host: head.host,
  path,
  segments,
  query,
  headers: judgedFields(head),
  body: head.body.kind === 'none' ? { kind: 'none' } : { kind: 'unread', why: 'the body was not read' },
});

export type HttpCommand = Command & { readonly operation?: string };

/** A request as the pipeline and policy see it. */
export const commandOf = (head: RequestHead, facts: RequestFacts, rawQuery: string, api: Api): HttpCommand => {
  const { verb, effects, timing, operation } = head.upgrade ? opened(facts) : api.understand(facts);
  const recorded = recordedRequest(head, facts, rawQuery);
  return {
    protocol: 'http',
    verb,
    effects,
    timing,
    facts: { method: facts.method, ...(operation === undefined ? {} : { operation }) },
    recorded,
    recordedBytes: Buffer.from(recorded, 'utf8'),
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
const recordedRequest = ({ method, values }: RequestHead, { host, path }: RequestFacts, rawQuery: string): string => {
  const query = rawQuery === '' ? '' : `?${withoutSecrets(rawQuery)}`;
  const lines = [`${method} ${starred(path)}${starred(query)}`, `Host: ${host}`];
  for (const name of TELLING) for (const value of values.get(name) ?? []) lines.push(`${name}: ${starred(value)}`);
  const text = lines.join('\n');
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} ... (${text.length} characters)`;
};

/** A query without the values of what lets somebody in. */
export const withoutSecrets = (query: string): string => query.split('&').map(withoutSecret).join('&');

const withoutSecret = (parameter: string): string => {
  const equals = parameter.indexOf('=');
  return equals >= 0 && SECRET.test(parameter.slice(0, equals)) ? `${parameter.slice(0, equals)}=*` : parameter;
};

/** The text with stars for what a detector hits, whatever the masks. */
export const starred = (text: string): string => starredBytes(text).toString('utf8');

/** The same in UTF-8. */
export const starredBytes = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  for (const { start, end } of detect(bytes, 0, bytes.length, allDetectors) ?? []) bytes.fill(0x2a, start, end);
  return bytes;
};
