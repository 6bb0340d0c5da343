import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nodeDisk } from '../evidence/node-disk.ts';
import { openEvidenceLog } from '../evidence/open.ts';
import { filesOf, makeEvidence, makePack, packAgain } from '../evidence/pack/testdata/packs.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../evidence/testdata/records.ts';
import { proveRecord } from '../evidence/tree/prove.ts';
import type { Verdict } from '../evidence/verify/verify.ts';

let base: string;
let vkey: string;
const at = (...names: string[]): string => join(base, ...names);

/** What the gateway writes; the verifier shares no code with it. */
const writeLog = async (folder: string, instance: string): Promise<void> => {
  const log = await openEvidenceLog({ folder, keysFolder: at('keys'), instance, build: 'b', config: 'c', segmentBytes: 4 * 1024 * 1024 });
  for (const session of ['s-one', 's-two']) {
    await durable(log.append(sessionOpen(session)));
    for (let command = 1; command <= 150; command += 1) {
      log.append(intent(session, command), [statement(`select ${command}`)]);
      const ended = log.append(outcome(session, command));
      if (command % 25 === 0) await durable(ended);
    }
    log.append(sessionClose(session, 150));
  }
  await log.close();
};

before(async () => {
  base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-verify-cli-'));
  await writeLog(at('data', 'evidence'), 'gw-1');
  vkey = ((await json('evidence', 'verify', at('data')))[0] as Verdict).checkpoints.vkey as string;
});

after(() => fs.rmSync(base, { recursive: true, force: true }));

