import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BadTree, CompactEdge, consistencyProof, inclusionProof, leafHash, rootAt, verifyConsistency, verifyInclusion } from './merkle.ts';
import { formatProof, parseProof, verifyProof } from './proof.ts';
import { BadNote, generateSigner, noteVerifier } from './note.ts';
import { signCheckpoint } from './checkpoint.ts';
import { parseBundle, tilesOf } from './testdata/tiles.ts';
import { entriesPath, formatBundle, nodesOf, TILE_BYTES, TILE_WIDTH, tilePath, tileWith, type TileReader } from './tiles.ts';

const SIZE = 70_000;
const leaves = Array.from({ length: SIZE }, (_, i) => leafHash(Buffer.from(String(i))));

/** Tiles as the specification defines them: what the edge completes at each eighth level. */
const levels: Buffer[][] = [];
const edge = new CompactEdge();
for (const leaf of leaves) edge.push(leaf, (level, node) => level % 8 === 0 && void (levels[level / 8] ??= []).push(node));
const read: TileReader = ({ level, index, width }) => Buffer.concat((levels[level] as Buffer[]).slice(index * TILE_WIDTH, index * TILE_WIDTH + width));

test('the paths of the specification', () => {
  assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), 'tile/0/x001/x234/067');
  assert.equal(tilePath({ level: 1, index: 0, width: 17 }), 'tile/1/000.p/17');
  assert.equal(entriesPath(1000), 'tile/entries/x001/000');
});

test('a tree of 70,000 leaves has the tiles that the specification counts', () => {
  const count = new Map<string, number>();
  for (const { level, width } of tilesOf(SIZE)) {
    const kind = width === TILE_WIDTH ? `full ${level}` : `partial ${level} of ${width}`;
    count.set(kind, (count.get(kind) ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(count), { 'full 0': 273, 'partial 0 of 112': 1, 'full 1': 1, 'partial 1 of 17': 1, 'partial 2 of 1': 1 });
  assert.deepEqual([...tilesOf(256)], [{ level: 0, index: 0, width: 256 }, { level: 1, index: 0, width: 1 }]);
  assert.deepEqual([...tilesOf(0)], []);
  assert.deepEqual(tileWith(0, 255, 256), { level: 0, index: 0, width: 256 });
  assert.throws(() => tileWith(0, 256, 256), BadTree);
  assert.throws(() => tileWith(7, 0, Number.MAX_SAFE_INTEGER), BadTree);
});

test('roots and proofs out of tiles are those of the tree', () => {
  const nodes = nodesOf(SIZE, read);
  assert.deepEqual(rootAt(SIZE, nodes), edge.root());
  assert.deepEqual(CompactEdge.at(SIZE, nodes).root(), edge.root());
  fc.assert(
    fc.property(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE }), (index, first) => {
      assert.ok(verifyInclusion(index, SIZE, leaves[index] as Buffer, inclusionProof(index, SIZE, nodes), edge.root()));
      assert.ok(verifyConsistency(first, rootAt(first, nodes), SIZE, edge.root(), consistencyProof(first, SIZE, nodes)));
    }),
    { numRuns: 50 },
  );
});

test('a tile of the wrong length is refused', () => {
  for (const length of [0, 31, 32, TILE_BYTES - 32, TILE_BYTES + 32]) assert.throws(() => nodesOf(1000, () => Buffer.alloc(length))(0, 3 * 256 - 1), BadTree, String(length));
});

test('bundles come apart as they were put together', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 }), (entries) => {
      assert.deepEqual(parseBundle(formatBundle(entries)).map((entry) => [...entry]), entries.map((entry) => [...entry]));
    }),
  );
  assert.equal(parseBundle(formatBundle([Buffer.alloc(65_535)]))[0]?.length, 65_535);
  assert.throws(() => formatBundle([Buffer.alloc(65_536)]), BadTree);
  for (const bad of [Buffer.of(0), Buffer.of(0, 1), Buffer.of(0, 0, 1), Buffer.alloc(2 * 257)]) assert.throws(() => parseBundle(bad), BadTree);
});

test('a proof file has the form of the specification, comes back, and proves one record only', () => {
  const log = generateSigner('log.example');
  const nodes = nodesOf(SIZE, read);
  const checkpoint = signCheckpoint({ origin: 'log.example', size: SIZE, root: edge.root() }, [log]);
  const proof = { index: 4711, hashes: inclusionProof(4711, SIZE, nodes), checkpoint, extra: Buffer.from('why') };
  const text = formatProof(proof);
  const lines = text.split('\n');
  assert.deepEqual(lines.slice(0, 3), ['c2sp.org/tlog-proof@v1', 'extra d2h5', 'index 4711']);
  assert.equal(lines[3 + proof.hashes.length], '');
  assert.ok(text.endsWith(`\n\n${checkpoint}`));
  const back = parseProof(Buffer.from(text));
  assert.equal(formatProof(back), text);
  const verifiers = [noteVerifier(log)];
  assert.equal(verifyProof(back, leaves[4711] as Buffer, 'log.example', verifiers).checkpoint.size, SIZE);
  assert.throws(() => verifyProof(back, leaves[4712] as Buffer, 'log.example', verifiers), BadNote);
  assert.throws(() => verifyProof({ ...back, index: 4712 }, leaves[4711] as Buffer, 'log.example', verifiers), BadNote);
  assert.throws(() => verifyProof(back, leaves[4711] as Buffer, 'log.other', verifiers), BadNote);
  const single = signCheckpoint({ origin: 'log.example', size: 1, root: leaves[0] as Buffer }, [log]);
  const alone = parseProof(formatProof({ index: 0, hashes: [], checkpoint: single }));
  assert.equal(verifyProof(alone, leaves[0] as Buffer, 'log.example', verifiers).checkpoint.size, 1);
});

test('what is no proof is refused', () => {
  const log = generateSigner('log.example');
  const checkpoint = signCheckpoint({ origin: 'log.example', size: 1, root: leaves[0] as Buffer }, [log]);
  const good = formatProof({ index: 0, hashes: [], checkpoint });
  const hash = (leaves[0] as Buffer).toString('base64');
  assert.equal(parseProof(good).hashes.length, 0);
  for (const bad of ['', good.slice(1), good.replace('index 0', 'index 00'), good.replace('index 0', 'index -1'), good.replace('index 0\n', ''), good.replace('index 0', 'extra !\nindex 0'), good.replace('index 0\n', 'index 0\nAAAA\n'), good.replace('index 0\n', `index 0\n${`${hash}\n`.repeat(64)}`), good.slice(0, good.indexOf('\n\n')), good.replace('\u2014', '-'), good.replaceAll('\n', '\r\n'), `${good}${'x'.repeat(500_000)}`]) {
    assert.throws(() => parseProof(bad), BadNote, JSON.stringify(bad.slice(0, 80)));
  }
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const changed = Buffer.from(formatProof({ index: 4711, hashes: inclusionProof(4711, SIZE, nodesOf(SIZE, read)), checkpoint: signCheckpoint({ origin: 'log.example', size: SIZE, root: edge.root() }, [log]) }));
      const place = at % changed.length;
      changed[place] = (changed[place] as number) ^ mask;
      assert.throws(() => verifyProof(parseProof(changed), leaves[4711] as Buffer, 'log.example', [noteVerifier(log)]), BadNote, String(place));
    }),
    { numRuns: 200 },
  );
});
