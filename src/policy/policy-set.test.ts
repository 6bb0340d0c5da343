import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyConfig, RuleConfig } from '../config/resolved.ts';
import type { Effect } from '../model/command.ts';
import type { Decision } from '../model/decision.ts';
import { compilePolicies, PolicyError } from './compile.ts';
import type { DecisionContext } from './policy-set.ts';
import { command, config, identity, noon, policy, principal, session, table } from './testdata/build.ts';

const read: Effect = { class: 'read', verb: 'select', object: table('customers', 'public'), columns: ['id', 'ssn'] };
const remove: Effect = { class: 'write', verb: 'delete', object: table('customers', 'public'), columns: ['id'] };
const dropSchema: Effect = { class: 'schema', verb: 'drop', object: { kind: 'schema', name: 'billing' } };
const dropDatabase: Effect = { class: 'schema', verb: 'drop', object: { kind: 'database', name: 'billing' } };
const role: Effect = { class: 'admin', verb: 'create', object: { kind: 'role', name: 'root' } };
const opaque: Effect = { class: 'unknown', verb: 'do', why: 'a body that is not read' };

const neverDrop = { name: 'never-drop', match: { verbs: ['drop'], objects: ['database'] }, effect: 'deny', reason: 'not yours' } as const;
const bigDeletes = { name: 'big', match: { verbs: ['delete', 'update'], rows: 1000 }, effect: 'require_approval', reason: 'big' } as const;
type Rule = Partial<RuleConfig>;

