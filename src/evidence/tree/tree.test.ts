import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EvidenceClock } from '../clock.ts';
import { nodeDisk } from '../node-disk.ts';
import { openEvidenceLog } from '../open.ts';
import type { Leaf } from '../read.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../testdata/records.ts';
import { openCheckpoint, parseCheckpointText } from '../tlog/checkpoint.ts';
import { CompactEdge, leafHash, rootAt, verifyConsistency } from '../tlog/merkle.ts';
import { noteVerifier, parseNote, parseVkey } from '../tlog/note.ts';
import { parseProof, verifyProof } from '../tlog/proof.ts';
import { parseBundle, tilesOf } from '../tlog/testdata/tiles.ts';
import { nodesOf, tilePath } from '../tlog/tiles.ts';
import { verify } from '../verify/verify.ts';
import { NotProved, proveRecord } from './prove.ts';
import { publishLog } from './publish.ts';
import { selfCheck } from './self-check.ts';
import { append, entriesOf, leavesIn, noteIn, place, shown } from './testdata/logs.ts';

const rootOf = (entries: readonly Buffer[]): Buffer => {
  const edge = new CompactEdge();
  for (const entry of entries) edge.push(leafHash(entry));
  return edge.root();
};

const firstKey = (leaves: readonly Leaf[]): string => {
  const record = leaves.map((leaf) => leaf.record).find(({ kind }) => kind === 'key_event');
  assert.ok(record?.kind === 'key_event');
  return record.vkey;
};

test('the first record names the roster, the second the key; the end of a run is signed, and the signed tree is that of the records', async (t) => {
  const options = place(t);
  await append(options, 700);
  const entries = await entriesOf(options.folder);
  const leaves = await leavesIn(options.folder);
  const [first, second] = leaves.map(({ record }) => record);
  const { log } = leaves[0] as Leaf;
  assert.deepEqual(first?.kind === 'instance' && first.roster, [log]);
  assert.ok(second?.kind === 'key_event' && second.event === 'first');
  const { checkpoint, verified } = openCheckpoint(noteIn(options.folder), log, [noteVerifier(parseVkey(firstKey(leaves)))]);
  assert.equal(verified[0]?.name, log);
  assert.equal(checkpoint.size, entries.length);
  assert.deepEqual(checkpoint.root, rootOf(entries));
  for (const tile of tilesOf(entries.length)) assert.equal(fs.existsSync(join(options.folder, 'tlog', tilePath(tile))), tile.width === 256, tilePath(tile));
  assert.equal(fs.statSync(join(options.keysFolder, 'signing', log.replaceAll('/', '%2f'), 'current.skey')).mode & 0o777, 0o600);
});

test('each checkpoint of the history is the beginning of the tree, over restarts', async (t) => {
  const options = place(t);
  for (let run = 0; run < 4; run += 1) await append(options, 150 + run * 97, `r${run}-`);
  const leaves = (await entriesOf(options.folder)).map((entry) => leafHash(entry));
  const days = fs.readdirSync(join(options.folder, 'tlog/checkpoints'));
  const notes = days.flatMap((day) => fs.readFileSync(join(options.folder, 'tlog/checkpoints', day), 'utf8').trimEnd().split('\n')).map((line) => JSON.parse(line) as { time: string; note: string });
  assert.equal(notes.length, 8, 'first and last of each run');
  for (const one of notes) {
    const { size, root } = parseCheckpointText(parseNote(one.note).text);
    const edge = new CompactEdge();
    for (const leaf of leaves.slice(0, size)) edge.push(leaf);
    assert.deepEqual(edge.root(), root);
  }
  const { integrity, completeness } = await verify(options.folder, {});
  assert.deepEqual(integrity.ok, true, JSON.stringify(integrity));
  assert.equal(completeness.verdict, 'complete', JSON.stringify(completeness.gaps));
});

