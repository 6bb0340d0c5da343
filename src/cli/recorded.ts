import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/resolved.ts';
import { logFolders } from '../evidence/folders.ts';
import { unwrapKek } from '../evidence/key-command.ts';
import { visibleLine } from '../model/visible.ts';

export { visible, visibleLine } from '../model/visible.ts';

/** Where recorded sessions are read from. */
export interface RecordedOptions {
  readonly config?: string;
  readonly data?: string;
  readonly keys?: string;
  readonly json?: boolean;
}

/** The options that every command on recorded sessions takes. */
export const withRecordedOptions = (command: Command): Command =>
  command
    .option('--config <file or folder>', 'the configuration whose data and keys folders are read')
    .option('--data <folder>', 'or a data folder, a log folder, or a copy of one')
    .option('--keys <folder>', 'the keys folder, to open what is sealed')
    .option('--json', 'print for programs');

/** Prints what is wrong with the use of a command: exit code 2. */
export const wrongUse = (message: string): undefined => {
  process.stderr.write(`${message}\n`);
  process.exitCode = 2;
  return undefined;
};

/** Why no log was found in a folder: whoever may not look into it should not be told that it is empty. */
export const noLogIn = (folder: string): string => {
  for (const path of [folder, join(folder, 'evidence')]) {
    try {
      accessSync(path, constants.R_OK | constants.X_OK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') return `${visibleLine(path)} cannot be read: permission denied`;
    }
  }
  return `${visibleLine(folder)} holds no evidence log`;
};

/** What the options of a command on recorded sessions lead to. */
export interface Recorded {
  /** Folders of logs. */
  readonly folders: readonly string[];
  readonly keys: string | undefined;
  /** The key-encryption key, where the configuration has a command that unwraps it. */
  readonly kek: Buffer | undefined;
  readonly data: string;
  /** Set when the folder is the configuration's own, where its gateway writes; not when it is a copy. */
  readonly live: Config | undefined;
}

/** The log folders and the keys folder that the options name; undefined after saying what is wrong. */
export const recordedIn = async (options: RecordedOptions): Promise<Recorded | undefined> => {
  let { data, keys } = options;
  let config: Config | undefined;
  if (options.config !== undefined) {
    const { load } = await import('../config/load.ts');
    const loaded = await load(options.config, process.env, { checkSecrets: false });
    if (!loaded.ok) return wrongUse(`${options.config} cannot be read as a configuration: wicketgate check --config ${options.config} says why`);
    config = loaded.config;
    data ??= config.gateway.data;
    keys ??= config.gateway.keys;
  }
  if (data === undefined) return wrongUse('give --config or --data');
  const folders = logFolders(data);
  if (folders.length === 0) return wrongUse(noLogIn(data));
  // Another folder of keys is a copy, which has its own.
  const kek = config?.gateway.keyCommand && keys === config.gateway.keys ? await unwrapKek(config.gateway.keyCommand, keys) : undefined;
  return { folders, keys, kek, data, live: config && within(config.gateway.data, data) ? config : undefined };
};

/** Whether a path is that folder or lies in it. */
const within = (folder: string, path: string): boolean => {
  if (!existsSync(folder)) return false;
  const [outer, inner] = [realpathSync(folder), realpathSync(path)];
  return inner === outer || inner.startsWith(`${outer}/`);
};

/** Rows as columns of equal width, the first row as head. */
export const columns = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd()}\n`).join('');
};
