import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppendLog } from '../src/evidence/append-log.ts';
import type { EvidenceRecord, Ticket } from '../src/evidence/log.ts';
import { durably } from '../src/evidence/durably.ts';
import { openEvidenceLog } from '../src/evidence/open.ts';

/** Records that wait together, as 16 clients do who each have an intent and an outcome under way. */
const GROUP = 32;
const SECONDS = 3;
const GOAL_RATE = 50_000;
const GOAL_CPU_US = 12;

const effects = [{ class: 'read', verb: 'select', object: 'table:public.pgbench_accounts' }];
const intent = (session: string, command: number): EvidenceRecord => ({ kind: 'intent', session, command, connection: 'bench', verb: 'select', effects, timing: 'read', decision: { effect: 'allow', rules: ['bench'], policy: 'p'.repeat(64) }, bytes: 60, masks: [] });
const outcome = (session: string, command: number): EvidenceRecord => ({ kind: 'outcome', session, command, outcome: { status: 'ok', tag: 'SELECT', rowsReturned: 1, bytesDown: 64 } });
const statement = { part: 'statement', connection: 'bench', bytes: Buffer.from('SELECT abalance FROM pgbench_accounts WHERE aid = $1 -- an ordinary one') };

interface Measured {
  readonly rate: number;
  /** Of this process, with libuv's threads and what the kernel does for it. */
  readonly cpu: number;
  /** Of it, what the log's own thread spends in the tree: growing and tiles. Signing is once a second. */
  readonly tree: number;
  readonly megabytes: number;
}

const run = async (log: AppendLog, seconds: number, sealed: boolean): Promise<Measured> => {
  const began = performance.now();
  const cpu = process.cpuUsage();
  let records = 0;
  let command = 0;
  while (performance.now() - began < seconds * 1000) {
    let last: Ticket | undefined;
    for (let i = 0; i < GROUP / 2; i += 1) {
      command += 1;
      log.append(intent('bench', command), sealed ? [statement] : []);
      last = log.append(outcome('bench', command));
    }
    await durably(last as Ticket);
    records += GROUP;
  }
  const spent = process.cpuUsage(cpu);
  return { rate: records / ((performance.now() - began) / 1000), cpu: (spent.user + spent.system) / records, tree: treeTime.us / records, megabytes: process.memoryUsage.rss() / 1048576 };
};

const treeTime = { us: 0 };

/** Adds up the time that the log's own thread spends in its tree: on a machine with nothing else to do, its CPU. */
const timed = (log: AppendLog): void => {
  const { tree } = log;
  for (const name of ['written', 'durable'] as const) {
    const real: (argument: never) => void = tree[name].bind(tree);
    tree[name] = (argument: never) => {
      const began = performance.now();
      real(argument);
      treeTime.us += (performance.now() - began) * 1000;
    };
  }
};

/** The log alone: durable records a second in groups of 32, and what one costs. */
export const logAlone = async (rounds: number): Promise<string> => {
  const rows: string[] = [];
  let [best, cost] = [0, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round += 1) {
    const folder = mkdtempSync(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'wicketgate-bench-log-'));
    try {
      const log = await openEvidenceLog({ folder: join(folder, 'log'), keysFolder: join(folder, 'keys'), instance: 'bench', build: 'bench', config: 'bench' });
      await run(log, 0.5, true);
      timed(log);
      treeTime.us = 0;
      const sealed = await run(log, SECONDS, true);
      treeTime.us = 0;
      const plain = await run(log, SECONDS, false);
      await log.close();
      // What sealing costs is the difference; half of the records have a body.
      const sealing = sealed.cpu - plain.cpu;
      best = Math.max(best, sealed.rate);
      cost = Math.min(cost, sealed.tree + sealing);
      rows.push(`  ${Math.round(sealed.rate).toLocaleString('en-US').padStart(9)} records/s sealed, ${Math.round(plain.rate).toLocaleString('en-US').padStart(9)} without bodies; CPU of a record ${sealed.cpu.toFixed(1)} us, of it tree ${sealed.tree.toFixed(2)} us, sealing ${sealing.toFixed(1)} us; ${Math.round(sealed.megabytes)} MB`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const said = (reached: boolean): string => (reached ? 'reached' : 'MISSED');
  return [
    `\nthe log alone, groups of ${GROUP}, tree and sealing on (${rounds} rounds of ${SECONDS} s)`,
    ...rows,
    `  goal ${GOAL_RATE.toLocaleString('en-US')} durable records/s: ${Math.round(best).toLocaleString('en-US')} ${said(best >= GOAL_RATE)}`,
    `  goal tree, signing and sealing at most ${GOAL_CPU_US} us of CPU a record: ${cost.toFixed(1)} us ${said(cost <= GOAL_CPU_US)}`,
  ].join('\n');
};

if (import.meta.main) process.stdout.write(`${await logAlone(Number(process.argv[2] ?? 1))}\n`);
