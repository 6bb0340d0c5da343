import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { mebibytes, runSoak } from '../test/soak/run-soak.ts';
import type { Soak } from '../test/soak/soak.ts';

/*
 * npm run soak -- [--rounds 10] [--list] [NAME...]: what honest clients do by the thousand, round after round, with the answers, the memory, the open files and
 * the records looked at. Each *.soak.ts in test/soak is one. NAME picks those whose name starts with it.
 */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string', default: '10' }, list: { type: 'boolean', default: false } } });
const rounds = Number(values.rounds);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const found = await Promise.all(globSync('test/soak/**/*.soak.ts', { cwd: root }).map(async (file) => ((await import(pathToFileURL(join(root, file)).href)) as { readonly soak: Soak }).soak));
const soaks = found.filter(({ name }) => positionals.length === 0 || positionals.some((start) => name.startsWith(start))).toSorted((one, other) => one.name.localeCompare(other.name));
if (!Number.isSafeInteger(rounds) || rounds < 1 || soaks.length === 0) {
  process.stderr.write(soaks.length === 0 ? 'no soak has such a name: see --list\n' : '--rounds must be a positive number\n');
  process.exit(2);
}
let failed = 0;
let skipped = 0;
for (const soak of soaks) {
  const missing = soak.missing?.();
  if (values.list || missing !== undefined) {
    if (missing !== undefined) skipped += 1;
    process.stdout.write(`${missing === undefined ? '' : 'skipped '}${soak.name}${missing === undefined ? '' : `: ${missing}`}\n`);
    continue;
  }
  try {
    const { commands, seconds, before, after, left } = await runSoak(soak, rounds, (what) => process.stderr.isTTY && process.stderr.write(`\r\u001b[K${soak.name}: ${what}`));
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    process.stdout.write(`ok     ${soak.name}: ${commands} commands in ${Math.round(seconds)} s; held ${mebibytes(before.memory)}, then ${mebibytes(after.memory)} (${(left / 1024).toFixed(0)} KiB a round), resident ${mebibytes(before.resident)}, then ${mebibytes(after.resident)}; files ${before.files}, then ${after.files}\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`\nFAILED ${soak.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
}
if (!values.list) process.stdout.write(`${soaks.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
