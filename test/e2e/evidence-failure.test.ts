import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { verify } from '../../src/evidence/verify/verify.ts';
import type { Gateway } from '../kit/gateway.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { plainClient, plainConfig, plainConnection, plainPsql, startPlainGateway, startSurroundings, type Surroundings } from './plain-stage.ts';
import { readEvidence } from './recorded-evidence.ts';
import { noSmallDisk, smallDisk } from './small-disk.ts';

let around: Surroundings;
before(async () => {
  around = await startSurroundings();
  await around.target.query(`CREATE TABLE noise AS SELECT string_agg(md5(random()::text), '') AS words FROM generate_series(1, 500000); ALTER TABLE noise OWNER TO app`);
});
after(() => around[Symbol.asyncDispose]());

const readiness = async (gateway: Gateway): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(`${gateway.control}/ready`, { headers: { connection: 'close' } });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

const refusedWith = async (query: Promise<unknown>): Promise<{ code: string; message: string }> => {
  const error = await query.then(() => assert.fail('it was not refused'), (reason: unknown) => reason as { code: string; message: string });
  return error;
};

const whole = async (dataDir: string, keys: string): Promise<void> => {
  const { integrity, completeness } = await verify(join(dataDir, 'evidence'), { keys });
  assert.ok(integrity.ok, JSON.stringify(integrity));
  assert.deepEqual([completeness.verdict, completeness.gapCount], ['complete', 0], JSON.stringify(completeness));
};

test('a full disk: commands and logins are refused, what closes is still written, and it comes back by itself', { skip: noSmallDisk() }, async () => {
  using disk = smallDisk('260m');
  const data = join(disk.path, 'data');
  await using gateway = await startPlainGateway(plainConfig(around, { gateway: { names: ['localhost'], data }, connections: [plainConnection('shop', around, { evidence: { recordAnswers: '16MiB' } })] }));
  await until(() => existsSync(join(data, 'evidence', '00000001.seg')), 30_000, 'the second segment');
  const client = await plainClient(around, gateway, 'writer');
  const idle = await plainClient(around, gateway, 'reader');
  disk.fill();
  const alert = await until(() => gateway.logLines().find(({ msg }) => msg === 'the evidence disk is nearly full'), 20_000, 'the alert');
  assert.equal(alert['level'], 40);
  assert.equal((await readiness(gateway)).status, 200, 'what is preallocated still serves');

  // Answers that hardly compress use up both segments.
  let refused: { code: string; message: string } | undefined;
  for (let n = 0; n < 100 && !refused; n += 1) {
    try {
      await client.query('SELECT words FROM noise');
    } catch (error) {
      refused = error as { code: string; message: string };
    }
  }
  assert.equal(refused?.code, '58000');
  assert.match(refused.message, /^wicketgate: evidence cannot be written, so nothing may run: the evidence log is down to its reserve \(the disk is full\)/);
  assert.equal((await refusedWith(client.query("INSERT INTO audit VALUES (99, 'while full')"))).code, '58000');
  assert.deepEqual(await around.target.query('SELECT count(*)::int AS n FROM audit WHERE id = 99'), [{ n: 0 }]);
  const { status, body } = await readiness(gateway);
  assert.equal(status, 503);
  assert.match(String(body['evidence']), /down to its reserve \(the disk is full\)/);
  assert.equal(metric(await metrics(gateway), 'wicketgate_evidence_available'), 0);
  await until(() => gateway.logLines().some(({ level, msg }) => level === 50 && msg === 'evidence cannot be written: commands are refused'), 10_000, 'the log line');
  const login = await plainPsql(around, gateway, 'reader', '-c', 'SELECT 1');
  assert.match(login.stderr, /wicketgate: evidence cannot be written, so no session may open/);
  await idle.end();

  disk.free();
  await until(async () => (await readiness(gateway)).status === 200, 20_000, 'readiness once there is room');
  assert.deepEqual((await client.query("SELECT 'after' AS word")).rows, [{ word: 'after' }], 'the same session goes on');
  await until(() => gateway.logLines().some(({ msg }) => msg === 'evidence can be written again'), 10_000, 'the log line');
  await client.query("INSERT INTO audit VALUES (99, 'with room')");
  assert.equal(metric(await metrics(gateway), 'wicketgate_evidence_available'), 1);
  await client.end();
  assert.equal(await gateway.terminate(), 0);

  const keys = join(gateway.folder, 'keys');
  await whole(data, keys);
  const evidence = await readEvidence(data, keys);
  const refusals = evidence.leaves.filter(({ record }) => record.kind === 'refusal' && record.code === 'evidence_unavailable');
  assert.ok(refusals.length >= 2, `${refusals.length} refusals were recorded while the disk was full`);
  assert.deepEqual([...evidence.sessions.values()].map(({ end }) => end), ['closed', 'closed']);
});

