import { dirname } from 'node:path';
import { askLocal, NoGateway, type LocalAnswer } from '../control/local.ts';
import type { Access } from '../evidence/retention/steward.ts';
import { visibleLine, type Recorded } from './recorded.ts';
import { askSteward } from './steward.ts';

/**
 * Records that somebody is about to read what is sealed. True when it may be shown: it is recorded; or nothing is opened, for want of
 * keys; or what is read is a copy, whose reading no log can tell of, which is then said. False after saying why not (exit code 1).
 */
export const recordAccess = async ({ live, data, keys }: Pick<Recorded, 'live' | 'data' | 'keys'>, access: Access): Promise<boolean> => {
  if (keys === undefined) return true;
  const answer = live ? await askSteward(live, { do: 'access', access }) : await askWhoeverRunsOn(data, access);
  if (!answer) {
    process.stderr.write(`${visibleLine(data)} is read as a copy: this reading is not recorded in any log\n`);
    return true;
  }
  if (answer.ok) return true;
  process.stderr.write(`not shown, because it cannot be recorded: ${visibleLine(answer.error)}\n`);
  process.exitCode = 1;
  return false;
};

/** A folder that is named without its configuration may be a live one all the same; undefined when no gateway runs on it. */
const askWhoeverRunsOn = async (data: string, access: Access): Promise<LocalAnswer | undefined> => {
  for (const folder of [data, dirname(data)]) {
    try {
      return await askLocal(folder, { do: 'access', access });
    } catch (error) {
      if (!(error instanceof NoGateway)) return { ok: false, error: (error as Error).message };
    }
  }
  return undefined;
};
