import * as fs from 'node:fs';
import { join } from 'node:path';
import { LOG_FILE } from './open.ts';

/** Log folders at a path: the path itself, or `evidence` in it (a data folder), or one folder for each instance in either. */
export const logFolders = (path: string): string[] => {
  for (const base of [path, join(path, 'evidence')]) {
    if (isLog(base)) return [base];
    const within = entriesOf(base)
      .map((name) => join(base, name))
      .filter(isLog);
    if (within.length > 0) return within;
  }
  return [];
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
