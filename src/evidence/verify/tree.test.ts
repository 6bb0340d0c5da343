import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { leafHashOf, pathOf, rootOf } from './testdata/made-log.ts';
import { digestOf, inBase64, inHex, leafDigest, rootOfInclusion, TreeEdge } from './tree.ts';

const digest = (bytes: Buffer): string => bytes.toString('latin1');

test('the roots of the certificate transparency test vectors', () => {
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((leaf) => Buffer.from(leaf, 'hex'));
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7', '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef', 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c', '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  const tree = new TreeEdge();
  assert.equal(inHex(tree.root()), roots[0]);
  for (const [i, leaf] of leaves.entries()) {
    tree.append(leafDigest(leaf));
    assert.equal(inHex(tree.root()), roots[i + 1]);
  }
});

test('the streamed root is the one that RFC 6962 defines, for every size up to 600, and tiles get the hashes of their subtrees', () => {
  const hashes = Array.from({ length: 600 }, (_, i) => leafHashOf(Buffer.from(String(i))));
  const tiles: string[][] = [];
  const tree = new TreeEdge((level, hash) => (tiles[level] ??= []).push(hash));
  for (const [i, hash] of hashes.entries()) {
    tree.append(digest(hash));
    assert.equal(tree.root(), digest(rootOf(hashes.slice(0, i + 1))), `size ${i + 1}`);
  }
  assert.deepEqual(tiles[0], hashes.map(digest));
  assert.deepEqual(tiles[1], [hashes.slice(0, 256), hashes.slice(256, 512)].map((of) => digest(rootOf(of))));
});

test('inclusion: the path leads to the root from its own leaf, index and size, and from no other', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120 }), fc.nat(), fc.nat(), (size, dice, other) => {
      const hashes = Array.from({ length: size }, (_, i) => leafHashOf(Buffer.from(String(i))));
      const index = dice % size;
      const path = pathOf(index, hashes).map(digest);
      const root = digest(rootOf(hashes));
      const leaf = digest(hashes[index] as Buffer);
      assert.equal(rootOfInclusion(index, size, leaf, path), root);
      if (size === 1) return;
      assert.notEqual(rootOfInclusion((index + 1) % size, size, leaf, path), root);
      assert.equal(rootOfInclusion(size, size, leaf, path), undefined);
      assert.equal(rootOfInclusion(index, size, leaf, [...path, leaf]), undefined, 'a step too many');
      assert.equal(rootOfInclusion(index, size, leaf, path.slice(1)) === root, false, 'a step too few');
      const at = other % path.length;
      assert.notEqual(rootOfInclusion(index, size, leaf, path.map((step, i) => (i === at ? leaf : step))), root);
    }),
  );
});

test('a digest is read from its one base64 form only', () => {
  const base64 = inBase64(leafDigest(Buffer.from('x')));
  assert.equal(inBase64(digestOf(base64) as string), base64);
  for (const wrong of ['', base64.slice(0, -1), base64.replace('=', ''), ` ${base64}`, base64.slice(4), `${base64.slice(0, -2)}f=`, base64.replace(/[+/]/g, '-')]) if (wrong !== base64) assert.equal(digestOf(wrong), undefined, wrong);
});
