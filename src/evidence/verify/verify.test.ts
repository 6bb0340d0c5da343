import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { openEvidenceLog } from '../open.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../testdata/records.ts';
import { verify, type Verdict } from './verify.ts';

/** One log that every test copies and harms. */
let base: string;
let pristine: string;
let keys: string;
let harmed: string;

before(async () => {
  base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-verify-'));
  [pristine, keys, harmed] = [join(base, 'log'), join(base, 'keys'), join(base, 'harmed')];
  for (let run = 0; run < 2; run += 1) {
    const log = await openEvidenceLog({ folder: pristine, keysFolder: keys, instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 64 * 1024 });
    for (let s = 0; s < 4; s += 1) {
      const session = `session-${run}-${s}`;
      log.append(sessionOpen(session));
      for (let command = 1; command <= 12; command += 1) {
        log.append(intent(session, command), [statement(`select ${command} /* ${'x'.repeat(150)} */`)]);
        const recording = log.openRecording('billing', 1 << 20);
        recording.write(Buffer.from(`answer ${run} ${s} ${command}`));
        const ended = log.append({ ...outcome(session, command), answer: recording.finish() });
        if (command % 3 !== 0) continue;
        assert.equal(await durable(ended), undefined);
        await log.prepare();
      }
      log.append(sessionClose(session, 12));
    }
    await log.close();
  }
  assert.ok(fs.readdirSync(pristine).filter((name) => name.endsWith('.seg')).length >= 3);
});

after(() => fs.rmSync(base, { recursive: true, force: true }));

/** Verifies a copy after `harm` was done to it. */
const harmedBy = async (harm: (folder: string) => void, withKeys = true): Promise<Verdict> => {
  fs.rmSync(harmed, { recursive: true, force: true });
  fs.cpSync(pristine, harmed, { recursive: true });
  harm(harmed);
  return verify(harmed, withKeys ? { keys } : {});
};

const edit = (name: string, change: (bytes: Buffer) => Buffer | undefined) => (folder: string): void => {
  const path = join(folder, name);
  const bytes = fs.readFileSync(path);
  fs.writeFileSync(path, change(bytes) ?? bytes);
};

interface FrameAt {
  readonly segment: string;
  readonly at: number;
  readonly end: number;
  readonly type: number;
}

/** Where the frames are, found by walking the bytes as the format says. */
const frames = (): FrameAt[] =>
  fs
    .readdirSync(pristine)
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .flatMap((segment) => {
      const bytes = fs.readFileSync(join(pristine, segment));
      const found: FrameAt[] = [];
      for (let at = 0; bytes.readUInt32BE(at) === 0x57474631; ) {
        const end = (at + 32 + bytes.readUInt32BE(at + 8) + 7) & ~7;
        found.push({ segment, at, end, type: bytes[at + 24] as number });
        at = end;
      }
      return found;
    });

test('an untouched copy verifies, with and without keys', async () => {
  for (const withKeys of [true, false]) {
    const verdict = await harmedBy(() => undefined, withKeys);
    assert.deepEqual(verdict.integrity, { ok: true });
    assert.equal(verdict.completeness.verdict, 'complete');
    assert.equal(verdict.bodies.committed, withKeys ? 8 * 24 : 0);
    assert.equal(verdict.bodies.unreferred, 0);
  }
});

test('any flipped byte of any frame is found and named', async () => {
  const all = frames();
  await fc.assert(
    fc.asyncProperty(fc.nat(all.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), async (index, offset, flip) => {
      const frame = all[index] as FrameAt;
      const at = frame.at + (offset % (frame.end - frame.at));
      const { integrity, completeness } = await harmedBy(
        edit(frame.segment, (bytes) => {
          bytes[at] = (bytes[at] as number) ^ flip;
          return undefined;
        }),
      );
      // In the last records, which none behind them knows to have been durable, it looks like what a crash leaves.
      const found = integrity.fault ?? completeness.tornTail;
      assert.equal(found?.segment, frame.segment, `byte ${at} of ${frame.segment}`);
      assert.ok((found.position ?? 0) <= at && frame.at <= (found.position ?? 0));
      assert.notEqual(completeness.verdict, 'complete');
      assert.ok(integrity.fault !== undefined || index > all.length - 5, `byte ${at} of ${frame.segment} is not in the tail`);
    }),
    { numRuns: 100 },
  );
});

test('a frame that is dropped, repeated or exchanged with the next is found', async () => {
  const all = frames();
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: all.length - 3 }), fc.constantFrom('drop', 'repeat', 'swap'), async (index, how) => {
      const [one, two] = [all[index] as FrameAt, all[index + 1] as FrameAt];
      fc.pre(one.segment === two.segment && one.type !== 1 && (how !== 'swap' || (one.type === 2 && two.type === 2)));
      const { integrity } = await harmedBy(
        edit(one.segment, (bytes) => {
          const [before, first, second, rest] = [bytes.subarray(0, one.at), bytes.subarray(one.at, one.end), bytes.subarray(two.at, two.end), bytes.subarray(two.end)];
          return Buffer.concat(how === 'drop' ? [before, second, rest] : how === 'repeat' ? [before, first, first, second, rest] : [before, second, first, rest]);
        }),
      );
      assert.equal(integrity.ok, false, `${how} frame ${index}`);
    }),
    { numRuns: 60 },
  );
});

