import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { tempFolder, type TempFolder } from '../../test/kit/temp.ts';
import type { Disk } from '../evidence/disk.ts';
import { nodeDisk } from '../evidence/node-disk.ts';
import { parseCheckpointText } from '../evidence/tlog/checkpoint.ts';
import { cosignatureTime, cosignatureVerifier } from '../evidence/tlog/cosignature.ts';
import { formatVkey, generateSigner, noteVerifier, openNote, parseVkey } from '../evidence/tlog/note.ts';
import { witnessKey } from './key.ts';
import { originHash } from './memory.ts';
import { parseAddCheckpoint } from './request.ts';
import { GrowingLog } from './testdata/log.ts';
import { NAME, open } from './testdata/open.ts';

const replaced = (body: Buffer, from: string | RegExp, to: string): Buffer => Buffer.from(body.toString('utf8').replace(from, to));

test('a growing log is cosigned: the line verifies for the submitted checkpoint, with the time, and monitors get the same', () => {
  using folder = tempFolder('witness');
  const log = new GrowingLog('acme/gw-1/0a').grow(5);
  const { witness, key } = open(folder, [log]);
  const verifier = cosignatureVerifier(parseVkey(formatVkey(key)));
  let old = 0;
  for (const more of [0, 1, 7, 250, 4000]) {
    log.grow(more);
    const answer = witness.add(log.request(old));
    assert.equal(answer.status, 200, answer.body);
    const { verified } = openNote(log.checkpoint() + answer.body, [noteVerifier(log.signer), verifier]);
    assert.equal(verified.length, 2);
    assert.equal(cosignatureTime(verified.find(({ name }) => name === NAME) as (typeof verified)[0]), 1_800_000_000);
    const seen = witness.checkpoint(originHash(log.origin));
    assert.equal(seen, log.checkpoint() + answer.body, 'the checkpoint with the log\'s signature and the cosignature');
    old = log.size;
  }
  assert.equal(witness.checkpoint(originHash('another')), undefined);
});

test('each refusal has the status that the specification gives it, and nothing is cosigned by it', () => {
  using folder = tempFolder('witness');
  const log = new GrowingLog('acme/gw-1/0a').grow(10);
  const { witness } = open(folder, [log]);
  assert.equal(witness.add(log.request(0)).status, 200);
  const first = witness.checkpoint(originHash(log.origin));
  const older = log.fork(6).request(0, []);
  log.grow(5);
  const good = log.request(10);
  const stranger = new GrowingLog('acme/gw-9/ff').grow(3);
  const impostor = new GrowingLog(log.origin).grow(15);
  const forked = log.fork(8).grow(7, 'other');
  const cases: readonly (readonly [string, Buffer, number, string?])[] = [
    ['no old line', replaced(good, 'old 10\n', ''), 400],
    ['leading zero', replaced(good, 'old 10', 'old 010'), 400],
    ['negative', replaced(good, 'old 10', 'old -1'), 400],
    ['two spaces', replaced(good, 'old 10', 'old  10'), 400],
    ['not base64', replaced(good, /\n[A-Za-z0-9+/=]{44}\n/, '\n!!\n'), 400],
    ['base64 that is not canonical', replaced(good, /=\n/, '==\n'), 400],
    ['a hash of 31 bytes', Buffer.from(`old 10\n${Buffer.alloc(31).toString('base64')}\n\n${log.checkpoint()}`), 400],
    ['64 lines of proof', log.request(10, Array.from({ length: 64 }, () => Buffer.alloc(32))), 400],
    ['no empty line', replaced(good, '\n\n', '\n'), 400],
    ['no checkpoint', Buffer.from('old 10\n\n'), 400],
    ['nothing', Buffer.alloc(0), 400],
    ['not UTF-8', Buffer.concat([good, Buffer.of(0xff)]), 400],
    ['a carriage return', replaced(good, 'old 10\n', 'old 10\r\n'), 400],
    ['no signature', Buffer.from(good.toString('utf8').replace(/\n\u2014 .*$/s, '\n')), 400],
    ['old larger than the checkpoint', replaced(older, 'old 0', 'old 7'), 400],
    ['unknown log', stranger.request(0), 404],
    ['another key of the same name', impostor.request(0, []), 403],
    ['a broken signature', Buffer.from(good.toString('utf8').replace(/(\u2014 \S+ \S{30})(.)/u, (_all, before: string, one: string) => before + (one === 'A' ? 'B' : 'A'))), 403],
    ['old behind what was cosigned', log.request(9), 409, '10\n'],
    ['old zero', log.request(0, []), 409, '10\n'],
    ['old ahead of what was cosigned', log.request(12), 409, '10\n'],
    ['an older checkpoint', older, 409, '10\n'],
    ['a proof with a hash too many', log.request(10, [...log.proof(10), Buffer.alloc(32)]), 422],
    ['no proof', log.request(10, []), 422],
    ['another history', forked.request(10, log.proof(10)), 422],
    ['another history with its own proof', forked.request(10), 422],
    ['another tree of the same size', log.fork(9).grow(1, 'other').request(10, []), 422],
    ['a proof where sizes are equal', log.fork(10).request(10, [Buffer.alloc(32)]), 422],
  ];
  for (const [name, body, status, text] of cases) {
    const answer = witness.add(body);
    assert.equal(answer.status, status, `${name}: ${answer.body}`);
    if (text !== undefined) assert.deepEqual([answer.body, answer.type], [text, 'text/x.tlog.size'], name);
    assert.equal(witness.checkpoint(originHash(log.origin)), first, name);
  }
  assert.equal(witness.add(good).status, 200, 'and the good one still is');
});

