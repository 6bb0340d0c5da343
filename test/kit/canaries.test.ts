import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { canariesIn, secretCanary, tokenCanary } from './canaries.ts';
import { staticIssuer } from './static-issuer.ts';
import { tempFolder } from './temp.ts';

test('a canary is found wherever it stands, and nothing else is', async () => {
  using folder = tempFolder('canaries');
  using issuer = await staticIssuer();
  const token = await issuer.token();
  secretCanary('a-secret-of-this-test-83f');
  tokenCanary(token);
  const write = (name: string, ...parts: readonly (string | Buffer)[]): void => writeFileSync(folder.file(name), Buffer.concat(parts.map((part) => Buffer.from(part))));
  write('nothing', 'eyJhbGciOiJub25lIn0.e30.AAAAAAAAAAAAAAAAAAAAAAAA', Buffer.alloc(3_000_000), 'x');
  assert.deepEqual(canariesIn(folder.path, folder.file('absent')), []);
  const places = [0, 1, 1024 * 1024 - 10, 1024 * 1024, 2_000_003];
  for (const [n, place] of places.entries()) {
    write('found', Buffer.alloc(place), n % 2 === 0 ? token : 'a-secret-of-this-test-83f', Buffer.alloc(n));
    assert.equal(canariesIn(folder.path).length, 1, String(place));
  }
});
