import type { Command } from 'commander';
import type { Config } from '../config/resolved.ts';
import type { ApprovalsRequest } from '../control/approvals.ts';
import { askLocal, type LocalAnswer } from '../control/local.ts';
import { visibleLine } from './recorded.ts';

export interface ApprovalsOptions {
  readonly config: string;
  readonly json?: boolean;
}

export const withApprovalsOptions = (command: Command): Command =>
  command.requiredOption('--config <file or folder>', 'the configuration whose gateway is meant').option('--json', 'print for programs');

/** What the gateway answers; undefined after saying why it said no (exit code 1, or 2 when the configuration cannot be read). */
export const askApprovals = async (config: Config, request: ApprovalsRequest, json: boolean | undefined): Promise<unknown> => {
  let answer: LocalAnswer;
  try {
    answer = await askLocal(config.gateway.data, request);
  } catch (error) {
    answer = { ok: false, error: (error as Error).message };
  }
  if (answer.ok) return answer.result;
  const stale = answer.code === 'expired' || answer.code === 'too_old';
  sayNo(stale ? { ...answer, error: `${answer.error}; log in again with wicketgate login` } : answer, json);
  return undefined;
};

export const sayNo = (answer: Extract<LocalAnswer, { ok: false }>, json: boolean | undefined): void => {
  if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else process.stderr.write(`${visibleLine(answer.error)}\n`);
  process.exitCode = 1;
};

