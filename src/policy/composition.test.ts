import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PolicyConfig, RuleConfig } from '../config/resolved.ts';
import type { CommandClass, Effect } from '../model/command.ts';
import type { Decision } from '../model/decision.ts';
import type { DecisionContext } from './policy-set.ts';
import { command, policy, session, table } from './testdata/build.ts';

/** Small worlds, so that rules and effects often meet. */
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const list = (...words: string[]) => fc.uniqueArray(fc.constantFrom(...words), { minLength: 1, maxLength: 3 });
const present = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;

const effectArbitrary: fc.Arbitrary<Effect> = fc
  .record({
    class: fc.constantFrom<CommandClass>('read', 'write', 'schema', 'session', 'unknown', 'admin'),
    verb: fc.constantFrom('select', 'delete', 'drop', 'unknown'),
    object: some(fc.constantFrom(table('t'), table('t', 's'), table('u', 's'), { kind: 'schema', name: 's' }, { kind: 'role', name: 'r' }, { kind: 'table', schema: 's', name: '*' })),
    columns: some(fc.uniqueArray(fc.constantFrom('a', 'b', '*'), { maxLength: 2 })),
    function: some(fc.constantFrom('s.f(integer)', 'f', 's.g.h(text)')),
  })
  .map((effect) => present(effect) as Effect);

const ruleArbitrary = (effect: fc.Arbitrary<RuleConfig['effect']> = fc.constantFrom('allow', 'deny', 'require_approval')) =>
  fc
    .record({
      match: fc
        .record({
          verbs: some(list('select', 'delete', 'drop', '*')),
          objects: some(list('t', 's.t', 's.*', 'table', 'role', 'u', '*.u')),
          columns: some(list('t.a', 's.t.b', '*.a', 's.*.*')),
          functions: some(list('s.f', 'f', 's.f(int)', 's.*')),
          classes: some(list('read', 'write', 'unknown', 'admin')),
          rows: some(fc.constantFrom(10, 1000)),
        })
        .map(present),
      when: some(fc.constantFrom('now.getHours("UTC") < 6', 'claims.env == "prod"', 'claims.missing == "x"', '"select" in statement.verbs', 'session.ageSeconds > 60', 'claims.env')),
      effect,
    })
    .map((rule) => present(rule) as Partial<RuleConfig>);

const policyArbitrary = (name: string) =>
  fc
    .record({
      allow: fc.uniqueArray(fc.constantFrom<Exclude<CommandClass, 'admin'>>('read', 'write', 'schema', 'session', 'unknown'), { maxLength: 3 }),
      rules: fc.array(ruleArbitrary(), { maxLength: 4 }),
    })
    .map((more) => policy(name, more));

