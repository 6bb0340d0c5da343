import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { request as requestTls } from 'node:https';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import { parseCheckpointText } from '../../src/evidence/tlog/checkpoint.ts';
import { cosignatureVerifier } from '../../src/evidence/tlog/cosignature.ts';
import { noteVerifier, openNote, parseVkey } from '../../src/evidence/tlog/note.ts';
import { originHash } from '../../src/witness/memory.ts';
import { GrowingLog } from '../../src/witness/testdata/log.ts';
import { certificateAuthority } from '../kit/certificates.ts';
import { CLI } from '../kit/gateway.ts';
import { run } from '../kit/run.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { witnessProcess, type WitnessProcess } from '../kit/witness.ts';

const add = async (witness: WitnessProcess, body: Uint8Array): Promise<{ status: number; type: string; text: string }> => {
  const response = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body: new Uint8Array(body) });
  return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() };
};

const open = (witness: WitnessProcess, log: GrowingLog, note: string) => openNote(note, [noteVerifier(log.signer), cosignatureVerifier(parseVkey(witness.key))]);

test('the protocol over HTTP: cosigned, refused, read by monitors, in bounds', async () => {
  await using witness = await witnessProcess();
  const log = new GrowingLog('acme/gateway-1/00c0ffee').grow(300);
  await witness.start([log.vkey]);
  assert.equal(statSync(`${witness.folder}/witness.key`).mode & 0o777, 0o600);
  assert.ok(witness.logLines().some(({ key }) => key === witness.key), 'it says its key');
  assert.equal(witness.log().includes('PRIVATE'), false);

  const answer = await add(witness, log.request(0));
  assert.equal(answer.status, 200, answer.text);
  assert.equal(open(witness, log, log.checkpoint() + answer.text).verified.length, 2);
  log.grow(1000);
  const stale = await add(witness, log.request(7));
  assert.deepEqual(stale, { status: 409, type: 'text/x.tlog.size', text: '300\n' });
  assert.equal((await add(witness, log.request(300))).status, 200);
  assert.equal((await add(witness, log.fork(900).grow(900, 'other').request(1300, []))).status, 422);
  assert.equal((await add(witness, new GrowingLog('nobody').grow(1).request(0))).status, 404);
  assert.equal((await add(witness, new GrowingLog(log.origin).grow(1301).request(1300, []))).status, 403);
  assert.equal((await add(witness, Buffer.from('hello'))).status, 400);
  assert.equal((await add(witness, Buffer.alloc(65_537, 'a'))).status, 413);

  const seen = await fetch(`${witness.url}/${originHash(log.origin)}/checkpoint`);
  assert.equal(seen.status, 200);
  assert.equal(seen.headers.get('content-type'), 'text/plain; charset=utf-8');
  const opened = open(witness, log, await seen.text());
  assert.equal(opened.verified.length, 2);
  assert.equal(parseCheckpointText(opened.text).size, 1300);
  for (const [path, status] of [[`/${originHash('other')}/checkpoint`, 404], [`/${originHash(log.origin)}/`, 404], ['/', 404], ['/health', 200]] as const) {
    assert.equal((await fetch(witness.url + path)).status, status, path);
  }
  assert.equal((await fetch(`${witness.url}/add-checkpoint`)).status, 405);
  assert.equal((await fetch(`${witness.url}/health`, { method: 'DELETE' })).status, 405);
  assert.equal(await witness.terminate(), 0);
});

