import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../../test/kit/campaign.ts';
import { cutAt, places } from './testdata/answers.ts';
import { takenByNode } from './testdata/node-server.ts';
import { mutated, takenByServer } from './testdata/requests.ts';

test('requests are the same however their bytes are cut', () => campaign(fc.asyncProperty(mutated, places, async (bytes, at) => {
  assert.deepEqual(await takenByServer(cutAt(bytes, at)), await takenByServer([bytes]));
})));

test('what is not refused is the same requests for Node', () => campaign(fc.asyncProperty(mutated, async (bytes) => {
  const ours = await takenByServer([bytes]);
  assert.deepEqual(ours, (await takenByNode(bytes)).slice(0, ours.length));
})));
