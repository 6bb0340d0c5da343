import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newSessionId } from './session-id.ts';

test('session ids have 26 characters of Crockford base32 and do not repeat', () => {
  const ids = new Set(Array.from({ length: 10_000 }, newSessionId));
  assert.equal(ids.size, 10_000);
  for (const id of ids) assert.match(id, /^[0-9a-hjkmnp-tv-z]{26}$/);
});
