import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseLeaf, readLog, type Leaf } from '../../src/evidence/read.ts';
import { until } from '../kit/until.ts';
import { startScene, type Scene } from './scene.ts';

let scene: Scene;
before(async () => {
  scene = await startScene();
});
after(() => scene[Symbol.asyncDispose]());

const log = (): string => join(scene.gateway.dataDir, 'evidence');
const signedSize = (): number => Number(readFileSync(join(log(), 'tlog/checkpoint'), 'utf8').split('\n')[1]);

const records = async (folder = log()): Promise<Leaf[]> => {
  const leaves: Leaf[] = [];
  for await (const item of readLog(folder)) if (item.type === 'leaf') leaves.push(parseLeaf(item));
  return leaves;
};

const keys = async (folder = log()): Promise<string[]> => (await records(folder)).flatMap(({ record }) => (record.kind === 'key_event' ? [record.vkey] : []));

/** A command through the gateway, and the place of its outcome once a checkpoint covers it. */
const command = async (sql: string): Promise<number> => {
  const { code, stderr } = await scene.psql('writer', '-Atc', sql);
  assert.equal(code, 0, stderr);
  let at = -1;
  await until(async () => {
    at = (await records()).findLast(({ record }) => record.kind === 'outcome')?.seq ?? -1;
    return at >= 0 && signedSize() > at;
  }, 20_000, 'a checkpoint over the outcome');
  return at;
};

test('a command is proved to someone who has the key of the log and two files', async () => {
  const at = await command('SELECT count(*) FROM customers');
  const proof = join(scene.gateway.folder, 'outcome.tlog-proof');
  const proved = await scene.gateway.cli('evidence', 'prove', String(at), '--config', scene.gateway.configFile, '--out', proof);
  assert.equal(proved.code, 0, proved.stderr);
  const [vkey = ''] = await keys();
  const check = (record: string): Promise<{ code: number | null; stdout: string; stderr: string }> => scene.gateway.cli('evidence', 'verify-proof', proof, '--record', record, '--vkey', vkey);
  const good = await check(`${proof}.json`);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  const told = await scene.gateway.cli('evidence', 'prove', String(at), '--config', scene.gateway.configFile, '--json');
  assert.equal(told.code, 0, told.stderr);
  const inOne = JSON.parse(told.stdout) as { log: string; index: number; size: number; proof: string; record: string };
  assert.deepEqual([inOne.index, inOne.record, inOne.size > at], [at, readFileSync(`${proof}.json`, 'utf8'), true]);
  writeFileSync(proof, inOne.proof);
  assert.equal((await check(`${proof}.json`)).code, 0, 'the proof that stands in it verifies');
  const files = JSON.parse((await scene.gateway.cli('evidence', 'prove', String(at), '--config', scene.gateway.configFile, '--out', proof, '--json')).stdout) as Record<string, unknown>;
  assert.deepEqual([files['proofFile'], files['recordFile'], files['log']], [proof, `${proof}.json`, inOne.log]);
  const other = join(scene.gateway.folder, 'other');
  const first = await scene.gateway.cli('evidence', 'prove', `${(await records())[0]?.log},0`, '--config', scene.gateway.configFile, '--out', other);
  assert.equal(first.code, 0, first.stderr);
  assert.equal((await check(`${other}.json`)).code, 1);
  const beyond = await scene.gateway.cli('evidence', 'prove', '999999', '--config', scene.gateway.configFile);
  assert.equal(beyond.code, 1);
  assert.match(beyond.stderr, /covers \d+ records/);
});

test('after kill -9 it goes on where it was, checks itself, and what was signed before verifies', async () => {
  await command("INSERT INTO audit VALUES (3, 'n3')");
  const before = signedSize();
  await scene.gateway.kill9();
  await scene.gateway.start();
  await until(() => signedSize() > before, 20_000, 'a checkpoint of the new run');
  const checked = (await records()).map(({ record }) => record).findLast(({ kind }) => kind === 'self_check');
  assert.ok(checked?.kind === 'self_check' && checked.ok && checked.scope === 'start' && checked.size >= before);
  const verified = await scene.gateway.cli('evidence', 'verify', scene.gateway.dataDir);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

test('the key is replaced while it runs; verification and proofs follow', async () => {
  const rotated = await scene.gateway.cli('evidence', 'rotate-key', '--config', scene.gateway.configFile);
  assert.equal(rotated.code, 0, rotated.stderr);
  const at = await command('SELECT 1');
  const [first = '', second = ''] = await keys();
  assert.ok(rotated.stdout.includes(second), rotated.stdout);
  const proof = join(scene.gateway.folder, 'later.tlog-proof');
  assert.equal((await scene.gateway.cli('evidence', 'prove', String(at), '--config', scene.gateway.configFile, '--out', proof)).code, 0);
  const under = (vkey: string): Promise<{ code: number | null; stdout: string; stderr: string }> => scene.gateway.cli('evidence', 'verify-proof', proof, '--record', `${proof}.json`, '--vkey', vkey);
  assert.equal((await under(second)).code, 0, (await under(second)).stdout);
  assert.equal((await under(first)).code, 1);
  const verified = await scene.gateway.cli('evidence', 'verify', scene.gateway.dataDir, '--vkey', first);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

test('the log is published for clients of tiled logs', async () => {
  const out = join(scene.gateway.folder, 'public');
  const published = await scene.gateway.cli('evidence', 'publish', '--config', scene.gateway.configFile, '--out', out, '--json');
  assert.equal(published.code, 0, published.stderr);
  const { folder, size, files } = JSON.parse(published.stdout) as { folder: string; size: number; files: number };
  assert.ok(folder === out && size > 0 && files > 2, published.stdout);
  assert.ok(existsSync(join(out, 'checkpoint')) && existsSync(join(out, 'tile/entries')) && existsSync(join(out, 'tile/0')));
});

test('a restored older backup does not start; restart-log sets it aside, and the next log names it', async () => {
  const { gateway } = scene;
  await gateway.terminate();
  const backup = join(gateway.folder, 'backup');
  cpSync(log(), backup, { recursive: true });
  await gateway.start();
  await command("INSERT INTO audit VALUES (4, 'n4')");
  assert.equal((await gateway.cli('evidence', 'restart-log', '--config', gateway.configFile)).code, 1, 'done under a running gateway');
  await gateway.terminate();
  const signed = signedSize();
  const [ended] = await records();
  rmSync(log(), { recursive: true });
  cpSync(backup, log(), { recursive: true });
  await assert.rejects(gateway.start(), /is older than what was signed, as after restoring a backup/);
  const restarted = await gateway.cli('evidence', 'restart-log', '--config', gateway.configFile, '--json');
  assert.equal(restarted.code, 0, restarted.stderr);
  const told = JSON.parse(restarted.stdout) as { ended: string; aside: string; log: string; signed: number };
  assert.deepEqual([told.ended, told.signed, existsSync(told.aside)], [ended?.log, signed, true]);
  await gateway.start();
  await command('SELECT 2');
  const [start] = await records();
  assert.equal(start?.log, told.log);
  assert.ok(start?.record.kind === 'instance');
  assert.deepEqual([start.record.follows?.log, start.record.follows?.size], [ended?.log, signed]);
  assert.notEqual(start.log, ended?.log);
  const aside = join(gateway.dataDir, 'ended-logs', (ended?.log ?? '').replaceAll('/', '_'));
  assert.equal((await records(aside))[0]?.log, ended?.log);
});