const world = fc.record({
  policies: fc.tuple(policyArbitrary('a'), policyArbitrary('b'), policyArbitrary('c')),
  effects: fc.array(effectArbitrary, { maxLength: 4 }),
  context: fc
    .record({ now: fc.constantFrom(new Date('2025-01-01T03:00:00Z'), new Date('2025-01-01T12:00:00Z')), sessionAgeMs: some(fc.constantFrom(1000, 100_000)), rows: some(fc.constantFrom(5, 500, 5000)) })
    .map((context) => present(context) as DecisionContext),
  claims: fc.constantFrom({}, { env: 'prod' }, { env: 'dev' }),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

const decide = ({ effects, context, claims }: World, policies: readonly PolicyConfig[]): Decision => session(policies, claims).decide(command(effects), context);
const runs = { numRuns: 1_000 };
const strictness = { allow: 0, require_approval: 1, deny: 2 } as const;
const strict = (decision: Decision): number => strictness[decision.effect];
const extra = (effect: RuleConfig['effect']) => ruleArbitrary(fc.constant(effect)).map((rule) => policy('extra', { rules: [rule] }));

test('adding a deny never makes a decision less strict', () => {
  fc.assert(fc.property(world, extra('deny'), (given, more) => strict(decide(given, [...given.policies, more])) >= strict(decide(given, given.policies))), runs);
});

test('adding an allow never makes a decision stricter', () => {
  fc.assert(fc.property(world, extra('allow'), (given, more) => strict(decide(given, [...given.policies, more])) <= strict(decide(given, given.policies))), runs);
});

test('adding a class never makes a decision stricter', () => {
  const more = policy('extra', { allow: ['read', 'write', 'schema', 'session', 'unknown'] });
  fc.assert(fc.property(world, (given) => strict(decide(given, [...given.policies, more])) <= strict(decide(given, given.policies))), runs);
});

test('adding a require_approval never turns a deny into an allow, nor anything into a plain allow', () => {
  fc.assert(
    fc.property(world, extra('require_approval'), (given, more) => {
      const before = decide(given, given.policies).effect;
      const after = decide(given, [...given.policies, more]).effect;
      return after !== 'allow' || before === 'allow';
    }),
    runs,
  );
});

test('knowing more never makes a decision stricter: a schema, the columns, the rows', () => {
  fc.assert(
    fc.property(world, fc.nat(10_000), (given, rows) => {
      const { rows: _rows, ...unknown } = given.context;
      return strict(decide({ ...given, context: { ...unknown, rows } }, given.policies)) <= strict(decide({ ...given, context: unknown }, given.policies));
    }),
    runs,
  );
  // A function that is named or a condition on the text of names may see the new fact; what the matchers say must only get surer.
  const matchOnly = (policies: readonly PolicyConfig[]) => policies.map((one) => ({ ...one, rules: one.rules.map(({ when: _when, ...rule }) => rule) }));
  fc.assert(
    fc.property(world, fc.constantFrom('s', 'other'), fc.constantFrom(['a'], ['a', 'b'], ['z']), (given, schema, columns) => {
      const sharper = given.effects.map((effect) =>
        effect.object?.kind !== 'table' ? effect : {
          ...effect,
          object: { ...effect.object, schema: effect.object.schema ?? schema },
          columns: effect.columns === undefined || effect.columns.includes('*') ? columns : effect.columns,
        });
      const policies = matchOnly(given.policies);
      return strict(decide({ ...given, effects: sharper }, policies)) <= strict(decide(given, policies));
    }),
    runs,
  );
});

test('a command is as strict as its strictest effect', () => {
  fc.assert(
    fc.property(world, (given) => {
      const policies = given.policies.map((one) => ({ ...one, rules: one.rules.filter(({ when }) => when?.includes('statement') !== true) }));
      const whole = strict(decide(given, policies));
      return whole === Math.max(0, ...given.effects.map((effect) => strict(decide({ ...given, effects: [effect] }, policies))));
    }),
    runs,
  );
});

test('the order of policies is irrelevant, down to the rules that are named', () => {
  fc.assert(
    fc.property(world, fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), (given, order) => {
      const shuffled = order.map((at) => given.policies[at] as PolicyConfig);
      assert.deepEqual(decide(given, shuffled), decide(given, given.policies));
    }),
    runs,
  );
});

test('the same question has the same answer, kept or not', () => {
  fc.assert(
    fc.property(world, world, (given, other) => {
      const asked = session(given.policies, given.claims);
      const one = command(given.effects);
      const first = asked.decide(one, given.context);
      asked.decide(one, other.context);
      asked.decide(command(other.effects), given.context);
      assert.deepEqual(asked.decide(one, given.context), first);
      assert.deepEqual(decide(given, given.policies), first);
    }),
    runs,
  );
});

test('the explanation comes to the same end as the decision', () => {
  fc.assert(
    fc.property(world, (given) => {
      const { decision, effects } = session(given.policies, given.claims).explain(command(given.effects), given.context);
      assert.deepEqual(decision, decide(given, given.policies));
      assert.equal(strict(decision), Math.max(0, ...effects.map(({ verdict }) => strictness[verdict])));
      for (const rule of decision.rules) assert.ok(effects.some(({ by, classGrants, rules }) => [...by, ...classGrants, ...rules.filter(({ counts }) => counts).map((one) => one.rule)].includes(rule)));
    }),
    runs,
  );
});

test('nothing is allowed that no policy mentions', () => {
  fc.assert(
    fc.property(world, (given) => {
      const bare = given.policies.map((one) => ({ ...one, allow: [], rules: one.rules.filter(({ effect }) => effect === 'deny') }));
      return given.effects.length === 0 || decide(given, bare).effect === 'deny';
    }),
    runs,
  );
});