test('a sync that fails poisons the log: everything is refused until it has been read again, then it goes on in a new segment', async () => {
  using folder = tempFolder('sync');
  const trigger = folder.file('now');
  await using gateway = await startPlainGateway(plainConfig(around), {
    nodeArgs: ['--import', pathToFileURL(join(import.meta.dirname, 'testdata', 'failing-sync.js')).href],
    env: { FAILING_SYNC: trigger },
  });
  await until(() => existsSync(join(gateway.dataDir, 'evidence', '00000001.seg')), 30_000, 'the second segment');
  const before = await plainClient(around, gateway, 'writer');
  const bystander = await plainClient(around, gateway, 'writer');
  await before.query("INSERT INTO audit VALUES (50, 'before')");
  writeFileSync(trigger, '');
  const failed = await refusedWith(before.query("INSERT INTO audit VALUES (50, 'never')"));
  assert.equal(failed.code, '58000');
  assert.match(failed.message, /wicketgate: evidence cannot be written, so nothing may run: evidence could not be made durable: the disk reports an input\/output error; commands are refused until the log has been read again and goes on in a new segment, which is tried by itself/);
  assert.deepEqual(await around.target.query("SELECT note FROM audit WHERE id = 50 ORDER BY note"), [{ note: 'before' }], 'what could not be recorded did not run');
  const refused = await refusedWith(bystander.query('SELECT 1'));
  assert.match(refused.message, /evidence could not be made durable/);
  const { status, body } = await readiness(gateway);
  assert.equal(status, 503);
  assert.match(String(body['evidence']), /evidence could not be made durable/);
  const text = await metrics(gateway);
  assert.equal(metric(text, 'wicketgate_evidence_available'), 0);
  assert.ok(Number(metric(text, 'wicketgate_evidence_sync_failures_total')) >= 1);

  rmSync(trigger);
  await until(async () => (await readiness(gateway)).status === 200, 60_000, 'readiness after the disk is well');
  assert.deepEqual((await bystander.query("SELECT 'back' AS word")).rows, [{ word: 'back' }], 'a session that was open goes on');
  const after = await plainClient(around, gateway, 'writer');
  await after.query("INSERT INTO audit VALUES (50, 'after')");
  await Promise.all([after.end(), bystander.end(), before.end().catch(() => {})]);
  assert.equal(await gateway.terminate(), 0, gateway.log());
  const keys = join(gateway.folder, 'keys');
  await whole(gateway.dataDir, keys);
  const { commands } = await readEvidence(gateway.dataDir, keys);
  for (const note of ['before', 'after']) assert.ok(commands.some(({ statement, end }) => statement?.includes(`'${note}'`) && end === 'ok'), note);
});

test('a folder that cannot be written does not start', { skip: process.getuid?.() === 0 && noSmallDisk() }, async () => {
  const refused = (data: string): Promise<void> => assert.rejects(startPlainGateway(plainConfig(around, { gateway: { data } })), /does not start: .*(EROFS|EACCES)/s);
  if (process.getuid?.() === 0) {
    // A disk that went read-only under a gateway that is started again.
    using disk = smallDisk('200m');
    const data = join(disk.path, 'data');
    await (await startPlainGateway(plainConfig(around, { gateway: { data } }))).stop();
    disk.readOnly();
    await refused(data);
  } else {
    using folder = tempFolder('closed');
    chmodSync(folder.path, 0o500);
    await refused(folder.path);
  }
});

test('a full folder does not start', { skip: noSmallDisk() }, async () => {
  using disk = smallDisk('8m');
  await assert.rejects(startPlainGateway(plainConfig(around, { gateway: { data: join(disk.path, 'data') } })), /does not start: .*(ENOSPC|no space|disk is full)/s);
});

test('keys inside the data folder do not start', async () => {
  await assert.rejects(startPlainGateway(plainConfig(around, { gateway: { data: './data', keys: './data/keys' } })), /keys.*data.*this configuration does not start/s);
});

test('one folder has one gateway, and a newer version\'s folder is refused', async () => {
  await using first = await startPlainGateway(plainConfig(around));
  const keys = join(first.folder, 'keys');
  const again = plainConfig(around, { gateway: { data: first.dataDir, keys } });
  await assert.rejects(startPlainGateway(again), new RegExp(`does not start: another process \\(${first.pid}\\) writes evidence to .*: one folder has one writer`));
  assert.equal((await plainPsql(around, first, 'reader', '-Atc', 'SELECT 7')).stdout, '7\n', 'the first one serves on');
  assert.equal(await first.terminate(), 0);

  const file = join(first.dataDir, 'evidence', 'log.json');
  const said = JSON.parse(readFileSync(file, 'utf8')) as { format: number };
  writeFileSync(file, JSON.stringify({ ...said, format: said.format + 1 }));
  await assert.rejects(startPlainGateway(again), /does not start: .* is of format 2; this gateway writes format 1: use a newer gateway/);
  writeFileSync(file, JSON.stringify(said));
  const state = new DatabaseSync(join(first.dataDir, 'state.db'));
  const version = Number(state.prepare('PRAGMA user_version').get()?.['user_version']);
  state.exec(`PRAGMA user_version = ${version + 1}`);
  await assert.rejects(startPlainGateway(again), /does not start: state .* was written by a newer version/);
  state.exec(`PRAGMA user_version = ${version}`);
  state.close();
  await (await startPlainGateway(again)).stop();
});

const metrics = async (gateway: Gateway): Promise<string> => (await fetch(`${gateway.control}/metrics`, { headers: { connection: 'close' } })).text();

const metric = (text: string, name: string): number | undefined => {
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? [];
  return value === undefined ? undefined : Number(value);
};
