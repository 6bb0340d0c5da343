import { isRequestKind, requestKinds } from '../apis/kinds.ts';
import type { Checking } from './checks.ts';
import type { ApiSets } from './http.ts';
import { columnProblem, effectlessProblem, functionProblem, grantProblem, patternCovers, readPattern, type PatternProblem } from './patterns.ts';
import { at } from './problems.ts';
import { connectionsOf, protocolsOf } from './reached.ts';
import { quoted } from './references.ts';
import { checkRequestMatch, methods, requestCovers } from './request-match.ts';
import type { ConfigurationSource } from './schema.ts';
import { didYouMean } from './suggest.ts';
import type { CommandClass } from '../model/command.ts';
import { classes, kinds, otherWords, verbs } from './vocabulary.ts';

type Policy = ConfigurationSource['policies'][number];
type Rule = NonNullable<Policy['rules']>[number];
type Match = NonNullable<Rule['match']>;

/** Verbs of statements about rows: what they name is a relation. */
const rowVerbs: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete', 'truncate']);
/** Kinds that hold no rows. */
const rowless: ReadonlySet<string> = new Set([
  'access_method', 'cast', 'collation', 'conversion', 'database', 'domain', 'event_trigger', 'extension', 'foreign_data_wrapper', 'group', 'index', 'language',
  'operator', 'operator_class', 'operator_family', 'publication', 'role', 'schema', 'server', 'statistics', 'subscription', 'tablespace', 'trigger', 'user', 'user_mapping',
]);

/**
 * A rule that can never match is a mistake, and the dangerous kind: a deny that its author relies on. What can be decided from the
 * words alone is decided here; the rest depends on what commands come.
 */
export function checkRules(checking: Checking, apis: ApiSets): void {
  const { source, places, problems, warnings } = checking;
  for (const { functions = [] } of source.connections) {
    functions.forEach((entry, index) => {
      const wrong = grantProblem(entry);
      if (wrong !== undefined) problems.add(places.of(functions, index), `${quoted(entry)} ${wrong.message}`, wrong.suggestion);
    });
  }
  for (const policy of source.policies) {
    const world = worldOf(policy, source, apis);
    if (policy.limits?.rowsPerCommand !== undefined && world.protocols === 'http') warnings.add(places.of(policy.limits, 'rowsPerCommand'), 'limits nothing: all connections of the policy are of protocol http, whose requests do not say how many rows they change', 'remove it');
    for (const rule of policy.rules ?? []) {
      if (rule.match !== undefined) checkMatch(rule.match, world, checking);
      if (rule.match !== undefined) checkRequest(rule.match, policy, world, checking);
      if (rule.match === undefined && rule.when === undefined) {
        if (rule.effect === 'allow') warnings.add(places.of(rule), 'has neither match nor when: it grants every command, administration too', 'say what it grants');
        if (rule.effect === 'deny') warnings.add(places.of(rule), 'has neither match nor when: it denies every command');
      }
    }
    if ((policy.allow ?? []).length + (policy.rules ?? []).length + (policy.mask ?? []).length === 0 && policy.limits === undefined) {
      warnings.add(places.of(policy), 'allows, denies, masks and limits nothing');
    }
  }
  checkShadowed(checking);
}

/** The words that can mean something on the connections of a policy. */
interface World {
  readonly protocols: 'postgres' | 'http' | 'both';
  /** Verbs, with the classes that each can have. */
  readonly verbs: ReadonlyMap<string, readonly CommandClass[]>;
  /** A rule set is not here, so there may be others. */
  readonly more: boolean;
}

function worldOf(policy: Policy, source: ConfigurationSource, apis: ApiSets): World {
  const protocols = protocolsOf(policy, source);
  let more = false;
  const all = new Map<string, readonly CommandClass[]>(protocols === 'http' ? [] : verbs);
  if (protocols !== 'postgres') {
    for (const connection of connectionsOf(policy, source)) {
      if (connection.protocol !== 'http') continue;
      const sets = apis.get(connection);
      more ||= sets === undefined;
      for (const set of sets ?? []) for (const [verb, of] of set.verbs) all.set(verb, [...new Set([...(all.get(verb) ?? []), ...of])]);
    }
    // A method says nothing about the class: what a rule set makes of it does.
    for (const method of methods) all.set(method.toLowerCase(), classes);
    // What opens one is a request of any API; what is said over it is read by none.
    all.set('websocket', ['unknown']);
  }
  return { protocols, verbs: all, more };
}

