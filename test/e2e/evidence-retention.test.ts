import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openEvidenceLog } from '../../src/evidence/open.ts';
import { parseLeaf, readLog, type Leaf } from '../../src/evidence/read.ts';
import type { EvidenceRecord } from '../../src/evidence/log.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../../src/evidence/testdata/records.ts';
import { filesBelow } from '../kit/files.ts';
import { startGateway } from '../kit/gateway.ts';
import { run, type Ran } from '../kit/run.ts';
import { tempFolder } from '../kit/temp.ts';
import { startScene, TARGET_PASSWORD, type Scene } from './scene.ts';

/*
 * Reading, searching, holding and purging as an operator does it: by the command line, against a gateway that runs and one that does not.
 */
let scene: Scene;

before(async () => {
  scene = await startScene({ gateway: {}, connection: {} });
  // What a shop has: a retention.
  await scene.gateway.reload({ ...scene.config, retention: [{ connections: ['shop'], recordings: '30d' }, { connections: ['*'], recordings: '400d', evidence: '7y' }] });
});

after(async () => {
  await scene[Symbol.asyncDispose]();
});

const logFolder = (): string => join(scene.gateway.dataDir, 'evidence');
const keysFolder = (): string => join(scene.gateway.folder, 'keys');
const config = (): readonly string[] => ['--config', scene.gateway.configFile];
const leaves = async (): Promise<Leaf[]> => {
  const found: Leaf[] = [];
  for await (const item of readLog(logFolder())) if (item.type === 'leaf') found.push(parseLeaf(item));
  return found;
};
const accesses = async (): Promise<Extract<EvidenceRecord, { kind: 'access' }>[]> => (await leaves()).map(({ record }) => record).filter((record) => record.kind === 'access');
const done = (ran: Ran): Ran => {
  assert.equal(ran.code, 0, `${ran.stdout}${ran.stderr}`);
  return ran;
};