test('the example request of the specification is read as it is meant', () => {
  const body = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
`;
  const { old, proof, note, checkpoint } = parseAddCheckpoint(Buffer.from(body));
  assert.deepEqual([old, proof.length, note.signatures.length], [20_852_014, 4, 2]);
  assert.deepEqual([checkpoint.origin, checkpoint.size, checkpoint.root.toString('base64')], ['example.com/behind-the-sofa', 20_852_163, 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=']);
});

test('the first checkpoint needs no proof and may have none; an empty tree has the root of the empty tree', () => {
  using folder = tempFolder('witness');
  const log = new GrowingLog('l').grow(3);
  const empty = new GrowingLog('e');
  const { witness } = open(folder, [log, empty]);
  assert.equal(witness.add(log.request(0, [Buffer.alloc(32)])).status, 422);
  assert.equal(witness.add(log.request(3, [])).status, 409);
  assert.equal(witness.add(log.request(0, [])).status, 200);
  assert.equal(witness.add(empty.request(0)).status, 200);
  assert.equal(witness.add(empty.grow(2).request(0)).status, 200);
});

test('two trees of one size, signed by the log: told as an error, and the proof against the log is kept, each once', () => {
  using folder = tempFolder('witness');
  const log = new GrowingLog('l').grow(9);
  const { witness, lines } = open(folder, [log]);
  witness.add(log.request(0));
  const other = log.fork(4).grow(5, 'other');
  for (const body of [other.request(9, []), other.request(0, []), other.request(4)]) assert.notEqual(witness.add(body).status, 200);
  const told = lines.filter(({ level }) => level === 'error');
  assert.equal(told.length, 1);
  assert.match(told[0]?.message ?? '', /two different trees of one size/);
  const [file, ...more] = readdirSync(folder.file('w', 'conflicts'));
  assert.deepEqual(more, []);
  assert.equal(readFileSync(folder.file('w', 'conflicts', file ?? ''), 'utf8'), other.checkpoint());
});

test('a log may have two keys while one is replaced; signatures of others are not kept', () => {
  using folder = tempFolder('witness');
  const log = new GrowingLog('l').grow(2);
  const next = new GrowingLog('l', { signer: generateSigner('l') }).grow(2);
  const { witness } = open(folder, [log, next]);
  const noisy = Buffer.concat([log.request(0), Buffer.from(new GrowingLog('zz').grow(1).checkpoint().split('\n\n')[1] ?? '')]);
  assert.equal(witness.add(noisy).status, 200);
  assert.doesNotMatch(witness.checkpoint(originHash('l')) ?? assert.fail('nothing was kept'), /^— zz /m);
  assert.equal(witness.add(next.grow(3).request(2)).status, 200);
});

test('a known checkpoint that is posted again is said anew once a second; a clock behind the last cosignature cosigns nothing', () => {
  using folder = tempFolder('witness');
  const log = new GrowingLog('l').grow(2);
  let now = 1_800_000_000_900;
  let writes = 0;
  const counting: Disk = { ...nodeDisk, rename: (from, to) => { writes += 1; nodeDisk.rename(from, to); } };
  const { witness } = open(folder, [log], { now: () => now, disk: counting });
  const first = witness.add(log.request(0));
  const again = witness.add(log.request(2));
  assert.equal(again.body, first.body);
  assert.equal(writes, 1);
  now += 100;
  assert.notEqual(witness.add(log.request(2)).body, first.body);
  assert.equal(writes, 2);
  now -= 365 * 86_400_000;
  const back = witness.add(log.grow(1).request(2));
  assert.equal(back.status, 503);
  assert.match(back.body, /clock/);
});

test('what was cosigned survives, and what is damaged, foreign or without its key does not start', () => {
  using folder = tempFolder('witness');
  const log = new GrowingLog('l').grow(20);
  const first = open(folder, [log]);
  assert.equal(first.witness.add(log.request(0)).status, 200);
  writeFileSync(folder.file('w', 'logs', 'half.note.draft'), 'what a kill left');
  const second = open(folder, [log]);
  assert.deepEqual(second.key.keyId, first.key.keyId);
  assert.equal(second.witness.add(log.grow(1).request(0)).body, '20\n');
  assert.equal(second.witness.add(log.request(20)).status, 200);

  const file = folder.file('w', 'logs', `${originHash('l')}.note`);
  const good = readFileSync(file, 'utf8');
  const damages: readonly (readonly [string, () => void, RegExp])[] = [
    ['cut', () => writeFileSync(file, good.slice(0, -20)), /damaged/],
    ['another size', () => writeFileSync(file, good.replace('\n21\n', '\n20\n')), /does not verify/],
    ['another witness\'s', () => { rmSync(folder.file('w', 'witness.key')); witnessKeyAgain(folder); }, /cosigned with another key/],
    ['no key', () => rmSync(folder.file('w', 'witness.key')), /restore the key/],
    ['a foreign file', () => writeFileSync(folder.file('w', 'logs', 'notes.txt'), 'x'), /not a file of a witness/],
    ['another name', () => writeFileSync(folder.file('w', 'logs', `${originHash('m')}.note`), good), /is of another log/],
  ];
  const key = readFileSync(folder.file('w', 'witness.key'));
  for (const [name, damage, says] of damages) {
    damage();
    assert.throws(() => open(folder, [log]), says, name);
    for (const extra of readdirSync(folder.file('w', 'logs'))) rmSync(folder.file('w', 'logs', extra));
    writeFileSync(file, good);
    writeFileSync(folder.file('w', 'witness.key'), key, { mode: 0o600 });
    assert.equal(open(folder, [log]).witness.checkpoint(originHash('l')), good);
  }
  assert.throws(() => witnessKey(folder.file('w'), 'witness.example/other'), /another name is another witness/);
  writeFileSync(folder.file('w', 'witness.key'), 'PRIVATE+KEY+nonsense');
  assert.throws(() => witnessKey(folder.file('w'), NAME), (error: Error) => /damaged/.test(error.message) && !error.message.includes('nonsense'));
});

const witnessKeyAgain = (folder: TempFolder): void => {
  const elsewhere = folder.file('other');
  witnessKey(elsewhere, NAME);
  writeFileSync(folder.file('w', 'witness.key'), readFileSync(`${elsewhere}/witness.key`), { mode: 0o600 });
};

test('a disk that fails: nothing is answered that is not durable; a full one recovers, a failed sync does not until the next start', () => {
  using folder = tempFolder('witness');
  const log = new GrowingLog('l').grow(4);
  let fail: 'write' | 'fsync' | 'folder' | undefined;
  const broken = (syscall: string, code: string): Error => Object.assign(new Error(code), { code, syscall });
  const disk: Disk = {
    ...nodeDisk,
    open: (path, how) => {
      const file = nodeDisk.open(path, how);
      return {
        get size() { return file.size; },
        read: (target, position) => file.read(target, position),
        write: (bytes, position) => { if (fail === 'write') throw broken('write', 'ENOSPC'); return file.write(bytes, position); },
        writeLater: (bytes, position, then) => file.writeLater(bytes, position, then),
        sync: (then) => file.sync(then),
        syncData: () => file.syncData(),
        syncNow: () => { if (fail === 'fsync') throw broken('fsync', 'EIO'); file.syncNow(); },
        close: () => file.close(),
      };
    },
    syncFolder: (path) => { if (fail === 'folder') throw broken('fsync', 'EIO'); nodeDisk.syncFolder(path); },
  };
  const { witness } = open(folder, [log], { disk });
  assert.equal(witness.add(log.request(0)).status, 200);
  log.grow(3);
  fail = 'write';
  assert.equal(witness.add(log.request(4)).status, 503);
  assert.equal(witness.failed, undefined);
  fail = undefined;
  assert.equal(witness.add(log.request(4)).status, 200, 'room again');
  for (const kind of ['fsync', 'folder'] as const) {
    log.grow(1);
    const running = open(folder, [log], { disk }).witness;
    fail = kind;
    const old = log.size - 1;
    assert.equal(running.add(log.request(old)).status, 503, kind);
    fail = undefined;
    assert.equal(running.add(log.request(old)).status, 503, `${kind}: not until the next start`);
    assert.match(running.failed ?? '', /could not be made durable/);
    const next = open(folder, [log], { disk }).witness;
    const known = parseCheckpointText((next.checkpoint(originHash('l')) ?? '').split('\n\n')[0] + '\n').size;
    assert.equal(next.add(log.request(known)).status, 200);
  }
});
