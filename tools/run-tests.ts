import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { PassThrough } from 'node:stream';
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
/**
 * Files that hardly compute: they wait for deadlines, for rounds of ten seconds, for an hour that goes by a thousand times faster. One of them
 * at a time runs beside the others, which loses them nothing. What measures time, or makes the machine busy, does not belong here.
 */
const WAITING: readonly string[] = [
  'test/e2e/witness-gateway.test.ts',
  'test/e2e/operations-drain.test.ts',
  'test/e2e/operations-outages.test.ts',
  'test/e2e/protocol-doors.test.ts',
  'test/e2e/thresholds-strict.test.ts',
  'src/approvals/channels/delivery.test.ts',
  'test/e2e/approvals-data.test.ts',
  'test/e2e/approvals-limits.test.ts',
  'test/e2e/http-bad-input.test.ts',
  'test/e2e/http-streams.test.ts',
  'src/protocols/http/smuggling.test.ts',
  'test/e2e/anchors-gateway.test.ts',
  'test/e2e/approvals-lapse.test.ts',
  'test/e2e/control-hardening.test.ts',
  'test/e2e/evidence-failure.test.ts',
  'test/e2e/evidence-refusals.test.ts',
  'test/e2e/grpc-held.test.ts',
  'test/e2e/http-certificates.test.ts',
  'test/e2e/http-certificates-proxy.test.ts',
  'test/e2e/http-held-killed.test.ts',
  'test/e2e/http-held-streams.test.ts',
  'test/e2e/http-once.test.ts',
  'test/e2e/http-revoked.test.ts',
  'test/e2e/masking-renames.test.ts',
  'test/e2e/operations-identities.test.ts',
  'test/e2e/operations-reload.test.ts',
  'test/e2e/postgres-certificates.test.ts',
  'test/e2e/protocol-ending.test.ts',
  'test/e2e/witness-server.test.ts',
];
/** The files that take longest, longest first: one of them that began last would run alone at the end. The others follow by name. */
const LONGEST: readonly string[] = [
  'test/e2e/page-access.test.ts',
  'test/e2e/crash-kill.test.ts',
  'test/e2e/terminal-actions.test.ts',
  'test/bypass/live-sql-policy.test.ts',
  'test/e2e/page-states.test.ts',
  'test/e2e/thresholds-extended.test.ts',
  'test/e2e/tools-postgres15.test.ts',
  'test/e2e/people.test.ts',
  'test/e2e/evidence-retention.test.ts',
  'test/e2e/evidence-power.test.ts',
  'test/e2e/thresholds.test.ts',
];

interface Tally { passed: number; failed: number; skipped: number }

const wanted = process.argv.slice(2).map((path) => path.replace(/^\.\//, ''));
/** Those of `WAITING` are found by their own names only. */
const find = (patterns: readonly string[]): string[] =>
  globSync([...patterns], { cwd: root, exclude: (name) => name === 'node_modules' })
    .filter((file) => (wanted.length === 0 || wanted.some((path) => file.startsWith(path))) && (patterns === WAITING || !WAITING.includes(file)))
    .toSorted()
    // A sort keeps the order of equals.
    .toSorted((one, other) => rank(one) - rank(other))
    .map((file) => join(root, file));
const rank = (file: string): number => (LONGEST.includes(file) ? LONGEST.indexOf(file) : LONGEST.length);

const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
/** Seconds that the tests of a file took, one after the other. */
const seconds = new Map<string, number>();
/** Reason to names of the tests. */
const skipped = new Map<string, string[]>();

interface Suite {
  readonly name: string;
  /** A file that has not ended after so long hangs, and fails. */
  readonly minutes: number;
  readonly patterns: readonly string[];
  /** Default: `CONCURRENCY`. */
  readonly atOnce?: number;
  /** Default: standard output. */
  readonly to?: NodeJS.WritableStream;
}

async function suite({ name, minutes, patterns, atOnce = CONCURRENCY, to = process.stdout }: Suite): Promise<void> {
  const files = find(patterns);
  if (files.length === 0) return;
  to.write(`\n== ${name}: ${files.length} files\n`);
  const stream = run({ files, concurrency: atOnce, timeout: minutes * 60_000, cwd: root });
  const isFile = (data: { readonly name: string; readonly nesting: number }): boolean => data.nesting === 0 && files.includes(join(root, data.name));
  const took = ({ file, nesting, details }: { readonly file?: string | undefined; readonly nesting: number; readonly details: { readonly duration_ms: number } }): void => {
    if (file !== undefined && nesting === 0) seconds.set(file, (seconds.get(file) ?? 0) + details.duration_ms / 1000);
  };
  stream.on('test:pass', (data) => {
    took(data);
    if (data.skip !== undefined && data.skip !== false) {
      tally.skipped++;
      const reason = typeof data.skip === 'string' ? data.skip : 'no reason given';
      skipped.set(reason, [...(skipped.get(reason) ?? []), data.name]);
    } else if (data.details.type !== 'suite' && !isFile(data)) tally.passed++;
  });
  stream.on('test:fail', (data) => {
    took(data);
    // A suite fails because a test in it did, which is counted.
    if (data.details.type !== 'suite') tally.failed++;
  });
  const printed = stream.compose(spec);
  printed.pipe(to, { end: false });
  await new Promise<void>((resolve, reject) => {
    printed.once('end', resolve);
    printed.once('error', reject);
  });
}

// What one test file has made ready of the sources, the others need not: a third of a second for each.
process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules', '.cache', 'wicketgate');
const begun = performance.now();
let checked = true;
if (wanted.length === 0) {
  process.stdout.write('== check\n');
  checked = spawnSync(process.execPath, [join(root, 'tools', 'check.ts')], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}
// Tests of the page look at what is built from these sources.
await builtPage();
// Printed when the others are: in between nobody could tell whose line is whose.
const waited = new PassThrough({ highWaterMark: 64 * 1024 * 1024 });
const waiting = suite({ name: 'mostly waiting, beside the others', minutes: 10, patterns: WAITING, atOnce: 1, to: waited });
await suite({ name: 'beside the code', minutes: 10, patterns: ['src/**/*.test.ts', 'ui/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts', 'test/kit/**/*.test.ts'] });
await suite({ name: 'real servers and clients', minutes: 10, patterns: ['test/{conformance,e2e,bypass,crash}/**/*.test.ts'] });
waited.pipe(process.stdout, { end: false });
await waiting;
waited.end();
await once(waited, 'end');

process.stdout.write('\n');
const longest = [...seconds].sort(([, one], [, other]) => other - one).slice(0, 20);
process.stdout.write(`longest:\n${longest.map(([file, time]) => `${time.toFixed(0).padStart(6)} s ${relative(root, file)}\n`).join('')}\n`);
for (const [reason, names] of skipped) process.stdout.write(`skipped ${names.length}: ${reason}\n${names.map((name) => `    ${name}\n`).join('')}`);
if (!checked) process.stdout.write('check failed, see above\n');
const nothing = tally.passed + tally.failed === 0;
if (nothing) process.stdout.write(`no test was run${wanted.length === 0 ? '' : `: no test file starts with ${wanted.join(' or ')}`}\n`);
process.stdout.write(`${((performance.now() - begun) / 60_000).toFixed(1)} minutes\n${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`);
process.exitCode = checked && tally.failed === 0 && !nothing ? 0 : 1;
