import type { Api } from '../../apis/api.ts';
import { allDetectors, detect } from '../../masking/detectors.ts';
import type { Command } from '../../model/command.ts';
import type { RequestFacts } from '../../model/request.ts';
import type { RequestHead } from './head.ts';

/** Characters of an address that are recorded. */
const LONGEST = 8_192;
/** Names of query parameters whose values let somebody in: signed addresses, keys, tokens. */
const SECRET = /(?:token|secret|passw|signature|credential|api[-_]?key|access[-_]?key|auth|assertion)|^(?:sig|key|code|se|skoid)$/i;

/** A request as the pipeline and policy see it. */
export const commandOf = (head: RequestHead, facts: RequestFacts, rawQuery: string, api: Api): Command & { readonly operation?: string } => {
  const { verb, effects, timing, operation } = api.understand(facts);
  return {
    protocol: 'http',
    verb,
    effects,
    timing,
    facts: { method: facts.method, ...(operation === undefined ? {} : { operation }) },
    recorded: recordedRequest(head, facts, rawQuery),
    bytes: head.bytes,
  };
};

/** Header fields that say what the request is about, and are written down with it. */
const TELLING = ['content-type', 'content-encoding', 'content-length', 'range', 'if-match', 'if-none-match', 'x-amz-copy-source', 'x-goog-copy-source', 'x-ms-copy-source'];

/** What is written down of a request: its first line and what its header says of the body. */
const recordedRequest = ({ method, values }: RequestHead, { host, path }: RequestFacts, rawQuery: string): string => {
  const query = rawQuery === '' ? '' : `?${rawQuery.split('&').map(withoutSecret).join('&')}`;
  const lines = [`${method} ${starred(path)}${starred(query)}`, `Host: ${host}`];
  for (const name of TELLING) for (const value of values.get(name) ?? []) lines.push(`${name}: ${starred(value)}`);
  const text = lines.join('\n');
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} ... (${text.length} characters)`;
};

const withoutSecret = (parameter: string): string => {
  const equals = parameter.indexOf('=');
  return equals >= 0 && SECRET.test(parameter.slice(0, equals)) ? `${parameter.slice(0, equals)}=*` : parameter;
};

/** The text with stars for what a detector hits, whatever the masks. */
export const starred = (text: string): string => {
  const bytes = Buffer.from(text);
  const hits = detect(bytes, 0, bytes.length, allDetectors);
  if (hits === undefined) return text;
  for (const { start, end } of hits) bytes.fill(0x2a, start, end);
  return bytes.toString('utf8');
};
