import { readBody } from '../../apis/body.ts';
import type { Api } from '../../apis/api.ts';
import { loadApi } from '../../apis/api.ts';
import { unknown } from '../../apis/rule-set.ts';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { formatHostPort } from '../../config/units.ts';
import type { Command } from '../../model/command.ts';
import type { RequestFacts } from '../../model/request.ts';
import { readTarget } from '../../apis/path.ts';
import { chooseConnection } from './choose.ts';
import { commandOf, factsOf, sectionFacts } from './commands.ts';
import { readHead } from './head.ts';

/** A request's text as the gateway would read it. Nothing is sent. */
export interface ExplainedRequest {
  readonly command: Command;
  /** Why the gateway refuses it although policy allows it: it cannot be read in one way; undefined when it can. */
  readonly objection: () => string | undefined;
}

/**
 * Understands the text of a request: `GET /path?x=1`, then, where they matter, header fields on lines of their own, an empty line and the body, as
 * in a message of HTTP/1.1. The path is the one that a client sends, with the prefix of the connection. Rejects when a rule set cannot be loaded.
 */
export const explainRequest = async (text: string, connection: HttpConnectionConfig, api?: Api): Promise<ExplainedRequest> => {
  const { http } = connection;
  const means = api ?? (await loadApi(http.apis, { hosts: http.hosts }));
  const refused = (why: string): ExplainedRequest => ({ command: notRead(text, why), objection: () => why });
  const { head: lines, body } = split(text);
  const [first = '', ...fields] = lines;
  const [method = '', target = '', version = 'HTTP/1.1', more] = first.trim().split(/ +/);
  if (target === '' || more !== undefined || !/^HTTP\/1\.[01]$/.test(version)) return refused('the first line is not METHOD PATH, such as GET /v1/users?limit=10');
  const rawHeaders: string[] = [];
  for (const field of fields) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(field) ?? [];
    if (name === undefined || value === undefined) return refused('a line after the first is not NAME: VALUE');
    rawHeaders.push(name, value);
  }
  const has = (name: string): boolean => rawHeaders.some((field, index) => index % 2 === 0 && field.toLowerCase() === name);
  if (!has('host')) rawHeaders.push('Host', http.hosts.find((host) => !host.startsWith('*.')) ?? http.hosts[0]?.replace(/^\*\./, 'any.') ?? formatHostPort(connection.listen));
  if (body.length > 0 && !has('content-length') && !has('transfer-encoding')) rawHeaders.push('Content-Length', String(body.length));
  const head = readHead({ method, url: target, version: version.slice('HTTP/'.length), rawHeaders }, { tls: true });
  if ('refused' in head) return refused(head.refused);
  const named = readTarget(head.target, () => true);
  if ('refused' in named) return refused(named.refused);
  const choice = chooseConnection([connection], head.host, named.path);
  if ('refused' in choice) return refused(choice.refused);
  const read = means.readTarget(named, http.prefix, head.host);
  if ('refused' in read) return refused(read.refused);
  const of = sectionFacts(head.section);
  const facts = factsOf(head, read, of);
  const whole: RequestFacts['body'] = body.length > http.wholeBody ? { kind: 'unread', why: 'the body is larger than http.wholeBody' } : readBody(body, facts.headers);
  return { command: commandOf(head, { ...facts, body: whole }, read.rawQuery, means, of), objection: () => undefined };
};

/** The lines before the first empty one, and the bytes after it. */
function split(text: string): { readonly head: readonly string[]; readonly body: Buffer } {
  const end = /\r?\n\r?\n/.exec(text);
  const head = (end === null ? text : text.slice(0, end.index)).split(/\r?\n/);
  while (head.length > 1 && head.at(-1) === '') head.pop();
  return { head, body: Buffer.from(end === null ? '' : text.slice(end.index + end[0].length), 'utf8') };
}

/** What no rule set gets to see. */
const notRead = (text: string, why: string): Command => ({
  protocol: 'http',
  verb: 'unknown',
  effects: [unknown({ method: '', host: '', path: '/', segments: [''], query: new Map(), headers: new Map(), body: { kind: 'unread', why } }, why)],
  timing: 'immediate',
  facts: {},
  recorded: '',
  bytes: Buffer.byteLength(text),
});
