import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Disk } from '../disk.ts';
import { nodeDisk } from '../node-disk.ts';
import { BadTree, leafHash } from '../tlog/merkle.ts';
import { tilePath, type Tile } from '../tlog/tiles.ts';
import { Growth } from './growth.ts';
import { PublishedCheckpoints, shownCheckpoints } from './published.ts';
import { TileStore } from './tile-store.ts';

const folderOf = (t: TestContext): string => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'wicketgate-tree-files-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const WALL = Date.parse('2026-11-22T03:04:05.678Z');
const DAY = 'tlog/checkpoints/2026-11-22.jsonl';
const linesOf = (folder: string): string[] => fs.readFileSync(join(folder, DAY), 'utf8').trimEnd().split('\n');
const notesOf = (folder: string): string[] => linesOf(folder).map((line) => (JSON.parse(line) as { note: string }).note);

test('the history has a line about each minute, and each that matters', (t) => {
  const folder = folderOf(t);
  const published = new PublishedCheckpoints(nodeDisk, folder);
  for (let second = 0; second < 180; second += 1) published.show(`note ${second}`, WALL + second * 1000, second * 1_000_000, second === 30);
  published.showWitnessed('witnessed', WALL);
  assert.deepEqual(notesOf(folder), ['note 0', 'note 30', 'note 85', 'note 140', 'witnessed']);
  assert.deepEqual(shownCheckpoints(nodeDisk, folder), { newest: 'note 179', witnessed: 'witnessed' });
  assert.match(linesOf(folder)[0] ?? '', /^\{"time":"2026-11-22T03:04:05\.678Z","note":"note 0"\}$/);
});

test('what a crash left of the last lines is cut before the next is written', (t) => {
  for (const left of ['{"time":"2026', '\0\0\0\0', '{"time":"2026-11-22T00:00:00Z","note":"whole"}\n\0\0\0', '{"time":"x"}\n{"no', 'garbage\n']) {
    const folder = folderOf(t);
    new PublishedCheckpoints(nodeDisk, folder).tell('first', WALL);
    fs.appendFileSync(join(folder, DAY), left);
    new PublishedCheckpoints(nodeDisk, folder).tell('second', WALL);
    assert.deepEqual(notesOf(folder), left.includes('whole') ? ['first', 'whole', 'second'] : ['first', 'second'], JSON.stringify(left));
  }
});

const treeOf = (size: number, full: (tile: Tile, bytes: Buffer) => void): Growth => {
  const growth = new Growth(full);
  for (let i = 0; i < size; i += 1) growth.push(leafHash(Buffer.from(String(i))));
  return growth;
};

test('a tile that the disk does not take is written later, and read by what is below it', (t) => {
  const folder = folderOf(t);
  let full = true;
  const disk: Disk = {
    ...nodeDisk,
    open: (path, how) => {
      if (full && how === 'create') throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      return nodeDisk.open(path, how);
    },
  };
  const tiles = new TileStore(disk, folder);
  const growth = treeOf(1000, tiles.write);
  const first: Tile = { level: 0, index: 0, width: 256 };
  assert.equal(tiles.full(first), undefined);
  assert.throws(() => tiles.read(first), BadTree);
  assert.throws(() => tiles.retry(), /full/);
  full = false;
  tiles.retry();
  assert.equal(tiles.full(first)?.length, 8192);
  const above = [...growth.partial()].find(({ tile }) => tile.level === 1);
  assert.ok(above && tiles.read(above.tile).equals(above.bytes));
  assert.throws(() => tiles.read({ level: 0, index: 3, width: 5 }), BadTree);
});

test('a tree goes on from its tiles as if it had never stopped', (t) => {
  const folder = folderOf(t);
  const tiles = new TileStore(nodeDisk, folder);
  const size = 256 * 256 + 3 * 256;
  const whole = treeOf(size + 700, tiles.write);
  const full: string[] = [];
  const resumed = Growth.at(size, (level, index) => {
    const tile = { level: level / 8, index: Math.floor(index / 256), width: 256 };
    const stored = level % 8 === 0 ? (tiles.full(tile) ?? tiles.read({ ...tile, width: (index % 256) + 1 })) : undefined;
    return stored ? stored.subarray((index % 256) * 32, (index % 256) * 32 + 32) : nodeAt(level, index);
  }, (tile) => full.push(tilePath(tile)));
  for (let i = size; i < size + 700; i += 1) resumed.push(leafHash(Buffer.from(String(i))));
  assert.ok(resumed.root().equals(whole.root()));
  assert.deepEqual([...resumed.partial()].map(({ bytes }) => bytes.toString('hex')), [...whole.partial()].map(({ bytes }) => bytes.toString('hex')));
  assert.deepEqual(full, ['tile/0/259', 'tile/0/260']);
});

/** A node between tile levels, computed here from the leaves. */
const nodeAt = (level: number, index: number): Buffer => {
  const width = 2 ** level;
  const part = new Growth(() => undefined);
  for (let i = index * width; i < (index + 1) * width; i += 1) part.push(leafHash(Buffer.from(String(i))));
  return part.root();
};
