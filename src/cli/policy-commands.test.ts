import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

const root = path.join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(path.join(tmpdir(), 'wicketgate-policy-'));
after(() => rmSync(folder, { recursive: true }));

/** The commands in a process of their own. What understands texts belongs to the protocols: here a text is a list of effects. */
const driver = `
import { Command } from 'commander';
import { registerPolicyExplain } from ${JSON.stringify(path.join(root, 'src/cli/policy-explain.ts'))};
import { registerPolicyTest } from ${JSON.stringify(path.join(root, 'src/cli/policy-test.ts'))};
const toCommand = async (text, connection, catalog) => {
  if (catalog !== undefined) throw new Error('cannot read ' + catalog);
  return { protocol: connection.protocol, verb: 'x', effects: JSON.parse(text), timing: 'read', facts: {}, recorded: '', bytes: 0 };
};
const program = new Command('wicketgate');
registerPolicyTest(program, { toCommand });
registerPolicyExplain(program, { explain: async (text, connection, { catalogFile, searchPath }) => ({ command: await toCommand(text, connection, catalogFile), objection: () => (text.includes('masked_table') ? 'the mask forbids it' : undefined), searchPath: searchPath ?? ['pg_catalog', 'public'], searchPathFrom: searchPath ? 'asked' : 'default' }) });
await program.parseAsync(process.argv.slice(1), { from: 'user' });
`;

const wicketgate = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', driver, '--', ...args], { cwd: root, encoding: 'utf8' });
  return { status, stdout, stderr };
};
const config = ['--config', 'examples/billing'];
const explain = (command: string, ...more: string[]) => wicketgate('policy', 'explain', ...config, '--identity', 'billing-migrations', '--connection', 'billing', '--command', command, ...more);
const dropDatabase = '[{"class":"schema","verb":"drop","object":{"kind":"database","name":"d"}}]';
const read = '[{"class":"read","verb":"select"}]';

const file = (name: string, text: string): string => {
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
};

test('explain: allowed, 0', () => {
  const { status, stdout } = explain(read);
  assert.equal(status, 0);
  assert.match(stdout, /^allowed: every effect is granted\n {2}by migrations {2}examples\/billing\/wicketgate\.yaml:\d+\n/);
});

test('explain: denied, 1, with the rule, its file and line, and what did not count', () => {
  const { status, stdout } = explain(dropDatabase, '--at', '2025-06-02T10:00:00Z');
  assert.equal(status, 1);
  assert.match(stdout, /^denied: databases are dropped by the platform team\n {2}by migrations\/never-drop-a-database {2}examples\/billing\/wicketgate\.yaml:\d+\n/);
  assert.match(stdout, /\* deny migrations\/never-drop-a-database: counts .*\n {6}verbs \[drop\] matches drop\n {6}objects \[database\] matches database d\n/);
  assert.match(stdout, /- deny migrations\/working-hours: does not count .*\n.*\n {6}when now\.getHours\("UTC"\) < 6 is false/);
});

test('explain: what policy allows and a mask refuses, 1', () => {
  const masked = '[{"class":"read","verb":"select","object":{"kind":"table","name":"masked_table"}}]';
  const { status, stdout } = explain(masked);
  assert.equal(status, 1);
  assert.match(stdout, /^refused, although policy allows it: the mask forbids it\n\nallowed: /);
  const json = explain(masked, '--json');
  assert.equal(json.status, 1);
  assert.equal((JSON.parse(json.stdout) as { refused: string }).refused, 'the mask forbids it');
});

test('explain --json', () => {
  const { status, stdout } = explain(dropDatabase, '--at', '2025-06-02T10:00:00Z', '--json');
  assert.equal(status, 1);
  const answer = JSON.parse(stdout) as { granted: boolean; decision: { effect: string; rules: { rule: string }[] }; effects: unknown[] };
  assert.equal(answer.granted, true);
  assert.equal(answer.decision.effect, 'deny');
  assert.equal(answer.decision.rules[0]?.rule, 'never-drop-a-database');
  assert.equal(answer.effects.length, 1);
});