test('signed while it runs: at most once a second, what is durable, and proofs of consistency out of memory and tiles', async (t) => {
  const options = place(t);
  const log = await openEvidenceLog(options);
  t.after(() => log.close());
  const signed: { size: number; root: Buffer }[] = [];
  const began = performance.now();
  // More than one tile, however slow the disk is.
  for (let i = 0; signed.length < 3 || (signed.at(-1)?.size ?? 0) <= 256; i += 1) {
    if (i === 0) log.tree.onSigned((one) => void signed.push(one));
    assert.equal(await durable(log.append(sessionOpen(`s${i}`))), undefined);
    await log.prepare();
    await new Promise(setImmediate);
  }
  assert.ok(performance.now() - began > 2000, 'three checkpoints took less than two seconds');
  const [first, last] = [signed[0], signed.at(-1)] as [{ size: number; root: Buffer }, { size: number; root: Buffer }];
  assert.ok(verifyConsistency(first.size, first.root, last.size, last.root, log.tree.consistency(first.size, last.size)));
});

test('tiles that are missing or wrong are made again from the records, and it is said', async (t) => {
  const options = place(t);
  await append(options, 900);
  const tile = join(options.folder, 'tlog/tile/0/001');
  const good = fs.readFileSync(tile);
  for (const damage of [() => fs.rmSync(tile), () => fs.writeFileSync(tile, Buffer.alloc(8192)), () => fs.writeFileSync(tile, good.subarray(0, 100)), () => fs.rmSync(join(options.folder, 'tlog/tile'), { recursive: true })]) {
    damage();
    const log = await openEvidenceLog(options);
    assert.equal(log.tree.rebuilt, true);
    await log.close();
    assert.ok(fs.readFileSync(tile).equals(good));
  }
  const told = (await leavesIn(options.folder)).filter(({ record }) => record.kind === 'self_check' && record.found !== undefined);
  assert.equal(told.length, 4);
  const log = await openEvidenceLog(options);
  assert.equal(log.tree.rebuilt, false);
  await log.close();
});

test('kill -9 at any time: it resumes, and what was signed stays the beginning of the log', async (t) => {
  const options = place(t);
  const seen: { size: number; root: Buffer }[] = [];
  for (let round = 0; round < 4; round += 1) {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../testdata/writer.ts'), options.folder, options.keysFolder], { stdio: ['ignore', 'pipe', 'inherit'] });
    let lines = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      lines += chunk.toString().split('\n').length - 1;
      if (lines > 700 * (round + 1)) child.kill('SIGKILL');
    });
    await once(child, 'exit');
    seen.push(shown(options.folder));
  }
  await append(options, 1, 'end');
  const entries = await entriesOf(options.folder);
  seen.push(shown(options.folder));
  for (const { size, root } of seen) assert.deepEqual(rootOf(entries.slice(0, size)), root);
  assert.equal(seen.at(-1)?.size, entries.length);
  const { integrity } = await verify(options.folder, {});
  assert.equal(integrity.ok, true, JSON.stringify(integrity));
});

test('a record is proved under the newest checkpoint, also without tiles; not when it was altered, or is not covered', async (t) => {
  const options = place(t);
  await append(options, 1000);
  const leaves = await leavesIn(options.folder);
  const entries = await entriesOf(options.folder);
  const verifiers = [noteVerifier(parseVkey(firstKey(leaves)))];
  const log = (leaves[0] as Leaf).log;
  const check = async (index: number): Promise<void> => {
    const proved = await proveRecord(nodeDisk, options.folder, index);
    assert.ok(proved.record.equals(entries[index] as Buffer));
    assert.equal(verifyProof(parseProof(proved.proof), leafHash(proved.record), log, verifiers).checkpoint.size, entries.length);
  };
  for (const index of [0, 1, 255, 256, 700, entries.length - 1]) await check(index);
  fs.rmSync(join(options.folder, 'tlog/tile'), { recursive: true });
  for (const index of [0, 300, entries.length - 1]) await check(index);
  await assert.rejects(proveRecord(nodeDisk, options.folder, entries.length), (error: Error) => error instanceof NotProved && /is not among them/.test(error.message));
});

