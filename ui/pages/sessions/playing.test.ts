import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplayFrame } from '../../api/types.ts';
import { waitBefore } from './playing.ts';

const frames = [0, 100, 100, 60_000, 59_000].map((at, sequence): ReplayFrame => ({ at, kind: 'statement', sequence, text: '', refused: false }));

test('frames are as far apart as they were, at the speed chosen, and nobody waits for a silence', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((index) => waitBefore(frames, index, 2)), [0, 50, 0, 2500, 0, 0]);
});
