import type { ObjectRef } from '../model/command.ts';
import type { RequestFacts } from '../model/request.ts';
import { folded, headerValues } from './alike.ts';
import { isRequestKind } from './kinds.ts';

/** Names the object of an effect for one request. */
export type NameObject = (facts: RequestFacts, parameters: Readonly<Record<string, string>>) => ObjectRef;

/** What stands for a name that the request does not say, or says in a way that could be read in two: any. */
const ANY = '*';

/** One place that a name can come from; undefined when it is not there. */
type Source = (facts: RequestFacts, parameters: Readonly<Record<string, string>>) => string | undefined;

/** Compiles `kind:name`. Answers what is wrong in words when it cannot be read. `known`: the parameters that the paths of the operation have. */
export const compileObject = (written: string, known: readonly ReadonlySet<string>[]): NameObject | string => {
  const colon = written.indexOf(':');
  const kind = written.slice(0, colon);
  if (!isRequestKind(kind)) return `names the unknown kind ${JSON.stringify(kind)}`;
  const pieces: ((...of: Parameters<Source>) => string)[] = [];
  for (const part of written.slice(colon + 1).split(/(\{[^{}]*\})/)) {
    if (part === '') continue;
    if (!part.startsWith('{')) {
      pieces.push(() => part);
      continue;
    }
    const sources = part.slice(1, -1).split(',').map((source) => compileSource(source, known));
    const wrong = sources.find((source) => typeof source === 'string');
    if (typeof wrong === 'string') return wrong;
    pieces.push((facts, parameters) => firstOf(sources as readonly Source[], facts, parameters) ?? ANY);
  }
  return (facts, parameters) => ({ kind, name: pieces.map((piece) => piece(facts, parameters)).join('') });
};

function compileSource(written: string, known: readonly ReadonlySet<string>[]): Source | string {
  const dot = written.indexOf('.');
  if (dot < 0) return known.some((parameters) => !parameters.has(written)) ? `names {${written}}, which a path of it does not have` : (_, parameters) => parameters[written];
  const name = written.slice(dot + 1);
  switch (written.slice(0, dot)) {
    case 'request':
      return name === 'path' ? ({ segments }) => `/${segments.join('/')}` : `has {${written}}, and of a request only request.path is there`;
    case 'query':
      return ({ query }) => single(query.get(name));
    case 'body': {
      const alike = folded(name);
      return ({ body }) => member(body, name, alike);
    }
    case 'header':
      return ({ headers }) => single(headerValues(headers, name.toLowerCase()));
    case 'copySource':
      return ({ headers }) => copySource(single(headerValues(headers, name.toLowerCase())));
    default:
      return `has {${written}}, which is neither a parameter nor one of request, query, body, header, copySource`;
  }
}

function firstOf(sources: readonly Source[], facts: RequestFacts, parameters: Readonly<Record<string, string>>): string | undefined {
  for (const source of sources) {
    const found = source(facts, parameters);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A text at the top of a JSON body. One that stands beside another spelling of its name is said in two ways. */
function member(body: RequestFacts['body'], name: string, alike: string): string | undefined {
  if (body.kind !== 'json' || typeof body.value !== 'object' || body.value === null || !Object.hasOwn(body.value, name)) return undefined;
  if (Object.keys(body.value).some((other) => other !== name && folded(other) === alike)) return undefined;
  const value = (body.value as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const single = (values: readonly string[] | undefined): string | undefined => (values?.length === 1 && values[0] !== '' ? values[0] : undefined);

/** `/bucket/key?versionId=1`, percent-encoded, as S3 and Cloud Storage take it: `bucket/key`. Undefined where it could be read otherwise. */
function copySource(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const [path = '', ...versions] = value.split('?');
  if (versions.length > 1 || versions.some((version) => version !== '' && !/^versionId=[^&]*$/.test(version))) return undefined;
  // A blank to Amazon, and itself to others.
  if (path.includes('+')) return undefined;
  try {
    const decoded = decodeURIComponent(path).replace(/^\//, '');
    // An access point is another name of a bucket, which only its owner can tell.
    if (/^arn:/i.test(decoded) || decoded.startsWith('/')) return undefined;
    const [bucket = '', ...key] = decoded.split('/');
    // What is put on disk, or into an address, has neither dots nor nothing between slashes.
    const doubtful = key.some((part, index) => part === '.' || part === '..' || (part === '' && index < key.length - 1));
    return /^[\w.-]+$/.test(bucket) && key.length > 0 && !doubtful ? decoded : undefined;
  } catch {
    return undefined;
  }
}