test('a search finds what was done, says what it was drawn from, and is itself recorded before it shows anything', async () => {
  done(await scene.psql('reader', '-c', "SELECT name FROM customers WHERE name = 'Ada'"));
  done(await scene.psql('writer', '-c', "INSERT INTO audit (id, note) SELECT g, 'bulk' FROM generate_series(100, 299) g"));
  const refused = await scene.psql('reader', '-c', 'DROP TABLE audit');
  assert.notEqual(refused.code, 0);
  const { stdout } = done(await scene.gateway.cli('evidence', 'search', ...config(), '--object', 'customers', '--text', "NAME = 'ada'"));
  assert.match(stdout, /reader on shop: #1 select allow -> ok, 1 rows {2}\(record \d+, session \w+\)\n {4}SELECT name FROM customers WHERE name = 'Ada'/);
  assert.match(stdout, /1 found in the first \d+ records of default\/gateway-1\/[0-9a-f]{8}, root [A-Za-z0-9+/]{43}=\n$/);
  const found = async (...filters: string[]): Promise<{ identity: string; verbs: string[] }[]> => {
    const [answer] = JSON.parse(done(await scene.gateway.cli('evidence', 'search', ...config(), '--json', ...filters)).stdout) as [{ hits: { identity: string; verbs: string[] }[] }];
    return answer.hits;
  };
  assert.deepEqual((await found('--rows', '>100')).map(({ identity, verbs }) => [identity, verbs[0]]), [['writer', 'insert']]);
  assert.deepEqual((await found('--decision', 'refused', '--verb', 'drop')).map(({ identity, verbs }) => [identity, verbs]), [['reader', ['drop_table', 'drop']]]);
  assert.deepEqual(await found('--identity', 'writer', '--until', '1h'), []);
  assert.deepEqual((await accesses()).map(({ act, filters, count }) => [act, filters, count]), [
    ['search', ['object', 'text'], 1],
    ['search', ['rows'], 1],
    ['search', ['decision', 'verb'], 1],
    ['search', ['identity', 'until'], 0],
  ]);
  assert.equal((await scene.gateway.cli('evidence', 'search', ...config(), '--text', 'ab')).code, 2);
});

test('reading a session is recorded by the running gateway; a copy is read with a word that it is not', async () => {
  const session = (await leaves()).map(({ record }) => record).find((record) => record.kind === 'session_open')?.session ?? '';
  const shown = done(await scene.gateway.cli('sessions', 'show', session, ...config()));
  assert.match(shown.stdout, /SELECT name FROM customers/);
  assert.equal(shown.stderr, '');
  const last = (await accesses()).at(-1);
  assert.deepEqual([last?.act, last?.recording], ['show', session]);
  // Named by its folder, it is the same live log.
  done(await scene.gateway.cli('sessions', 'replay', session, '--data', scene.gateway.dataDir, '--keys', keysFolder()));
  assert.deepEqual([(await accesses()).at(-1)?.act, (await accesses()).at(-1)?.recording], ['replay', session]);
  const count = (await accesses()).length;
  const copy = join(scene.gateway.folder, 'copy');
  cpSync(logFolder(), join(copy, 'evidence'), { recursive: true });
  const fromCopy = done(await scene.gateway.cli('sessions', 'show', session, '--data', copy, '--keys', keysFolder()));
  assert.match(fromCopy.stderr, /is read as a copy: this reading is not recorded in any log/);
  assert.match(fromCopy.stdout, /SELECT name FROM customers/);
  // Without keys nothing is opened.
  assert.match(done(await scene.gateway.cli('sessions', 'show', session, '--data', scene.gateway.dataDir)).stdout, /statement sealed/);
  const searched = done(await scene.gateway.cli('evidence', 'search', '--data', copy, '--keys', keysFolder(), '--text', 'customers'));
  assert.match(searched.stderr, /is read as a copy/);
  assert.ok(!existsSync(join(copy, 'search')), 'a copy is not written to');
  assert.equal((await accesses()).length, count);
  rmSync(copy, { recursive: true });
});

test('what cannot be recorded is not shown', async () => {
  const session = (await leaves()).map(({ record }) => record).find((record) => record.kind === 'session_open')?.session ?? '';
  await scene.gateway.terminate();
  // Somebody else holds the log, and no gateway answers.
  const log = await openEvidenceLog({ folder: logFolder(), keysFolder: keysFolder(), instance: 'gateway-1', build: 'b', config: 'c' });
  for (const args of [['sessions', 'show', session], ['sessions', 'replay', session], ['evidence', 'search', '--text', 'customers'], ['evidence', 'search']]) {
    const ran = await scene.gateway.cli(...args, ...config());
    assert.equal(ran.code, 1, args.join(' '));
    assert.equal(ran.stdout, '', args.join(' '));
    assert.match(ran.stderr, /not shown, because it cannot be recorded: another process \(\d+\) writes evidence/);
  }
  await log.close();
  // Nobody holds it: the command writes the record itself.
  const before = (await accesses()).length;
  assert.match(done(await scene.gateway.cli('sessions', 'show', session, ...config())).stdout, /SELECT name FROM customers/);
  assert.equal((await accesses()).length, before + 1);
});

test('plan, hold, purge: by the gateway while it runs, and the log verifies afterwards', async () => {
  // Days of long ago, which a gateway that runs today cannot make.
  const long = Date.now() - 40 * 86_400_000;
  const log = await openEvidenceLog({ folder: logFolder(), keysFolder: keysFolder(), instance: 'gateway-1', build: 'b', config: 'c', clock: { wall: () => long, monotonic: () => Math.floor(performance.now() * 1000) } });
  log.append({ ...sessionOpen('long-ago'), connection: 'shop' } as EvidenceRecord);
  log.append({ ...intent('long-ago', 1), connection: 'shop' } as EvidenceRecord, [statement("select 'of long ago, canary-77'", 'shop')]);
  log.append(outcome('long-ago', 1));
  assert.equal(await durable(log.append(sessionClose('long-ago', 1))), undefined);
  await log.close();
  await scene.gateway.start();

  const cli = (...args: string[]): Promise<Ran> => scene.gateway.cli('evidence', ...args, ...config());
  assert.match(done(await cli('search', '--text', 'canary-77')).stdout, /select 'of long ago, canary-77'/);
  const plan = async (): Promise<{ digest: string; goes: { day: string }[]; stays: { why: string }[]; gone: unknown[] }> => JSON.parse(done(await cli('purge', '--plan', '--json')).stdout) as never;
  const first = await plan();
  const day = new Date(long).toISOString().slice(0, 10);
  assert.deepEqual(first.goes.map((line) => line.day), [day]);
  const printed = done(await cli('purge', '--plan')).stdout;
  assert.match(printed, new RegExp(`goes:\\nCONNECTION +DAY +BODIES +BYTES +KEY +WHY\\nshop +${day} +1 +\\d+ +[0-9a-f]{8} +older than its retention\\n`));
  assert.match(printed, /shop +\S+ +1 +\d+ +\d+ +its day is not over/);
  assert.match(printed, /sinks: none are configured, so none is behind/);
  assert.equal((await cli('purge')).code, 2, 'neither of the two');
  assert.equal((await cli('purge', '--plan', '--confirm', first.digest)).code, 2, 'both');

  assert.equal((await cli('hold', 'add', 'case-7', '--reason', 'Acme v. Example', '--session', 'no-such-session')).code, 2);
  assert.equal((await cli('hold', 'add', 'case-7', '--reason', 'Acme v. Example', '--connection', 'shpo')).code, 2);
  done(await cli('hold', 'add', 'case-7', '--reason', 'Acme v. Example', '--session', 'long-ago'));
  assert.match(done(await cli('hold', 'list')).stdout, /case-7 +\S+Z +\S+ +sessions long-ago +Acme v\. Example/);
  assert.deepEqual((await plan()).stays.filter(({ why }) => why.includes('hold')).map(({ why }) => why), ['legal hold case-7']);
  const held = await cli('purge', '--confirm', first.digest);
  assert.equal(held.code, 1);
  assert.match(held.stderr, /what would go is not what plan .* said any more/);
  done(await cli('hold', 'remove', 'case-7', '--reason', 'settled'));

  assert.match(done(await cli('purge', '--confirm', first.digest.slice(0, 16))).stdout, /^purged: 1 key destroyed, recorded from record \d+ on as plan [0-9a-f]{16}\n$/);
  assert.ok(!existsSync(join(keysFolder(), 'sealing', 'shop', `${day}.key`)));
  const after = await plan();
  assert.deepEqual([after.goes.length, after.gone.length], [0, 1]);
  assert.match(done(await scene.gateway.cli('sessions', 'show', 'long-ago', ...config())).stdout, /\[statement sealed: its key is not there\]/);
  assert.match(done(await cli('search', '--text', 'canary-77')).stdout, /^nothing found/);
  assert.match(done(await cli('search', '--until', '30d')).stdout, /\[statement sealed: its key is not there\]/);
  const told = (await leaves()).map(({ record }) => record).filter((record) => record.kind === 'hold' || record.kind === 'purge');
  assert.deepEqual(told.map((record) => `${record.kind} ${record.event}`), ['hold add', 'hold remove', 'purge begin', 'purge done']);
  assert.match(done(await scene.gateway.cli('evidence', 'verify', scene.gateway.dataDir, '--keys', keysFolder())).stdout, /INTEGRITY +ok/);
  // Nothing of it is left in clear in anything that the gateway wrote.
  for (const { path, bytes } of filesBelow(scene.gateway.folder)) assert.ok(path.includes('writer') || !bytes.includes('canary-77'), path);
});

test('backup and restore, as the manual has it: a copy of the running gateway, restored elsewhere, verifies and can be read', async () => {
  let stop = false;
  const traffic = (async () => {
    const client = await scene.client('writer');
    for (let i = 0; !stop; i += 1) await client.query(`INSERT INTO audit (id, note) VALUES (${i}, '${'x'.repeat(i % 500)}')`);
    await client.end();
  })();
  const restored = join(scene.gateway.folder, 'restored');
  try {
    const script = `${PACED}\n${manualScript()}`;
    done(await run('/bin/sh', ['-euc', script], { env: { DATA: scene.gateway.dataDir, KEYS: keysFolder(), TO: join(scene.gateway.folder, 'backup') } }));
    for (const [archive, folder] of [['data.tar', 'data'], ['keys.tar', 'keys']] as const) {
      done(await run('/bin/sh', ['-euc', `mkdir -p "${restored}/${folder}" && tar -xpf "${join(scene.gateway.folder, 'backup')}/${archive}" -C "${restored}/${folder}"`]));
    }
  } finally {
    stop = true;
    await traffic;
  }
  const verified = done(await scene.gateway.cli('evidence', 'verify', join(restored, 'data'), '--keys', join(restored, 'keys')));
  assert.match(verified.stdout, /INTEGRITY +ok/);
  const found = done(await scene.gateway.cli('evidence', 'search', '--data', join(restored, 'data'), '--keys', join(restored, 'keys'), '--text', 'insert into audit', '--json'));
  const [answer] = JSON.parse(found.stdout) as [{ hits: { texts: { text: string }[] }[] }];
  assert.ok(answer.hits.length > 0 && answer.hits.every(({ texts }) => texts.every(({ text }) => text.startsWith('INSERT INTO audit'))));
  assert.ok(!existsSync(join(restored, 'data', 'search')), 'the index is not in a backup');
  // With the keys of today the older log is not written to: a later checkpoint was signed.
  await scene.gateway.terminate();
  const older = await scene.gateway.cli('evidence', 'hold', 'add', 'x', '--reason', 'x', '--config', configOn(join(restored, 'data')));
  assert.equal(older.code, 1, older.stdout);
  assert.match(older.stderr, /the folder is older than what was signed, as after restoring a backup/);
  await scene.gateway.start();
});

/** A `tar` after which more is written and signed before the next one begins, as between two that take their time: the order in which things are copied counts. */
const PACED = `
signed() { cat "$KEYS"/checkpoint-lock/*/* | cksum; }
next() { before=$(signed); until [ "$(signed)" != "$before" ]; do sleep 0.1; done; }
tar() {
  code=0
  command tar "$@" || code=$?
  next; next
  return $code
}`;

/** The configuration in force, with another data folder. */
const configOn = (data: string): string => {
  const path = join(scene.gateway.folder, 'restored.yaml');
  writeFileSync(path, readFileSync(scene.gateway.configFile, 'utf8').replace('data: ./data', `data: ${data}`));
  return path;
};


test('with gateway.keyCommand the key-encryption key is nowhere in clear, and every command that needs it asks the command', async (t) => {
  const folder = tempFolder('kek');
  t.after(() => folder.remove());
  const [keys, service] = [folder.file('keys'), folder.file('service.pem')];
  done(await run('/bin/sh', ['-euc', manualScript('wrap').replaceAll('YOUR-KEY-SERVICE encrypt', `openssl pkeyutl -encrypt -inkey "${service}"`)], { env: { KEYS: keys, SERVICE: service }, cwd: folder.path }));
  const openssl = (await run('/bin/sh', ['-c', 'command -v openssl'])).stdout.trim();
  await using gateway = await startGateway({ ...scene.config, gateway: { keys, keyCommand: [openssl, 'pkeyutl', '-decrypt', '-inkey', service] } }, { env: { TARGET_PASSWORD } });
  done(await gateway.cli('evidence', 'hold', 'add', 'case-8', '--reason', 'asked through the running gateway', '--config', gateway.configFile));
  done(await gateway.cli('evidence', 'search', '--config', gateway.configFile, '--verb', 'nothing'));
  done(await gateway.cli('evidence', 'purge', '--plan', '--config', gateway.configFile));
  assert.ok(!existsSync(join(keys, 'sealing.kek')) && readdirSync(join(keys, 'sealing')).length > 0, 'what was searched for is sealed');
  await gateway.terminate();
  done(await gateway.cli('evidence', 'hold', 'remove', 'case-8', '--reason', 'and without it', '--config', gateway.configFile));
  renameSync(service, `${service}.away`);
  await assert.rejects(gateway.start(), /gateway\.keyCommand ended with 1: run it by hand to see why/);
  renameSync(`${service}.away`, service);
  await gateway.start();
});

/** The commands between the marks in the manual: what people are told is what is tested. */
function manualScript(mark = 'backup'): string {
  const manual = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'operations.md'), 'utf8');
  const [, script] = new RegExp(`<!-- ${mark} -->\\s*\`\`\`sh\\n([\\s\\S]*?)\`\`\``).exec(manual) ?? [];
  assert.ok(script, `docs/operations.md has the commands marked ${mark}`);
  return script;
}
