import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenLinks } from './links.ts';

test('finds relative links that lead nowhere, and nothing else', () => {
  const text = 'See [a](there.md), [b](gone.md#part), [c](https://example.org/x), [d](#here), [e](./there.md "title"), `[f](code.md)`\n```\n[g](block.md)\n```\n![h](gone.png)\n';
  assert.deepEqual(brokenLinks(text, (path) => path === 'there.md' || path === './there.md'), ['gone.md#part', 'gone.png']);
});
