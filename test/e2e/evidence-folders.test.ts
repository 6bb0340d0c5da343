import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { verify } from '../../src/evidence/verify/verify.ts';
import type { Gateway } from '../kit/gateway.ts';
import { program } from '../kit/present.ts';
import { until } from '../kit/until.ts';
import { loopDisk, noLoopDisk } from './loop-disk.ts';
import { plainClient, plainConfig, plainPsql, startPlainGateway, startSurroundings, type Surroundings } from './plain-stage.ts';
import { readEvidence } from './recorded-evidence.ts';
import { noSmallDisk, smallDisk } from './small-disk.ts';

/* Folders that cannot be written, or no longer, and keys that do not fit: named plainly, nothing overwritten, nothing runs unrecorded. */

let around: Surroundings;
before(async () => {
  around = await startSurroundings();
});
after(() => around[Symbol.asyncDispose]());

const readiness = async (gateway: Gateway): Promise<{ status: number; evidence: string }> => {
  const response = await fetch(`${gateway.control}/ready`, { headers: { connection: 'close' } });
  return { status: response.status, evidence: ((await response.json()) as { evidence?: string }).evidence ?? '' };
};

/** What a client is told that is logged in, and one that comes; and that the target saw neither. */
const refusals = async (gateway: Gateway, query: () => Promise<unknown>): Promise<string> => {
  const refused = await query().then(() => assert.fail('it ran'), (error: unknown) => (error as Error).message);
  const login = await plainPsql(around, gateway, 'writer', '-c', "INSERT INTO audit VALUES (66, 'never')");
  assert.match(login.stderr, /wicketgate: evidence cannot be written, so no session may open/);
  assert.deepEqual(await around.target.query('SELECT note FROM audit WHERE id = 66'), []);
  return refused;
};

test('a disk that the kernel makes read-only: nothing runs, readiness says so, and a start on the repaired disk goes on', { skip: noLoopDisk() }, async () => {
  using disk = loopDisk('512M');
  const [data, keys] = [join(disk.path, 'data'), join(disk.path, 'keys')];
  await using gateway = await startPlainGateway(plainConfig(around, { gateway: { data, keys } }));
  const client = await plainClient(around, gateway, 'writer');
  await client.query("INSERT INTO audit VALUES (65, 'before')");
  await until(async () => /^wicketgate_evidence_unsynced 0$/m.test(await (await fetch(`${gateway.control}/metrics`, { headers: { connection: 'close' } })).text()), 10_000, 'the outcome to be durable');
  disk.failReadOnly();
  const message = await refusals(gateway, () => client.query("INSERT INTO audit VALUES (66, 'never')"));
  assert.match(message, /evidence could not be (written|made durable): the disk (is read-only|reports an input\/output error); commands are refused until the log has been read again and goes on in a new segment, which is tried by itself/);
  const { status } = await readiness(gateway);
  assert.equal(status, 503);
  const told = await until(async () => /coming back failed: (.*)$/.exec((await readiness(gateway)).evidence)?.[1], 20_000, 'an attempt to come back');
  assert.match(told, /the disk is read-only|input\/output error/);
  await client.end().catch(() => {});
  await gateway.kill9();
  disk.powerOn();
  await gateway.start();
  assert.equal((await plainPsql(around, gateway, 'writer', '-Atc', "INSERT INTO audit VALUES (65, 'after') RETURNING note")).stdout.split('\n')[0], 'after');
  assert.equal(await gateway.terminate(), 0, gateway.log());
  const { integrity, completeness } = await verify(join(data, 'evidence'), { keys });
  assert.deepEqual([integrity, completeness.verdict, completeness.gapCount], [{ ok: true }, 'complete', 0], JSON.stringify(completeness));
  const { commands } = await readEvidence(data, keys);
  assert.deepEqual(commands.filter(({ verb }) => verb === 'insert').map(({ statement, end }) => [/'(\w+)'/.exec(statement ?? '')?.[1], end]), [['before', 'ok'], ['after', 'ok']]);
});

