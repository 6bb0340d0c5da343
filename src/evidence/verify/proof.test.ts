import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { NotANote, parseVkey } from './note.ts';
import { parsePolicy } from './policy.ts';
import { parseProof, recordBytes, verifyProof } from './proof.ts';
import { checkpointOf, cosigned, leafHashOf, makeKey, pathOf } from './testdata/made-log.ts';
import { LOG, signedLog } from './testdata/random-log.ts';

const folder = join(fs.mkdtempSync(join(tmpdir(), 'wicketgate-proof-')), 'log');
after(() => fs.rmSync(join(folder, '..'), { recursive: true, force: true }));

const key = makeKey(LOG);
const log = signedLog(folder, { sessions: [{ commands: 5, refused: 1, bodies: 2 }, { commands: 6, refused: 0, bodies: 1 }], perSegment: 9, every: 5 }, key);
const keys = [parseVkey(key.vkey)];
const proofOf = (index: number, size: number, extra = ''): string => `c2sp.org/tlog-proof@v1\n${extra}index ${index}\n${pathOf(index, log.leaves.slice(0, size).map(leafHashOf)).map((hash) => `${hash.toString('base64')}\n`).join('')}\n${checkpointOf(log, size, key)}`;

test('every record of every tree is proven, for itself and for no other record', () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: log.leaves.length }), fc.nat(), fc.nat(), (size, dice, other) => {
      const index = dice % size;
      const verdict = verifyProof(proofOf(index, size), log.leaves[index] as Buffer, keys, undefined);
      assert.ok(verdict.ok);
      assert.equal(verdict.leaf, leafHashOf(log.leaves[index] as Buffer).toString('hex'));
      if (other % log.leaves.length !== index) assert.deepEqual(verifyProof(proofOf(index, size), log.leaves[other % log.leaves.length] as Buffer, keys, undefined).ok, false);
    }),
  ));

test('the record is found in the folder, byte for byte', () => {
  for (const [index, leaf] of log.leaves.entries()) assert.ok(recordBytes(folder, index)?.equals(leaf), `record ${index}`);
  assert.equal(recordBytes(folder, log.leaves.length), undefined);
});

test('a wrong key, another log, another index and too few witnesses are told apart', () => {
  const leaf = log.leaves[3] as Buffer;
  const why = (...of: Parameters<typeof verifyProof>): string => {
    const verdict = verifyProof(...of);
    return verdict.ok ? 'proven' : verdict.why;
  };
  const proof = proofOf(3, 20, 'extra AAAA\n');
  assert.equal(why(proof, leaf, keys, undefined), 'proven');
  assert.match(why(proof, leaf, [parseVkey(makeKey(LOG).vkey)], undefined), /not signed by a key that was given/);
  assert.match(why(proof, leaf, [parseVkey(makeKey('other').vkey)], undefined), /of which no key was given/);
  assert.match(why(proof.replace('index 3', 'index 2'), leaf, keys, undefined), /not record 2 of the log/);
  const [one, two] = [makeKey('w1', 4), makeKey('w2', 4)];
  const policy = parsePolicy(`witness a ${one.vkey}\nwitness b ${two.vkey}\ngroup both all a b\nquorum both\n`);
  const path = proof.slice(0, proof.indexOf('\n\n') + 2);
  const signed = cosigned(checkpointOf(log, 20, key), one, 1);
  assert.match(why(path + signed, leaf, keys, policy), /only 1 witnesses of the policy/);
  assert.equal(why(path + cosigned(signed, two, 2), leaf, keys, policy), 'proven');
  assert.match(why(path + cosigned(signed, { ...two, secret: one.secret }, 2), leaf, keys, policy), /the witness b is wrong/);
});

test('what is no proof is refused', () => {
  const proof = proofOf(3, 20);
  for (const wrong of ['', 'x', proof.replace('@v1', '@v2'), proof.replace('index 3', 'index 03'), proof.replace('index 3\n', ''), proof.replace('\n\n', '\nAAAA\n\n'), proof.slice(0, 100), proof.replace('\n\n', '\n')]) assert.throws(() => parseProof(wrong), NotANote, wrong);
});
