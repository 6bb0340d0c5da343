import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { tokenReasons, tokenRefusal } from './reasons.ts';

const reference = readFileSync(new URL('../../docs/reference/identity.md', import.meta.url), 'utf8');

test('every reason stands in the reference, with the words that the client gets', () => {
  for (const reason of tokenReasons) {
    const row = reference.split('\n').find((line) => line.startsWith(`| \`${reason}\` |`));
    assert.ok(row !== undefined, reason);
    assert.ok(row.endsWith(`| ${tokenRefusal(reason).message} |`), row);
  }
});

test('the reference names no reason that there is not', () => {
  const named = [...reference.matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1]);
  assert.equal(named.length, tokenReasons.length);
  assert.deepEqual(new Set(named), new Set(tokenReasons));
});
