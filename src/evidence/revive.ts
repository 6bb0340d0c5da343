import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FrameCursor } from './cursor.ts';
import type { DiskFile } from './disk.ts';
import { FRAME_LEAF } from './format.ts';
import type { LogState } from './pending.ts';

/** What was durable cannot be read again as it was written. */
export class TailMismatch extends Error {}

const COMES_BACK = 'commands are refused until the log has been read again and goes on in a new segment, which is tried by itself';

export const syncFailed = (what: string): string => `evidence could not be made durable: ${what}; ${COMES_BACK}`;

/** `rebuild`: what the file holds is in doubt. Else it only took nothing. */
export const writeFailed = (what: string, rebuild: boolean): string =>
  `evidence could not be written: ${what}; ${rebuild ? COMES_BACK : 'commands are refused until there is room, which is tried by itself'}`;

const FRAMES_A_TURN = 2000;

/**
 * Reads a segment again up to where it was durable, through a new descriptor, and checks every frame and the last link.
 * Rejects with TailMismatch, or what the disk says.
 */
export const verifyDurablePart = async (open: () => DiskFile, position: number, state: LogState): Promise<void> => {
  const file = open();
  try {
    const cursor = new FrameCursor(file, 0, position);
    let last: { readonly number: number; readonly hashed: Buffer } | undefined;
    let frames = 0;
    for (let frame = cursor.next(); frame; frame = cursor.next()) {
      if (frame.type === FRAME_LEAF) last = frame;
      frames += 1;
      if (frames % FRAMES_A_TURN === 0) await nextTurn();
    }
    const whole = cursor.position === position && (!last || (last.number === state.sequence - 1 && hash('sha256', last.hashed, 'hex') === state.previous));
    if (!whole) throw new TailMismatch('what was durable in the evidence log cannot be read again as it was written: the disk is damaged; stop the gateway, run "wicketgate evidence verify", restore the folder');
  } finally {
    file.close();
  }
};
