import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What stands in the files below a folder, which a program may be writing to: a file that goes, or gets its real name, before it is read is passed over. */
export const filesBelow = (folder: string): readonly { readonly path: string; readonly bytes: Buffer }[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).flatMap(({ parentPath, name }) => {
    const path = join(parentPath, name);
    try {
      return [{ path, bytes: readFileSync(path) }];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return [];
    }
  });
