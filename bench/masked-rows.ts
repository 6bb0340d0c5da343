import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { MaskConfig } from '../src/config/resolved.ts';
import { HashKey } from '../src/masking/hash-key.ts';
import type { AnswerPlan } from '../src/masking/plan.ts';
import type { createRowMasker, DescribedColumn } from '../src/masking/rows.ts';
import { toClient } from '../src/protocols/postgres/encode.ts';
import { median } from './rounds.ts';

/*
 * node bench/masked-rows.ts ROUNDS [TREE...]: megabytes of rows that are masked in a second of CPU, by this tree and by clones beside it, in alternation:
 * rows as the bulk reads have them, three finds in each, in runs of 64 KiB. Nothing is read and nothing is sent.
 */
const [roundsText = '15', ...others] = process.argv.slice(2);
const trees = [join(import.meta.dirname, '..'), ...others];
const MEGABYTES = 8;
const RUN = 65_536;
const KINDS = ['us_ssn', 'credit_card', 'email', 'phone', 'iban', 'ip', 'jwt', 'cloud_key', 'private_key'];

const digits = (value: number, count: number): string => String(value).padStart(count, '0');
const cellsOf = (n: number): readonly string[] => [
  String(n), `name ${n}`, `row${n}@example.com`, `${(n % 899) + 100}-${(n % 89) + 10}-${(n % 8999) + 1000}`, `+1 555 ${digits(n, 7)}`, createHash('md5').update(String(n)).digest('hex'), String(n * 3), 'x'.repeat(120),
];
const TYPES = [23, 25, 25, 25, 25, 25, 23, 25];

const runs: Buffer[] = [];
for (let n = 1, rows: Buffer[] = [], size = 0; runs.length * RUN < MEGABYTES * 1e6; n += 1) {
  const next = toClient.dataRow(cellsOf(n).map((cell) => Buffer.from(cell)));
  if (size + next.length > RUN) {
    runs.push(Buffer.concat(rows));
    rows = [];
    size = 0;
  }
  rows.push(next);
  size += next.length;
}

const key = new HashKey(Buffer.alloc(32, 7));
const description = TYPES.map((type, at): DescribedColumn => ({ name: `c${at}`, table: 1, column: at + 1, type, typmod: -1, format: 0 }));
const plan = (transform: MaskConfig['transform'], detects: boolean): AnswerPlan => ({
  pass: false,
  complete: true,
  columns: TYPES.map((_, at) => (!detects && (at === 3 || at === 4) ? { name: 'bench', transform, key } : undefined)),
  detect: detects ? [{ name: 'bench', kinds: KINDS, transform, key }] : [],
  protects: () => undefined,
  knows: () => true,
});
const PLANS = { 'mask of 2 of 8, length kept': plan({ partial: 4 }, false), 'mask of 2 of 8, redact': plan('redact', false), 'all detectors, every text column': plan('redact', true) };

const work = runs.map((run) => Buffer.from(run));
/** MB in a second of CPU. Masks write over what they are given, so that each round begins with copies. */
const rate = (create: typeof createRowMasker, answer: AnswerPlan): number => {
  for (const [index, run] of runs.entries()) run.copy(work[index] as Buffer);
  const masker = create(answer, description);
  const before = process.cpuUsage();
  let bytes = 0;
  for (const run of work) {
    if (masker.maskRun(run) === 'withhold') throw new Error('rows that do not fit their description');
    masker.reuse();
    bytes += run.length;
  }
  const { user, system } = process.cpuUsage(before);
  return bytes / (user + system);
};

const makers = await Promise.all(trees.map(async (tree) => ((await import(join(tree, 'src', 'masking', 'rows.ts'))) as { readonly createRowMasker: typeof createRowMasker }).createRowMasker));
for (const [what, answer] of Object.entries(PLANS)) {
  const rates = trees.map((): number[] => []);
  for (let round = -2; round < Number(roundsText); round += 1) {
    for (const [index, create] of makers.entries()) {
      const reached = rate(create, answer);
      if (round >= 0) rates[index]?.push(reached);
    }
  }
  for (const [index, tree] of trees.entries()) {
    const reached = rates[index] ?? [];
    process.stdout.write(`${what.padEnd(34)} ${tree.padEnd(20)} ${String(Math.round(median(reached))).padStart(5)} [${Math.round(Math.min(...reached))} .. ${Math.round(Math.max(...reached))}] MB/s a core\n`);
  }
}
