import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openEvidenceLog } from '../evidence/open.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../evidence/testdata/records.ts';
import { columns, visible } from './recorded.ts';
import { instant } from './sessions-list.ts';

let data: string;
let keys: string;

before(async () => {
  const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-cli-'));
  [data, keys] = [join(base, 'data'), join(base, 'keys')];
  const log = await openEvidenceLog({ folder: join(data, 'evidence'), keysFolder: keys, instance: 'gw', build: 'b', config: 'c', segmentBytes: 256 * 1024 });
  log.append(sessionOpen('s-one'));
  log.append(intent('s-one', 1), [statement('select 1; -- \u001b[2J\u202e')]);
  const recording = log.openRecording('billing', 1000);
  recording.write(Buffer.from('id|name'));
  log.append({ ...outcome('s-one', 1), answer: recording.finish() });
  log.append({ kind: 'refusal', session: 's-one', command: 2, code: 'denied', verb: 'drop', decision: { effect: 'deny', rules: ['migrations/never-drop'], policy: 'p' } }, [statement('drop database billing')]);
  log.append(sessionClose('s-one', 2));
  await durable(log.append(sessionOpen('s-two')));
  await log.close();
});

after(() => fs.rmSync(join(data, '..'), { recursive: true, force: true }));

/** Runs the commands as a program of their own, with a renderer in the place of the protocol's. */
const run = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
  const program = `
    import { Command } from 'commander';
    import { registerEvidenceVerify } from './evidence-verify.ts';
    import { registerSessionsList } from './sessions-list.ts';
    import { registerSessionsReplay } from './sessions-replay.ts';
    import { registerSessionsShow } from './sessions-show.ts';
    const program = new Command('wicketgate');
    const sessions = program.command('sessions');
    registerSessionsList(sessions);
    registerSessionsShow(sessions);
    registerSessionsReplay(sessions, { render: (protocol, bytes) => protocol + ' <' + bytes.toString('utf8') + '>\\u0007' });
    registerEvidenceVerify(program.command('evidence'));
    await program.parseAsync(process.argv.slice(1), { from: 'user' });`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module-typescript', '-e', program, '--', ...args], { cwd: import.meta.dirname }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
};

test('sessions list: one line each, and JSON', async () => {
  const { stdout, code } = await run('sessions', 'list', '--data', data);
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[1] ?? '', /^s-one +\d{4}-\S+Z +billing-migrations +billing +1 +1 +closed$/);
  assert.match(lines[2] ?? '', /^s-two .* open$/);
  const json = JSON.parse((await run('sessions', 'list', '--data', data, '--json', '--since', '1h')).stdout) as { session: string }[];
  assert.deepEqual(json.map(({ session }) => session), ['s-one', 's-two']);
  assert.deepEqual(JSON.parse((await run('sessions', 'list', '--data', data, '--json', '--until', '1h')).stdout), []);
  assert.equal((await run('sessions', 'list', '--data', data, '--since', 'lately')).code, 2);
  assert.equal((await run('sessions', 'list')).code, 2);
  assert.equal((await run('sessions', 'list', '--data', keys)).code, 2);
});

test('sessions show: statements with control characters written out, rule, refusal, outcome', async () => {
  const { stdout, code } = await run('sessions', 'show', 's-one', '--data', data, '--keys', keys);
  assert.equal(code, 0);
  assert.match(stdout, /#1 select: allow by migrations\n {4}select 1; -- \\u\{1b\}\[2J\\u\{202e\}\n/);
  assert.match(stdout, /#1 -> ok, SELECT, 1 rows returned, 64 bytes/);
  assert.match(stdout, /#2 drop: REFUSED denied by migrations\/never-drop\n {4}drop database billing\n/);
  assert.ok(!stdout.includes('\u001b'));
  const sealed = await run('sessions', 'show', 's-one', '--data', data);
  assert.match(sealed.stdout, /\[statement sealed: its key is not there\]/);
  assert.equal((await run('sessions', 'show', 'nobody', '--data', data)).code, 1);
});

test('sessions replay: the recorded answer through the renderer, at once when it does not go to a terminal', async () => {
  const { stdout, code } = await run('sessions', 'replay', 's-one', '--data', data, '--keys', keys);
  assert.equal(code, 0);
  assert.match(stdout, /#1 -> ok.*\n    postgres <id\|name>\\u\{7\}\n/);
  assert.equal((await run('sessions', 'replay', 's-one', '--data', data, '--speed', 'fast')).code, 2);
});

test('evidence verify: exit code 0, 1 and 2, two verdicts', async () => {
  const copy = join(data, '..', 'copy');
  fs.cpSync(join(data, 'evidence'), copy, { recursive: true });
  const broken = await run('evidence', 'verify', copy, '--keys', keys);
  assert.equal(broken.code, 1, 's-two has no close although the instance stopped');
  assert.match(broken.stdout, /INTEGRITY {5}ok/);
  assert.match(broken.stdout, /COMPLETENESS {2}FAILED: 1 gap\n {2}record \d+, session s-two: the session has no close/);
  const path = join(copy, '00000000.seg');
  const bytes = fs.readFileSync(path);
  bytes[bytes.indexOf('"session":"s-one"') + 12] = 0x7a;
  fs.writeFileSync(path, bytes);
  const altered = await run('evidence', 'verify', copy, '--json');
  assert.equal(altered.code, 1);
  const [verdict] = JSON.parse(altered.stdout) as { integrity: { ok: boolean; fault: { sequence: number } } }[];
  assert.equal(verdict?.integrity.ok, false);
  assert.equal(verdict.integrity.fault.sequence, 2);
  assert.equal((await run('evidence', 'verify', keys)).code, 2);
});

test('words for a terminal', () => {
  assert.equal(visible('a\u0000b\rc\nd\u009bX\u2066'), 'a\\u{0}b\\u{d}c\nd\\u{9b}X\\u{2066}');
  assert.equal(columns([['A', 'BB'], ['long', 'x']]), 'A     BB\nlong  x\n');
  assert.equal(instant('90m', Date.parse('2026-11-22T12:00:00Z')), '2026-11-22T10:30:00.000Z');
  assert.equal(instant('nonsense', 0), null);
});
