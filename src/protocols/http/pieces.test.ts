import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joined, KeptPieces } from './pieces.ts';

const bytes = (length: number, fill = 'a'): Buffer => Buffer.alloc(length, fill);

test('pieces that are short on the whole become one, others stay as they are', () => {
  assert.deepEqual(joined([]), []);
  const [one, large] = [bytes(1), bytes(60_000)];
  assert.equal(joined([one])[0], one);
  assert.deepEqual(joined([one, bytes(2, 'b'), bytes(1, 'c')]), [Buffer.from('abbc')]);
  assert.deepEqual(joined([one, large]).map(({ length }) => length), [1, 60_000], 'nothing large is copied');
});

test('what is kept comes back in order, however finely it was cut, in few pieces', () => {
  for (const lengths of [[], [0], [1], [1, 1], [5_000], [1, 5_000, 1], [4_095, 4_095, 4_095], Array.from({ length: 30_000 }, () => 1), Array.from({ length: 100 }, (_, n) => n * 100)]) {
    const [kept, same] = [new KeptPieces(), new KeptPieces()];
    const all = Buffer.concat(lengths.map((length, n) => bytes(length, String.fromCharCode(97 + (n % 26)))));
    let at = 0;
    for (const length of lengths) {
      kept.push(all.subarray(at, at + length));
      same.push(all.subarray(at, at + length));
      at += length;
    }
    assert.ok(kept.bytes().equals(all), String(lengths.length));
    const pieces = same.take();
    assert.ok(Buffer.concat(pieces).equals(all));
    assert.ok(pieces.length <= 1 + 2 * (all.length / 4_096), `${pieces.length} pieces of ${all.length} bytes`);
    assert.deepEqual(same.take(), []);
  }
});
