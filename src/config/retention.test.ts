import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from './compare.ts';
import { loadSources } from './load.ts';
import { print } from './print.ts';
import { formatProblem } from './problems.ts';
import type { Config } from './resolved.ts';
import { retentionOf } from './retention.ts';
import { asSource } from './source.ts';
import { sound } from './testdata/sound.ts';

const DAY = 86_400_000;
const load = (more: string) => loadSources([{ file: '/nowhere/w.yaml', text: `${sound}${more}` }], '/nowhere', { DB: 'x' });
const config = async (more: string): Promise<Config> => {
  const loaded = await load(more);
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n'));
  return loaded.config;
};
const problems = async (more: string): Promise<string[]> => {
  const loaded = await load(more);
  return loaded.ok ? [] : loaded.problems.map((problem) => formatProblem(problem).replace(/^\S+:(\d+):\d+: /, '$1 '));
};

test('an entry that names the connection goes before the one for all the others', async () => {
  const { retention } = await config('retention:\n  - { connections: ["*"], recordings: 400d, evidence: 7y }\n  - { connections: [db], recordings: 30d }\n');
  assert.deepEqual(['db', 'gone'].map((name) => retentionOf(retention, name)?.recordings), [30 * DAY, 400 * DAY]);
  assert.equal(retentionOf([], 'db'), undefined);
});

test('what nobody can rely on is refused, with its place', async () => {
  const cases: readonly (readonly [string, string])[] = [
    ['- { connections: [dbx], recordings: 30d }', '23 retention[0].connections[0]: there is no connection "dbx" (did you mean db?)'],
    ['- { connections: [db], recordings: 30d }\n  - { connections: ["*", db], recordings: 40d }', '24 retention[1].connections[1]: "db" already has a retention at /nowhere/w.yaml:23 (name each connection in one entry)'],
    ['- { connections: ["*"] }\n  - { connections: ["*"] }', '24 retention[1].connections[0]: * already has a retention at /nowhere/w.yaml:23 (name each connection in one entry)'],
    ['- { connections: [db], recordings: 23h }', '23 retention[0].recordings: is less than a day: keys are made for a day (at least 1d)'],
    ['- { connections: [db], recordings: 2y, evidence: 1y }', '23 retention[0].evidence: records are to be kept for less long than the texts that they refer to (2y) (evidence must be at least recordings)'],
    ['- { connections: [db], evidence: 1y }', '23 retention[0].evidence: records are to be kept for less long than the texts that they refer to, which are kept for ever (give recordings)'],
  ];
  for (const [entry, problem] of cases) assert.deepEqual(await problems(`retention:\n  ${entry}\n`), [problem]);
});

test('a reload tells what is kept for less long, and a check what is kept at all', async () => {
  const [none, long, short] = await Promise.all([config(''), config('retention: [{ connections: ["*"], recordings: 400d }]\n'), config('retention: [{ connections: [db], recordings: 30d }, { connections: ["*"], recordings: 400d }]\n')]);
  assert.deepEqual(compare(none, long), ['retention shortened: db: recordings 400d, was for ever', 'retention shortened: *: recordings 400d, was for ever']);
  assert.deepEqual(compare(long, short), ['retention shortened: db: recordings 30d, was 400d']);
  assert.deepEqual(compare(short, long), ['retention lengthened: db: recordings 400d, was 30d']);
  assert.match(print(none), /retention\n {2}everything: for ever\n/);
  assert.match(print(short), /retention\n {2}db: texts and answers 30d, records for ever {2}\/nowhere\/w\.yaml:22\n {2}every other connection: texts and answers 400d, records for ever/);
  assert.deepEqual(asSource(short).retention, [{ connections: ['db'], recordings: '30d' }, { connections: ['*'], recordings: '400d' }]);
});

test('a command that unwraps the key has a full path, and takes a restart', async () => {
  const at = (command: string): string => sound.replace('version: 1', `version: 1\ngateway: { keyCommand: ${command} }`);
  const read = (text: string) => loadSources([{ file: '/nowhere/w.yaml', text }], '/nowhere', { DB: 'x' });
  const refused = await read(at('[openssl, pkeyutl]'));
  assert.ok(!refused.ok);
  assert.match(formatProblem(refused.problems[0] as never), /gateway\.keyCommand\[0\]: is not a full path \(begin it with \/\)/);
  const good = await read(at('[/usr/bin/openssl, pkeyutl]'));
  assert.ok(good.ok);
  assert.deepEqual(good.config.gateway.keyCommand, ['/usr/bin/openssl', 'pkeyutl']);
  assert.ok(compare(await config(''), good.config).includes('gateway changed: keyCommand'));
  assert.match(print(good.config), /keys {8}\/nowhere\/keys, the key-encryption key unwrapped by \/usr\/bin\/openssl/);
});