test('a folder that may not be written for a while: the same gateway comes back by itself, and says what it could not record', { skip: noLoopDisk() }, async () => {
  using disk = loopDisk('512M');
  const [data, keys] = [join(disk.path, 'data'), join(disk.path, 'keys')];
  const evidence = join(data, 'evidence');
  await using gateway = await startPlainGateway(plainConfig(around, { gateway: { data, keys } }));
  await until(() => existsSync(join(evidence, '00000001.seg')), 30_000, 'the second segment');
  const immutable = (flag: '+i' | '-i', ...paths: readonly string[]): void => {
    const { status, stderr } = spawnSync(program('chattr') ?? 'chattr', [flag, ...paths], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  const client = await plainClient(around, gateway, 'writer');
  const bystander = await plainClient(around, gateway, 'writer');
  await client.query('SELECT 1');
  immutable('+i', join(evidence, '00000000.seg'), evidence);
  try {
    const message = await refusals(gateway, () => client.query("INSERT INTO audit VALUES (66, 'never')"));
    assert.match(message, /evidence could not be written: the folder may not be written; commands are refused until .* tried by itself/);
    await until(async () => (await readiness(gateway)).evidence.endsWith('coming back failed: the folder may not be written'), 20_000, 'an attempt to come back');
  } finally {
    immutable('-i', evidence, join(evidence, '00000000.seg'));
  }
  await until(async () => (await readiness(gateway)).status === 200, 60_000, 'readiness once it may be written');
  assert.deepEqual((await bystander.query("SELECT 'back' AS word")).rows, [{ word: 'back' }], 'a session that was open goes on');
  await Promise.all([bystander.end(), client.end().catch(() => {})]);
  assert.equal(await gateway.terminate(), 0, gateway.log());
  const { integrity, completeness } = await verify(evidence, { keys });
  assert.deepEqual([integrity, completeness.verdict, completeness.gapCount], [{ ok: true }, 'complete', 0], JSON.stringify(completeness));
  const { leaves } = await readEvidence(data, keys);
  const unrecorded = leaves.flatMap(({ record }) => (record.kind === 'recovery' && record.what === 'unrecorded' ? [record] : []));
  assert.ok(unrecorded.some(({ command, count }) => command !== undefined && count === 1), 'the command that was refused: ' + JSON.stringify(unrecorded));
  assert.ok(unrecorded.some(({ of, count }) => of === 'refusal' && count !== undefined && count >= 1), 'the login that was refused');
});

test('a new data folder on a read-only disk is called just that', { skip: noSmallDisk() }, async () => {
  using disk = smallDisk('8m');
  disk.readOnly();
  await assert.rejects(startPlainGateway(plainConfig(around, { gateway: { data: join(disk.path, 'new', 'data') } })), /does not start: .*EROFS: read-only file system/s);
  await assert.rejects(startPlainGateway(plainConfig(around, { gateway: { keys: join(disk.path, 'new', 'keys') } })), /does not start: .*EROFS: read-only file system/s);
});

test('another key-encryption key than the one that wrapped the keys beside it does not start, and changes nothing', async () => {
  await using gateway = await startPlainGateway(plainConfig(around));
  assert.equal((await plainPsql(around, gateway, 'writer', '-Atc', 'SELECT 7')).stdout, '7\n');
  assert.equal(await gateway.terminate(), 0);
  const keys = join(gateway.folder, 'keys');
  const kek = join(keys, 'sealing.kek');
  const kept = `${gateway.folder}/kept.kek`;
  renameSync(kek, kept);
  const records = async (): Promise<number> => (await readEvidence(gateway.dataDir, keys)).leaves.length;

  await assert.rejects(gateway.start(), /does not start: .*holds sealing keys but not the sealing\.kek that wrapped them: restore it/s);
  assert.equal(existsSync(kek), false, 'none was made in its place');
  const other = `wicketgate-kek-1 ${Buffer.alloc(32, 7).toString('base64')}\n`;
  writeFileSync(kek, other, { mode: 0o600 });
  await assert.rejects(gateway.start(), /does not start: .*\.key cannot be unwrapped with the sealing\.kek of this folder: restore the one that wrapped it/s);
  assert.equal(readFileSync(kek, 'utf8'), other);
  rmSync(kek);
  renameSync(kept, kek);
  const before = await records();
  await gateway.start();
  assert.equal((await plainPsql(around, gateway, 'writer', '-Atc', 'SELECT 8')).stdout, '8\n');
  assert.ok((await records()) > before);
});
