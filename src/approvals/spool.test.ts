import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { tempFolder } from '../../test/kit/temp.ts';
import { until } from '../../test/kit/until.ts';
import { SpoolFull, Spools, type Spool } from './spool.ts';

const MIB = 1024 * 1024;
const all = async (spool: Spool): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of spool.read()) pieces.push(piece);
  return Buffer.concat(pieces);
};
/** Descriptors of this process that are open on a file of the folder, with its name or without. */
const openOn = (folder: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${folder}/`) ? [`/proc/self/fd/${fd}`] : [];
    } catch {
      return [];
    }
  });

test('what is put in comes out, however it was cut, with the digest of all of it', async () => {
  using folder = tempFolder('spool');
  const spools = new Spools(folder.path);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 6 }), async (sizes) => {
      const spool = await spools.open('job shop', 2 * MIB);
      const pieces = sizes.map((size) => randomBytes(size));
      for (const piece of pieces) await spool.add(piece);
      const whole = Buffer.concat(pieces);
      assert.equal(await spool.finish(), createHash('sha256').update(whole).digest('hex'));
      assert.ok((await all(spool)).equals(whole));
      assert.ok((await all(spool)).equals(whole), 'as often as wanted');
      spool.close();
    }),
    { numRuns: 25 },
  );
});

test('the file has no name, holds nothing in clear, and is gone when it is closed', async () => {
  using folder = tempFolder('spool');
  const spool = await new Spools(folder.path).open('job shop', MIB);
  const row = Buffer.from('a row that nobody may read\n');
  await spool.add(Buffer.concat(Array.from({ length: 10_000 }, () => row)));
  await spool.finish();
  assert.deepEqual(readdirSync(folder.path), []);
  const [open = ''] = openOn(folder.path);
  const kept = readFileSync(open);
  assert.ok(kept.length > 10_000 * row.length);
  assert.equal(kept.includes('nobody may read'), false);
  spool.close();
  spool.close();
  await until(() => openOn(folder.path).length === 0);
  await assert.rejects(all(spool), /closed/);
});

test('what was altered is not given out', async () => {
  using folder = tempFolder('spool');
  const spool = await new Spools(folder.path).open('job shop', MIB);
  await spool.add(randomBytes(100_000));
  await spool.finish();
  const [open = ''] = openOn(folder.path);
  const kept = readFileSync(open);
  kept.writeUInt8(kept.readUInt8(70_000) ^ 1, 70_000);
  writeFileSync(open, kept);
  await assert.rejects(all(spool));
  spool.close();
});

test('no spool takes more than it may, nor all of one identity together; what is closed makes room', async () => {
  using folder = tempFolder('spool');
  const spools = new Spools(folder.path);
  const small = await spools.open('job shop', 1_000);
  await small.add(randomBytes(1_000));
  assert.throws(() => small.add(randomBytes(1)), (error) => error instanceof SpoolFull && /more than 1000 bytes/.test(error.message));
  assert.equal(small.bytes, 1_000);
  const large = await spools.open('job shop', 256 * MIB);
  const piece = Buffer.alloc(16 * MIB);
  for (let n = 0; n < 15; n += 1) await large.add(piece);
  assert.throws(() => large.add(piece), (error) => error instanceof SpoolFull && /of this identity/.test(error.message));
  const other = await spools.open('other shop', 256 * MIB);
  await other.add(piece);
  small.close();
  await large.add(piece);
  for (const spool of [large, other]) spool.close();
});

test('what a killed process left with a name is removed at start, and nothing else', () => {
  using folder = tempFolder('spool');
  writeFileSync(folder.file('left.spool'), 'x');
  writeFileSync(folder.file('other'), 'x');
  new Spools(folder.path);
  assert.deepEqual(readdirSync(folder.path), ['other']);
});