function checkMatch(match: Match, { protocols, verbs: known, more }: World, { places, problems, warnings }: Checking): void {
  const each = (key: 'verbs' | 'objects' | 'columns' | 'functions' | 'classes', check: (entry: string) => PatternProblem | undefined): void => {
    match[key]?.forEach((entry, index) => {
      const wrong = check(entry);
      if (wrong !== undefined) problems.add(places.of(match[key] ?? [], index), wrong.message, wrong.suggestion);
    });
  };
  each('verbs', (verb) => (verb === '*' || known.has(verb) || (more && /^[a-z][a-z0-9_]*$/.test(verb)) ? undefined : verbProblem(verb, protocols, known)));
  each('classes', (name) => (classes.includes(name as never) ? undefined : { message: `there is no class ${quoted(name)}, so this never matches`, suggestion: didYouMean(name, classes) }));
  each('objects', (entry) => {
    if (protocols !== 'postgres' && requestObjectProblem(entry) === undefined) return undefined;
    return protocols === 'http' ? requestObjectProblem(entry) : objectProblem(entry);
  });
  each('columns', (pattern) => named(pattern, columnProblem(pattern)));
  each('functions', (entry) => named(entry, functionProblem(entry) ?? effectlessProblem(entry)));
  for (const key of ['columns', 'functions'] as const) {
    if (match[key] !== undefined && (protocols === 'http' || match.request !== undefined)) problems.add(places.of(match, key), `can never match: requests have no ${key}`, match.request === undefined ? 'write request: ...' : 'write one rule for statements and one for requests');
  }
  if (match.rows !== undefined && (protocols === 'http' || match.request !== undefined)) warnings.add(places.of(match, 'rows'), 'rows are not counted for requests, so each of them counts as more', 'remove it');

  const given = match.verbs?.filter((verb) => known.has(verb)) ?? [];
  const every = match.verbs === undefined || match.verbs.includes('*') || given.length < match.verbs.length;
  if (every) return;
  const decisive = match.classes?.filter((name) => name !== 'unknown' && name !== 'admin');
  if (match.classes !== undefined && decisive?.length === match.classes.length && !given.some((verb) => decisive.some((name) => known.get(verb)?.includes(name as never)))) {
    const possible = new Set(given.flatMap((verb) => known.get(verb) ?? []));
    problems.add(places.of(match, 'classes'), `can never match: ${given.join(', ')} is never of class ${match.classes.join(' or ')}`, `it can be ${[...new Set([...possible, 'unknown', 'admin'])].join(', ')}`);
  }
  if (protocols === 'postgres' && given.every((verb) => rowVerbs.has(verb)) && match.objects?.every((entry) => rowless.has(entry.split(':', 1)[0] ?? '')) === true) {
    problems.add(places.of(match, 'objects'), `can never match: ${given.join(', ')} is about rows, and ${match.objects.join(', ')} has none`, 'name tables or views');
  }
}

function verbProblem(verb: string, protocols: World['protocols'], known: World['verbs']): PatternProblem {
  if (protocols === 'http' && verbs.has(verb)) return { message: `${quoted(verb)} is a verb of statements, and all connections of the policy are of protocol http, so this never matches`, suggestion: `their verbs: ${[...known.keys()].join(', ')}` };
  const other = protocols !== 'http' && Object.hasOwn(otherWords, verb.toLowerCase()) ? otherWords[verb.toLowerCase()] : undefined;
  return { message: `there is no verb ${quoted(verb)}, so this never matches`, suggestion: other ?? didYouMean(verb, known.keys()) };
}

/** A rule about requests where requests come. */
function checkRequest(match: Match, policy: Policy, { protocols }: World, checking: Checking): void {
  const { source, places, problems } = checking;
  if (match.request === undefined) return;
  if (protocols === 'postgres') problems.add(places.of(match, 'request'), 'can never match: all connections of the policy are of protocol postgres', 'remove it, or name a connection of protocol http');
  checkRequestMatch(match.request, connectionsOf(policy, source).filter(({ protocol }) => protocol === 'http'), checking);
}

