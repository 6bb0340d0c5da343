import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { load } from '../config/load.ts';
import { logFolders } from '../evidence/folders.ts';

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

/** The log folders and the keys folder that the options name; undefined after saying what is wrong. */
export const recordedIn = async (options: RecordedOptions): Promise<{ readonly folders: readonly string[]; readonly keys: string | undefined } | undefined> => {
  let { data, keys } = options;
  if (options.config !== undefined) {
    const loaded = await load(options.config, process.env, { checkSecrets: false, allowPlanned: true });
    if (!loaded.ok) return wrongUse(`${options.config} cannot be read as a configuration: wicketgate check --config ${options.config} says why`);
    data ??= loaded.config.gateway.data;
    keys ??= loaded.config.gateway.keys;
  }
  if (data === undefined) return wrongUse('give --config or --data');
  const folders = logFolders(data);
  return folders.length === 0 ? wrongUse(noLogIn(data)) : { folders, keys };
};

// Control characters, and those that change the direction or joining of text: a recorded statement must not steer the terminal.
// oxlint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Text with all that would not be seen, or would act on a terminal, written out. Newlines and tabs stay. */
export const visible = (text: string): string => text.toWellFormed().replace(UNSEEN, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);

/** The same in one line. */
export const visibleLine = (text: string): string => visible(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');

/** Rows as columns of equal width, the first row as head. */
export const columns = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd()}\n`).join('');
};
