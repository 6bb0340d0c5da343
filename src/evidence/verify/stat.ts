import * as fs from 'node:fs';

/** What is at a path, links not followed; undefined for nothing, and for what cannot be looked at. */
export const statOf = (path: string): fs.Stats | undefined => {
  try {
    return fs.lstatSync(path);
  } catch {
    return undefined;
  }
};
