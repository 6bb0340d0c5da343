import { join } from 'node:path';
import { loadUntilRandom, planOf, startCrashStage, targetAtRest } from './crash-load.ts';
import { checkCommandLine, emptySummary, judgeRound, type CrashSummary } from './crash-oracle.ts';
import { startPlainGateway } from './plain-stage.ts';

export interface CrashOptions {
  readonly rounds: number;
  /** No new round begins after this many seconds. */
  readonly seconds?: number;
  readonly onRound?: (round: number, what: string) => void;
  /** Flags for the gateway's node. */
  readonly nodeArgs?: readonly string[];
}

/** Rounds on one log; then a new one, because each round verifies the whole of it. */
const ROUNDS_A_LOG = 24;

/**
 * Kills the gateway with SIGKILL in the middle of pgbench, again and again, and holds against what it left behind: the target's own
 * statement log (`strict`), the rows that the target committed, and the bytes that clients received. Rejects at the first lie.
 */
export const crashRounds = async ({ rounds, seconds = Infinity, onRound = () => {}, nodeArgs = [] }: CrashOptions): Promise<CrashSummary> => {
  const began = performance.now();
  const inTime = (): boolean => (performance.now() - began) / 1000 < seconds;
  const summary = emptySummary();
  await using stage = await startCrashStage();
  while (summary.rounds < rounds && inTime()) {
    await using gateway = await startPlainGateway(stage.config, { nodeArgs });
    const keys = join(gateway.folder, 'keys');
    let from = 0;
    for (let n = 0; n < ROUNDS_A_LOG && summary.rounds < rounds && inTime(); n += 1) {
      const plan = planOf(summary.rounds);
      const { logged, signed, over } = await loadUntilRandom(stage, gateway, gateway.dataDir, plan);
      await gateway.kill9();
      await over;
      await targetAtRest(stage, plan.what);
      await gateway.start();
      from = await judgeRound({ stage, plan, dataDir: gateway.dataDir, keys, signed, logged, from, survives: 'process', summary });
      onRound(plan.round, plan.what);
    }
    await checkCommandLine(gateway, gateway.dataDir, keys);
  }
  summary.seconds = Math.round((performance.now() - began) / 1000);
  return summary;
};
