import type { Effect } from '../model/command.ts';
import type { RequestFacts } from '../model/request.ts';
import { folded } from './alike.ts';
import { isJson } from './body.ts';
import { compileConditions } from './condition.ts';
import type { ReadGraphql } from './graphql.ts';
import { compileObject, type NameObject } from './object-name.ts';
import { SetRefused, type OperationSource, type SetSource } from './set-file.ts';
import { compileTemplate, type Template } from './template.ts';

/** One rule set, compiled. */
export interface RuleSet {
  /** SHA-256 (hex) of its text, where it is a file of the user's. */
  readonly digest?: string;
  readonly virtualHosted: boolean;
  /** The operation that the request is, with its effects; undefined when the set does not know it. */
  find(facts: RequestFacts): { readonly operation: string; readonly effects: readonly Effect[] } | undefined;
  readsBody(facts: RequestFacts): boolean;
  mayHoldSlash(segments: readonly string[]): boolean;
  /** Verbs of its operations, with the classes that each can have. */
  readonly verbs: ReadonlyMap<string, ReadonlySet<Effect['class']>>;
}

interface Operation {
  readonly name: string;
  readonly methods: ReadonlySet<string> | undefined;
  readonly templates: readonly Template[];
  readonly grpc: { readonly service: string; readonly method: string } | undefined;
  readonly contains: ReadonlySet<string> | undefined;
  /** Undefined: any. */
  readonly parameters: ReadonlySet<string> | undefined;
  readonly meets: (facts: RequestFacts) => boolean;
  readonly effects: readonly { readonly meets: (facts: RequestFacts) => boolean; make(facts: RequestFacts, parameters: Readonly<Record<string, string>>): Effect }[];
  readonly graphql: boolean;
  readonly looksInside: boolean;
}

