import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const examples = path.join(import.meta.dirname, '..', '..', 'examples');
let folder: string;
let program: string;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wicketgate-check-'));
  program = path.join(folder, 'program.mts');
  const here = (file: string): string => JSON.stringify(pathToFileURL(path.join(import.meta.dirname, file)).href);
  // As main.ts does it, without the rest of the commands.
  await writeFile(program, `import { Command, CommanderError } from ${JSON.stringify(import.meta.resolve('commander'))};
import { registerCheck } from ${here('check.ts')};
const program = new Command().exitOverride();
registerCheck(program);
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
`);
});
after(() => rm(folder, { recursive: true }));

function run(args: readonly string[], env: Record<string, string> = {}): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'check', ...args], { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', ...env } });
  return { code: status, out: stdout, err: stderr };
}

describe('wicketgate check', () => {
  test('prints what is in force, with places and accepted leaks, and ends with 0', async () => {
    const { code, out, err } = run(['--config', path.join(examples, 'analytics'), '--no-secrets']);
    assert.equal(err, '');
    assert.equal(code, 0);
    assert.match(out, /^configuration [0-9a-f]{64}\n/);
    assert.match(out, / {2}weekly-report {2}\(.*people\.yaml:\d+\)/);
    assert.match(out, /masks +reports\/identity: customers\.ssn, customers\.born; strict, redact {2}\(.*masks\.yaml:\d+\)/);
    assert.match(out, /denies +no-payroll: verbs select; objects table:payroll\.\* {2}\(.*masks\.yaml:\d+\)/);
    assert.match(out, /what masks still let through\n {2}strict .*\n {2}display .*predicates.*errors can reveal values.*\n {2}detect /);
  });

  test('accepts every example', () => {
    for (const name of ['analytics', 'billing']) {
      const { code, err } = run(['--config', path.join(examples, name), '--no-secrets', '--json']);
      assert.equal(code, 0, err);
    }
  });

  test('prints problems as file:line:column and ends with 1, without any credential', async () => {
    const file = path.join(folder, 'w.yaml');
    await writeFile(file, 'version: 1\nidentityProviders: []\nidentities: []\nconnections:\n  - { name: db, protocol: postgrs, listen: 127.0.0.1:1, target: { host: h, port: 1, database: d }, credential: { username: u, password: hunter2 } }\npolicies: []\n');
    const { code, out, err } = run(['--config', file]);
    assert.equal(code, 1);
    assert.equal(out, '');
    assert.deepEqual(err.replaceAll(`${folder}/`, '').split('\n'), [
      'w.yaml:2:1: identityProviders: is an empty list (give at least one)',
      'w.yaml:5:17: connections[db].protocol: expected one of postgres, http; found text (did you mean postgres?)',
      'w.yaml:5:127: connections[db].credential.password: a literal credential is not accepted (write env:NAME or file:PATH and keep the value there)',
      '3 problems; this configuration does not start',
      '',
    ]);
    const json = run(['--config', file, '--json']);
    assert.equal(json.code, 1);
    const answer = JSON.parse(json.out) as { ok: boolean; problems: { line: number }[] };
    assert.deepEqual([answer.ok, answer.problems.map(({ line }) => line)], [false, [2, 5, 5]]);
    assert(!`${json.out}${json.err}${err}`.includes('hunter2'));
  });

  test('looks whether credentials are there, and shows references only', async () => {
    const secret = path.join(folder, 'pw');
    await writeFile(secret, 'hunter2');
    await chmod(secret, 0o600);
    const missing = run(['--config', path.join(examples, 'billing')]);
    assert.equal(missing.code, 1);
    assert.match(missing.err, /billing\/wicketgate\.yaml:\d+:\d+: connections\[billing\]\.credential\.password: the variable BILLING_PASSWORD is not set/);
    const file = path.join(folder, 'sound.yaml');
    await writeFile(file, `version: 1\nidentityProviders: [{ name: ci, issuer: https://ci.example, audience: wg }]\nidentities: []\nconnections: [{ name: db, protocol: postgres, listen: 127.0.0.1:6432, target: { host: h, port: 1, database: d }, credential: { username: u, password: file:./pw } }]\npolicies: []\n`);
    const { code, out } = run(['--config', file, '--json']);
    assert.equal(code, 0);
    const answer = JSON.parse(out) as { ok: boolean; warnings: unknown[]; configuration: { connections: { credential: { password: string } }[] } };
    assert.equal(answer.ok, true);
    assert.equal(answer.configuration.connections[0]?.credential.password, `file:${secret}`);
    assert(!out.includes('hunter2'));
  });

  test('says what only the compiler of policies knows', async () => {
    const file = path.join(folder, 'zone.yaml');
    await writeFile(file, `version: 1
identityProviders: [{ name: ci, issuer: https://ci.example, audience: wg }]
identities: [{ name: job, owner: { contact: c }, provider: ci, claims: { project: 1 } }]
connections: [{ name: db, protocol: postgres, listen: 127.0.0.1:6432, target: { host: h, port: 1, database: d }, credential: { username: u } }]
policies:
  - name: p
    identities: [job]
    connections: [db]
    rules:
      - { name: night, when: 'now.getHours("Europe/Nowhere") < 6', effect: deny }
`);
    const { code, err } = run(['--config', file]);
    assert.equal(code, 1);
    assert.match(err, /zone\.yaml:10:1: .*when: .*Europe\/Nowhere/);
  });

  test('ends with 2 when called wrongly', () => {
    assert.equal(run([]).code, 2);
    assert.equal(run(['--config', 'x', '--nonsense']).code, 2);
    assert.equal(run(['--help']).code, 0);
  });
});
