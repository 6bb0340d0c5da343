import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decisionMatches } from './filters.ts';

test('refused is what did not run: a command that people approved did', () => {
  for (const ran of ['allow', 'require_approval']) {
    assert.equal(decisionMatches('refused', ran), false);
    assert.equal(decisionMatches(ran, ran), true);
  }
  for (const code of ['denied', 'approval_required', 'limit']) {
    assert.equal(decisionMatches('refused', code), true);
    assert.equal(decisionMatches('require_approval', code), false);
  }
});
