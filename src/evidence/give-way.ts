import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { constants, getPriority, setPriority } from 'node:os';

/** Where Linux says which thread it is that looks, as `PID/task/TID`. */
const OWN = '/proc/thread-self';

/**
 * Puts the calling worker thread behind all threads that commands wait for: for work nobody waits for, which else keeps a processor for whole
 * milliseconds while a command wants it. It still gets a tenth of what a busy thread gets, so that it goes on under full load. A thread's
 * priority is Linux's alone; elsewhere this does nothing. Lowering needs no privilege, raising it again would: it is for good.
 */
export const giveWay = (): void => {
  try {
    const thread = Number(basename(readlinkSync(OWN)));
    setPriority(thread, Math.max(getPriority(thread), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // No Linux, or no /proc: the work is done all the same.
  }
};