test('a cut tail, a missing segment, an emptied segment', async () => {
  const all = frames();
  const used = all.findLast(({ type }) => type === 2)?.segment;
  const last = all.filter(({ segment }) => segment === used);
  const cutTail = edit(last[0]?.segment as string, (bytes) => bytes.fill(0, last.at(-3)?.at));
  const cut = await harmedBy(cutTail, false);
  assert.equal(cut.integrity.ok, true, 'nothing that is there was altered');
  assert.match(cut.completeness.gaps[0]?.what ?? '', /the tail is missing: the checkpoint of tlog\/checkpoint/, 'the folder itself holds a checkpoint of more');
  const forgotten = (folder: string): void => {
    cutTail(folder);
    fs.rmSync(join(folder, 'tlog'), { recursive: true });
  };
  assert.equal((await harmedBy(forgotten, false)).completeness.verdict, 'open', 'without any checkpoint it is a shorter log that is whole');
  assert.match((await harmedBy(forgotten)).completeness.gaps[0]?.what ?? '', /the tail is missing: the last checkpoint that the keys folder knows/, 'the keys folder knows');
  const torn = await harmedBy(edit(last[0]?.segment as string, (bytes) => bytes.fill(0, (last.at(-1)?.at ?? 0) + 40)));
  assert.equal(torn.completeness.verdict, 'incomplete');
  assert.ok((torn.completeness.tornTail?.bytes ?? 0) > 0);
  const missing = await harmedBy((folder) => fs.rmSync(join(folder, '00000001.seg')));
  assert.equal(missing.integrity.fault?.what, 'segment 00000001.seg is missing');
  const emptied = await harmedBy(edit('00000001.seg', (bytes) => bytes.fill(0, frames().find(({ segment }) => segment === '00000001.seg')?.end)));
  assert.equal(emptied.integrity.ok, false);
  const headless = await harmedBy(edit('00000001.seg', (bytes) => bytes.fill(0)));
  assert.match(headless.integrity.fault?.what ?? '', /does not begin with its header/);
});

test('bodies of other records, other logs and destroyed keys', async () => {
  const [first, second] = frames().filter(({ type }) => type === 3) as [FrameAt, FrameAt];
  const swapped = await harmedBy(
    edit(first.segment, (bytes) => {
      // Same place, other body: the checksum is made good, the seal is not.
      const payload = bytes.subarray(second.at + 32, second.end);
      payload.copy(bytes, first.at + 32, 0, Math.min(payload.length, first.end - first.at - 32));
      return undefined;
    }),
  );
  assert.equal(swapped.integrity.ok, false);
  const empty = join(base, 'other-keys');
  fs.cpSync(keys, empty, { recursive: true });
  fs.rmSync(join(empty, 'sealing'), { recursive: true });
  const gone = await verify(pristine, { keys: empty });
  assert.equal(gone.integrity.ok, true, 'the chain holds without the bodies');
  assert.equal(gone.bodies.committed, 0);
  assert.equal(gone.bodies.withoutKey, gone.bodies.frames);
});

test('hostile folders are refused or found wrong, and never crash', async () => {
  const junk = join(base, 'junk');
  const reset = (): void => {
    fs.rmSync(junk, { recursive: true, force: true });
    fs.mkdirSync(junk);
    fs.writeFileSync(join(junk, 'log.json'), '{"format":1,"log":"a/b/c"}');
  };
  reset();
  await assert.rejects(verify(junk), /holds no segment/);
  fs.writeFileSync(join(junk, 'log.json'), '{"format":7,"log":"a/b/c"}');
  await assert.rejects(verify(junk), /format 7; this verifier reads format 1/);
  fs.writeFileSync(join(junk, 'log.json'), 'null');
  await assert.rejects(verify(junk), /does not name a log/);
  await assert.rejects(verify(join(base, 'nowhere')), /is not an evidence folder/);
  reset();
  fs.symlinkSync('/dev/zero', join(junk, '00000000.seg'));
  assert.match((await verify(junk)).integrity.fault?.what ?? '', /not a plain file/);
  reset();
  fs.mkdirSync(join(junk, '00000000.seg'));
  assert.match((await verify(junk)).integrity.fault?.what ?? '', /not a plain file/);
  reset();
  fs.writeFileSync(join(junk, '00000000.seg'), Buffer.alloc(0));
  assert.equal((await verify(junk)).integrity.ok, false);
  const seed = fs.readFileSync(join(pristine, '00000000.seg')).subarray(0, 4096);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(4095), fc.uint8Array({ minLength: 1, maxLength: 64 })), { maxLength: 20 }), async (patches) => {
      reset();
      const bytes = Buffer.from(seed);
      for (const [at, patch] of patches) bytes.set(patch.subarray(0, bytes.length - at), at);
      fs.writeFileSync(join(junk, '00000000.seg'), bytes);
      const verdict = await verify(junk);
      assert.equal(verdict.integrity.ok, false, 'the log name differs at least');
    }),
    { numRuns: 100 },
  );
});