/** Headers and parameters by which frameworks let a request say another method than its own. */
const OVERRIDE_HEADERS: ReadonlySet<string> = new Set(['x-http-method-override', 'x-http-method', 'x-method-override', 'x-method', 'x-original-method'].map(folded));
/** PHP drops blanks at the beginning and makes `_` of a dot. */
const OVERRIDE_PARAMETER = /^ *(?:[._]method|\$?http[-_. ]?method|x[-_. ]http[-_. ]method(?:[-_. ]override)?)(?:\[|$)/i;

/** Whether a header or a parameter says another method than the request's own, which many frameworks follow. */
export const saysAnotherMethod = ({ headers, query }: RequestFacts): boolean => [...headers.keys()].some((name) => OVERRIDE_HEADERS.has(folded(name))) || [...query.keys()].some((name) => OVERRIDE_PARAMETER.test(name));

/** Parameters, folded, that have the API do it in the name of somebody else, who could be anybody: of GitLab and Gitea, Hadoop, Symfony, Canvas, Discourse, and Ceph. */
const ACTOR_PARAMETERS: ReadonlySet<string> = new Set(['sudo', 'doAs', '_switch_user', 'as_user_id', 'api_username', 'rgwx-uid'].map(folded));

/** @param listed parameters that the operation knows itself */
const saysAnotherActor = ({ query }: RequestFacts, listed: ReadonlySet<string> | undefined): boolean => [...query.keys()].some((name) => ACTOR_PARAMETERS.has(folded(name)) && listed?.has(name) !== true);

/** Compiles a rule set. Throws SetRefused with the operation and what is wrong. */
export const compileSet = (source: SetSource, graphql: ReadGraphql | undefined): RuleSet => {
  const operations = source.operations.map((operation) => compileOperation(operation, source));
  const ignoresOverride = source.methodOverride === 'ignore';
  const candidate = (operation: Operation, facts: RequestFacts): Readonly<Record<string, string>> | undefined => {
    if (operation.grpc !== undefined) return facts.grpc?.service === operation.grpc.service && (operation.grpc.method === '*' || operation.grpc.method === facts.grpc.method) ? {} : undefined;
    if (operation.methods !== undefined && !operation.methods.has(facts.method)) return undefined;
    if (operation.contains !== undefined && !facts.segments.some((segment) => operation.contains?.has(segment.toLowerCase()) === true)) return undefined;
    for (const template of operation.templates) {
      const parameters = template.parameters(facts.segments);
      if (parameters !== undefined) return parameters;
    }
    return undefined;
  };
  return {
    virtualHosted: source.virtualHosted === true,
    find: (facts) => {
      let another: boolean | undefined;
      for (const operation of operations) {
        const parameters = candidate(operation, facts);
        if (parameters === undefined) continue;
        if (!ignoresOverride && (another ??= saysAnotherMethod(facts))) return { operation: operation.name, effects: [unknown(facts, 'a header or parameter of it says another method')] };
        if (saysAnotherActor(facts, operation.parameters)) return { operation: operation.name, effects: [unknown(facts, 'a parameter of it says in whose name it is done')] };
        if (operation.parameters !== undefined && [...facts.query.keys()].some((name) => operation.parameters?.has(name) !== true)) continue;
        if (!operation.meets(facts)) continue;
        const effects = operation.graphql ? graphqlEffects(facts, graphql) : operation.effects.filter(({ meets }) => meets(facts)).map((one) => one.make(facts, parameters));
        return { operation: operation.name, effects };
      }
      return undefined;
    },
    readsBody: (facts) => isJson(facts.headers) && operations.some((operation) => operation.looksInside && candidate(operation, facts) !== undefined),
    mayHoldSlash: (segments) => operations.some(({ templates }) => templates.some((template) => template.parameters(segments) !== undefined)),
    verbs: verbsOf(source),
  };
};

export const unknown = (facts: RequestFacts, why: string): Effect => ({ class: 'unknown', verb: 'unknown', request: facts, why });

function compileOperation(source: OperationSource, set: SetSource): Operation {
  const refuse = (message: string): never => {
    throw new SetRefused(`operation ${source.name} ${message}`);
  };
  const { paths = [], grpc, graphql = false, also = [] } = source;
  if ((paths.length > 0) === (grpc !== undefined)) refuse('needs paths or grpc, one of them');
  const options = { anyCase: set.anyCase === true, customVerbs: set.customVerbs === true };
  const templates = paths.map((path) => {
    const template = compileTemplate(path, options);
    return typeof template === 'string' ? refuse(`: the path ${path} ${template}`) : template;
  });
  const known = paths.map((path) => new Set([...path.matchAll(/\{([A-Za-z_][A-Za-z0-9_]*)[+*]*\}/g)].map(([, name = '']) => name)));
  const effects = [{ ...source, query: undefined, queryOneOf: undefined, headers: undefined, fields: undefined }, ...also].map((one) => {
    if (one.class === 'unknown' && one.why === undefined) refuse('is of class unknown and does not say why');
    if (one.class !== 'unknown' && one.verb === undefined && !graphql) refuse('has no verb');
    const named = one.object === undefined ? undefined : compileObject(one.object, known);
    if (typeof named === 'string') refuse(named);
    const name = named as NameObject | undefined;
    return {
      meets: compileConditions(one),
      make: (facts: RequestFacts, parameters: Readonly<Record<string, string>>): Effect => ({
        class: one.class,
        verb: one.class === 'unknown' ? 'unknown' : (one.verb ?? 'unknown'),
        ...(name === undefined ? {} : { object: name(facts, parameters) }),
        request: facts,
        ...(one.why === undefined ? {} : { why: one.why }),
      }),
    };
  });
  const [service = '', method = ''] = (grpc ?? '').split('/');
  // What is said to be unknown is that whatever else the request has.
  const anyParameters = set.parameters === undefined || source.class === 'unknown';
  const listed = anyParameters ? undefined : new Set([...(set.parameters ?? []), ...(source.parameters ?? []), ...[source, ...also].flatMap(({ query, queryOneOf }) => [...Object.keys(query ?? {}), ...(queryOneOf ?? [])])]);
  return {
    name: source.name,
    // What answers a GET answers a HEAD, without the body.
    methods: source.methods === undefined ? undefined : new Set(source.methods.includes('GET') ? [...source.methods, 'HEAD'] : source.methods),
    templates,
    contains: source.contains === undefined ? undefined : new Set(source.contains.map((word) => word.toLowerCase())),
    grpc: grpc === undefined ? undefined : { service, method },
    parameters: listed,
    meets: compileConditions(source),
    effects,
    graphql,
    looksInside: graphql || [source, ...also].some(({ fields, object }) => fields !== undefined || object?.includes('body.') === true),
  };
}

const graphqlClasses = { query: 'read', mutation: 'write', subscription: 'read' } as const;

/** One effect for each field at the top of each operation. */
function graphqlEffects(facts: RequestFacts, read: ReadGraphql | undefined): readonly Effect[] {
  const operations = read?.(facts) ?? { why: 'GraphQL is not read here' };
  if ('why' in operations) return [unknown(facts, operations.why)];
  const request: RequestFacts = { ...facts, graphql: operations };
  const effects = new Map<string, Effect>();
  for (const { type, fields } of operations) {
    for (const field of fields) effects.set(`${type}.${field}`, { class: graphqlClasses[type], verb: type, object: { kind: 'field', name: `${type}.${field}` }, request });
  }
  return [...effects.values()];
}

function verbsOf(source: SetSource): ReadonlyMap<string, ReadonlySet<Effect['class']>> {
  const verbs = new Map<string, Set<Effect['class']>>();
  const add = (verb: string, name: Effect['class']): void => {
    verbs.set(verb, (verbs.get(verb) ?? new Set()).add(name));
  };
  for (const operation of source.operations) {
    if (operation.graphql === true) for (const [type, name] of Object.entries(graphqlClasses)) add(type, name);
    for (const { verb, class: name } of [operation, ...(operation.also ?? [])]) add(name === 'unknown' ? 'unknown' : (verb ?? 'unknown'), name);
  }
  return verbs;
}
