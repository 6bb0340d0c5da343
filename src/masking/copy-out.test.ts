import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { createCopyOutMasker } from './copy-out.ts';
import type { MaskSet } from './plan.ts';
import { catalog, maskSet, ready, understood } from './testdata/scene.ts';

before(() => ready());

const copied = (set: MaskSet, data: string): [string, number] => {
  const judgement = set.judge(understood('COPY notes TO STDOUT'), catalog);
  assert.ok(judgement.kind === 'plan');
  const masker = createCopyOutMasker(judgement.statements[0]!);
  if (masker === undefined) return [data, 0];
  return [Buffer.from(masker.mask(Buffer.from(data, 'latin1'))).toString('latin1'), masker.counts.get('policy/0') ?? 0];
};

test('detectors mask COPY data in its own form, lengths kept', () => {
  const set = maskSet([{ detect: ['us_ssn', 'credit_card'] }]);
  assert.deepEqual(copied(set, '1\tssn 123-45-6789\t4111111111111111\n'), ['1\tssn ***********\t9999999999999999\n', 2]);
  assert.deepEqual(copied(set, '\0\x01\0\0\0\x0b123-45-6789'), ['\0\x01\0\0\0\x0b***********', 1]);
  assert.deepEqual(copied(maskSet([{ detect: ['us_ssn'], transform: { partial: 4 } }]), '123-45-6789\n'), ['*******6789\n', 1]);
  assert.deepEqual(copied(maskSet([{ columns: ['customers.ssn'] }]), '123-45-6789\n'), ['123-45-6789\n', 0]);
});
