import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { EvidenceRecord, Ticket } from '../src/evidence/log.ts';
import { KeysFolder } from '../src/evidence/keys.ts';
import { nodeDisk } from '../src/evidence/node-disk.ts';
import { openEvidenceLog } from '../src/evidence/open.ts';
import type { SearchFilters } from '../src/evidence/search/filters.ts';
import { LogIndex } from '../src/evidence/search/search.ts';
import { verify } from '../src/evidence/verify/verify.ts';

/*
 * What a long log costs: node bench/long-log.ts [COMMANDS]. Each step runs in a process of its own, whose greatest resident memory is
 * what it needed. A command is two records (intent with a sealed statement, outcome).
 */

const GROUP = 512;
const TABLES = ['orders', 'customers', 'invoices', 'payments', 'shipments', 'refunds', 'products', 'audit_trail'];
const VERBS = ['select', 'insert', 'update', 'delete'] as const;
const COMMANDS_OF_SESSION = 500;

const options = (folder: string): Parameters<typeof openEvidenceLog>[0] => ({ folder: join(folder, 'log'), keysFolder: join(folder, 'keys'), instance: 'bench', build: 'bench', config: 'bench' });

const durable = (ticket: Ticket): Promise<void> => new Promise((resolve, reject) => ticket.whenDurable((failure) => (failure === undefined ? resolve() : reject(new Error(failure)))));

const opening = (session: string, n: number): EvidenceRecord => ({ kind: 'session_open', session, connection: `db-${n % 5}`, protocol: 'postgres', principal: { identity: `job-${n % 40}`, provider: 'ci', owner: { group: 'ci/data' }, groups: [], token: 't', tokenExpiresAt: 0 }, peer: { address: '127.0.0.1', tls: true }, policy: 'p', config: 'c', mode: 'effect' });

/** Commands as jobs send them: few shapes, many values. */
const write = async (folder: string, commands: number): Promise<void> => {
  const log = await openEvidenceLog(options(folder));
  let [session, inSession] = ['', 0];
  let last: Ticket | undefined;
  for (let n = 0; n < commands; n += 1) {
    if (n % COMMANDS_OF_SESSION === 0) {
      if (session !== '') log.append({ kind: 'session_close', session, reason: 'client left', commands: inSession, refused: 0, housekeeping: {} });
      session = `S${String(n).padStart(25, '0')}`;
      inSession = 0;
      log.append(opening(session, n / COMMANDS_OF_SESSION));
    }
    inSession += 1;
    const connection = `db-${Math.floor(n / COMMANDS_OF_SESSION) % 5}`;
    const [verb, table] = [VERBS[n % 7 < 4 ? 0 : n % 4] ?? 'select', TABLES[n % 8] ?? 'orders'];
    const text = verb === 'select' ? `SELECT id, state, total FROM ${table} WHERE id = ${n * 7919} AND region = 'r${n % 97}'` : verb === 'insert' ? `INSERT INTO ${table} (id, note) VALUES (${n * 7919}, 'batch ${n % 1013} of run ${n % 4999}')` : verb === 'update' ? `UPDATE ${table} SET state = 'st${n % 61}' WHERE id = ${n * 7919}` : `DELETE FROM ${table} WHERE id = ${n * 7919}`;
    const effects = [{ class: verb === 'select' ? 'read' : 'write', verb, object: `table:public.${table}` }];
    log.append({ kind: 'intent', session, command: inSession, connection, verb, effects, timing: verb === 'select' ? 'read' : 'transactional', decision: { effect: 'allow', rules: ['jobs'], policy: 'p'.repeat(64) }, bytes: text.length, masks: [] }, [{ part: 'statement', connection, bytes: Buffer.from(text) }]);
    last = log.append({ kind: 'outcome', session, command: inSession, outcome: { status: 'ok', tag: verb.toUpperCase(), rowsReturned: n % 200, bytesDown: 64 } });
    if (n % GROUP === GROUP - 1) await durable(last);
  }
  if (session !== '') log.append({ kind: 'session_close', session, reason: 'client left', commands: inSession, refused: 0, housekeeping: {} });
  await log.close();
};

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
  write,
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
    const log = await openEvidenceLog(options(folder));
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
