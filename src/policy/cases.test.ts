import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem, Problems } from '../config/problems.ts';
import type { PolicyConfig } from '../config/resolved.ts';
import { assumedPrincipal } from './assumed.ts';
import { readCases } from './cases.ts';
import { compilePolicies } from './compile.ts';
import { runCase, type CaseResult } from './run-case.ts';
import { command, config, identity, policy, table } from './testdata/build.ts';

const policies: readonly PolicyConfig[] = [
  policy('readers', {
    allow: ['read'],
    connections: ['main'],
    rules: [
      { name: 'night', when: 'now.getHours("UTC") < 6', match: { verbs: ['delete'] }, reason: 'not at night' },
      { name: 'prod', when: 'claims.env == "prod"', effect: 'allow', match: { verbs: ['delete'] } },
      { name: 'big', effect: 'require_approval', match: { verbs: ['delete'], rows: 10 } },
      { name: 'old', when: 'has(session.ageSeconds) && session.ageSeconds > 3600', match: { verbs: ['update'] } },
    ],
  }),
];
const world = config(policies);

const read = (text: string) => {
  const problems = new Problems();
  const cases = readCases({ file: 'cases.yaml', text }, world, problems);
  return { cases, problems: problems.list().map(formatProblem) };
};

const run = async (body: string): Promise<CaseResult> => {
  const { cases, problems } = read(`cases:\n  - { name: one, identity: job, connection: main, ${body} }`);
  assert.deepEqual(problems, []);
  const [one] = cases;
  assert.ok(one !== undefined);
  return runCase(compilePolicies(world), one, (text) => Promise.resolve(command([{ class: 'read', verb: text, object: table('t') }])));
};

const remove = 'effects: [{ class: write, verb: delete, object: { kind: table, name: t } }]';

test('cases that pass', async () => {
  const passing = [
    'command: select, expect: allow, rule: readers',
    'command: select, expect: allow, reason: every effect is granted',
    'effects: [], expect: allow',
    `${remove}, at: "2025-01-01T05:00:00Z", expect: deny, rule: readers/night, reason: not at night`,
    `${remove}, at: "2025-01-01T07:00:00+02:00", expect: deny, rule: readers/night`,
    `${remove}, at: "2025-01-01T07:00:00Z", rows: 10, expect: deny`,
    `${remove}, at: "2025-01-01T07:00:00Z", rows: 11, expect: require_approval, rule: readers/big`,
    `${remove}, at: "2025-01-01T07:00:00Z", rows: 10, claims: { env: prod }, expect: allow, rule: readers/prod`,
    `${remove}, at: "2025-01-01T07:00:00Z", claims: { env: prod }, expect: require_approval`,
    'effects: [{ class: read, verb: update }], sessionAge: 2h, expect: deny, rule: readers/old',
    'effects: [{ class: read, verb: update }], sessionAge: 1h, expect: allow',
  ];
  for (const body of passing) assert.deepEqual((await run(body)).differences, [], body);
});

test('cases that fail say what differs', async () => {
  const failing: Readonly<Record<string, RegExp>> = {
    'command: select, expect: deny': /^expected deny, got allow: every effect is granted \(readers\)$/,
    'command: select, expect: allow, rule: readers/night': /^expected the rule readers\/night to take part, got readers$/,
    'effects: [{ class: admin, verb: create }], expect: deny, rule: readers/night': /got none$/,
    'command: select, expect: allow, reason: other': /^expected the reason "other", got "every effect is granted"$/,
    [`${remove}, expect: deny`]: /^the decision depends on the time: give at$/,
  };
  for (const [body, difference] of Object.entries(failing)) {
    const result = await run(body);
    assert.equal(result.passed, false, body);
    assert.match(result.differences.find((line) => difference.test(line)) ?? result.differences.join('\n'), difference);
  }
});

test('an identity without a policy on the connection is denied', async () => {
  const ask = async (expect: string) => {
    const [one] = read(`cases: [{ name: a, identity: job, connection: other, command: x, ${expect} }]`).cases;
    assert.ok(one !== undefined);
    return runCase(compilePolicies(world), one, () => Promise.reject(new Error('never asked')));
  };
  assert.ok((await ask('expect: deny')).passed);
  assert.match((await ask('expect: allow')).differences[0] ?? '', /no policy lets job reach other/);
  assert.ok(!(await ask('expect: deny, rule: readers')).passed);
});

test('bad files are told with file and line', () => {
  const bad: Readonly<Record<string, RegExp>> = {
    'cases: {}': /^cases\.yaml:1:\d+: cases: /,
    'case: []': /unknown key/,
    '- a': /expected cases:/,
    'cases: [': /not valid YAML/,
    'cases:\n  - name: a\n    identity: jab\n    connection: main\n    command: x\n    expect: allow\n': /^cases\.yaml:3:5: cases\[a\]\.identity: there is no identity "jab" \(did you mean job\?\)$/m,
    'cases:\n  - { name: a, identity: job, connection: man, command: x, expect: allow }': /there is no connection "man"/,
    'cases:\n  - { name: a, identity: job, connection: main, command: x, expect: alow }': /expect/,
    'cases:\n  - { name: a, identity: job, connection: main, command: x, expects: allow }': /expects.*unknown key/,
    'cases:\n  - { name: a, identity: job, connection: main, expect: allow }': /give command or effects/,
    'cases:\n  - { name: a, identity: job, connection: main, command: x, effects: [], expect: allow }': /give command or effects/,
    'cases:\n  - { name: a, identity: job, connection: main, command: x, facts: {}, expect: allow }': /facts go with effects/,
    'cases:\n  - { name: a, identity: job, connection: main, command: x, claims: [], expect: allow }': /claims: expected keys/,
    'cases:\n  - { name: a, identity: job, connection: main, command: x, at: noon, expect: allow }': /at: is not a time/,
    'cases:\n  - { name: a, identity: job, connection: main, command: x, at: "2025-06-02T04:00:00", expect: allow }': /at: is not a time/,
    'cases:\n  - { name: a, identity: job, connection: main, command: x, rows: -1, expect: allow }': /rows/,
    'cases:\n  - { name: a, identity: job, connection: main, effects: [{ class: reed, verb: x }], expect: allow }': /class/,
  };
  for (const [text, expected] of Object.entries(bad)) {
    const { cases, problems } = read(text);
    assert.match(problems.join('\n'), expected, text);
    assert.deepEqual(cases, []);
  }
});

test('an assumed principal has the claims that its identity requires', () => {
  const who = { ...identity('job', ['jobs']), claims: { repo: 'one', 'a.b': 1, 'dotted\\.name': true, 'given.x': 'y' }, requester: 'actor' };
  const assumed = assumedPrincipal(who, { actor: 'ann', repo: 'two', sub: 's', given: 'text' });
  assert.deepEqual(assumed.claims, { actor: 'ann', repo: 'two', sub: 's', given: 'text', a: { b: 1 }, 'dotted.name': true });
  assert.equal(assumed.requester, 'ann');
  assert.equal(assumed.subject, 's');
  const hostile = assumedPrincipal({ ...who, claims: { '__proto__.x': 1 } }, {});
  assert.equal(({} as { x?: unknown }).x, undefined);
  assert.ok(Object.hasOwn(hostile.claims, '__proto__'));
});
