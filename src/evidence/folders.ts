import * as fs from 'node:fs';
import { join } from 'node:path';
import { LOG_FILE } from './log-file.ts';

/** Where `evidence restart-log` puts a log that cannot go on, in the data folder. */
const ENDED_LOGS = 'ended-logs';

/**
 * Log folders at a path: the path itself, or those in it and in its folder `evidence` (a data folder): one for each instance. What lies beside
 * `evidence` hides none of them.
 */
export const logFolders = (path: string): string[] => {
  if (isLog(path)) return [path];
  const evidence = join(path, 'evidence');
  return [path, ...(isLog(evidence) ? [] : [evidence])].flatMap((base) =>
    entriesOf(base)
      .map((name) => join(base, name))
      .filter(isLog),
  );
};

/** Log folders at a path, and when it is a data folder also those that were set aside for a new log. */
export const allLogFolders = (path: string): string[] => {
  const ended = join(path, ENDED_LOGS);
  const aside = isLog(path) ? [] : entriesOf(ended).map((name) => join(ended, name)).filter(isLog);
  return [...logFolders(path), ...aside];
};

const isLog = (path: string): boolean => fs.existsSync(join(path, LOG_FILE));

const entriesOf = (path: string): string[] => {
  try {
    return fs
      .readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
};
