import { join } from 'node:path';
import { readSmall, replaceFile } from '../evidence/disk.ts';
import { nodeDisk } from '../evidence/node-disk.ts';
import { BadNote, ED25519_COSIGNATURE, formatSkey, generateSigner, parseSkey, type Signer } from '../evidence/tlog/note.ts';

const KEY_FILE = 'witness.key';
/** Where the last checkpoint of each log lies. */
export const LOGS_FOLDER = 'logs';

/** The witness's folder cannot be used. Says why; nothing in it was changed. */
export class WitnessFolderUnusable extends Error {}

/** Whether the folder has a key already. */
export const hasKey = (folder: string): boolean => nodeDisk.exists(join(folder, KEY_FILE));

/**
 * The witness's own key, in `witness.key` of its folder; made, durable, when the folder is new. A folder that holds what a key cosigned, but
 * not the key, gets no new one: it would be a witness that forgot. Call with the folder held. Throws WitnessFolderUnusable.
 */
export const witnessKey = (folder: string, name: string | undefined): Signer => {
  const path = join(folder, KEY_FILE);
  nodeDisk.makeFolder(folder);
  if (!nodeDisk.exists(path)) {
    if (nodeDisk.exists(join(folder, LOGS_FOLDER)) && nodeDisk.list(join(folder, LOGS_FOLDER)).length > 0) {
      throw new WitnessFolderUnusable(`${folder} holds checkpoints but no ${KEY_FILE}: restore the key, or begin with an empty folder, a new name and a new key`);
    }
    if (name === undefined) throw new WitnessFolderUnusable(`${folder} has no key yet: give the witness a name, such as witness.acme.example/audit`);
    replaceFile(nodeDisk, folder, KEY_FILE, Buffer.from(`${formatSkey(generate(name))}\n`, 'utf8'), true);
  }
  const mode = nodeDisk.mode(path);
  if (mode !== undefined && (mode & 0o077) !== 0) throw new WitnessFolderUnusable(`${path} may be read by others (mode ${mode.toString(8)}): chmod 600 it`);
  const signer = read(path);
  if (name !== undefined && name !== signer.name) throw new WitnessFolderUnusable(`the key in ${folder} is that of ${signer.name}, not of ${name}: another name is another witness, and needs a folder of its own`);
  return signer;
};

const generate = (name: string): Signer => {
  try {
    return generateSigner(name, ED25519_COSIGNATURE);
  } catch (error) {
    throw error instanceof BadNote ? new WitnessFolderUnusable('the name of a witness has no spaces and no +; best is an address without scheme, such as witness.acme.example/audit') : error;
  }
};

const read = (path: string): Signer => {
  try {
    const signer = parseSkey(readSmall(nodeDisk, path, 4096).toString('utf8').trimEnd());
    if (signer.type === ED25519_COSIGNATURE) return signer;
  } catch {
    // Said below, without anything of the key.
  }
  throw new WitnessFolderUnusable(`${path} is damaged, or not the key of a witness: restore it`);
};
