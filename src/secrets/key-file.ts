import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const KEY_BYTES = 32;

/**
 * A key of the gateway's own: 32 random bytes in a file, made at the first start and the same ever after, because what it
 * made must stay comparable. Throws when anybody else may read the file, or it is not such a key: a new one is never put in its place.
 */
export const keyFile = (path: string): Buffer => {
  const key = read(path) ?? create(path);
  if (key.length !== KEY_BYTES) throw new Error(`key ${path} is damaged: it must be ${KEY_BYTES} bytes; restore it`);
  return key;
};

const read = (path: string): Buffer | undefined => {
  try {
    if ((statSync(path).mode & 0o077) !== 0) throw new Error(`key ${path} can be read by other users of this machine: chmod 600 ${path}`);
    return readFileSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
};

const create = (path: string): Buffer => {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, randomBytes(KEY_BYTES));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    // Unlike rename, link never replaces what is there: of two processes that start together both use the first one's key.
    linkSync(temporary, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  } finally {
    unlinkSync(temporary);
  }
  syncFolder(dirname(path));
  return readFileSync(path);
};

const syncFolder = (path: string): void => {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
};
