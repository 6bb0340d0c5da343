import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Problems } from './problems.ts';

/** One configuration file as read. */
export interface SourceFile {
  /** As the person would name it: the given path, with the file's name when a folder was given. */
  readonly file: string;
  readonly text: string;
}

/** What a configuration can reasonably be, in bytes; beyond it something else was named by mistake. */
export const largestFile = 1024 * 1024;
const largestTotal = 4 * 1024 * 1024;
const mostFiles = 256;

/** Whether a name in a configuration folder is read. Names that begin with a dot are editors' and Kubernetes' own. */
export const isConfigurationName = (name: string): boolean => /\.ya?ml$/.test(name) && !name.startsWith('.');

/**
 * The files of a configuration: the one that `where` names, or every *.yaml and *.yml directly in the folder, by name. Undefined
 * with problems when any cannot be read: a configuration is whole or it is nothing.
 */
export async function readSources(where: string, problems: Problems): Promise<readonly SourceFile[] | undefined> {
  const whole = (message: string, suggestion?: string, file = where): undefined => {
    problems.add({ place: { file, line: 1, column: 1 }, path: '' }, message, suggestion);
    return undefined;
  };
  let names: readonly string[];
  try {
    names = await listSources(where);
  } catch (error) {
    return whole(`cannot be read: ${reasonOf(error)}`);
  }
  if (names.length === 0) return whole('no *.yaml or *.yml in this folder');
  if (names.length > mostFiles) return whole(`more than ${mostFiles} files`);
  const sources: SourceFile[] = [];
  let total = 0;
  let failed = false;
  for (const file of names) {
    try {
      const { size } = await stat(file);
      // The size before reading, so that a device or a huge file is not read to find out.
      const bytes = size > largestFile ? undefined : await readFile(file);
      total += bytes?.length ?? 0;
      if (bytes === undefined || bytes.length > largestFile) whole(`larger than ${largestFile / 1024 / 1024} MiB`, undefined, file);
      else if (total > largestTotal) whole(`the files together are larger than ${largestTotal / 1024 / 1024} MiB`, undefined, file);
      else {
        sources.push({ file, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) });
        continue;
      }
    } catch (error) {
      whole(error instanceof TypeError ? 'is not UTF-8 text' : `cannot be read: ${reasonOf(error)}`, undefined, file);
    }
    failed = true;
  }
  return failed ? undefined : sources;
}

/** The names of the files that make up the configuration at `where`. Rejects with the system's error. */
export async function listSources(where: string): Promise<string[]> {
  const about = await stat(where);
  if (about.isFile()) return [where];
  if (!about.isDirectory()) throw Object.assign(new Error('not a file'), { code: 'not a file or a folder' });
  const found: string[] = [];
  for (const name of (await readdir(where)).filter(isConfigurationName).toSorted()) {
    const file = path.join(where, name);
    // A folder or a device called x.yaml is not a file of the configuration; a link to a file is (Kubernetes mounts are links).
    if ((await stat(file)).isFile()) found.push(file);
  }
  return found;
}

/** The system's own word for a failure (ENOENT, EACCES), in plain words where there are some. */
export function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  const words: Readonly<Record<string, string>> = { ENOENT: 'it does not exist', EACCES: 'permission denied', EISDIR: 'it is a folder', ENOTDIR: 'a part of the path is not a folder' };
  return typeof code === 'string' ? (words[code] ?? code) : 'unknown reason';
}
