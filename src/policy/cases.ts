import Type, { type Static } from 'typebox';
import type { SourceFile } from '../config/files.ts';
import type { Problems } from '../config/problems.ts';
import type { Config, ConnectionConfig, IdentityConfig } from '../config/resolved.ts';
import { conform, Places, type Schema } from '../config/shape.ts';
import { didYouMean } from '../config/suggest.ts';
import { parseDuration } from '../config/units.ts';
import { readYaml } from '../config/yaml.ts';
import type { Command, Effect } from '../model/command.ts';
import type { DecisionEffect } from '../model/decision.ts';

const strict = { additionalProperties: false } as const;
const words = <const Words extends readonly string[]>(...all: Words) => Type.Union(all.map((word) => Type.Literal(word as Words[number])));

const EffectCase = Type.Object(
  {
    class: words('read', 'write', 'schema', 'session', 'unknown', 'admin'),
    verb: Type.String({ minLength: 1, description: 'select, insert, drop, ...' }),
    object: Type.Optional(Type.Object({ kind: Type.String({ minLength: 1 }), schema: Type.Optional(Type.String()), name: Type.String({ minLength: 1 }) }, strict)),
    columns: Type.Optional(Type.Array(Type.String())),
    function: Type.Optional(Type.String()),
    why: Type.Optional(Type.String()),
  },
  strict,
);

const CaseShape = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'what the case is about' }),
    identity: Type.String({ description: 'an identity of the configuration' }),
    connection: Type.String({ description: 'a connection of the configuration' }),
    command: Type.Optional(Type.String({ description: 'the command as a client sends it' })),
    effects: Type.Optional(Type.Array(EffectCase, { description: 'effects given directly, instead of command' })),
    facts: Type.Optional(Type.Unknown({ description: 'with effects: what conditions see in `statement` besides them' })),
    at: Type.Optional(Type.String({ description: 'the time, as 2025-06-02T04:00:00Z' })),
    claims: Type.Optional(Type.Unknown({ description: 'claims of the token, over those that the identity requires' })),
    rows: Type.Optional(Type.Integer({ minimum: 0, description: 'rows that the command would change' })),
    sessionAge: Type.Optional(Type.String({ pattern: '^[0-9]+(ms|s|m|h|d|y)$', description: 'how long the session has been open' })),
    expect: words('allow', 'deny', 'require_approval'),
    rule: Type.Optional(Type.String({ description: 'policy/rule, or policy for a class grant, that must take part' })),
    reason: Type.Optional(Type.String({ description: 'the exact reason' })),
  },
  strict,
);

/** The shape of a file of policy test cases. */
const CaseFile = Type.Object({ cases: Type.Array(CaseShape, { minItems: 1, description: 'the cases' }) }, strict);

/** One case, checked. */
export interface PolicyCase {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly identity: IdentityConfig;
  readonly connection: ConnectionConfig;
  readonly asks: { readonly text: string } | { readonly command: Command };
  readonly at: Date | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly rows: number | undefined;
  readonly sessionAgeMs: number | undefined;
  readonly expect: DecisionEffect;
  readonly rule: string | undefined;
  readonly reason: string | undefined;
}

type Written = Static<typeof CaseShape>;

/** Reads one file of cases against a configuration. What is wrong goes to `problems` with file and line; then the result is not complete. */
export function readCases({ file, text }: SourceFile, config: Config, problems: Problems): readonly PolicyCase[] {
  const tree = readYaml(text, file, problems);
  if (tree === undefined) return [];
  if (tree.kind !== 'map') {
    problems.add({ place: tree.place, path: '' }, 'expected cases: and a list');
    return [];
  }
  const places = new Places();
  const before = problems.list().length;
  const { cases = [] } = conform(CaseFile as Schema, tree, problems, places) as { readonly cases?: readonly Written[] };
  // A case with a part that is wrong has lost that part: nothing more can be said about it.
  return problems.list().length > before ? [] : cases.map((written) => checkCase(written, config, places, problems)).filter((one) => one !== undefined);
}

/** An ISO 8601 time with its zone; undefined when it is not one. */
export function parseTimestamp(text: string): Date | undefined {
  const time = new Date(text);
  return /^\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(time.getTime()) ? time : undefined;
}

function checkCase(written: Written, config: Config, places: Places, problems: Problems): PolicyCase | undefined {
  let ok = true;
  const wrong = (key: string, message: string, suggestion?: string): undefined => {
    ok = false;
    problems.add(places.of(written, key), message, suggestion);
    return undefined;
  };
  const named = <T extends { readonly name: string }>(key: 'identity' | 'connection', all: readonly T[]): T | undefined =>
    all.find(({ name }) => name === written[key]) ?? wrong(key, `there is no ${key} ${JSON.stringify(written[key])}`, didYouMean(written[key], all.map(({ name }) => name)));
  const members = (key: 'claims' | 'facts'): Readonly<Record<string, unknown>> => {
    const value = written[key] ?? {};
    if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
    wrong(key, 'expected keys and values');
    return {};
  };
  const identity = named('identity', config.identities);
  const connection = named('connection', config.connections);
  const { command, effects } = written;
  if ((command === undefined) === (effects === undefined)) wrong('name', 'give command or effects, one of them');
  if (written.facts !== undefined && effects === undefined) wrong('facts', 'facts go with effects; a command has its own');
  const at = written.at === undefined ? undefined : parseTimestamp(written.at);
  if (written.at !== undefined && at === undefined) wrong('at', 'is not a time', 'write 2025-06-02T04:00:00Z');
  const claims = members('claims');
  const facts = members('facts');
  const { place } = places.of(written);
  if (!ok || identity === undefined || connection === undefined) return undefined;
  return {
    name: written.name,
    file: place.file,
    line: place.line,
    identity,
    connection,
    asks: command === undefined ? { command: commandOf(connection, effects ?? [], facts) } : { text: command },
    at,
    claims,
    rows: written.rows,
    sessionAgeMs: written.sessionAge === undefined ? undefined : parseDuration(written.sessionAge),
    expect: written.expect,
    rule: written.rule,
    reason: written.reason,
  };
}

const commandOf = (connection: ConnectionConfig, effects: readonly Effect[], facts: Readonly<Record<string, unknown>>): Command => ({
  protocol: connection.protocol,
  verb: effects.length === 1 ? (effects[0]?.verb ?? '') : effects.length === 0 ? 'empty' : 'multiple',
  effects,
  timing: effects.every((effect) => effect.class === 'read') ? 'read' : 'transactional',
  facts,
  recorded: '',
  bytes: 0,
});