test('what is published can be read by a client of tiled logs: bundles hash to tiles, tiles to the signed root', async (t) => {
  const options = place(t);
  await append(options, 1000);
  const out = join(options.base, 'public');
  const { size, files } = await publishLog(nodeDisk, options.folder, out);
  const entries = await entriesOf(options.folder);
  assert.equal(size, entries.length);
  const checkpoint = parseCheckpointText(parseNote(fs.readFileSync(join(out, 'checkpoint'), 'utf8')).text);
  const nodes = nodesOf(size, (tile) => fs.readFileSync(join(out, tilePath(tile))));
  assert.deepEqual(rootAt(size, nodes), checkpoint.root);
  const read = fs.readdirSync(join(out, 'tile/entries'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
  const bundled = read.flatMap((path) => parseBundle(fs.readFileSync(path)));
  assert.deepEqual(bundled, entries);
  assert.equal(files, [...tilesOf(size)].length + read.length + 1);
  await append(options, 10, 'more');
  await publishLog(nodeDisk, options.folder, out);
  await assert.rejects(publishLog(nodeDisk, options.folder, options.base), /is not empty/);
});

test('the check of a log finds an altered record, and makes tiles again', async (t) => {
  const options = place(t);
  await append(options, 600);
  const { size, root } = shown(options.folder);
  const request = { folder: options.folder, keysFolder: options.keysFolder, size, root: root.toString('base64') };
  assert.deepEqual(await selfCheck({ ...request, scope: 'full' }), { ok: true });
  for (let i = 0; i < 5; i += 1) assert.deepEqual(await selfCheck({ ...request, scope: 'sample' }), { ok: true });
  fs.rmSync(join(options.folder, 'tlog/tile/0/001'));
  const { ok, found } = await selfCheck({ ...request, scope: 'full' });
  assert.ok(ok && /1 tiles were missing or wrong/.test(found ?? ''), String(found));
  assert.deepEqual(await selfCheck({ ...request, scope: 'full' }), { ok: true });
  assert.equal((await selfCheck({ ...request, scope: 'full', root: Buffer.alloc(32).toString('base64') })).ok, false);
  assert.equal((await selfCheck({ ...request, scope: 'sample', root: Buffer.alloc(32).toString('base64') })).ok, false);
});

test('a clock that was set back a year is recorded at the start, and the log is signed and verifies all the same', async (t) => {
  const options = place(t);
  await append(options, 10);
  const year = 365 * 86_400_000;
  const clock: EvidenceClock = { wall: () => Date.now() - year, monotonic: () => Math.floor(performance.now() * 1000) };
  await append({ ...options, clock }, 300, 'then');
  const told = (await leavesIn(options.folder)).map(({ record }) => record).find(({ kind }) => kind === 'clock');
  assert.ok(told?.kind === 'clock' && Math.abs(told.by + year) < 60_000, JSON.stringify(told));
  assert.equal(shown(options.folder).size, (await entriesOf(options.folder)).length);
  await append(options, 10, 'now');
  const { integrity } = await verify(options.folder, {});
  assert.equal(integrity.ok, true, JSON.stringify(integrity));
});

test('the whole check opens the sealed bodies: one that its key does not open is found; a key that is not in clear is not asked for', async (t) => {
  const options = place(t);
  await append(options, 10);
  const log = await openEvidenceLog(options);
  log.append(sessionOpen('s'));
  log.append(intent('s', 1), [statement('select 1')]);
  log.append(outcome('s', 1));
  log.append(sessionClose('s', 1));
  await log.close();
  const { size, root } = shown(options.folder);
  const request = { folder: options.folder, keysFolder: options.keysFolder, size, root: root.toString('base64'), scope: 'full' } as const;
  assert.deepEqual(await selfCheck(request), { ok: true });
  // Another secret under the id of the key that sealed.
  const folder = join(options.keysFolder, 'sealing/billing');
  const file = join(folder, fs.readdirSync(folder)[0] as string);
  const saved = JSON.parse(fs.readFileSync(file, 'utf8')) as { id: string };
  const kek = Buffer.from(fs.readFileSync(join(options.keysFolder, 'sealing.kek'), 'utf8').trim().split(' ')[1] ?? '', 'base64');
  const nonce = randomBytes(12);
  const wrap = createCipheriv('aes-256-gcm', kek, nonce);
  wrap.setAAD(Buffer.from(`wicketgate/wrap/v1\0${saved.id}`));
  const wrapped = Buffer.concat([wrap.update(randomBytes(32)), wrap.final(), wrap.getAuthTag()]);
  fs.writeFileSync(file, JSON.stringify({ ...saved, nonce: nonce.toString('hex'), wrapped: wrapped.toString('hex') }));
  const { ok, found } = await selfCheck(request);
  assert.equal(ok, false);
  assert.match(found ?? '', /its key does not open it/);
  fs.renameSync(join(options.keysFolder, 'sealing.kek'), join(options.keysFolder, 'sealing.kek.wrapped'));
  assert.deepEqual(await selfCheck(request), { ok: true });
});
