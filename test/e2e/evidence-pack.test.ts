import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { filesOf } from '../../src/evidence/pack/testdata/packs.ts';
import type { PackVerdict } from '../../src/evidence/verify/pack/verdict.ts';
import { CLI } from '../kit/gateway.ts';
import { run, type Ran } from '../kit/run.ts';
import { until } from '../kit/until.ts';
import { startScene, TARGET_PASSWORD, type Scene } from './scene.ts';

/*
 * The auditor's pack of a gateway that works: made while it runs, verified by the command that an auditor has, and each export is itself on
 * record.
 */

const SIGNAL_EXPORT = pathToFileURL(join(import.meta.dirname, 'testdata', 'signal-export.js')).href;
const DAY = 86_400_000;
const today = Math.floor(Date.now() / DAY) * DAY;
const [FROM, TO] = [new Date(today - DAY).toISOString(), new Date(today + 2 * DAY).toISOString().slice(0, 10)];

let scene: Scene;
before(async () => {
  scene = await startScene();
});
after(() => scene[Symbol.asyncDispose]());

const exported = async (name: string, ...more: readonly string[]): Promise<{ readonly path: string; readonly stderr: string; readonly verdict: PackVerdict; readonly code: number }> => {
  const path = join(scene.gateway.folder, name);
  const { code, stdout, stderr } = await scene.gateway.cli('evidence', 'export', '--config', scene.gateway.configFile, '--from', FROM, '--to', TO, '--out', path, ...more);
  assert.equal(code, 0, `${stdout}${stderr}`);
  const verified = await scene.gateway.cli('evidence', 'verify', path, '--json');
  return { path, stderr, verdict: (JSON.parse(verified.stdout) as PackVerdict[])[0] as PackVerdict, code: verified.code };
};

/** A pack ends with what is signed: waits until what was done before is. What is not waited for is durable, and so signed, a little later. */
const signed = async (): Promise<void> => {
  const size = (): number => Number(readFileSync(join(scene.gateway.dataDir, 'evidence', 'tlog', 'checkpoint'), 'utf8').split('\n')[1]);
  for (let round = 0; round < 2; round += 1) {
    const before = size();
    assert.equal((await scene.psql('reader', '-c', 'SELECT 1')).code, 0);
    await until(() => size() > before, 20_000, 'a checkpoint');
  }
};

const csv = async (path: string, table: string): Promise<string[]> => ((await filesOf(readFileSync(path))).get(`logs/0/populations/${table}.csv`)?.toString() ?? '').trimEnd().split('\r\n').slice(1);

test('sessions of psql, while the gateway runs: populations, masked texts, proofs; a second pack has the export of the first on record', async () => {
  assert.equal((await scene.psql('reader', '-c', 'SELECT id FROM orders', '-c', "SELECT note FROM audit WHERE note = 'n1'")).code, 0);
  assert.notEqual((await scene.psql('reader', '-c', "INSERT INTO audit VALUES (9, 'never')")).code, 0);
  assert.equal((await scene.psql('writer', '-c', "INSERT INTO audit VALUES (9, 'written')")).code, 0);
  assert.notEqual((await scene.psql('stranger', '-c', 'SELECT 1')).code, 0);
  await signed();
  const first = await exported('first.zip', '--seed', 'from the auditor');
  assert.equal(first.code, 0);
  assert.deepEqual(first.verdict.integrity, { ok: true, faults: [], faultCount: 0 });
  assert.equal(first.verdict.completeness.verdict, 'open', 'the period is not over');
  const commands = await csv(first.path, 'commands');
  for (const [identity, verb, outcome] of [['reader', 'select', 'ok'], ['reader', 'insert', 'refused'], ['writer', 'insert', 'ok']] as const) {
    assert.ok(commands.some((row) => row.includes(`,${identity},shop,${verb},`) && row.includes(`,${outcome},`)), `${identity} ${verb} ${outcome}: ${commands.join('\n')}`);
  }
  const [log] = first.verdict.logs;
  assert.equal(log?.samples.length, commands.length);
  assert.ok(log.samples.some(({ texts }) => texts.some(({ part, text }) => part === 'statement' && text?.includes('SELECT') === true)));

  await signed();
  const second = await exported('second.zip');
  assert.ok((await csv(second.path, 'accesses')).some((row) => row.includes(',export,')));
  assert.equal(second.verdict.pack.query.seedGiven, false);
});

