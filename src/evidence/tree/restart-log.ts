import { randomBytes } from 'node:crypto';
import { readSmall, replaceFile, type Disk } from '../disk.ts';
import { FORMAT } from '../format.ts';
import { formatLogFile, FolderUnusable, LOG_FILE, readLogFile } from '../log-file.ts';
import { lastSignedOf } from './checkpoint-lock.ts';

export interface Restarted {
  /** The log that ended, and where its folder is now. */
  readonly ended: string;
  readonly aside: string;
  /** The log that the next start begins. */
  readonly log: string;
  /** Records under the last checkpoint that was signed of the ended log. */
  readonly signed: number;
}

/**
 * Sets a log that cannot go on aside, whole and as it is, and makes the folder for a new one, whose first record will name it and the
 * last checkpoint that was signed of it. For a person to ask for, while no gateway runs. Rejects with FolderUnusable, FolderTaken or
 * what the disk says.
 */
export const restartLog = async (disk: Disk, dataFolder: string, keysFolder: string): Promise<Restarted> => {
  const folder = `${dataFolder}/evidence`;
  const draft = `${dataFolder}/evidence.new`;
  // A run before this one was interrupted between the two renames.
  if (!disk.exists(`${folder}/${LOG_FILE}`) && disk.exists(`${draft}/${LOG_FILE}`)) return takeOver(disk, dataFolder, folder, draft);
  if (!disk.exists(`${folder}/${LOG_FILE}`)) throw new FolderUnusable(`${folder} holds no evidence log`);
  const unlock = await disk.lock(folder);
  let ended: string;
  let last;
  try {
    const file = readLogFile(readSmall(disk, `${folder}/${LOG_FILE}`, 65_536));
    if (file.format > FORMAT) throw new FolderUnusable(`${folder} is of format ${file.format}: use a newer gateway`);
    ended = file.log;
    last = lastSignedOf(disk, keysFolder, ended);
    if (!last) throw new FolderUnusable(`the keys folder ${keysFolder} knows of no checkpoint of ${ended}: it is not the one that belongs to this log, or nothing was signed yet`);
  } finally {
    // The lock is of the folder itself: it goes before the folder does.
    await unlock();
  }
  const [deployment = '', instance = ''] = ended.split('/');
  const log = `${deployment}/${instance}/${randomBytes(4).toString('hex')}`;
  const aside = asideOf(dataFolder, ended);
  if (disk.exists(aside)) throw new FolderUnusable(`${aside} exists already`);
  disk.makeFolder(`${dataFolder}/ended-logs`);
  // The new folder is whole before it takes the place of the old one.
  disk.makeFolder(draft);
  replaceFile(disk, draft, LOG_FILE, formatLogFile({ format: FORMAT, log, follows: { log: ended, size: last.size, root: last.root.toString('base64') } }), true);
  disk.rename(folder, aside);
  disk.syncFolder(`${dataFolder}/ended-logs`);
  return takeOver(disk, dataFolder, folder, draft);
};

const asideOf = (dataFolder: string, log: string): string => `${dataFolder}/ended-logs/${log.replaceAll('/', '_')}`;

const takeOver = (disk: Disk, dataFolder: string, folder: string, draft: string): Restarted => {
  const { log, follows } = readLogFile(readSmall(disk, `${draft}/${LOG_FILE}`, 65_536));
  if (!follows) throw new FolderUnusable(`${draft} is not what this command makes`);
  disk.rename(draft, folder);
  disk.syncFolder(dataFolder);
  return { ended: follows.log, aside: asideOf(dataFolder, follows.log), log, signed: follows.size };
};
