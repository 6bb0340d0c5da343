import type { ConnectionConfig } from '../config/resolved.ts';
import type { Command, Effect } from '../model/command.ts';
import type { Principal } from '../model/principal.ts';
import type { RequestFacts } from '../model/request.ts';
import type { Instant } from './instant.ts';

/** The accountable people, as conditions see them. A field that the configuration does not give is missing: ask with `has()`. */
export class OwnerVariable {
  readonly group: string | undefined;
  readonly contact: string | undefined;
  constructor(owner: Principal['owner']) {
    this.group = owner.group;
    this.contact = owner.contact;
  }
}

/** `identity` in conditions. */
export class IdentityVariable {
  readonly name: string;
  readonly provider: string;
  readonly subject: string;
  readonly groups: readonly string[];
  readonly owner: OwnerVariable;
  readonly requester: string | undefined;
  constructor(principal: Principal, groups: readonly string[]) {
    this.name = principal.identity;
    this.provider = principal.provider;
    this.subject = principal.subject;
    this.groups = [...groups];
    this.owner = new OwnerVariable(principal.owner);
    this.requester = principal.requester;
  }
}

/** `connection` in conditions. */
export class ConnectionVariable {
  readonly name: string;
  readonly protocol: string;
  constructor(connection: Pick<ConnectionConfig, 'name' | 'protocol'>) {
    this.name = connection.name;
    this.protocol = connection.protocol;
  }
}

/** `session` in conditions. The age is missing where none is known. */
export class SessionVariable {
  readonly ageSeconds: bigint | undefined;
  constructor(ageMs: number | undefined) {
    this.ageSeconds = ageMs === undefined ? undefined : BigInt(Math.floor(ageMs / 1000));
  }
}

/** What a condition is evaluated with. A variable that is missing makes every use of it an error, which counts against the command. */
export interface Variables {
  readonly identity: IdentityVariable;
  readonly claims: ReadonlyMap<string, unknown> | undefined;
  readonly connection: ConnectionVariable;
  readonly session?: SessionVariable;
  readonly statement?: ReadonlyMap<string, unknown> | undefined;
  readonly now?: Instant;
}

/** Bounds on values that come from tokens and commands, so that the cost of a condition is bounded. */
const MOST_VALUES = 2_000;
const DEEPEST = 16;
/** Longest list of `statement.objects` and the like. */
const MOST_NAMED = 500;

/**
 * JSON values as conditions see them: objects become Maps, so that no member name of a token has a meaning of its own
 * (`constructor`, `__proto__`). Undefined when there are too many values or they nest too deep: then nothing can be said about them.
 */
export function celMap(object: Readonly<Record<string, unknown>>): Map<string, unknown> | undefined {
  let left = MOST_VALUES;
  const convert = (value: unknown, depth: number): unknown => {
    if (--left < 0 || depth > DEEPEST) throw new RangeError('too large');
    if (Array.isArray(value)) return value.map((member) => convert(member, depth + 1));
    if (typeof value === 'object' && value !== null) return mapOf(value as Record<string, unknown>, depth);
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
  };
  const mapOf = (members: Readonly<Record<string, unknown>>, depth: number) => {
    const map = new Map<string, unknown>();
    for (const key of Object.keys(members)) if (members[key] !== undefined) map.set(key, convert(members[key], depth + 1));
    return map;
  };
  try {
    return mapOf(object, 0);
  } catch {
    return undefined;
  }
}

/**
 * `statement` in conditions: the command's own facts, and what its effects are, as lists of distinct words. Undefined when there is too
 * much of it to be judged by a condition.
 */
export function statementVariable(command: Command): ReadonlyMap<string, unknown> | undefined {
  const request = command.effects.find((effect) => effect.request !== undefined)?.request;
  const statement = celMap(request === undefined ? command.facts : { ...command.facts, request: requestFacts(request) });
  const named = {
    verbs: distinct(command.effects, (effect) => effect.verb),
    classes: distinct(command.effects, (effect) => effect.class),
    objects: distinct(command.effects, ({ object }) => object && (object.schema === undefined ? object.name : `${object.schema}.${object.name}`)),
    functions: distinct(command.effects, (effect) => effect.function),
  };
  if (statement === undefined) return undefined;
  statement.set('verb', command.verb);
  for (const [name, list] of Object.entries(named)) {
    if (list.length > MOST_NAMED) return undefined;
    statement.set(name, list);
  }
  return statement;
}

/** `statement.request` in conditions: what every request has. Bodies are for `match.request`. */
const requestFacts = ({ method, host, path, segments, query, headers, grpc }: RequestFacts): Readonly<Record<string, unknown>> => ({
  method,
  host,
  path,
  segments,
  query: Object.fromEntries(query),
  headers: Object.fromEntries(headers),
  ...(grpc === undefined ? {} : { grpc: `${grpc.service}/${grpc.method}` }),
});

const distinct = (effects: readonly Effect[], read: (effect: Effect) => string | undefined): string[] => [
  ...new Set(effects.map(read).filter((word) => word !== undefined)),
];
