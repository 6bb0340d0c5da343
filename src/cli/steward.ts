import { statSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../build.ts';
import { load } from '../config/load.ts';
import type { Config } from '../config/resolved.ts';
import { askLocal, NoGateway, type LocalAnswer } from '../control/local.ts';
import { answerSteward, type StewardRequest } from '../control/steward.ts';
import { unwrapKek } from '../evidence/key-command.ts';
import { openEvidenceLog } from '../evidence/open.ts';
import { Steward } from '../evidence/retention/steward.ts';
import { survey } from '../evidence/retention/survey.ts';

/** The configuration, or undefined after saying that it cannot be read (exit code 2). */
export const configOf = async (where: string): Promise<Config | undefined> => {
  const loaded = await load(where, process.env, { checkSecrets: false });
  if (loaded.ok) return loaded.config;
  process.stderr.write(`${where} cannot be read as a configuration: wicketgate check --config ${where} says why\n`);
  process.exitCode = 2;
  return undefined;
};

/** Where a gateway keeps its log. */
export const logFolderOf = (config: Config): string => join(config.gateway.data, 'evidence');

/** The key-encryption key, where a command unwraps it; undefined where the keys folder has it in clear. */
export const kekOf = async ({ gateway: { keyCommand, keys } }: Config): Promise<Buffer | undefined> => keyCommand && unwrapKek(keyCommand, keys);

/**
 * Has the running gateway do it, since a log has one writer; when none runs, takes the log's lock and does it here. Never rejects: what
 * stands in the way is the answer.
 */
export const askSteward = async (config: Config, request: StewardRequest): Promise<LocalAnswer> => {
  try {
    return await askLocal(config.gateway.data, request);
  } catch (error) {
    if (!(error instanceof NoGateway)) return { ok: false, error: (error as Error).message };
  }
  try {
    return await withoutGateway(config, request);
  } catch (error) {
    return { ok: false, error: (error as Error).message };
  }
};

const withoutGateway = async (config: Config, request: StewardRequest): Promise<LocalAnswer> => {
  const folder = logFolderOf(config);
  // What another user writes here, the gateway could not write to any more.
  const { uid } = statSync(config.gateway.data);
  if (process.getuid !== undefined && process.getuid() !== uid) return { ok: false, error: 'no gateway runs, and only its own user may write its log: run this as that user' };
  const kek = await kekOf(config);
  const log = await openEvidenceLog({ folder, keysFolder: config.gateway.keys, ...(kek ? { kek } : {}), instance: 'gateway-1', build: version, config: config.digest });
  try {
    return await answerSteward(new Steward({ log, retention: () => config.retention, survey: () => survey(folder) }), request);
  } finally {
    await log.close();
  }
};
