import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { builtPage } from './build-ui.ts';

/*
 * npm test [PATH...]: check, then the tests beside the code, then those against real servers and clients. With paths: only the test files
 * whose path starts with one of them, and no check.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Two at once: that is what the smallest machine we care for has, and many files start servers. */
const CONCURRENCY = 2;

interface Tally { passed: number; failed: number; skipped: number }

const wanted = process.argv.slice(2).map((path) => path.replace(/^\.\//, ''));
const find = (patterns: readonly string[]): string[] =>
  globSync([...patterns], { cwd: root, exclude: (name) => name === 'node_modules' })
    .filter((file) => wanted.length === 0 || wanted.some((path) => file.startsWith(path)))
    .toSorted()
    .map((file) => join(root, file));

const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
/** Reason to names of the tests. */
const skipped = new Map<string, string[]>();

/** A file that has not ended after `minutes` hangs, and fails. */
async function suite(name: string, minutes: number, patterns: readonly string[]): Promise<void> {
  const files = find(patterns);
  if (files.length === 0) return;
  process.stdout.write(`\n== ${name}: ${files.length} files\n`);
  const stream = run({ files, concurrency: CONCURRENCY, timeout: minutes * 60_000, cwd: root });
  const isFile = (data: { readonly name: string; readonly nesting: number }): boolean => data.nesting === 0 && files.includes(join(root, data.name));
  stream.on('test:pass', (data) => {
    if (data.skip !== undefined && data.skip !== false) {
      tally.skipped++;
      const reason = typeof data.skip === 'string' ? data.skip : 'no reason given';
      skipped.set(reason, [...(skipped.get(reason) ?? []), data.name]);
    } else if (data.details.type !== 'suite' && !isFile(data)) tally.passed++;
  });
  stream.on('test:fail', (data) => {
    // A suite fails because a test in it did, which is counted.
    if (data.details.type !== 'suite') tally.failed++;
  });
  const printed = stream.compose(spec);
  printed.pipe(process.stdout);
  await new Promise<void>((resolve, reject) => {
    printed.once('end', resolve);
    printed.once('error', reject);
  });
}

const begun = performance.now();
let checked = true;
if (wanted.length === 0) {
  process.stdout.write('== check\n');
  checked = spawnSync(process.execPath, [join(root, 'tools', 'check.ts')], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}
// Tests of the page look at what is built from these sources.
await builtPage();
await suite('beside the code', 5, ['src/**/*.test.ts', 'ui/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts', 'test/kit/**/*.test.ts']);
await suite('real servers and clients', 10, ['test/{conformance,e2e,bypass,crash}/**/*.test.ts']);

process.stdout.write('\n');
for (const [reason, names] of skipped) process.stdout.write(`skipped ${names.length}: ${reason}\n${names.map((name) => `    ${name}\n`).join('')}`);
if (!checked) process.stdout.write('check failed, see above\n');
const nothing = tally.passed + tally.failed === 0;
if (nothing) process.stdout.write(`no test was run${wanted.length === 0 ? '' : `: no test file starts with ${wanted.join(' or ')}`}\n`);
process.stdout.write(`${((performance.now() - begun) / 60_000).toFixed(1)} minutes\n${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`);
process.exitCode = checked && tally.failed === 0 && !nothing ? 0 : 1;
