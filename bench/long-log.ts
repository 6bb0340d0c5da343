import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { KeysFolder } from '../src/evidence/keys.ts';
import { nodeDisk } from '../src/evidence/node-disk.ts';
import { openEvidenceLog } from '../src/evidence/open.ts';
import type { SearchFilters } from '../src/evidence/search/filters.ts';
import { LogIndex } from '../src/evidence/search/search.ts';
import { verify } from '../src/evidence/verify/verify.ts';
import { logOptions, writeLongLog } from './write-log.ts';

/*
 * What a long log costs: node bench/long-log.ts [COMMANDS]. Each step runs in a process of its own, whose greatest resident memory is
 * what it needed. A command is two records (intent with a sealed statement, outcome).
 */

const COMMANDS_OF_SESSION = 500;

const foldersOf = (folder: string): { readonly folder: string; readonly keysFolder: string } => ({ folder: join(folder, 'log'), keysFolder: join(folder, 'keys') });

const index = (folder: string): LogIndex => new LogIndex({ folder: join(folder, 'log'), indexes: join(folder, 'search'), keys: KeysFolder.open(nodeDisk, join(folder, 'keys'), false) });

/** What people look for: by who, where, what, when, and by words that are common, rare and absent. */
const questions = (commands: number): readonly (readonly [string, SearchFilters])[] => [
  ['identity', { identity: 'job-7' }],
  ['identity and verb', { identity: 'job-12', verb: 'delete' }],
  ['object', { object: 'public.payments' }],
  ['object and rows', { object: 'refunds', rows: '>190' }],
  ['connection and time', { connection: 'db-3', since: Date.now() - 3_600_000 }],
  ['refused', { decision: 'refused' }],
  ['names with *', { identity: 'job-3*', object: '*audit*' }],
  ['common text', { text: "region = 'r13'" }],
  ['text with filters', { text: 'batch 777', identity: 'job-9' }],
  ['text and a broad filter', { text: 'batch 777', verb: 'select' }],
  ['rare text', { text: `id = ${Math.floor(commands / 3) * 7919}` }],
  ['rare text, recent', { text: `${(commands - 5) * 7919}` }],
  ['absent text', { text: 'drop database production' }],
  ['absent, three letters', { text: 'zqx' }],
];

const search = (folder: string, commands: number): void => {
  const found = index(folder);
  const all: number[] = [];
  const lines: string[] = [];
  for (const [name, filters] of questions(commands)) {
    const times: number[] = [];
    let hits = 0;
    for (let round = 0; round < 10; round += 1) {
      const began = performance.now();
      hits = found.search(filters, 50).hits.length;
      times.push(performance.now() - began);
    }
    all.push(...times);
    times.sort((a, b) => a - b);
    lines.push(`    ${name.padEnd(24)} ${String(hits).padStart(3)} hits  median ${(times[5] ?? 0).toFixed(1)} ms, worst ${(times[9] ?? 0).toFixed(1)} ms`);
  }
  found.close();
  all.sort((a, b) => a - b);
  process.stdout.write(`${lines.join('\n')}\n    all: median ${(all[all.length >> 1] ?? 0).toFixed(1)} ms, p95 ${(all[Math.floor(all.length * 0.95)] ?? 0).toFixed(1)} ms (goal 200 ms over a million commands)\n`);
};

const STEPS: Readonly<Record<string, (folder: string, commands: number) => Promise<void> | void>> = {
  write: (folder, commands) => writeLongLog({ ...foldersOf(folder), commands, commandsOfSession: COMMANDS_OF_SESSION }),
  verify: async (folder) => {
    const { integrity, completeness, records } = await verify(join(folder, 'log'));
    process.stdout.write(`    ${records} records, integrity ${integrity.ok ? 'ok' : 'ALTERED'}, completeness ${completeness.verdict}\n`);
  },
  index: (folder) => {
    const made = index(folder);
    while (made.step());
    made.close();
  },
  start: async (folder) => {
    const log = await openEvidenceLog(logOptions(foldersOf(folder)));
    await log.close();
  },
  search,
};

const HERE = fileURLToPath(import.meta.url);
const [step, folder, count] = process.argv.slice(2);
if (step !== undefined && folder !== undefined) {
  await STEPS[step]?.(folder, Number(count));
  process.stderr.write(`${process.resourceUsage().maxRSS / 1024}`);
} else {
  const commands = Number(step ?? 1_000_000);
  const place = mkdtempSync(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'wicketgate-bench-long-'));
  try {
    process.stdout.write(`a log of ${commands.toLocaleString('en-US')} commands, each step in its own process\n`);
    for (const name of Object.keys(STEPS)) {
      const began = performance.now();
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [HERE, name, place, String(commands)], { maxBuffer: 1 << 20 });
      process.stdout.write(`  ${name.padEnd(7)} ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  greatest memory ${Math.round(Number(stderr.split('\n').at(-1)))} MB\n${stdout}`);
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
