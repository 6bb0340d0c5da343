import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stopAndVerify } from '../e2e/whole-evidence.ts';
import type { Gateway } from '../kit/gateway.ts';
import type { Stage } from './scenarios.ts';

/** To be imported by the gateway: syncs fail while the file named by FAILING_SYNC is there. */
export const FAILING_SYNC = pathToFileURL(join(import.meta.dirname, '..', 'e2e', 'testdata', 'failing-sync.js')).href;

/**
 * What is done to the gateway of a stage, the same in every column.
 *
 * @param trigger the file named by FAILING_SYNC
 */
export const operating = (scene: { readonly gateway: Gateway } & AsyncDisposable, trigger: string): Pick<Stage, 'evidence' | 'restartGateway' | 'revoke' | 'restore' | 'verify' | 'stop'> => {
  const { gateway } = scene;
  const cli = async (verb: string): Promise<void> => assert.equal((await gateway.cli('identities', verb, 'writer', '--config', gateway.configFile)).code, 0);
  return {
    evidence: (state) => {
      if (state === 'failing') writeFileSync(trigger, '');
      else rmSync(trigger, { force: true });
    },
    restartGateway: async () => {
      await gateway.terminate();
      await gateway.start();
    },
    revoke: () => cli('revoke'),
    restore: () => cli('restore'),
    verify: () => stopAndVerify(scene),
    stop: async () => {
      rmSync(trigger, { force: true });
      await scene[Symbol.asyncDispose]();
    },
  };
};