test('a client that sends slowly, or nothing, is let go', async () => {
  await using witness = await witnessProcess();
  const log = new GrowingLog('l').grow(1);
  await witness.start([log.vkey]);
  const port = Number(new URL(witness.url).port);
  const ended = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = createConnection(port, '127.0.0.1', () => socket.write(text));
      let got = '';
      socket.on('data', (chunk) => (got += chunk.toString()));
      socket.on('close', () => resolve(got));
      socket.on('error', () => {});
    });
  const [headers, body] = await Promise.all([ended('POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n'), ended('POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 1000\r\n\r\nold 0\n')]);
  for (const got of [headers, body]) assert.match(got, /^(HTTP\/1\.1 408|$)/);
  const many = Array.from({ length: 80 }, () => createConnection(port, '127.0.0.1'));
  const closed = { count: 0 };
  for (const socket of many) socket.on('error', () => {}).on('close', () => (closed.count += 1)).resume();
  await until(() => closed.count >= 16, 20_000, 'connections above the limit of one address to be closed');
  for (const socket of many) socket.destroy();
  await until(async () => (await add(witness, log.request(0))).status === 200, 20_000, 'an answer afterwards');
});

test('killed again and again while a log and its fork compete: one root for each size, never back, and all that was answered is there', async () => {
  await using witness = await witnessProcess();
  const log = new GrowingLog('l').grow(5);
  const roots = new Map<number, string>();
  let known = 0;
  let branches = [log, log.fork(3).grow(2, 'other')];
  for (let round = 0; round < 6; round += 1) {
    await witness.start([log.vkey]);
    let killed = false;
    const compete = async (branch: GrowingLog): Promise<void> => {
      while (!killed) {
        try {
          const answer = await add(witness, branch.request(Math.min(known, branch.size)));
          if (answer.status === 200) {
            const root = branch.root().toString('hex');
            assert.equal(roots.get(branch.size) ?? root, root, 'one root for a size');
            assert.ok(branch.size >= known, 'never back');
            roots.set(branch.size, root);
            known = branch.size;
          }
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          await until(() => killed, 20_000, 'the kill that broke the connection');
        }
        branch.grow(1, branch === branches[0] ? 'entry' : 'other');
      }
    };
    const before = known;
    const competing = Promise.all(branches.map(compete));
    await until(() => known > before + 20, 30_000, 'some cosignatures');
    await witness.kill9();
    killed = true;
    await competing;
    await witness.start([log.vkey]);
    const told = await (await fetch(`${witness.url}/${originHash('l')}/checkpoint`)).text();
    const { size, root } = parseCheckpointText(open(witness, log, told).text);
    assert.ok(size >= known, `it knows ${size}, and had answered for ${known}`);
    assert.equal(roots.get(size) ?? root.toString('hex'), root.toString('hex'));
    // The request that the kill cut off may have been remembered without an answer.
    roots.set(size, root.toString('hex'));
    known = size;
    const right = branches.find((branch) => branch.size >= size && branch.fork(size).root().equals(root));
    assert.ok(right, 'what it knows is one of the two histories');
    await witness.kill9();
    branches = [right, right.fork(Math.max(0, size - 2)).grow(2, `round ${round}`)];
  }
  assert.ok(roots.size > 100, `${roots.size} sizes were cosigned`);
});

test('https with a certificate of one\'s own, read again on SIGHUP', async () => {
  const authority = await certificateAuthority();
  using folder = tempFolder('certificate');
  const place = async (name: string): Promise<void> => {
    const { certPem, keyPem } = await authority.issue(['127.0.0.1', name]);
    writeFileSync(folder.file('cert.pem'), certPem);
    writeFileSync(folder.file('key.pem'), keyPem);
  };
  await place('first.example');
  await using witness = await witnessProcess({ args: ['--cert', folder.file('cert.pem'), '--key', folder.file('key.pem'), '--prefix', '/acme'] });
  const log = new GrowingLog('l').grow(1);
  await witness.start([log.vkey]);
  const post = (): Promise<{ status: number; names: string }> =>
    new Promise((resolve, reject) => {
      const request = requestTls(`${witness.url}/acme/add-checkpoint`, { method: 'POST', ca: authority.certPem, agent: false }, (response) => {
        const names = (response.socket as unknown as { getPeerCertificate(): { subjectaltname: string } }).getPeerCertificate().subjectaltname;
        response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, names }));
      });
      request.on('error', reject);
      request.end(log.request(log.size === 1 ? 0 : 1));
    });
  assert.deepEqual((await post()).status, 200);
  await place('second.example');
  witness.signal('SIGHUP');
  await until(async () => (await post()).names.includes('second.example'), 20_000, 'the new certificate');
  writeFileSync(folder.file('key.pem'), 'nothing');
  witness.signal('SIGHUP');
  await until(() => witness.log().includes('the old one stays'), 20_000, 'the complaint');
  assert.match((await post()).names, /second\.example/);
});

