import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../../test/kit/campaign.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { keptCheckpoint } from './kept.ts';
import { NotANote, parseNote, parseVkey } from './note.ts';
import { parsePolicy } from './policy.ts';
import { parseProof, verifyProof } from './proof.ts';
import { checkpointOf, cosigned, leafHashOf, makeKey, pathOf, storeTiles } from './testdata/made-log.ts';
import { LOG, signedLog } from './testdata/random-log.ts';
import { NotEvidence, verify } from './verify.ts';

const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-verify-fuzz-'));
after(() => fs.rmSync(base, { recursive: true, force: true }));

const [key, witness] = [makeKey(LOG), makeKey('w.example', 4)];
const honest = join(base, 'honest');
const log = signedLog(honest, { sessions: Array.from({ length: 20 }, () => ({ commands: 8, refused: 1, bodies: 1 })), perSegment: 150, every: 40 }, key);
storeTiles(honest, log);
const note = cosigned(checkpointOf(log, log.records.length, key), witness, 1_800_000_000);
const proof = `c2sp.org/tlog-proof@v1\nindex 7\n${pathOf(7, log.leaves.map(leafHashOf)).map((hash) => `${hash.toString('base64')}\n`).join('')}\n${note}`;
const policy = `log ${key.vkey}\nwitness a ${witness.vkey}\ngroup g any a\nquorum g\n`;

/** Bytes changed, cut, put in, or repeated. */
const changes = fc.array(fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.constantFrom('set', 'cut', 'insert', 'repeat', 'drop')), { minLength: 1, maxLength: 6 });
const changed = (original: Buffer, all: readonly (readonly [number, Uint8Array, string])[]): Buffer => {
  let bytes = Buffer.from(original);
  for (const [place, patch, how] of all) {
    const at = bytes.length === 0 ? 0 : place % bytes.length;
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
    if (how === 'set') bytes.set(patch.subarray(0, bytes.length - at), at);
    else if (how === 'cut') bytes = Buffer.from(before);
    else if (how === 'insert') bytes = Buffer.concat([before, patch, behind]);
    else if (how === 'repeat') bytes = Buffer.concat([before, behind.subarray(0, 200), behind]);
    else bytes = Buffer.concat([before, behind.subarray(patch.length)]);
  }
  return bytes;
};

const filesOf = (folder: string): string[] => fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name)).sort();
const files = filesOf(honest);
const work = join(base, 'work');
fs.cpSync(honest, work, { recursive: true });

test('a folder with any of its files changed gives a verdict or NotEvidence', () =>
  campaign(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(), changes), { minLength: 1, maxLength: 3 }), async (harms) => {
      const harmed = harms.map(([which, all]) => [files[which % files.length] as string, all] as const);
      for (const [file, all] of harmed) fs.writeFileSync(file.replace(honest, work), changed(fs.readFileSync(file), all));
      try {
        const verdict = await verify(work, { trust: { keys: [parseVkey(key.vkey)], policy: parsePolicy(policy) } });
        assert.ok(verdict.completeness.gaps.length <= 101 && (verdict.integrity.further?.length ?? 0) <= 100);
        assert.ok(verdict.records <= 2 * log.records.length);
      } catch (error) {
        assert.ok(error instanceof NotEvidence, String((error as Error).stack));
      }
      for (const [file] of harmed) fs.copyFileSync(file, file.replace(honest, work));
      assert.ok(process.memoryUsage().rss < 600 * 1024 * 1024, 'memory is bounded');
    }),
  ));

test('segments of noise', () =>
  campaign(
    fc.asyncProperty(fc.array(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constant(Buffer.from('WGF1')), fc.constant(Buffer.alloc(64))), { maxLength: 10 }), async (pieces) => {
      const folder = join(base, 'noise');
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(join(folder, 'log.json'), '{"format":1,"log":"a/b/c"}');
      fs.writeFileSync(join(folder, '00000000.seg'), Buffer.concat(pieces));
      assert.equal((await verify(folder)).integrity.ok, false);
    }),
  ));

for (const [what, original, read] of [
  ['notes', note, (text: string) => void parseNote(text)],
  ['checkpoints', note, (text: string) => void parseCheckpoint(text)],
  ['keys', key.vkey, (text: string) => void parseVkey(text)],
  ['policies', policy, (text: string) => void parsePolicy(text)],
  ['proofs', proof, (text: string) => void parseProof(text)],
] as const) {
  test(`${what} that were changed are read or refused with NotANote`, () => {
    read(original);
    return campaign(
      fc.property(changes, (all) => {
        try {
          read(changed(Buffer.from(original), all).toString('utf8'));
        } catch (error) {
          if (!(error instanceof NotANote)) throw error;
        }
      }),
    );
  });
}

test('a proof that was changed proves nothing, unless nothing that counts was changed', () => {
  const leaf = log.leaves[7] as Buffer;
  const keys = [parseVkey(key.vkey)];
  assert.ok(verifyProof(proof, leaf, keys, undefined).ok);
  return campaign(
    fc.property(changes, (all) => {
      const text = changed(Buffer.from(proof), all).toString('utf8');
      try {
        const verdict = verifyProof(text, leaf, keys, undefined);
        // Lines of unknown keys, and the unauthenticated extra line, are not part of what is proven.
        if (verdict.ok) assert.deepEqual([verdict.index, verdict.checkpoint.size, verdict.checkpoint.root, verdict.checkpoint.origin], [7, log.records.length, parseCheckpoint(note).root, LOG]);
      } catch (error) {
        if (!(error instanceof NotANote)) throw error;
      }
    }),
  );
});

test('a kept checkpoint of noise is refused as no evidence', () =>
  campaign(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      fs.writeFileSync(join(base, 'kept'), bytes);
      assert.throws(() => keptCheckpoint(join(base, 'kept')), NotEvidence);
    }),
  ));
