import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ApprovalConfig, PolicyConfig, RuleConfig } from '../config/resolved.ts';
import type { Effect } from '../model/command.ts';
import { printExplanation } from './print-explanation.ts';
import { command, noon, policy, session, table } from './testdata/build.ts';

const remove: Effect = { class: 'write', verb: 'delete', object: table('customers', 'public'), columns: ['id'] };
const read: Effect = { class: 'read', verb: 'select', object: table('customers', 'public'), columns: ['id'] };
const truncate: Effect = { class: 'write', verb: 'truncate', object: table('customers', 'public') };
const by = (groups: readonly string[], more: Partial<ApprovalConfig> = {}): ApprovalConfig => ({ groups, count: 1, hold: 600_000, expires: 900_000, holdInTransaction: 0, ...more });
const rules = (list: readonly Partial<RuleConfig>[], more: Partial<PolicyConfig> = {}): PolicyConfig[] => [policy('p', { allow: ['write', 'read'], ...more, rules: list })];
const asks = (name: string, approval: ApprovalConfig, match: RuleConfig['match'] = { verbs: ['delete'] }): Partial<RuleConfig> => ({ name, effect: 'require_approval', match, approval });
const decide = (policies: readonly PolicyConfig[], effects: readonly Effect[], rows?: number) => session(policies).decide(command(effects), { ...noon, ...(rows === undefined ? {} : { rows }) });

test('each rule that asks is a step, the deciding one first; times are the shortest of all', () => {
  const policies = [
    policy('b', { allow: ['write'], rules: [asks('two', by(['okta/dba', 'okta/oncall'], { count: 2, hold: 10_000 })), asks('elsewhere', by(['okta/none'], { hold: 1 }), { verbs: ['drop'] })] }),
    policy('a', { rules: [asks('first', by(['okta/owners'], { expires: 5_000, holdInTransaction: 60_000 }))] }),
  ];
  const { effect, approval, rules: took } = decide(policies, [remove]);
  assert.equal(effect, 'require_approval');
  assert.deepEqual(approval?.steps.map(({ rule, groups, count }) => [rule.policy, rule.rule, groups, count]), [['a', 'first', ['okta/owners'], 1], ['b', 'two', ['okta/dba', 'okta/oncall'], 2]]);
  assert.equal(approval?.steps[0]?.rule, took[0]);
  assert.deepEqual([approval?.hold, approval?.expires, approval?.holdInTransaction], [10_000, 5_000, 0]);
});

test('data is covered when one rule wants it, up to the smallest size', () => {
  const demand = (...sizes: readonly (number | undefined)[]) => decide(rules(sizes.map((coverData, at) => asks(`r${at}`, by(['okta/dba'], coverData === undefined ? {} : { coverData })))), [remove]).approval;
  assert.equal(demand(undefined, undefined)?.coverData, undefined);
  assert.equal(demand(undefined, 2_048)?.coverData, 2_048);
  assert.equal(demand(4_096, undefined, 2_048)?.coverData, 2_048);
});

test('who approves is told exactly when somebody has to', () => {
  const policies = rules([asks('big', by(['okta/dba']))]);
  assert.equal(decide(policies, [read]).approval, undefined);
  assert.equal(decide(rules([asks('big', by(['okta/dba'])), { effect: 'deny' }]), [remove]).approval, undefined);
  assert.notEqual(decide(policies, [read, remove]).approval, undefined);
});

test('the smallest number of rows that an unknown count could be above is told', () => {
  const big = asks('big', by(['okta/dba']), { verbs: ['delete'], rows: 1_000 });
  const huge: Partial<RuleConfig> = { name: 'huge', effect: 'deny', match: { verbs: ['delete'], rows: 100_000 } };
  const both = rules([huge, big]);
  const unknown = decide(both, [remove]);
  assert.deepEqual([unknown.effect, unknown.threshold], ['deny', 1_000]);
  assert.deepEqual([decide(both, [remove], 1_000).effect, decide(both, [remove], 1_000).threshold], ['allow', 1_000]);
  const above = decide(both, [remove], 1_001);
  assert.deepEqual([above.effect, above.threshold, above.approval?.steps.length], ['require_approval', 100_000, 1], 'the next number still limits what may be approved');
  assert.deepEqual([decide(both, [remove], 100_001).effect, decide(both, [remove], 100_001).threshold], ['deny', undefined]);
  assert.equal(decide(both, [read]).threshold, undefined);
});

