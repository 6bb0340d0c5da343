import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { CoMETRE } from '@transmute/rfc9162';
import fc from 'fast-check';
import { BadTree, CompactEdge, consistencyProof, EMPTY_ROOT, inclusionProof, leafHash, nodeHash, rootAt, verifyConsistency, verifyInclusion, type NodeSource } from './merkle.ts';

/** Eight leaves and the roots of their trees, as in the tests of Certificate Transparency. */
const CT_LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const CT_ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const entriesTo = (n: number): Buffer[] => Array.from({ length: n }, (_, i) => Buffer.from(`entry ${i}`));
const nodesFrom = (leaves: readonly Buffer[]): NodeSource => {
  const rows: Buffer[][] = [[...leaves]];
  return (level, index) => {
    for (let l = rows.length; l <= level; l += 1) {
      const below = rows[l - 1] as Buffer[];
      rows.push(Array.from({ length: Math.floor(below.length / 2) }, (_, i) => nodeHash(below[2 * i] as Buffer, below[2 * i + 1] as Buffer)));
    }
    const node = rows[level]?.[index];
    assert.ok(node, `no node ${level}/${index}`);
    return node;
  };
};

test('the empty tree and the eight leaves of Certificate Transparency', () => {
  assert.equal(EMPTY_ROOT.toString('base64'), '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
  const edge = new CompactEdge();
  assert.deepEqual(edge.root(), EMPTY_ROOT);
  const leaves = CT_LEAVES.map((hex) => leafHash(Buffer.from(hex, 'hex')));
  leaves.forEach((leaf, i) => {
    edge.push(leaf);
    assert.equal(edge.root().toString('hex'), CT_ROOTS[i]);
    assert.equal(rootAt(i + 1, nodesFrom(leaves)).toString('hex'), CT_ROOTS[i]);
  });
  assert.equal(edge.size, 8);
});

test('proofs of Certificate Transparency: inclusion of leaf 2 of 5, consistency of 6 with 8', () => {
  const nodes = nodesFrom(CT_LEAVES.map((hex) => leafHash(Buffer.from(hex, 'hex'))));
  assert.deepEqual(
    inclusionProof(1, 5, nodes).map((one) => one.toString('hex')),
    ['6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b'],
  );
  assert.deepEqual(
    consistencyProof(6, 8, nodes).map((one) => one.toString('hex')),
    ['0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a', 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
  );
});

test('trees of 0 to 600 leaves have the roots that another implementation gives them', async () => {
  const { RFC9162_SHA256: other } = CoMETRE;
  const entries = entriesTo(600);
  const leaves = entries.map((entry) => leafHash(entry));
  const nodes = nodesFrom(leaves);
  const theirs = await Promise.all(entries.map((entry) => other.leaf(new Uint8Array(entry))));
  leaves.forEach((leaf, i) => assert.ok(leaf.equals(theirs[i] as Uint8Array)));
  const edge = new CompactEdge();
  for (let size = 0; size <= 600; size += 1) {
    if (size > 0) edge.push(leaves[size - 1] as Buffer);
    const root = edge.root();
    assert.deepEqual(rootAt(size, nodes), root);
    assert.deepEqual(CompactEdge.at(size, nodes).root(), root);
    // Theirs hashes a whole tree slowly, so larger ones are computed by them from a path of ours.
    if (size < 70 || [127, 128, 129, 255, 256, 257, 511, 512, 513, 600].includes(size)) assert.ok(root.equals(await other.root(theirs.slice(0, size))), `root of ${size}`);
    for (const index of size === 0 ? [] : new Set([0, size >> 1, size - 1])) {
      const inclusion_path = inclusionProof(index, size, nodes).map((one) => new Uint8Array(one));
      assert.ok(root.equals(await other.verify_inclusion_proof(theirs[index] as Uint8Array, { log_id: '', tree_size: size, leaf_index: index, inclusion_path })), `root of ${size} from leaf ${index}`);
    }
  }
});

test('proofs of another implementation verify here, and ours there', async () => {
  const { RFC9162_SHA256: other } = CoMETRE;
  const leaves = entriesTo(600).map((entry) => leafHash(entry));
  const nodes = nodesFrom(leaves);
  const plain = leaves.map((leaf) => new Uint8Array(leaf));
  for (const size of [1, 2, 3, 5, 8, 31, 64, 100, 255, 256, 257, 511, 600]) {
    const root = rootAt(size, nodes);
    for (const index of new Set([0, 1, size >> 1, size - 2, size - 1])) {
      if (index < 0 || index >= size) continue;
      const ours = inclusionProof(index, size, nodes);
      const { inclusion_path: theirs } = await other.inclusion_proof(index, plain.slice(0, size));
      assert.deepEqual(ours.map((one) => one.toString('hex')), theirs.map((one: Uint8Array) => Buffer.from(one).toString('hex')), `${index} of ${size}`);
      assert.ok(verifyInclusion(index, size, leaves[index] as Buffer, ours, root));
    }
    for (const first of new Set([1, 2, 3, size >> 1, size - 1])) {
      if (first < 1 || first >= size) continue;
      const ours = consistencyProof(first, size, nodes);
      const earlier = await other.inclusion_proof(first - 1, plain.slice(0, first));
      const { consistency_path: theirs } = await other.consistency_proof(earlier, plain.slice(0, size));
      // Where the older tree is a complete subtree, RFC 6962 leaves out its root, which the verifier has; theirs begins with it.
      const expected = Number.isInteger(Math.log2(first)) ? theirs.slice(1) : theirs;
      assert.deepEqual(ours.map((one) => one.toString('hex')), expected.map((one: Uint8Array) => Buffer.from(one).toString('hex')), `${first} in ${size}`);
      assert.ok(verifyConsistency(first, rootAt(first, nodes), size, root, ours));
    }
  }
});

test('every proof of any tree verifies; with one bit, hash or number changed none does', () => {
  const leaves = entriesTo(600).map((entry) => leafHash(entry));
  const nodes = nodesFrom(leaves);
  const flip = (bytes: Buffer, bit: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
    return copy;
  };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 600 }), fc.nat(), fc.nat(), fc.nat(255), (size, a, b, bit) => {
      const index = a % size;
      const first = 1 + (b % size);
      const root = rootAt(size, nodes);
      const leaf = leaves[index] as Buffer;
      const path = inclusionProof(index, size, nodes);
      assert.ok(verifyInclusion(index, size, leaf, path, root));
      assert.ok(!verifyInclusion(index, size, flip(leaf, bit), path, root));
      assert.ok(!verifyInclusion(index, size, leaf, path, flip(root, bit)));
      assert.ok(!verifyInclusion(index, size, leaf, [...path, root], root));
      assert.ok(!verifyInclusion(size, size, leaf, path, root));
      assert.ok(!verifyInclusion(-1, size, leaf, path, root));
      path.forEach((one, i) => {
        assert.ok(!verifyInclusion(index, size, leaf, path.with(i, flip(one, bit)), root));
        assert.ok(!verifyInclusion(index, size, leaf, path.toSpliced(i, 1), root));
      });
      for (const other of [index - 1, index + 1]) if (other >= 0 && other < size) assert.ok(!verifyInclusion(other, size, leaf, path, root));
      const older = rootAt(first, nodes);
      const proof = consistencyProof(first, size, nodes);
      assert.ok(verifyConsistency(first, older, size, root, proof));
      assert.ok(!verifyConsistency(first, flip(older, bit), size, root, proof));
      assert.ok(!verifyConsistency(first, older, size, flip(root, bit), proof));
      assert.ok(!verifyConsistency(first, older, size, root, [...proof, root]));
      assert.ok(!verifyConsistency(size + 1, older, size, root, proof));
      proof.forEach((one, i) => {
        assert.ok(!verifyConsistency(first, older, size, root, proof.with(i, flip(one, bit))));
        assert.ok(!verifyConsistency(first, older, size, root, proof.toSpliced(i, 1)));
      });
    }),
  );
});

