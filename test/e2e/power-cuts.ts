import assert from 'node:assert/strict';
import { join } from 'node:path';
import { TARGET_PASSWORD } from './scene.ts';
import { until } from '../kit/until.ts';
import { loadUntilRandom, planOf, startCrashStage, targetAtRest, type CrashStage, type RoundPlan } from './crash-load.ts';
import { checkCommandLine, emptySummary, judgeRound, type CrashSummary } from './crash-oracle.ts';
import { loopDisk } from './loop-disk.ts';
import { plainClient, plainPsql, startPlainGateway } from './plain-stage.ts';
import type { Gateway } from '../kit/gateway.ts';

/** Two segments, one that takes over, and the keys. */
const DISK = '512M';
/** The kernel writes by itself what is older than a few seconds, and hides a sync that is missing: a round whose load is younger counts as quick. */
const MOST_SECONDS = 5;

export interface PowerCutOptions {
  readonly rounds: number;
  readonly nodeArgs?: readonly string[];
}

/**
 * Cuts the power of the disk that holds evidence and keys, in the middle of pgbench, starts again on what is left, and holds that
 * against the target's statement log, the committed rows, and what clients received. Rejects at the first lie.
 */
export const powerCuts = async ({ rounds, nodeArgs = [] }: PowerCutOptions): Promise<CrashSummary & { readonly quick: number }> => {
  const began = performance.now();
  const summary = { ...emptySummary(), quick: 0 };
  await using stage = await startCrashStage();
  using disk = loopDisk(DISK);
  const [dataDir, keys] = [join(disk.path, 'data'), join(disk.path, 'keys')];
  await using gateway = await startPlainGateway({ ...stage.config, gateway: { names: ['localhost'], data: dataDir, keys } }, { nodeArgs });
  const canaries = [TARGET_PASSWORD];
  let from = 0;
  while (summary.rounds < rounds) {
    const plan = planOf(summary.rounds);
    // Only the load is at stake: the segments and keys that it finds are on the disk, whatever the gateway did for that.
    disk.flush();
    const start = performance.now();
    const { logged, token, signed, over } = await loadUntilRandom(stage, gateway, dataDir, plan);
    canaries.push(token);
    disk.cutPower();
    if ((performance.now() - start) / 1000 < MOST_SECONDS) summary.quick += 1;
    await over;
    await checkRefused(stage, gateway, plan);
    await gateway.kill9();
    await targetAtRest(stage, plan.what);
    disk.powerOn();
    await gateway.start();
    from = await judgeRound({ stage, plan, dataDir, keys, signed, logged, from, survives: 'power', summary });
  }
  await checkCommandLine(gateway, dataDir, keys);
  assert.deepEqual(await disk.find(canaries), [], 'secrets on the disk');
  assert.deepEqual(await disk.find(['"kind":"session_open"', 'wicketgate-kek-1 ']), ['"kind":"session_open"', 'wicketgate-kek-1 '], 'the search finds what is there');
  summary.seconds = Math.round((performance.now() - began) / 1000);
  return summary;
};

/** Without a disk nothing reaches the target: neither from who is logged in nor from who comes. */
const checkRefused = async ({ around }: CrashStage, gateway: Gateway, { what, mode, round }: RoundPlan): Promise<void> => {
  const ready = async (): Promise<Response> => fetch(`${gateway.control}/ready`, { headers: { connection: 'close' } });
  await until(async () => (await ready()).status === 503, 10_000, `${what}: the gateway to notice`);
  const body = (await (await ready()).json()) as { evidence?: string };
  assert.match(body.evidence ?? '', /the disk reports an input\/output error; commands are refused until .*, which is tried by itself/, `${what}: readiness says why`);
  const { stderr } = await plainPsql(around, gateway, 'writer', '-c', `INSERT INTO marks VALUES (${round}, -1)`);
  assert.match(stderr, /evidence cannot be written, so no session may open/, what);
  await assert.rejects(plainClient(around, gateway, 'writer', mode), /evidence cannot be written/, what);
  assert.deepEqual(await around.target.query(`SELECT 1 FROM marks WHERE marker = -1`), [], `${what}: ran without evidence`);
};