interface Case {
  readonly name: string;
  readonly policies: readonly PolicyConfig[];
  readonly effects: readonly Effect[];
  readonly expect: Decision['effect'];
  readonly rules?: readonly string[];
  readonly reason?: string;
  readonly context?: Partial<DecisionContext>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

const rules = (list: readonly Rule[], allow: PolicyConfig['allow'] = []): PolicyConfig[] => [policy('p', { allow, rules: list })];

const cases: readonly Case[] = [
  { name: 'default deny', policies: [policy('p')], effects: [read], expect: 'deny', rules: [], reason: 'no policy grants select (class read)' },
  { name: 'a class grants', policies: [policy('p', { allow: ['read'] })], effects: [read], expect: 'allow', rules: ['p'] },
  { name: 'every effect needs its class', policies: [policy('p', { allow: ['read'] })], effects: [read, remove], expect: 'deny', rules: [], reason: 'no policy grants delete (class write)' },
  { name: 'classes of two policies add up', policies: [policy('a', { allow: ['read'] }), policy('b', { allow: ['write'] })], effects: [read, remove], expect: 'allow', rules: ['a', 'b'] },
  { name: 'no effects', policies: [policy('p')], effects: [], expect: 'allow', rules: [] },
  { name: 'an allow rule grants what no class does', policies: rules([{ effect: 'allow', match: { objects: ['customers'] } }]), effects: [read, remove], expect: 'allow', rules: ['p/r0'] },
  { name: 'an allow rule must cover every column', policies: rules([{ effect: 'allow', match: { columns: ['customers.id'] } }]), effects: [read], expect: 'deny' },
  { name: 'deny wins over class', policies: rules([neverDrop], ['schema']), effects: [dropDatabase], expect: 'deny', rules: ['p/never-drop'], reason: 'not yours' },
  { name: 'deny wins over an allow rule', policies: rules([neverDrop, { effect: 'allow', match: { objects: ['database'] } }]), effects: [dropDatabase], expect: 'deny', rules: ['p/never-drop'] },
  { name: 'deny of another policy wins', policies: [policy('a', { rules: [{ effect: 'allow' }] }), policy('b', { rules: [neverDrop] })], effects: [dropDatabase], expect: 'deny', rules: ['b/never-drop'] },
  { name: 'deny of one effect denies the command', policies: rules([neverDrop], ['read', 'schema']), effects: [read, dropDatabase], expect: 'deny' },
  { name: 'deny on one of several columns', policies: rules([{ match: { columns: ['customers.ssn'] } }], ['read']), effects: [read], expect: 'deny', rules: ['p/r0'], reason: 'select is denied' },
  { name: 'all denies are named, in order of name and place', policies: [policy('b', { rules: [{}, {}] }), policy('a', { rules: [{}] })], effects: [read], expect: 'deny', rules: ['a/r0', 'b/r0', 'b/r1'] },
  { name: 'admin by no class', policies: [policy('p', { allow: ['read', 'write', 'schema', 'session', 'unknown'] })], effects: [role], expect: 'deny', reason: 'create is of class admin, and no rule grants it' },
  { name: 'admin by a rule', policies: rules([{ effect: 'allow', match: { verbs: ['create'], objects: ['role'] } }]), effects: [role], expect: 'allow', rules: ['p/r0'] },
  { name: 'admin not by a rule about everything', policies: rules([{ effect: 'allow', match: {}, when: 'identity.name == "job"' }]), effects: [role], expect: 'deny' },
  { name: 'unknown is denied', policies: [policy('p', { allow: ['read', 'write', 'schema', 'session'] })], effects: [opaque], expect: 'deny', reason: 'not understood, and no policy grants that: a body that is not read' },
  { name: 'unknown by class', policies: [policy('p', { allow: ['unknown'] })], effects: [opaque], expect: 'allow', rules: ['p'] },
  { name: 'unknown by a rule that names it', policies: rules([{ effect: 'allow', match: { classes: ['unknown'], verbs: ['do'] } }]), effects: [opaque], expect: 'allow' },
  { name: 'unknown not by another rule', policies: rules([{ effect: 'allow', match: { verbs: ['do'] } }]), effects: [opaque], expect: 'deny', rules: [] },
  { name: 'a deny on an object could be met by its schema', policies: rules([{ match: { verbs: ['drop'], objects: ['customers'] }, reason: 'rows are kept' }], ['schema']), effects: [dropSchema], expect: 'deny', rules: ['p/r0'], reason: 'rows are kept (what is in the schema goes with it)' },
  { name: 'but not where only an empty one is dropped', policies: rules([{ match: { verbs: ['drop'], objects: ['customers'] }, reason: 'rows are kept' }], ['schema']), effects: [{ ...dropSchema, alone: true }], expect: 'allow', rules: ['p'] },
  { name: 'a deny on the schema itself', policies: rules([{ match: { objects: ['schema:billing'] }, reason: 'kept' }], ['schema']), effects: [dropSchema], expect: 'deny', rules: ['p/r0'], reason: 'kept' },
  { name: 'a deny on an object could be met by what is unknown', policies: rules([{ match: { objects: ['customers'] }, reason: 'rows are kept' }], ['unknown']), effects: [opaque], expect: 'deny', rules: ['p/r0'], reason: 'rows are kept (it was not understood, and could be that: a body that is not read)' },
  { name: 'a deny that is met for certain beside something unknown is told without doubt', policies: rules([{ match: { objects: ['customers'] }, reason: 'rows are kept' }], ['unknown']), effects: [opaque, remove], expect: 'deny', rules: ['p/r0'], reason: 'rows are kept' },
  { name: 'require_approval restricts what a class grants', policies: rules([{ effect: 'require_approval', match: { verbs: ['delete'] } }], ['write']), effects: [remove], expect: 'require_approval', rules: ['p/r0', 'p'], reason: 'delete needs an approval' },
  { name: 'require_approval grants', policies: rules([{ effect: 'require_approval', match: { verbs: ['delete'] }, reason: 'ask' }]), effects: [remove], expect: 'require_approval', rules: ['p/r0'], reason: 'ask' },
  { name: 'require_approval does not grant what it only touches', policies: rules([{ effect: 'require_approval', match: { columns: ['customers.id'] } }]), effects: [read], expect: 'deny', rules: [] },
  { name: 'but restricts it', policies: rules([{ effect: 'require_approval', match: { columns: ['customers.id'] } }], ['read']), effects: [read], expect: 'require_approval' },
  { name: 'deny wins over require_approval', policies: rules([{ effect: 'require_approval' }, { match: { verbs: ['delete'] } }], ['write']), effects: [remove], expect: 'deny', rules: ['p/r1'] },
  { name: 'an ungranted effect beside an approvable one', policies: rules([{ effect: 'require_approval', match: { verbs: ['delete'] } }]), effects: [remove, read], expect: 'deny', rules: [] },
  { name: 'allow does not lift an approval', policies: rules([{ effect: 'require_approval', match: { verbs: ['delete'] } }, { effect: 'allow' }]), effects: [remove], expect: 'require_approval', rules: ['p/r0', 'p/r1'] },
  { name: 'rows not known', policies: rules([bigDeletes], ['write']), effects: [remove], expect: 'require_approval', rules: ['p/big', 'p'] },
  { name: 'rows at the threshold', policies: rules([bigDeletes], ['write']), effects: [remove], context: { rows: 1000 }, expect: 'allow', rules: ['p'] },
  { name: 'rows above', policies: rules([bigDeletes], ['write']), effects: [remove], context: { rows: 1001 }, expect: 'require_approval', rules: ['p/big', 'p'] },
  { name: 'rows above, without the class', policies: rules([bigDeletes]), effects: [remove], context: { rows: 1001 }, expect: 'require_approval' },
  { name: 'rows not known do not grant', policies: rules([bigDeletes]), effects: [remove], expect: 'deny', rules: [] },
  { name: 'rows with deny, not known', policies: rules([{ ...bigDeletes, effect: 'deny' }], ['write']), effects: [remove], expect: 'deny' },
  { name: 'rows with deny, few', policies: rules([{ ...bigDeletes, effect: 'deny' }], ['write']), effects: [remove], context: { rows: 5 }, expect: 'allow' },
  { name: 'rows of another verb', policies: rules([bigDeletes], ['read']), effects: [read], expect: 'allow' },
  { name: 'when true denies', policies: rules([{ when: 'now.getHours("UTC") < 6', match: { verbs: ['delete'] } }], ['write']), effects: [remove], context: { now: new Date('2025-01-01T05:59:59Z') }, expect: 'deny' },
  { name: 'when false does not', policies: rules([{ when: 'now.getHours("UTC") < 6', match: { verbs: ['delete'] } }], ['write']), effects: [remove], context: { now: new Date('2025-01-01T06:00:00Z') }, expect: 'allow' },
  { name: 'an error in deny matches', policies: rules([{ when: 'claims.env != "prod"' }], ['read']), effects: [read], expect: 'deny' },
  { name: 'an error in allow does not', policies: rules([{ when: 'claims.env == "prod"', effect: 'allow' }]), effects: [read], expect: 'deny', rules: [] },
  { name: 'an error in require_approval asks', policies: rules([{ when: 'claims.env != "prod"', effect: 'require_approval' }], ['read']), effects: [read], expect: 'require_approval' },
  { name: 'an error in require_approval does not grant', policies: rules([{ when: 'claims.env != "prod"', effect: 'require_approval' }]), effects: [read], expect: 'deny', rules: [] },
  { name: 'a condition that is neither true nor false does not grant', policies: rules([{ when: 'claims.env', effect: 'allow' }]), claims: { env: 'yes' }, effects: [read], expect: 'deny', rules: [] },
  { name: 'but refuses', policies: rules([{ when: 'claims.env' }], ['read']), claims: { env: 'no' }, effects: [read], expect: 'deny', rules: ['p/r0'] },
  { name: 'claims are there', policies: rules([{ when: 'claims.env == "prod"', effect: 'allow' }]), claims: { env: 'prod' }, effects: [read], expect: 'allow', rules: ['p/r0'] },
  { name: 'a live error: no session age', policies: rules([{ when: 'session.ageSeconds > 60' }], ['read']), effects: [read], expect: 'deny' },
  { name: 'a live value: session age', policies: rules([{ when: 'session.ageSeconds > 60' }], ['read']), effects: [read], context: { sessionAgeMs: 60_999 }, expect: 'allow' },
  { name: 'a condition on the statement', policies: rules([{ when: '"delete" in statement.verbs && "select" in statement.verbs' }], ['read', 'write']), effects: [read, remove], expect: 'deny' },
];

for (const { name, policies, effects, expect, rules: named, reason, context, claims } of cases) {
  test(name, () => {
    const decision = session(policies, claims).decide(command(effects), { ...noon, ...context });
    assert.equal(decision.effect, expect);
    if (named !== undefined) assert.deepEqual(decision.rules.map(({ policy: from, rule }) => (rule === undefined ? from : `${from}/${rule}`)), named);
    if (reason !== undefined) assert.equal(decision.reason, reason);
    assert.equal(decision.denied === undefined, decision.effect !== 'deny');
  });
}

test('the denied effect is the one that the deciding rule means', () => {
  const { denied } = session(rules([neverDrop])).decide(command([read, dropDatabase]), noon);
  assert.equal(denied, dropDatabase);
});

test('a reason holds no name that a client chose', () => {
  const secret: Effect = { class: 'write', verb: 'insert', object: table('hunter2'), columns: ['hunter2'] };
  for (const policies of [rules([]), rules([{ match: { objects: ['*'] } }], ['write'])]) {
    const { reason, rules: refs } = session(policies).decide(command([secret]), noon);
    assert.ok(!JSON.stringify([reason, refs]).includes('hunter2'));
  }
});

test('a session is granted only when a policy names identity or group, and connection', () => {
  const set = compilePolicies(
    config([policy('by-name', { identities: ['job'], connections: ['main'] }), policy('by-group', { identities: [], groups: ['jobs'], connections: ['other'] })], [
      identity('job', []), identity('grouped', ['jobs']), identity('nobody'),
    ]),
  );
  const names = (who: string, where: string) => set.forSession(principal({ identity: who, groups: ['jobs'] }), where)?.policies;
  assert.deepEqual(names('job', 'main'), ['by-name']);
  assert.equal(names('job', 'other'), undefined, 'groups are those of the configuration, not those of the principal');
  assert.deepEqual(names('grouped', 'other'), ['by-group']);
  assert.equal(names('grouped', 'main'), undefined);
  assert.equal(names('nobody', 'main'), undefined);
  assert.equal(names('removed', 'main'), undefined, 'an identity that the configuration does not know');
  assert.equal(names('job', 'gone'), undefined, 'a connection that it does not know');
  const any = compilePolicies(config([policy('any', { connections: ['*'] })]));
  assert.equal(any.forSession(principal(), 'gone'), undefined, 'not even with *');
});

test('masks add up, limits are the strictest of each', () => {
  const mask = (name: string) => ({ name, columns: ['*.x'], detect: [], fields: [], otherwise: 'refuse' as const, mode: 'strict' as const, transform: 'redact' as const, origin: { file: 'f', line: 1 } });
  const both = session([
    policy('b', { mask: [mask('b/1')], limits: { rowsPerCommand: 10, sessionAge: 5 }, allow: ['read'] }),
    policy('a', { mask: [mask('a/1'), mask('a/2')], limits: { rowsPerCommand: 20, commandsPerMinute: 3, heldCommands: 1, concurrentSessions: 2 } }),
  ]);
  assert.deepEqual(both.masks.map(({ name }) => name), ['a/1', 'a/2', 'b/1']);
  assert.deepEqual(both.limits, { rowsPerCommand: 10, sessionAge: 5, commandsPerMinute: 3, heldCommands: 1, concurrentSessions: 2 });
  assert.equal(both.decide(command([read]), noon).maxRows, 10);
  assert.deepEqual(session([policy('p')]).limits, {});
});

test('the version names policies and membership, and nothing else', () => {
  const version = (...given: Parameters<typeof config>) => compilePolicies(config(...given)).version;
  const base = version([policy('a'), policy('b')]);
  assert.match(base, /^[0-9a-f]{64}$/);
  assert.equal(version([policy('b'), policy('a', { origin: { file: 'elsewhere.yaml', line: 99 } })]), base, 'order and place do not count');
  assert.notEqual(version([policy('a'), policy('b', { allow: ['read'] })]), base);
  assert.notEqual(version([policy('a'), policy('b')], [identity('job', ['jobs', 'more'])]), base);
  assert.equal(version([policy('a'), policy('b')], [{ ...identity('job', ['jobs']), purpose: 'other' }]), base);
});

test('what cannot be compiled is told with file and line, all at once', () => {
  const broken = config(rules([{ when: 'claim.x == 1', match: { objects: ['a.b.c'] } }, { match: { columns: ['ssn'] } }]));
  assert.throws(() => compilePolicies(broken), (error) => {
    assert.ok(error instanceof PolicyError);
    assert.equal(error.problems.length, 3);
    assert.match(error.message, /^wicketgate\.yaml:20: policies\[p\]\.rules\[r0\]: when: Unknown variable: claim\n/);
    assert.match(error.message, /^wicketgate\.yaml:21: policies\[p\]\.rules\[r1\]: match\.columns: "ssn" names no table/m);
    return true;
  });
});

test('decisions that depend on the effects alone are kept, others are not', () => {
  const fixed = session(rules([neverDrop], ['read']));
  const one = command([read]);
  assert.equal(fixed.decide(one, noon), fixed.decide({ ...one, facts: { other: true } }, { now: new Date(0) }));
  const night = session(rules([{ when: 'now.getHours() < 6', match: { verbs: ['delete'] } }], ['read', 'write']));
  assert.equal(night.decide(one, noon), night.decide(one, noon), 'the rule does not reach a select');
  const two = command([remove]);
  assert.equal(night.decide(two, noon).effect, 'allow');
  assert.equal(night.decide(two, { now: new Date('2025-01-01T03:00:00Z') }).effect, 'deny');
  assert.equal(night.decide(two, noon).effect, 'allow');
});

test('one live rule among others keeps a decision from being kept', () => {
  const mixed = session(rules([{ when: 'now.getHours() < 6', match: { verbs: ['delete'] } }, { effect: 'allow', match: { verbs: ['delete'] } }]));
  const one = command([remove, { ...remove, verb: 'delete', columns: ['name'] }]);
  assert.equal(mixed.decide(one, noon).effect, 'allow');
  assert.equal(mixed.decide(one, { now: new Date('2025-01-01T03:00:00Z') }).effect, 'deny');
});

test('sessions whose claims differ do not share decisions', () => {
  const set = compilePolicies(config(rules([{ when: 'claims.env == "prod"', effect: 'allow' }])));
  const one = command([read]);
  const decide = (env: unknown) => set.forSession(principal({ claims: { env } }), 'main')?.decide(one, noon).effect;
  assert.deepEqual(['prod', 'dev', 'prod', 5, 'dev'].map(decide), ['allow', 'deny', 'allow', 'deny', 'deny']);
});

test('more situations than are kept', () => {
  const many: Rule[] = Array.from({ length: 11 }, (_, bit) => ({ name: `bit${bit}`, when: `claims.bit${bit}`, effect: 'deny', match: { verbs: [`verb${bit}`] } }));
  const set = compilePolicies(config(rules(many, ['read'])));
  for (let bits = 0; bits < 2048; bits++) {
    const claims = Object.fromEntries(many.map((_, bit) => [`bit${bit}`, ((bits >> bit) & 1) === 1]));
    const found = set.forSession(principal({ claims }), 'main');
    assert.equal(found?.decide(command([{ class: 'read', verb: 'verb3' }]), noon).effect, ((bits >> 3) & 1) === 1 ? 'deny' : 'allow');
  }
});

test('a thousand rules', () => {
  const many = Array.from({ length: 1000 }, (_, at): Rule => ({ name: `rule${at}`, match: { verbs: ['select'], objects: [`s${at}.*`], columns: [`t${at}.c*`] } }));
  const found = session(rules(many, ['read']));
  assert.equal(found.decide(command([read]), noon).effect, 'allow');
  const hit = found.decide(command([{ class: 'read', verb: 'select', object: table('t777', 's777'), columns: ['c1'] }]), noon);
  assert.deepEqual(hit.rules.map(({ rule }) => rule), ['rule777']);
});
