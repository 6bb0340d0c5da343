import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../evidence/sync-folder.ts';

/** Certificates or keys cannot be used as they are. The message says what to do. */
export class CertificatesUnusable extends Error {
  override name = 'CertificatesUnusable';
}

/** Makes the folder for its owner only; refuses one that others can look into. */
export const privateFolder = async (path: string): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) throw new CertificatesUnusable(`folder ${path} can be opened by other users of this machine: chmod 700 ${path}`);
};

/** Reads a key of the gateway's own. Undefined when there is none; refuses one that anybody else may read. */
export const readOwnKey = async (path: string): Promise<string | undefined> => {
  const text = await readIfThere(path);
  if (text !== undefined && ((await stat(path)).mode & 0o077) !== 0) {
    throw new CertificatesUnusable(`key ${path} can be read by other users of this machine: chmod 600 ${path}, and replace the key if somebody may have read it`);
  }
  return text;
};

/**
 * Refuses an operator's key file that strangers may read. The rule is PostgreSQL's for its own key: 0600; or, when root
 * owns it and the gateway is not root, 0640, which is how certificate tools and Kubernetes hand keys to a group.
 */
export const checkGivenKey = async (path: string): Promise<void> => {
  const { mode, uid } = await stat(path);
  const groupMayRead = uid === 0 && process.getuid?.() !== 0;
  if ((mode & (groupMayRead ? 0o027 : 0o077)) !== 0) {
    throw new CertificatesUnusable(`key ${path} can be read by other users of this machine: chmod 600 ${path} (or 640 when root owns it)`);
  }
};

/** The text of a file, or undefined when there is none. */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
};

/**
 * Writes a file that did not exist, whole and on the disk, or not at all. When another process was first, its file stays
 * and the result is false.
 */
export const writeOnce = async (path: string, content: string, mode: number): Promise<boolean> => {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // Unlike rename, link never replaces what is there.
    await link(temporary, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  } finally {
    await unlink(temporary);
    await syncFolder(dirname(path));
  }
};
