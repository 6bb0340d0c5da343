import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PIECES, STREAMING_NOTHING, WHOLE } from './streaming.ts';

test('what was set holds, nothing else changes, and equal tables are one however they were come to', () => {
  const step = fc.tuple(fc.constantFrom(0, 0x44, 0x64, 255), fc.constantFrom(0, PIECES, WHOLE));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const expected = new Uint8Array(256);
      let streaming = STREAMING_NOTHING;
      for (const [type, how] of steps) {
        const before = Buffer.from(streaming.how);
        const next = streaming.with(type, how);
        assert.deepEqual(Buffer.from(streaming.how), before, 'others share it');
        streaming = next;
        expected[type] = how;
        assert.deepEqual(streaming.how, expected);
      }
      const last = new Map(steps);
      let direct = STREAMING_NOTHING;
      for (const [type, how] of [...last].sort(([a], [b]) => b - a)) direct = direct.with(type, how);
      assert.equal(direct, streaming);
    }),
  );
  assert.deepEqual(STREAMING_NOTHING.how, new Uint8Array(256));
});