test('a key from elsewhere: the right one is said, a wrong one fails', async () => {
  const { path } = await exported('keyed.zip');
  const vkey = /^log (\S+)$/m.exec((await filesOf(readFileSync(path))).get('logs/0/tlog-policy.txt')?.toString() ?? '')?.[1] ?? '';
  const good = await scene.gateway.cli('evidence', 'verify', path, '--vkey', vkey);
  assert.equal(good.code, 0, good.stdout);
  assert.match(good.stdout, /signed by a key that you gave[\s\S]*INTEGRITY {5}ok/);
  const wrong = await scene.gateway.cli('evidence', 'verify', path, '--vkey', 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout, /INTEGRITY {5}FAILED: no key that was given is of this log/);
});

test('an export that is stopped leaves nothing; what one leaves that is killed, the next in its folder clears, and nothing else', async () => {
  const folder = join(scene.gateway.folder, 'packs');
  mkdirSync(folder);
  const start = (signal: NodeJS.Signals, name: string): Promise<Ran> =>
    run(process.execPath, ['--import', SIGNAL_EXPORT, CLI, 'evidence', 'export', '--config', scene.gateway.configFile, '--from', FROM, '--to', TO, '--out', join(folder, name)], { env: { TARGET_PASSWORD, EXPORT_SIGNAL: signal } });
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    const stopped = await start(signal, 'stopped.zip');
    assert.equal(stopped.code, code, stopped.stderr);
    assert.match(stopped.stderr, new RegExp(`stopped by ${signal}: nothing is left of the pack`));
    assert.deepEqual(readdirSync(folder), []);
  }
  assert.equal((await start('SIGKILL', 'killed.zip')).signal, 'SIGKILL');
  assert.match(readdirSync(folder).join(), /^killed\.zip\.parts-[^,]+$/);
  assert.equal((await start('SIGKILL', 'again.zip')).signal, 'SIGKILL');
  assert.match(readdirSync(folder).join(), /^again\.zip\.parts-[^,]+$/);
  // One of a process that lives, one of another machine, and what only looks like one.
  const [spool = ''] = readdirSync(folder);
  const others = [spool.replace(/-\d+-/, `-${process.pid}-`), spool.replace('.parts-', '.parts-elsewhere'), 'notes.parts-1', 'again.zip.draft.kept'];
  for (const name of others) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'again.zip.draft'), 'half of a pack');
  const { code } = await exported(join('packs', 'whole.zip'));
  assert.equal(code, 0);
  assert.deepEqual(readdirSync(folder).toSorted(), [...others, 'whole.zip'].toSorted());
});

test('wrong use is told, nothing is overwritten, and a folder that no gateway writes is exported as a copy', async () => {
  const cli = (...args: readonly string[]): ReturnType<Scene['gateway']['cli']> => scene.gateway.cli('evidence', 'export', '--config', scene.gateway.configFile, ...args);
  const out = join(scene.gateway.folder, 'again.zip');
  assert.equal((await cli('--from', TO, '--to', FROM, '--out', out)).code, 2);
  assert.equal((await cli('--from', 'yesterday', '--to', TO, '--out', out)).code, 2);
  assert.equal((await cli('--from', FROM, '--to', TO, '--out', out, '--sample', '1001')).code, 2);
  assert.ok(!existsSync(out));
  assert.equal((await cli('--from', FROM, '--to', TO, '--out', out)).code, 0);
  const twice = await cli('--from', FROM, '--to', TO, '--out', out);
  assert.equal(twice.code, 1);
  assert.match(twice.stderr, /is there already/);
  assert.equal(await scene.gateway.terminate(), 0);
  await until(() => scene.gateway.ended(), 20_000);
  const stopped = await exported('stopped.zip');
  assert.deepEqual(stopped.verdict.integrity.faults, []);
  assert.ok((await csv(stopped.path, 'refusals')).some((row) => row.includes(',no_identity,')), 'logins that were refused are counted by the minute');
  assert.equal(stopped.verdict.completeness.verdict, 'complete', JSON.stringify(stopped.verdict.completeness));
});
