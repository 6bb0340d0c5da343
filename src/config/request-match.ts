import { shippedSets } from '../apis/api.ts';
import { templateCovers, templateProblem } from '../apis/template.ts';
import { isHostName } from './addresses.ts';
import type { Checking } from './checks.ts';
import { namesForConnect } from './http-proxy.ts';
import { quoted } from './references.ts';
import type { ConnectionSource, RequestMatchSource } from './resolve-http.ts';
import { didYouMean } from './suggest.ts';

const longest = 512;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Methods that the APIs of this gateway know. */
export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** Headers that no rule ever sees: credentials, and what belongs to one hop. */
const unseen: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'x-wicketgate-token', 'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']);
const types = ['query', 'mutation', 'subscription'];

/** What can be said of `match.request` from its words alone: each part can match something. */
export function checkRequestMatch(match: RequestMatchSource, connections: readonly ConnectionSource[], { places, problems }: Checking): void {
  const each = (key: 'methods' | 'hosts' | 'paths' | 'graphql' | 'grpc', check: (entry: string) => readonly [string, string?] | undefined): void => {
    match[key]?.forEach((entry, index) => {
      const wrong = check(entry);
      if (wrong !== undefined) problems.add(places.of(match[key] ?? [], index), `${quoted(entry)} ${wrong[0]}`, wrong[1]);
    });
  };
  each('methods', (method) => {
    if (!token.test(method)) return ['is not the name of a method', 'such as GET'];
    if (/[a-z]/.test(method)) return ['is not how a method is written, so it never matches', `write ${method.toUpperCase()}`];
    const meant = methods.includes(method) ? undefined : didYouMean(method, methods);
    return meant?.startsWith('did') === true ? ['is a method that no API here has', meant] : undefined;
  });
  each('hosts', (host) => {
    if (!isHostName(host.startsWith('*.') ? host.slice(2) : host)) return ['is not a host name', 'such as api.gw.internal, or *.gw.internal; without a port'];
    const reached = connections.flatMap((connection) => [...namesForConnect(connection).map(({ host }) => host), ...(connection.http?.hosts ?? (connection.http?.proxy === true ? [] : ['*']))]);
    return connections.length === 0 || reached.some((one) => meet(one.toLowerCase(), host.toLowerCase())) ? undefined : [`can never match: the connections of the policy are reached by ${[...new Set(reached)].slice(0, 5).join(', ')}`];
  });
  each('paths', (path) => {
    const wrong = templateProblem(path);
    return wrong === undefined ? undefined : [wrong, 'such as /v1/users/{id}, /files/* or /files/**'];
  });
  each('graphql', (entry) => {
    const [, type = '', , pattern] = /^([^:.]*)(?:([:.])(.*))?$/s.exec(entry) ?? [];
    if (!types.includes(type)) return [`has no type of operation before ${pattern === undefined ? 'its end' : 'the name'}`, didYouMean(type, types) ?? 'query, mutation, subscription, mutation:NAME or mutation.FIELD'];
    return pattern === '' ? ['has no name'] : undefined;
  });
  if (match.graphql !== undefined && connections.length > 0 && !connections.some(({ http }) => http?.apis?.some((api) => api === 'graphql' || !shippedSets.includes(api)) === true)) {
    problems.add(places.of(match, 'graphql'), 'can never match: no connection of the policy has graphql among its http.apis', 'add it there');
  }
  each('grpc', (entry) => (/^[^/\s]{1,300}\/[^/\s]{1,200}$/.test(entry) ? undefined : ['is not package.Service/Method', 'such as google.pubsub.v1.Publisher/Publish, or google.pubsub.v1.Publisher/*']));
  checkNamed('query', (name) => (name.length > longest ? `is longer than ${longest} characters` : undefined));
  checkNamed('headers', (name) => {
    if (!token.test(name)) return 'is not the name of a header';
    return unseen.has(name.toLowerCase()) ? 'can never match: no rule sees this header' : undefined;
  });
  checkNamed('fields', (name) => {
    if (name.startsWith('$')) return 'begins with $: a path such as amount or items.*.price';
    if (/\[(?:\d*|\*)\]/.test(name)) return 'has brackets, and elements are written as members: a path such as items.*.price';
    return name.split('.').includes('') ? 'has an empty part' : undefined;
  });

  function checkNamed(key: 'query' | 'headers' | 'fields', check: (name: string) => string | undefined): void {
    const named = match[key];
    if (named === undefined) return;
    for (const [name, patterns] of Object.entries(named)) {
      const wrong = name === '' ? 'has no name' : check(name);
      if (wrong !== undefined) problems.add(places.of(named, name), wrong);
      patterns.forEach((pattern, index) => {
        if (pattern.length > longest) problems.add(places.of(patterns, index), `is longer than ${longest} characters`);
      });
    }
    const lower = Object.keys(named).map((name) => name.toLowerCase());
    if (key === 'headers' && new Set(lower).size < lower.length) problems.add(places.of(match, key), 'names a header twice, since names of headers have no case');
  }
}

/** Whether some host is meant by both. */
function meet(a: string, b: string): boolean {
  if (a === '*' || a === b) return true;
  const below = (wild: string, host: string): boolean => wild.startsWith('*.') && host.replace(/^\*/, '').endsWith(wild.slice(1));
  return below(a, b) || below(b, a);
}

/** Whether everything that `narrow` matches is surely matched by `wide`. Says no when in doubt. */
export function requestCovers(wide: RequestMatchSource | undefined, narrow: RequestMatchSource | undefined): boolean {
  if (wide === undefined) return true;
  const lists = (['methods', 'hosts', 'paths', 'graphql', 'grpc'] as const).every((key) => {
    const [all, some] = [wide[key], narrow?.[key]];
    return all === undefined || (some !== undefined && some.every((entry) => all.some((other) => (key === 'paths' ? templateCovers(other, entry) : other === entry))));
  });
  const records = (['query', 'headers', 'fields'] as const).every((key) =>
    Object.entries(wide[key] ?? {}).every(([name, all]) => {
      const some = narrow?.[key]?.[name];
      return some !== undefined && some.every((pattern) => all.includes(pattern) || all.includes('*'));
    }),
  );
  return lists && records;
}
