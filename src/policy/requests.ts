import { asVariable, caseless, folded } from '../apis/alike.ts';
import { isGrpc } from '../apis/grpc.ts';
import { saysAnotherMethod } from '../apis/rule-set.ts';
import { compileTemplate, loosely, type Template } from '../apis/template.ts';
import type { RequestMatchConfig } from '../config/resolved.ts';
import type { Effect } from '../model/command.ts';
import type { RequestFacts } from '../model/request.ts';
import { compileFields } from './body-fields.ts';
import { anyOf, compileGlob } from './glob.ts';
import { COVERS, NONE, stronger, TOUCHES, weaker, type Level } from './level.ts';
import type { Reach } from './objects.ts';
import { compileValues, reachValues } from './request-values.ts';

type OfRequest = (request: RequestFacts, effect: Effect) => Level;

/**
 * Compiles `match.request`. What servers may take for the same as what a rule names (another case, a slash more at the end, a parameter that
 * stands twice) is touched and not covered: it is enough to refuse or to hold, and never to grant.
 */
export function compileRequest(match: RequestMatchConfig, problem: (message: string) => void): Reach {
  const parts: OfRequest[] = [];
  if (match.methods !== undefined) parts.push(compileMethods(match.methods));
  if (match.hosts !== undefined) parts.push(compileHosts(match.hosts));
  if (match.paths !== undefined) parts.push(compilePaths(match.paths, problem));
  for (const [name, patterns] of Object.entries(match.query ?? {})) parts.push(compileParameter(name, patterns));
  for (const [name, patterns] of Object.entries(match.headers ?? {})) parts.push(compileHeader(name, patterns));
  for (const [path, patterns] of Object.entries(match.fields ?? {})) parts.push(compileFields(path, patterns));
  if (match.graphql !== undefined) parts.push(compileGraphql(match.graphql));
  if (match.grpc !== undefined) parts.push(compileGrpc(match.grpc));
  return (effect) => {
    const { request } = effect;
    if (request === undefined) return NONE;
    let level: Level = COVERS;
    for (const part of parts) {
      level = weaker(level, part(request, effect));
      if (level === NONE) return NONE;
    }
    return level;
  };
}

function compileMethods(methods: readonly string[]): OfRequest {
  const named = new Set(methods);
  const folded = new Set(methods.map((method) => method.toUpperCase()));
  return (request) => {
    if (named.has(request.method)) return saysAnotherMethod(request) ? TOUCHES : COVERS;
    // Answered as a GET is, without the body; and some servers take `get` for GET.
    const method = request.method.toUpperCase();
    return folded.has(method) || (method === 'HEAD' && folded.has('GET')) || saysAnotherMethod(request) ? TOUCHES : NONE;
  };
}

function compileHosts(hosts: readonly string[]): OfRequest {
  const exact = new Set(hosts.filter((host) => !host.startsWith('*.')));
  const below = hosts.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  return ({ host }) => {
    const bare = host.endsWith('.') ? host.slice(0, -1) : host;
    return exact.has(bare) || below.some((parent) => bare.length > parent.length && bare.endsWith(parent)) ? COVERS : NONE;
  };
}

function compilePaths(paths: readonly string[], problem: (message: string) => void): OfRequest {
  const templates: Template[] = [];
  for (const path of paths) {
    const template = compileTemplate(path);
    if (typeof template === 'string') problem(`match.request.paths: ${JSON.stringify(path)} ${template}`);
    else templates.push(template);
  }
  return ({ segments }) => {
    let level: Level = NONE;
    for (const template of templates) {
      level = stronger(level, template.level(segments));
      if (level === COVERS) return COVERS;
    }
    return level;
  };
}

/** Frameworks read `a[]`, `a[0]`, `A` and, where names become variables, `a.b` and `a[b` for `a_b` as this one. */
function compileParameter(name: string, patterns: readonly string[]): OfRequest {
  const matches = compileValues(patterns);
  const alike = folded(name);
  const own = withParts(name);
  return ({ query }) => {
    const others = [...query].filter(([other]) => other !== name && (folded(other) === alike || folded(unclosed(other)) === alike));
    return reachValues(query.get(name), matches, others.flatMap(([, values]) => values), others.some(([other]) => isRival(own, withParts(unclosed(other)))));
  };
}

/** PHP makes `_` of a bracket that is not closed. */
const unclosed = (name: string): string => (name.includes(']') ? name : name.replace('[', '_'));

/** As `folded`, with the brackets: `filter[status]` and `filter[page]` are two, where `filter` and `filter[]` can each be all of it. */
const withParts = (name: string): string => caseless(name.trim()).replace(/[_. -]/g, '');

const isRival = (one: string, other: string): boolean => one === other || one.startsWith(`${other}[`) || other.startsWith(`${one}[`);

function compileHeader(name: string, patterns: readonly string[]): OfRequest {
  const matches = compileValues(patterns);
  const wanted = name.toLowerCase();
  const alike = asVariable(wanted);
  return ({ headers }) => {
    const others = [...headers].flatMap(([other, values]) => (other !== wanted && asVariable(other) === alike ? values : []));
    return reachValues(headers.get(wanted), matches, others, others.length > 0);
  };
}

/** `mutation`, `mutation:NAME` by the operation's name, `mutation.FIELD` by a field at its top. */
function compileGraphql(entries: readonly string[]): OfRequest {
  const compiled = entries.map((entry) => {
    const [, type = '', sign = '', pattern = ''] = /^([a-z*]+)(?:([:.])(.*))?$/s.exec(entry) ?? [];
    return { type, sign, matches: compileGlob(pattern) };
  });
  return ({ graphql }, effect) => {
    // A document that was not read could be anything.
    if (graphql === undefined) return effect.class === 'unknown' ? TOUCHES : NONE;
    const [ofType = '', field = ''] = effect.object?.kind === 'field' ? effect.object.name.split('.', 2) : [];
    let level: Level = NONE;
    for (const { type, sign, matches } of compiled) {
      if (type !== '*' && type !== ofType) continue;
      if (sign === '') return COVERS;
      if (sign === '.') level = stronger(level, matches(field) ? COVERS : NONE);
      else {
        const operations = graphql.filter((operation) => operation.type === ofType && operation.fields.includes(field));
        const named = operations.filter(({ name }) => name !== undefined && matches(name)).length;
        level = stronger(level, named === 0 ? NONE : named === operations.length ? COVERS : TOUCHES);
      }
      if (level === COVERS) return COVERS;
    }
    return level;
  };
}

function compileGrpc(entries: readonly string[]): OfRequest {
  const matches = anyOf(entries);
  const alike = anyOf(entries.map(caseless));
  return ({ grpc, segments, headers }) => {
    if (segments.length === 2 && (grpc !== undefined || isGrpc(headers)) && matches(segments.join('/'))) return COVERS;
    // Some servers answer the same path in other forms than gRPC's, and some find calls as they find any other path.
    const read = loosely(segments);
    return read.length === 2 && alike(read.join('/')) ? TOUCHES : NONE;
  };
}