test('sizes beyond 32 bits: a tree whose leaves are all alike', () => {
  // Each level of such a tree has one hash only, so that a tree of any size can be had.
  const leaf = leafHash(Buffer.from('alike'));
  const levels = [leaf];
  for (let level = 1; level < 53; level += 1) levels.push(nodeHash(levels[level - 1] as Buffer, levels[level - 1] as Buffer));
  const nodes: NodeSource = (level) => levels[level] as Buffer;
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat(), (a, b, c) => {
      const size = 1 + (a % (Number.MAX_SAFE_INTEGER - 1));
      const index = b % size;
      const first = 1 + (c % size);
      assert.ok(verifyInclusion(index, size, leaf, inclusionProof(index, size, nodes), rootAt(size, nodes)));
      assert.ok(verifyConsistency(first, rootAt(first, nodes), size, rootAt(size, nodes), consistencyProof(first, size, nodes)));
      assert.deepEqual(CompactEdge.at(size, nodes).root(), rootAt(size, nodes));
    }),
    { numRuns: 300 },
  );
});

test('an edge tells each subtree that it completes', () => {
  const leaves = entriesTo(300).map((entry) => leafHash(entry));
  const nodes = nodesFrom(leaves);
  const edge = new CompactEdge();
  const seen = new Map<string, string>();
  leaves.forEach((leaf, i) => edge.push(leaf, (level, node) => void seen.set(`${level}/${Math.floor(i / 2 ** level)}`, node.toString('hex'))));
  for (let level = 0; 2 ** level <= 300; level += 1) {
    for (let index = 0; (index + 1) * 2 ** level <= 300; index += 1) assert.equal(seen.get(`${level}/${index}`), nodes(level, index).toString('hex'));
  }
});

test('what a tree has not cannot be proved', () => {
  const nodes = nodesFrom([leafHash(Buffer.of())]);
  assert.throws(() => inclusionProof(1, 1, nodes), BadTree);
  assert.throws(() => inclusionProof(0, 0, nodes), BadTree);
  assert.throws(() => inclusionProof(0.5, 1, nodes), BadTree);
  assert.throws(() => consistencyProof(2, 1, nodes), BadTree);
  assert.ok(verifyConsistency(0, EMPTY_ROOT, 1, nodes(0, 0), []));
  assert.ok(!verifyConsistency(0, hash('sha256', 'x', 'buffer'), 1, nodes(0, 0), []));
});
