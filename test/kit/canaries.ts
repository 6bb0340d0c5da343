import { closeSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Secrets that tests hand to gateways: tokens of machines and people, upstream passwords, client secrets. Whenever a gateway is stopped, nothing
 * that it has written may hold one of them, so the whole suite is one search for them.
 */

/** Shorter ones would be found in words. */
const SHORTEST = 8;
const CHUNK = 1024 * 1024;
/** The end of one chunk is looked at again with the next, so that nothing hides between them. */
const OVERLAP = 32 * 1024;
const ZERO = Buffer.alloc(CHUNK);
const TOKEN = /eyJ[\w-]+\.[\w-]+\.([\w-]{20,})/g;

const secrets = new Set<string>();
const signatures = new Set<string>();

/** A password or the like that no gateway may write down. */
export const secretCanary = (secret: string): void => {
  if (secret.length >= SHORTEST) secrets.add(secret);
};

/** A token that no gateway may write down. Its signature is what makes it one. */
export const tokenCanary = (token: string): string => {
  const signature = token.split('.')[2];
  if (signature !== undefined && signature.length >= 20) signatures.add(signature);
  return token;
};

const foundIn = (bytes: Buffer): string | undefined => {
  for (const secret of secrets) if (bytes.includes(secret)) return `the secret ${secret.slice(0, 4)}...`;
  if (!bytes.includes('eyJ')) return undefined;
  for (const [, signature = ''] of bytes.toString('latin1').matchAll(TOKEN)) if (signatures.has(signature)) return 'a token';
  return undefined;
};

/** Undefined when it is gone: a gateway that runs gives files their real names. */
const opened = (path: string): number | undefined => {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
};

const inFile = (path: string): string | undefined => {
  const file = opened(path);
  if (file === undefined) return undefined;
  try {
    const buffer = Buffer.alloc(OVERLAP + CHUNK);
    for (let kept = 0; ; ) {
      const read = readSync(file, buffer, kept, CHUNK, null);
      if (read === 0) return undefined;
      const all = buffer.subarray(0, kept + read);
      // Space that a log has reserved.
      if (!ZERO.subarray(0, read).equals(all.subarray(kept))) {
        const found = foundIn(all);
        if (found !== undefined) return found;
      }
      kept = Math.min(OVERLAP, all.length);
      all.copy(buffer, 0, all.length - kept);
    }
  } finally {
    closeSync(file);
  }
};

/** Files below these paths that hold a canary, each with what it holds. A path that does not exist holds none. */
export const canariesIn = (...paths: readonly string[]): readonly string[] =>
  paths.flatMap((path) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    if (stat.isDirectory()) return canariesIn(...readdirSync(path).map((name) => join(path, name)));
    const found = stat.isFile() ? inFile(path) : undefined;
    return found === undefined ? [] : [`${path} holds ${found}`];
  });