const run = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const program = `
      import { Command } from 'commander';
      import { registerEvidenceVerify } from './evidence-verify.ts';
      import { registerEvidenceVerifyProof } from './evidence-verify-proof.ts';
      const program = new Command('wicketgate');
      const evidence = program.command('evidence');
      registerEvidenceVerify(evidence);
      registerEvidenceVerifyProof(evidence);
      await program.parseAsync(process.argv.slice(1), { from: 'user' });`;
    execFile(process.execPath, ['--input-type=module-typescript', '-e', program, '--', ...args], { cwd: import.meta.dirname }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
const json = async (...args: string[]): Promise<unknown[]> => JSON.parse((await run(...args, '--json')).stdout) as unknown[];

test('what the gateway wrote verifies: tree, checkpoints, tiles, lock and bodies; it is said whose word the key is', async () => {
  const own = await run('evidence', 'verify', at('data'), '--keys', at('keys'), '--closed');
  assert.equal(own.code, 0, own.stdout + own.stderr);
  assert.match(own.stdout, /CHECKPOINTS {3}\d+ agree, up to record 60\d .*; 0 records came after\n +signed by the key that the log itself names\. That proves less/);
  assert.match(own.stdout, /[12] that did not come from this folder agree as well\n +2 hash tiles agree/);
  assert.match(own.stdout, /300 references, 300 compared with their commitment/);
  assert.match(own.stdout, /INTEGRITY {5}ok.*\nCOMPLETENESS {2}ok/);
  const given = await run('evidence', 'verify', at('data'), '--vkey', vkey);
  assert.equal(given.code, 0);
  assert.match(given.stdout, /signed by a key that you gave/);
});

test('keys that do not fit: of nobody, of another log, of a witness, or another key under the name of this log', async () => {
  for (const wrong of ['x', vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')]) assert.equal((await run('evidence', 'verify', at('data'), '--vkey', wrong)).code, 2);
  await writeLog(at('elsewhere'), 'gw-2');
  const other = ((await json('evidence', 'verify', at('elsewhere')))[0] as Verdict).checkpoints.vkey as string;
  const stranger = await run('evidence', 'verify', at('data'), '--vkey', other);
  assert.equal(stranger.code, 1);
  assert.match(stranger.stdout, /signed by NOT ONE of the keys that you gave: none is of this log/);
  // Beside the right key: its log is asked for, and is not there. A policy names whom to trust, whatever is shown.
  const absent = await run('evidence', 'verify', at('data'), '--vkey', vkey, '--vkey', other);
  assert.equal(absent.code, 1);
  assert.match(absent.stdout, /INTEGRITY {5}ok[^]*MISSING LOG {3}default\/gw-2\/[0-9a-f]{8} is not among the folders given; a --vkey tells of it\n/);
  fs.writeFileSync(at('policy'), `log ${vkey}\nlog ${other}\nquorum none\n`);
  assert.equal((await run('evidence', 'verify', at('data'), '--policy', at('policy'))).code, 0);
  fs.writeFileSync(at('policy'), `log ${vkey}\nquorum everybody\n`);
  const unread = await run('evidence', 'verify', at('data'), '--policy', at('policy'));
  assert.deepEqual([unread.code, unread.stderr], [2, 'line 2 of the policy: "everybody" is not known above this line\n']);
});

test('a checkpoint that was kept: contained, of another log, or none', async () => {
  fs.copyFileSync(at('data', 'evidence', 'tlog', 'checkpoint'), at('kept'));
  assert.equal((await run('evidence', 'verify', at('data'), '--checkpoint', at('kept'))).code, 0);
  assert.equal((await run('evidence', 'verify', at('data'), '--checkpoint', at('policy'))).code, 2);
  const elsewhere = await run('evidence', 'verify', at('elsewhere'), '--checkpoint', at('kept'));
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.stdout, /MISSING LOG {3}default\/gw-1\/[0-9a-f]{8} is not among the folders given; the checkpoint kept in .* tells of it/);
});

test('an older copy of the folder put back: the checkpoint that was kept names the missing tail', async () => {
  fs.cpSync(at('data', 'evidence'), at('older'), { recursive: true });
  await writeLog(at('data', 'evidence'), 'gw-1');
  fs.copyFileSync(at('data', 'evidence', 'tlog', 'checkpoint'), at('newer'));
  assert.equal((await run('evidence', 'verify', at('older'))).code, 0, 'whole in itself');
  for (const args of [['--checkpoint', at('newer')], ['--keys', at('keys')]]) {
    const { code, stdout } = await run('evidence', 'verify', at('older'), ...args);
    assert.equal(code, 1);
    assert.match(stdout, /COMPLETENESS {2}FAILED: 1 gap\n {2}record 60\d: the tail is missing: the (?:checkpoint kept in|last checkpoint that the keys folder knows).* covers 12\d\d records, the log has 60\d: records 60\d to 12\d\d are not there/);
  }
});

test('a log that others tell of: a failure when a data folder or several were given, a note for one log alone', async () => {
  await writeLog(at('data', 'evidence'), 'gw-1');
  const roster = ((await json('evidence', 'verify', at('data')))[0] as Verdict).roster;
  assert.ok(roster.some((name) => name.startsWith('default/gw-2/')), `the roster is ${roster.join()}`);
  const alone = await run('evidence', 'verify', at('data', 'evidence'));
  assert.equal(alone.code, 0);
  assert.match(alone.stdout, /NOTE {10}the log tells of 1 more of its deployment, which were not given: default\/gw-2/);
  const data = await run('evidence', 'verify', at('data'));
  assert.equal(data.code, 1);
  assert.match(data.stdout, /MISSING LOG {3}default\/gw-2\/[0-9a-f]{8} is not among the folders given; default\/gw-1\/[0-9a-f]{8} tells of it/);
  assert.equal((await run('evidence', 'verify', at('data'), at('elsewhere'))).code, 0);
});

test('a proof that the gateway wrote, verified with the record from a file or a folder', async () => {
  const { proof, record } = await proveRecord(nodeDisk, at('data', 'evidence'), 300);
  fs.writeFileSync(at('p.tlog-proof'), proof);
  fs.writeFileSync(at('p.json'), record);
  const proven = await run('evidence', 'verify-proof', at('p.tlog-proof'), '--vkey', vkey, '--record', at('p.json'));
  assert.equal(proven.code, 0, proven.stdout + proven.stderr);
  assert.match(proven.stdout, /^PROVEN {8}record 300 of default\/gw-1\/[0-9a-f]{8}, in a tree of \d+ records signed by a key that you gave\n {2}leaf hash [0-9a-f]{64}\n$/);
  assert.equal((await run('evidence', 'verify-proof', at('p.tlog-proof'), '--vkey', vkey, '--folder', at('data'))).code, 0);
  fs.writeFileSync(at('p.json'), Buffer.from(record).toString('utf8').replace('"kind":"', '"kind":"x'));
  const altered = await run('evidence', 'verify-proof', at('p.tlog-proof'), '--vkey', vkey, '--record', at('p.json'));
  assert.equal(altered.code, 1);
  assert.match(altered.stdout, /NOT PROVEN {4}this record is not record 300 of the log/);
  for (const args of [[], ['--vkey', vkey], ['--vkey', vkey, '--folder', at('elsewhere')], ['--vkey', vkey, '--record', at('nothing')]]) assert.equal((await run('evidence', 'verify-proof', at('p.tlog-proof'), ...args)).code, 2);
  assert.equal((await run('evidence', 'verify-proof', at('kept'), '--vkey', vkey, '--folder', at('data'))).code, 2);
  assert.match((await run('evidence', 'verify', at('p.tlog-proof'))).stderr, /for a proof use evidence verify-proof/);
});

test('a pack whose manifest was altered is an altered pack, exit code 1; what is no pack, or of a newer version, is 2', async () => {
  await makePack(await makeEvidence(at('packed')), at('pack.zip'));
  const pack = fs.readFileSync(at('pack.zip'));
  assert.equal((await run('evidence', 'verify', at('pack.zip'))).code, 0);
  const files = await filesOf(pack);
  const begins = pack.lastIndexOf('manifest.json', pack.lastIndexOf('manifest.json') - 1) + 'manifest.json'.length;
  const flipped = Buffer.from(pack);
  flipped[begins + 40] = (flipped[begins + 40] as number) ^ 1;
  const altered: Record<string, Buffer> = {
    'a byte of it': flipped,
    'all of it': Buffer.from(packAgain(files, at('again.zip'), (said) => Object.keys(said).forEach((name) => delete said[name]))),
    'a member': Buffer.from(packAgain(files, at('again.zip'), (said) => void (said['logs'] = []))),
    'a digest': Buffer.from(packAgain(files, at('again.zip'), (said) => void ((said['files'] as { sha256: string }[])[0] = { ...(said['files'] as { sha256: string }[])[0], sha256: '0'.repeat(64) }))),
    'the version': Buffer.from(packAgain(files, at('again.zip'), (said) => void (said['version'] = 'x'))),
  };
  for (const [what, bytes] of Object.entries(altered)) {
    fs.writeFileSync(at('altered.zip'), bytes);
    const { code, stdout, stderr } = await run('evidence', 'verify', at('altered.zip'));
    assert.equal(code, 1, `${what}: ${stdout}${stderr}`);
    assert.match(stdout, /INTEGRITY {5}FAILED: /, what);
  }
  const [found] = (await json('evidence', 'verify', at('altered.zip'))) as { integrity: { ok: boolean } }[];
  assert.equal(found?.integrity.ok, false);
  for (const bytes of [pack.subarray(0, pack.length - 1), Buffer.from('PK\u0003\u0004 something else'), packAgain(files, at('again.zip'), (said) => void (said['version'] = 2))]) {
    fs.writeFileSync(at('altered.zip'), bytes);
    assert.equal((await run('evidence', 'verify', at('altered.zip'))).code, 2);
  }
});