test('explain: not granted, 1', () => {
  const { status, stdout } = wicketgate('policy', 'explain', ...config, '--identity', 'billing-checks', '--connection', 'billing', '--command', read);
  assert.equal(status, 1);
  assert.equal(stdout, 'denied: no policy lets billing-checks reach billing\n');
});

test('explain: says where names without a schema were looked up, and who said so', () => {
  assert.match(explain(read).stdout, /\n\nnames without a schema were looked up in the default, since neither --search-path nor --catalog says where: pg_catalog, public\n$/);
  const asked = explain(read, '--search-path', 'billing, "$user",public');
  assert.match(asked.stdout, /as --search-path says, in: billing, \$user, public\n$/);
  assert.deepEqual((JSON.parse(explain(read, '--search-path', 'billing', '--json').stdout) as { searchPath: string[] }).searchPath, ['billing']);
});

test('explain: wrong use, 2', () => {
  const wrong: readonly [ReturnType<typeof wicketgate>, RegExp][] = [
    [wicketgate('policy', 'explain'), /required option/],
    [wicketgate('policy', 'explain', ...config, '--identity', 'billing-migration', '--connection', 'billing', '--command', read), /did you mean billing-migrations\?/],
    [explain(read, '--claims', '[1]'), /Write a JSON object/],
    [explain(read, '--at', 'noon'), /Write a time/],
    [explain(read, '--rows', 'many'), /Write a count/],
    [explain(read, '--search-path', 'billing,,public'), /Write schemas/],
    [explain(read, '--catalog', 'missing.json'), /cannot read missing\.json/],
    [wicketgate('policy', 'explain', '--config', file('broken.yaml', 'version: 1\nidentites: []\n'), '--identity', 'a', '--connection', 'b', '--command', 'c'), /broken\.yaml:2:1: identites/],
  ];
  for (const [{ status, stderr }, expected] of wrong) {
    assert.match(stderr, expected);
    assert.equal(status, 2);
  }
});

test('test: the examples are as they expect', () => {
  const { status, stdout } = wicketgate('policy', 'test', 'examples/policy-tests', ...config);
  assert.match(stdout, /\n(\d+) cases: \1 as expected, 0 not\n$/);
  assert.equal(status, 0);
});

test('test: a difference, 1, with file and line', () => {
  const cases = file('cases.yaml', 'cases:\n  - { name: fine, identity: billing-checks, connection: billing, command: x, expect: deny }\n  - { name: off, identity: billing-checks, connection: billing, command: x, expect: allow }\n');
  const plain = wicketgate('policy', 'test', cases, ...config);
  assert.equal(plain.status, 1);
  assert.match(plain.stdout, /^ok {4}fine\nFAIL {2}off {2}.*cases\.yaml:3\n {8}expected allow, but no policy lets billing-checks reach billing\n2 cases: 1 as expected, 1 not\n$/);
  const json = wicketgate('policy', 'test', cases, ...config, '--json');
  assert.equal(json.status, 1);
  const answer = JSON.parse(json.stdout) as { passed: number; failed: number; cases: { passed: boolean }[] };
  assert.deepEqual([answer.passed, answer.failed, answer.cases.map(({ passed }) => passed)], [1, 1, [true, false]]);
});

test('test: files that cannot be read, 2', () => {
  const bad = wicketgate('policy', 'test', file('bad.yaml', 'cases:\n  - { name: a, identity: nobody, connection: billing, command: x, expect: deny }\n'), ...config);
  assert.equal(bad.status, 2);
  assert.match(bad.stderr, /bad\.yaml:2:\d+: cases\[a\]\.identity: there is no identity "nobody"/);
  const missing = wicketgate('policy', 'test', path.join(folder, 'missing.yaml'), ...config);
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /does not exist/);
});
