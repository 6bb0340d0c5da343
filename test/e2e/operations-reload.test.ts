import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { Gateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';
import { plainConfig, plainPsql, startPlainGateway, startSurroundings, type Config, type Surroundings } from './plain-stage.ts';
import { readEvidence } from './recorded-evidence.ts';

let around: Surroundings;
before(async () => {
  around = await startSurroundings();
});
after(() => around[Symbol.asyncDispose]());

const GUARDED = [
  {
    name: 'reading',
    identities: ['reader'],
    connections: ['*'],
    allow: ['read', 'write'],
    rules: [{ name: 'no-deletes', match: { verbs: ['delete'] }, effect: 'deny', reason: 'rows stay' }],
    mask: [{ name: 'pii', columns: ['customers.ssn'], mode: 'strict', transform: 'redact' }],
  },
];
const LOOSE = [{ name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read', 'write'] }];
const BAD = { policies: [{ name: 'reading', identities: ['nobody-of-that-name'], connections: ['*'], allow: ['read'] }] };

const messages = (gateway: Gateway, msg: string): Record<string, unknown>[] => gateway.logLines().filter((line) => line['msg'] === msg);

/** Puts a changed configuration in the place of the file, ports and folders as they are. */
const rewrite = (gateway: Gateway, more: Config): void => {
  const config = parse(readFileSync(gateway.configFile, 'utf8')) as Config;
  writeFileSync(`${gateway.configFile}.new`, stringify({ ...config, ...more }));
  renameSync(`${gateway.configFile}.new`, gateway.configFile);
};

const ready = async (gateway: Gateway): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(`${gateway.control}/ready`, { headers: { connection: 'close' } });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const valid = async (gateway: Gateway): Promise<string | undefined> =>
  /^wicketgate_configuration_valid (\d)$/m.exec(await (await fetch(`${gateway.control}/metrics`, { headers: { connection: 'close' } })).text())?.[1];
const ssn = async (gateway: Gateway): Promise<string> => {
  const { stdout, stderr } = await plainPsql(around, gateway, 'reader', '-Atc', 'SELECT ssn FROM customers WHERE id = 1');
  return stdout + stderr;
};

test('SIGHUP: a good configuration is in force, what it no longer protects is said line by line; a bad one changes nothing', async () => {
  await using gateway = await startPlainGateway(plainConfig(around, { policies: GUARDED }));
  assert.doesNotMatch(await ssn(gateway), /123-45-6789/);

  await gateway.reload(plainConfig(around, { policies: LOOSE }));
  await until(() => messages(gateway, 'configuration in force').length === 1, 20_000, 'the reload');
  assert.match(await ssn(gateway), /123-45-6789/);
  const lines = messages(gateway, 'configuration changed').map(({ change }) => String(change));
  assert.ok(lines.some((line) => line.startsWith('deny removed: reading/no-deletes')), lines.join('\n'));
  assert.ok(lines.some((line) => line.startsWith('mask removed: reading/pii')), lines.join('\n'));

  await gateway.reload(plainConfig(around, { ...BAD }));
  const refused = await until(() => messages(gateway, 'the new configuration is refused; the old one stays in force')[0], 20_000, 'the refusal');
  assert.match(String(refused['reason']), /nobody-of-that-name/);
  assert.match(await ssn(gateway), /123-45-6789/, 'the old one serves on');
  const degraded = await ready(gateway);
  assert.deepEqual([degraded.status, degraded.body['ready']], [200, true]);
  assert.match(String(degraded.body['configuration']), /^degraded/);
  assert.equal(await valid(gateway), '0');

  await gateway.reload(plainConfig(around, { policies: GUARDED }));
  await until(() => messages(gateway, 'configuration in force').length === 2, 20_000, 'the second reload');
  assert.deepEqual([await valid(gateway), (await ready(gateway)).body], ['1', { ready: true }]);
  assert.doesNotMatch(await ssn(gateway), /123-45-6789/);
  assert.equal(await gateway.terminate(), 0);

  const { leaves } = await readEvidence(gateway.dataDir, join(gateway.folder, 'keys'));
  const changes = leaves.flatMap(({ record }) => (record.kind === 'config_change' ? [record] : []));
  assert.deepEqual(changes.map(({ accepted }) => accepted), [true, false, true]);
  assert.deepEqual(changes[0]?.changes, lines, 'the record says what the log says');
  assert.notEqual(changes[0]?.config, changes[2]?.config);
  assert.equal(changes[1]?.config, changes[0]?.config, 'a refused one leaves the digest in force');
});

test('wicketgate reload says what changed, or why not', async () => {
  await using gateway = await startPlainGateway(plainConfig(around, { policies: GUARDED }));
  const none = await gateway.cli('reload', '--config', gateway.configFile);
  assert.deepEqual([none.code, none.stdout], [0, 'in force; nothing changed\n'], none.stderr);
  rewrite(gateway, { policies: LOOSE });
  const some = await gateway.cli('reload', '--config', gateway.configFile);
  assert.equal(some.code, 0, some.stderr);
  assert.match(some.stdout, /^in force:\n {2}deny removed: reading\/no-deletes/);
  const json = await gateway.cli('reload', '--data', gateway.dataDir, '--json');
  assert.equal((JSON.parse(json.stdout) as { ok: boolean }).ok, true);

  rewrite(gateway, BAD);
  const bad = await gateway.cli('reload', '--data', gateway.dataDir);
  assert.equal(bad.code, 1, bad.stdout);
  assert.match(bad.stderr, /nobody-of-that-name/);

  // With the file itself, what is wrong with it is said where it stands, and the gateway is left alone.
  const file = await gateway.cli('reload', '--config', gateway.configFile);
  assert.equal(file.code, 1, file.stdout);
  assert.match(file.stderr, /wicketgate\.yaml:\d+:\d+: .*nobody-of-that-name.*\nnot in force; a gateway that runs goes on with the old one\n$/);
  writeFileSync(gateway.configFile, readFileSync(gateway.configFile, 'utf8').replace('policies:', 'polices:'));
  const misspelt = await gateway.cli('reload', '--config', gateway.configFile);
  assert.deepEqual([misspelt.code, misspelt.stdout], [1, '']);
  assert.match(misspelt.stderr, /wicketgate\.yaml:\d+:\d+: polices: .*policies/);
  const asked = await gateway.cli('reload', '--data', gateway.dataDir);
  assert.equal(asked.code, 1, asked.stdout);
  assert.match(asked.stderr, /wicketgate\.yaml:\d+:\d+: polices: .*policies/);
  assert.match(await ssn(gateway), /123-45-6789/, 'the old one serves on');

  rewrite(gateway, { policies: LOOSE, polices: undefined, gateway: { data: './elsewhere', keys: './keys' } });
  const restart = await gateway.cli('reload', '--data', gateway.dataDir);
  assert.equal(restart.code, 1);
  assert.match(restart.stderr, /needs a restart: gateway\.data changed/);

  assert.equal(await gateway.terminate(), 0);
  const nobody = await gateway.cli('reload', '--data', gateway.dataDir);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /no gateway runs on/);
});

test('reload: watch acts on an atomic rename, and on nothing less', async () => {
  await using gateway = await startPlainGateway(plainConfig(around, { policies: GUARDED, gateway: { names: ['localhost'], reload: 'watch' } }));
  // Writing into the file does nothing by itself; the rename behind it brings what the file says then.
  const config = parse(readFileSync(gateway.configFile, 'utf8')) as Config;
  writeFileSync(gateway.configFile, stringify({ ...config, ...BAD }));
  rewrite(gateway, { policies: LOOSE });
  await until(() => messages(gateway, 'configuration in force').length === 1, 20_000, 'the reload');
  assert.equal(messages(gateway, 'the new configuration is refused; the old one stays in force').length, 0);
  assert.match(await ssn(gateway), /123-45-6789/);
  rewrite(gateway, BAD);
  await until(() => messages(gateway, 'the new configuration is refused; the old one stays in force').length === 1, 20_000, 'the refusal');
  assert.equal(await valid(gateway), '0');
});
