import assert from 'node:assert/strict';
import { join } from 'node:path';
import { verify } from '../../src/evidence/verify/verify.ts';
import { readEvidence, type RecordedCommand } from './recorded-evidence.ts';
import type { Scene } from './scene.ts';

/** Stops the gateway as an operator does; then its log verifies, and every session and command in it has an end. */
export const stopAndVerify = async (scene: Pick<Scene, 'gateway'>): Promise<void> => {
  assert.equal(await scene.gateway.terminate(), 0, 'exit code of the gateway');
  const verdict = await verify(join(scene.gateway.dataDir, 'evidence'), { keys: join(scene.gateway.folder, 'keys') });
  assert.deepEqual(verdict.integrity, { ok: true });
  assert.equal(verdict.completeness.verdict, 'complete', JSON.stringify(verdict.completeness));
  assert.equal(verdict.completeness.openCommands, 0);
  assert.equal(verdict.completeness.openSessions, 0);
};

/** The recorded commands whose text holds `mark`. */
export const recorded = async (scene: Pick<Scene, 'gateway'>, mark: string): Promise<readonly RecordedCommand[]> => {
  const { commands } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
  return commands.filter(({ statement }) => statement?.includes(mark));
};

/**
 * Each request that the target served has a record of its own. Gives those that were answered.
 * @param mostCut as many may have been at the target, or on their way there, when a revocation came
 */
export const servedAreRecorded = async (scene: Pick<Scene, 'gateway'>, mark: string, served: number, mostCut: number): Promise<readonly RecordedCommand[]> => {
  const intents = (await recorded(scene, mark)).filter(({ kind }) => kind === 'intent');
  const answered = intents.filter(({ end }) => end === 'ok');
  const cut = intents.filter(({ end }) => end !== 'ok');
  assert.ok(cut.length <= mostCut, JSON.stringify(cut));
  assert.ok(answered.length <= served && served <= intents.length, `${answered.length} and ${cut.length} of ${served}`);
  assert.equal(new Set(intents.map(({ session, command }) => `${session} ${command}`)).size, intents.length);
  return answered;
};

/** Why sessions ended, by the words of their close records, in order. */
export const closeReasons = async (scene: Pick<Scene, 'gateway'>): Promise<readonly string[]> => {
  const { leaves } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
  return leaves.flatMap(({ record }) => (record.kind === 'session_close' ? [record.reason] : []));
};
