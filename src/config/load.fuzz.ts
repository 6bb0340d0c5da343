import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../test/kit/campaign.ts';
import { loadSources } from './load.ts';
import { formatProblem } from './problems.ts';
import { sound } from './testdata/sound.ts';

const root = join(import.meta.dirname, '..', '..');
const samples = [sound, ...globSync('examples/**/*.yaml', { cwd: root }).map((file) => readFileSync(join(root, file), 'utf8'))];
/** Longest time for one text of a few KiB. */
const MOST_MS = 2_000;

const pieces = [
  '&a ', '*a', '*b', '- ', ': ', ':', '{', '}', '[', ']', '? ', '!x ', '!!binary ', '!!set ', '|', '>-', '"', "'", '\n', '\n  ', '\t', '<<: ', '<<: *a', '---\n', '...\n', '%YAML 1.1\n', '__proto__: ', 'constructor: ', 'null', '~', 'yes', '0x1F', '.inf', '1e999', '-', '#', '@', '`', '\u0000', '\u2028', '\ufeff', '\ud800', 'é', 'env:', 'file:', '9'.repeat(40), '[[[[[[[[', '{a: {a: {a: ',
  'when: claims.', '"*"', '!!js/function x', '1h', '0s', '16MiB', '127.0.0.1:0', 'https://x', 'x'.repeat(70),
];
const piece = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...pieces) }, fc.string({ unit: 'binary', maxLength: 6 }));
const changed = fc.tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.nat(30), piece), { minLength: 1, maxLength: 5 })).map(([sample, changes]) =>
  changes.reduce((text, [place, length, by]) => {
    const at = place % (text.length + 1);
    return text.slice(0, at) + by + text.slice(at + length);
  }, sample));
/** Lines moved, doubled and left out, with their indentation. */
const shuffled = fc.constantFrom(...samples).chain((sample) => fc.array(fc.constantFrom(...sample.split('\n')), { maxLength: 60 })).map((lines) => lines.join('\n'));
const bombs = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })).map(([levels, width]) => Array.from({ length: levels }, (_, level) => `a${level}: &a${level} [${Array.from({ length: width }, () => (level === 0 ? 'x' : `*a${level - 1}`)).join(', ')}]`).join('\n'));
const texts = fc.oneof({ weight: 4, arbitrary: changed }, shuffled, bombs, fc.array(piece, { maxLength: 20 }).map((parts) => parts.join('')));

test('whatever the files say: a configuration, or problems with their places, in little time', () =>
  campaign(
    fc.asyncProperty(fc.array(texts, { minLength: 1, maxLength: 2 }), async (files) => {
      const sources = files.map((text, at) => ({ file: `/srv/${at}.yaml`, text }));
      const begun = performance.now();
      const result = await loadSources(sources, '/srv', { DB: 'x' }, { checkSecrets: false });
      const took = performance.now() - begun;
      assert.ok(took < MOST_MS, `${Math.round(took)} ms`);
      if (result.ok) return;
      assert.ok(result.problems.length > 0);
      for (const problem of [...result.problems, ...result.warnings]) {
        const source = sources.find(({ file }) => file === problem.file);
        assert.ok(source, formatProblem(problem));
        assert.ok(problem.line >= 1 && problem.column >= 1 && problem.line <= source.text.split(/\r\n|\r|\n/).length, formatProblem(problem));
        assert.doesNotMatch(formatProblem(problem), /[\u0000-\u001f\u007f]/);
      }
    }),
  ));
