import { open } from 'node:fs/promises';

/** Makes names in a folder durable (created, renamed and removed entries), through the thread pool. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
