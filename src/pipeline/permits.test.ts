import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mint, Permit } from './permits.ts';

test('a permit is spent once', () => {
  const permit = mint();
  permit.spend();
  assert.throws(() => permit.spend(), /twice or forged/);
});

test('a permit that the pipeline did not mint is worth nothing', () => {
  assert.throws(() => new Permit(Symbol('minting')).spend(), /twice or forged/);
});