test('no number is told when a refusal does not depend on it', () => {
  const big = asks('big', by(['okta/dba']), { verbs: ['delete'], rows: 1_000 });
  assert.equal(decide(rules([big, { name: 'never', effect: 'deny', match: { verbs: ['delete'] } }]), [remove]).threshold, undefined);
  assert.equal(decide(rules([big], { allow: [] }), [remove]).threshold, undefined, 'nothing grants it');
  const sometimes = { ...big, when: 'now.getHours("UTC") < 6' };
  assert.deepEqual([decide(rules([sometimes]), [remove]).effect, decide(rules([sometimes]), [remove]).threshold], ['allow', undefined], 'its condition is false');
});

test('a rule that asks whatever the count, beside one with a number', () => {
  const policies = rules([asks('always', by(['okta/dba'])), asks('big', by(['okta/owners']), { verbs: ['delete'], rows: 10 })]);
  assert.deepEqual([decide(policies, [remove]).approval?.steps.length, decide(policies, [remove]).threshold], [2, 10]);
  assert.deepEqual([decide(policies, [remove], 3).approval?.steps.length, decide(policies, [remove], 3).threshold], [1, 10]);
});

test('rowsPerCommand limits changes: told while unknown, refused above it', () => {
  const policies = [policy('p', { allow: ['write', 'read'], limits: { rowsPerCommand: 50 } }), policy('q', { limits: { rowsPerCommand: 70 } })];
  assert.deepEqual([decide(policies, [remove]).effect, decide(policies, [remove]).threshold, decide(policies, [remove]).maxRows], ['allow', 50, 50]);
  assert.deepEqual([decide(policies, [remove], 50).effect, decide(policies, [remove], 50).threshold], ['allow', 50]);
  const above = decide(policies, [remove], 51);
  assert.deepEqual([above.effect, above.threshold, above.denied, above.rules.map(({ policy: name, rule }) => [name, rule])], ['deny', undefined, remove, [['p', undefined]]]);
  assert.match(above.reason, /more than the 50 rows/);
  for (const effect of [read, truncate]) assert.deepEqual([decide(policies, [effect], 51).effect, decide(policies, [effect]).threshold], ['allow', undefined], effect.verb);
});

test('up to its threshold a decision stays as it is; knowing a count up to it never makes one stricter', () => {
  const numbers = fc.integer({ min: 0, max: 20 });
  const rule = fc.record({ effect: fc.constantFrom('deny', 'require_approval', 'allow'), rows: fc.option(numbers, { nil: undefined }) }).map(({ effect, rows }): Partial<RuleConfig> => ({ effect, match: { verbs: ['delete'], ...(rows === undefined ? {} : { rows }) }, ...(effect === 'require_approval' ? { approval: by(['x']) } : {}) }));
  const strictness = { allow: 0, require_approval: 1, deny: 2 } as const;
  fc.assert(fc.property(fc.array(rule, { maxLength: 4 }), fc.option(numbers, { nil: undefined }), numbers, numbers, (list, limit, one, other) => {
    const policies = rules(list.map((each, at) => ({ ...each, name: `r${at}` })), { limits: limit === undefined ? {} : { rowsPerCommand: limit } });
    const [low, high] = [Math.min(one, other), Math.max(one, other)];
    const known = decide(policies, [remove], low);
    const later = decide(policies, [remove], high);
    if (known.threshold === undefined || high <= known.threshold) assert.deepEqual([later.effect, later.approval], [known.effect, known.approval]);
    if (known.threshold !== undefined) assert.notDeepEqual({ ...decide(policies, [remove], known.threshold + 1) }, { ...known });
    const unknown = decide(policies, [remove]);
    const least = decide(policies, [remove], 0);
    if (unknown.threshold === undefined) assert.equal(strictness[least.effect], strictness[unknown.effect]);
  }));
});

test('the explanation says who approves, for how long, and that it depends on the rows', () => {
  const policies = rules([asks('big', by(['okta/dba', 'okta/oncall'], { count: 2, holdInTransaction: 30_000 }), { verbs: ['delete'], rows: 1_000 }), asks('owner', by(['okta/owners']))]);
  const text = printExplanation(session(policies).explain(command([remove]), noon));
  assert.match(text, /^needs approval: delete needs an approval\n/);
  assert.match(text, /\n {2}approved by 2 people of okta\/dba, okta\/oncall \(p\/big\)\n {2}approved by one person of okta\/owners \(p\/owner\)\n {2}held for 10m, in a transaction not at all; an approval can be used for 15m\n/);
  assert.match(text, /\n {2}it depends on the number of rows that are changed: above 1000 /);
});
