import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Whose it is stands in the name, so that the next export can tell what a killed one has left. A process id means something on its machine only. */
const MARK = `.parts-${hostname().replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 32)}-`;

/** A folder beside `out` for what has to be gathered before it can be written. */
export const makePartsFolder = (out: string): string => fs.mkdtempSync(`${out}${MARK}${process.pid}-`);

/** Removes spools and drafts of exports that were killed, on this machine and by this user, in the folder of `out`. Never fails: they only take room. */
export const clearLeftFolders = (out: string): void => {
  const folder = dirname(out);
  try {
    for (const name of fs.readdirSync(folder)) {
      const at = name.lastIndexOf(MARK);
      const [, pid] = at <= 0 ? [] : (/^(\d{1,10})-[A-Za-z0-9]{6}$/.exec(name.slice(at + MARK.length)) ?? []);
      if (pid === undefined || alive(Number(pid))) continue;
      const spool = join(folder, name);
      const found = fs.lstatSync(spool);
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue;
      fs.rmSync(spool, { recursive: true, force: true });
      const draft = `${name.slice(0, at)}.draft`;
      if (draft !== `${basename(out)}.draft`) fs.rmSync(join(folder, draft), { force: true });
    }
  } catch {
    // Somebody else clears it at the same moment, or the folder cannot be read: then the export says so itself.
  }
};

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is a process.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
};
