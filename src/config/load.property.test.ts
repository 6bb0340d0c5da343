import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { stringify } from 'yaml';
import { loadSources } from './load.ts';
import { describe as describeConfig, print } from './print.ts';
import { formatProblem, Problems } from './problems.ts';
import { Configuration } from './schema.ts';
import { conform, Places, type Schema } from './shape.ts';
import { soundConfiguration } from './testdata/arbitrary.ts';
import { sound } from './testdata/sound.ts';
import { readYaml } from './yaml.ts';

const loadText = (text: string, base = '/srv') => loadSources([{ file: `${base}/w.yaml`, text }], base, { DB: 'x' }, { checkSecrets: false });

test('whatever the text, the answer is a configuration or problems with a place', async () => {
  const lines = sound.split('\n');
  const mutated = fc.tuple(fc.nat(sound.length), fc.nat(12), fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom('&a ', '*a', '- ', ': ', '{', ']', '? ', '!x ', '|', '"', '\n', '\t', '<<: ', '---\n', '__proto__: ', 'null', '~'))).map(([at, length, by]) => sound.slice(0, at) + by + sound.slice(at + length));
  const shuffled = fc.shuffledSubarray(lines).map((some) => some.join('\n'));
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), mutated, mutated, shuffled), async (text) => {
      const result = await loadText(text);
      if (result.ok) return;
      assert(result.problems.length > 0);
      for (const problem of [...result.problems, ...result.warnings]) {
        assert.equal(problem.file, '/srv/w.yaml');
        assert(problem.line >= 1 && problem.column >= 1 && problem.line <= text.split('\n').length, formatProblem(problem));
        assert.doesNotMatch(formatProblem(problem), /[\u0000-\u001f]/);
      }
    }),
    { numRuns: 600 },
  );
});

test('whatever the values, the answer is a configuration or problems', async () => {
  const keys = ['name', 'version', 'gateway', 'identityProviders', 'identities', 'connections', 'policies', 'rules', 'match', 'mask', 'limits', 'target', 'credential', 'password', 'groups', 'claims', 'when', 'control', 'tls', 'listen', 'transform', '__proto__', 'x'];
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ depthSize: 'small' }, fc.constantFrom<unknown>('x', 1, true, null, '', 'env:', '1h', '127.0.0.1:1', 'job', -1, 1.5), fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...keys), tie('tree'), { maxKeys: 4 })),
  }));
  await fc.assert(
    fc.asyncProperty(soundConfiguration, fc.array(fc.tuple(fc.nat(), tree), { minLength: 1, maxLength: 3 }), async (written, changes) => {
      let value: unknown = structuredClone(written);
      for (const [seed, by] of changes) value = replaceAt(value, seed, by);
      const result = await loadText(JSON.stringify(value));
      assert(result.ok || result.problems.length > 0);
    }),
    { numRuns: 400 },
  );
});

test('accepts the shapes that the JSON schema accepts, and no others', () => {
  fc.assert(
    fc.property(soundConfiguration, fc.nat(), fc.constantFrom<unknown>('x', 1, true, '', [], {}, ['x'], [1], 'env:X', '10m', '1KiB', 'off', { name: 'x' }, 99999, -1, 1.5), (written, seed, by) => {
      const value = replaceAt(structuredClone(written), seed, by);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
      const problems = new Problems();
      const tree = readYaml(JSON.stringify(value), 'w.yaml', problems);
      assert(tree?.kind === 'map', JSON.stringify(problems.list()));
      conform(Configuration as unknown as Schema, tree, problems, new Places());
      assert.equal(!problems.any, Value.Check(Configuration, value), `${JSON.stringify(value)}\n${problems.list().map(formatProblem).join('\n')}`);
    }),
    { numRuns: 500 },
  );
});

test('what check --json prints is all that is in force: it loads again to the same digest', async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(soundConfiguration, async (written) => {
      const first = await loadText(stringify(written));
      // Two policies may shadow each other; everything else that is generated is sound.
      if (!first.ok) return assert(first.problems.every(({ message }) => message.startsWith('every token of this identity also matches') || message.startsWith('shares ') || message.startsWith('can never take effect: the deny')), first.problems.map(formatProblem).join('\n'));
      accepted += 1;
      const printed = JSON.parse(JSON.stringify(describeConfig(first.config))) as { readonly configuration: unknown };
      const second = await loadText(JSON.stringify(printed.configuration), '/elsewhere');
      assert(second.ok, JSON.stringify(second));
      assert.equal(second.config.digest, first.config.digest);
      assert.deepEqual(describeConfig(second.config)['configuration'], printed.configuration);
      for (const line of print(first.config).split('\n')) assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
    }),
    { numRuns: 300 },
  );
  assert(accepted > 100, `only ${accepted} were accepted`);
});

/** The value with the part that `seed` picks replaced. */
function replaceAt(value: unknown, seed: number, by: unknown): unknown {
  if (typeof value !== 'object' || value === null) return by;
  const keys = Object.keys(value);
  const key = keys[seed % (keys.length + 1)];
  if (key === undefined) return seed % 7 === 0 ? by : value;
  const holder = value as Record<string, unknown>;
  const next = Math.floor(seed / (keys.length + 1));
  const replaced = next % 3 === 0 ? by : replaceAt(holder[key], next, by);
  Object.defineProperty(holder, key, { value: replaced, enumerable: true, configurable: true, writable: true });
  return value;
}
