import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../../test/kit/campaign.ts';
import { cutAt, method, mutated, places, seenByReader } from './testdata/answers.ts';
import { seenByNode } from './testdata/node-client.ts';

const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from('HTTP/1.1 200 '), bytes]));

test('an answer is the same however its bytes are cut', () => campaign(fc.property(fc.oneof(mutated, noise), method, places, (answer, by, at) => {
  assert.deepEqual(seenByReader(cutAt(answer, at), by), seenByReader([answer], by));
}), { fastest: true }));

test('what is not refused is whole, and the same, for Node', () => campaign(fc.asyncProperty(fc.oneof(mutated, noise), method, async (answer, by) => {
  const ours = seenByReader([answer], by);
  if (ours === 'not http') return;
  const { rest, ...seen } = ours;
  assert.deepEqual(seen, await seenByNode(answer.subarray(0, answer.length - rest.length), by));
})));
