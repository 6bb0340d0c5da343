import { closeSync, fdatasyncSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pgbench } from '../test/kit/clients.ts';
import { median } from './rounds.ts';
import type { Env, Field } from './targets.ts';

/** The value below which such a share of the sorted values lies. */
export const quantile = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;

/** Latencies of every transaction of one client, in microseconds, sorted. */
const latenciesOf = async (env: Env, args: readonly string[]): Promise<number[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'wicketgate-bench-'));
  try {
    await pgbench(['-n', '-T', '2', '-c', '1', '-l', '--log-prefix', join(folder, 'l'), ...args], env);
    const values = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n').map((line) => Number(line.split(' ')[2])));
    return values.filter(Number.isFinite).toSorted((a, b) => a - b);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Median time of one fdatasync of a small write into preallocated space, in microseconds, measured now. */
export const syncTime = (folder: string): number => {
  const path = join(folder, 'bench-sync');
  const file = openSync(path, 'w');
  try {
    writeSync(file, Buffer.alloc(8 * 1024 * 1024));
    fdatasyncSync(file);
    const times = Array.from({ length: 300 }, (_, turn) => {
      const begun = performance.now();
      writeSync(file, Buffer.alloc(600, turn), 0, 600, turn * 600);
      fdatasyncSync(file);
      return (performance.now() - begun) * 1000;
    });
    return median(times);
  } finally {
    closeSync(file);
    rmSync(path);
  }
};

const READ = ['-S', '-M', 'prepared'];
const TRANSACTION = ['-M', 'prepared'];

/** What one client waits longer through the gateway, against the fdatasync of the same round. */
export const addedLatency = async (field: Field, rounds: number): Promise<string> => {
  const { direct } = field;
  const { strict: { env: strictly }, records: { env: recorded } } = field.gateways;
  const latencies = (env: Env, args: readonly string[]): Promise<number[]> => field.alone(env, () => latenciesOf(env, args));
  const rows = { strict: [] as number[], strictTail: [] as number[], transaction: [] as number[], allowed: [] as number[], sync: [] as number[] };
  // As in the other rows, twice before what counts: what has just started still compiles.
  for (const env of [direct, strictly, recorded]) {
    for (const args of [READ, TRANSACTION, READ, TRANSACTION]) await latencies(env, args);
  }
  for (let round = 0; round < rounds; round++) {
    const sync = syncTime(field.gateways.records.gateway.dataDir);
    const base = await latencies(direct, READ);
    const strict = await latencies(strictly, READ);
    const hop = (quantile(await latencies(recorded, READ), 0.5) - quantile(base, 0.5) - sync);
    const baseTransaction = quantile(await latencies(direct, TRANSACTION), 0.5);
    const transaction = quantile(await latencies(recorded, TRANSACTION), 0.5);
    rows.sync.push(sync);
    rows.strict.push(quantile(strict, 0.5) - quantile(base, 0.5));
    rows.strictTail.push(quantile(strict, 0.99) - quantile(base, 0.99));
    rows.transaction.push(transaction - baseTransaction);
    rows.allowed.push(1.25 * (2 * sync + 7 * Math.max(hop, 35)));
  }
  const us = (values: readonly number[]): string => `${Math.round(median(values))} us`;
  const verdict = (reached: boolean): string => (reached ? 'reached' : 'MISSED');
  return [
    '\nadded time at one client (medians over the rounds)',
    `  fdatasync p50 of the run            ${us(rows.sync)}`,
    `  -S prepared, strict, added p50      ${us(rows.strict)}   goal 2.5 x fdatasync = ${Math.round(2.5 * median(rows.sync))} us: ${verdict(median(rows.strict) <= 2.5 * median(rows.sync))}`,
    `  -S prepared, strict, added p99      ${us(rows.strictTail)}   goal 420 us: ${verdict(median(rows.strictTail) <= 420)}`,
    `  TPC-B prepared, effect, added p50   ${us(rows.transaction)}   goal 1.25 x (2 fdatasync + 7 hops) = ${us(rows.allowed)}: ${verdict(median(rows.transaction) <= median(rows.allowed))}`,
  ].join('\n');
};