function requestObjectProblem(entry: string): PatternProblem | undefined {
  if (isRequestKind(entry)) return undefined;
  if (entry === '' || entry.endsWith(':')) return { message: `${quoted(entry)} has an empty part` };
  if (entry.length > 512) return { message: `${quoted(entry)} is longer than 512 characters` };
  const kind = /^([A-Za-z_ ]+):/.exec(entry)?.[1];
  return kind === undefined || isRequestKind(kind) ? undefined : { message: `there is no kind ${quoted(kind)}, so this never matches`, suggestion: didYouMean(kind, requestKinds) ?? 'such as object:reports/*' };
}

const named = (entry: string, wrong: PatternProblem | undefined): PatternProblem | undefined => wrong && { ...wrong, message: `${quoted(entry)} ${wrong.message}` };

function objectProblem(entry: string): PatternProblem | undefined {
  if (kinds.includes(entry)) return undefined;
  const prefixed = /^([A-Za-z_ ]+):(.*)$/s.exec(entry);
  const kind = prefixed?.[1];
  if (kind !== undefined && !kinds.includes(kind)) return { message: `there is no kind ${quoted(kind)}, so this never matches`, suggestion: didYouMean(kind, kinds) ?? 'such as table:billing.*' };
  const parts = readPattern(prefixed?.[2] ?? entry);
  if (typeof parts === 'string') return { message: `${quoted(entry)} ${parts}` };
  return parts.length > 2 ? { message: `${quoted(entry)} has more than two parts`, suggestion: 'name or schema.name' } : undefined;
}

/** A grant that a deny always takes back: it would look as if something were allowed that never is. */
function checkShadowed({ source, places, problems, warnings }: Checking): void {
  const groupsOf = new Map(source.identities.map(({ name, groups }) => [name, groups ?? []]));
  const reached = source.policies.map((policy) => ({
    policy,
    identities: [...groupsOf].filter(([name, groups]) => policy.identities?.includes(name) === true || policy.groups?.some((group) => groups.includes(group)) === true).map(([name]) => name),
    connections: policy.connections.includes('*') ? source.connections.map(({ name }) => name) : policy.connections,
  }));
  // Only denies without a condition are sure; there are few of them, and they are compared with every grant.
  const denies = reached.flatMap((scope) => (scope.policy.rules ?? []).filter(({ effect, when }) => effect === 'deny' && when === undefined).map((rule) => ({ ...scope, rule })));
  for (const scope of reached) {
    for (const rule of scope.policy.rules ?? []) {
      const covering = denies.find((deny) => deny.rule !== rule && matchCovers(deny.rule.match, rule.match) && within(scope.identities, deny.identities) && within(scope.connections, deny.connections));
      if (covering === undefined) continue;
      const other = `${quoted(covering.rule.name)} at ${at(places.of(covering.rule).place)}`;
      if (rule.effect !== 'deny') problems.add(places.of(rule), `can never take effect: the deny ${other} matches everything that it matches, and deny always wins`, 'narrow the deny, or remove this rule');
      else if (rule.when !== undefined || !matchCovers(rule.match, covering.rule.match)) warnings.add(places.of(rule), `adds nothing: the deny ${other} matches everything that it matches`, 'remove it');
    }
  }
}

const within = (some: readonly string[], all: readonly string[]): boolean => some.length > 0 && some.every((one) => all.includes(one));

/** Whether everything that `narrow` matches is surely matched by `wide`. Says no when in doubt. */
function matchCovers(wide: Match | undefined, narrow: Match | undefined): boolean {
  if (wide === undefined) return true;
  if (wide.rows !== undefined || !requestCovers(wide.request, narrow?.request)) return false;
  return (['verbs', 'objects', 'columns', 'functions', 'classes'] as const).every((key) => {
    const all = wide[key];
    if (all === undefined || (key === 'verbs' && all.includes('*'))) return true;
    const some = narrow?.[key];
    return some !== undefined && some.every((entry) => all.some((other) => (key === 'verbs' || key === 'classes' || kinds.includes(entry) ? other === entry : patternCovers(other, entry))));
  });
}