test('what does not make a witness is said, each problem on a line, and nothing is made', async () => {
  using folder = tempFolder('witness');
  const log = new GrowingLog('l');
  const data = folder.file('w');
  const witness = (...args: readonly string[]) => run(process.execPath, [CLI, 'witness', ...args], { cwd: folder.path });
  const refusals: readonly (readonly [readonly string[], RegExp, number])[] = [
    [[], /listen is missing.*\ndata is missing/, 2],
    [['--listen', '7090', '--data', data, '--log', log.vkey], /"7090" is not host:port/, 2],
    [['--listen', '127.0.0.1:0', '--data', data], /no log is named/, 2],
    [['--listen', '127.0.0.1:0', '--data', data, '--log', 'nonsense'], /log "nonsense": not a key/, 2],
    [['--listen', '127.0.0.1:0', '--data', data, '--log', log.vkey, '--log', log.vkey], /given twice/, 2],
    [['--listen', '127.0.0.1:0', '--data', data, '--log', log.vkey.replace(/\+(.)/, (_all, digit: string) => `+${digit === '0' ? '1' : '0'}`)], /key id that is not its own/, 2],
    [['--listen', '127.0.0.1:0', '--data', data, '--log', log.vkey, '--cert', 'x'], /TLS needs both/, 2],
    [['--listen', '127.0.0.1:0', '--data', data, '--log', log.vkey, '--prefix', 'a b'], /is not a path/, 2],
    [['--config', folder.file('none.yaml')], /cannot be read/, 2],
    [['--show-key'], /data is missing/, 2],
  ];
  for (const [args, says, code] of refusals) {
    const ran = await witness(...args);
    assert.match(ran.stderr, says);
    assert.equal(ran.code, code, ran.stderr);
  }
  assert.throws(() => statSync(data), /ENOENT/);
  const unnamed = await witness('--listen', '127.0.0.1:0', '--data', data, '--log', log.vkey);
  assert.match(unnamed.stderr, /give the witness a name/);
  assert.equal(unnamed.code, 1);
  assert.match((await witness('--data', data, '--name', 'a witness', '--show-key')).stderr, /no spaces/);

  const file = folder.file('witness.yaml');
  writeFileSync(file, 'listen: 127.0.0.1:0\ndata: ./w\nlisten_on: x\nlogs: [nonsense]\n');
  assert.match((await witness('--config', file)).stderr, /witness\.yaml:3:1: listen_on: unknown key/);
  writeFileSync(file, `data: ./w\nname: witness.example/file\nlogs: ["${log.vkey}"]\n`);
  const shown = await witness('--config', file, '--show-key');
  assert.match(shown.stdout, /^witness\.example\/file\+[0-9a-f]{8}\+\S{44}\n$/);
  assert.equal((await witness('--config', file, '--show-key')).stdout, shown.stdout, 'the same ever after');
  const other = await witness('--config', file, '--name', 'witness.example/other', '--show-key');
  assert.match(other.stderr, /another name is another witness/);
  assert.equal(readFileSync(folder.file('w', 'witness.key'), 'utf8').startsWith('PRIVATE+KEY+witness.example/file+'), true);
});

test('two witnesses on one folder: the second one is told of the first', async () => {
  await using witness = await witnessProcess();
  const log = new GrowingLog('l');
  await witness.start([log.vkey]);
  const ran = await run(process.execPath, [CLI, 'witness', '--data', witness.folder, '--listen', '127.0.0.1:0', '--log', log.vkey]);
  assert.match(ran.stderr, /another witness runs on/);
  assert.equal(ran.code, 1);
});
