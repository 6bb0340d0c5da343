import assert from 'node:assert/strict';
import { globSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { tempFolder } from '../test/kit/temp.ts';
import { builtPage } from './build-ui.ts';

const folder = tempFolder('built-page');
after(() => rmSync(folder.path, { recursive: true, force: true }));
const out = join(folder.path, 'ui');

test('the page is built when it is missing or of other sources, and not again', { timeout: 120_000 }, async () => {
  await builtPage(out);
  const built = statSync(join(out, 'index.html')).mtimeMs;
  await builtPage(out);
  assert.equal(statSync(join(out, 'index.html')).mtimeMs, built);
  writeFileSync(join(out, '.sources'), 'of other sources');
  writeFileSync(join(out, 'left-over.js'), '');
  await builtPage(out);
  assert.notEqual(statSync(join(out, 'index.html')).mtimeMs, built);
  assert.deepEqual(globSync('left-over.js*', { cwd: out }), []);
});

test('each text lies beside its compressed forms, which say the same', async () => {
  await builtPage(out);
  const files = globSync('**/*.{js,css,html,svg}', { cwd: out });
  assert.ok(files.length > 20);
  for (const file of files) {
    const bytes = readFileSync(join(out, file));
    assert.deepEqual(brotliDecompressSync(readFileSync(join(out, `${file}.br`))), bytes, file);
    assert.deepEqual(gunzipSync(readFileSync(join(out, `${file}.gz`))), bytes, file);
  }
  assert.match(readFileSync(join(out, 'licenses.md'), 'utf8'), /@mantine\/core/);
});
