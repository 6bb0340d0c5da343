import type { Leaf } from '../read.ts';
import type { RecordedBody } from '../sessions.ts';
import { SealBroken, type BodyOpener, type OpenedBody } from '../unseal.ts';

/** What a frame of sealed bodies holds; undefined: its key is gone. */
export type OpenedFrame = readonly OpenedBody[] | 'altered' | undefined;
/** By ordinal, which the seal binds. */
export type OpenedFrames = Map<number, OpenedFrame>;

/** Opens one frame of sealed bodies. */
export const openOrAltered = (opener: BodyOpener, log: string, ordinal: number, sealed: Buffer): OpenedFrame => {
  try {
    return opener.open(log, ordinal, sealed);
  } catch (error) {
    if (error instanceof SealBroken) return 'altered';
    throw error;
  }
};

/** The bodies that a leaf refers to, from the frames that were found; of each that is not there, why. `opener` undefined: nothing can be opened. */
export const recordedBodies = (wanted: NonNullable<Leaf['bodies']>, opened: OpenedFrames, opener: BodyOpener | undefined): RecordedBody[] =>
  wanted.map(({ part, frame, entry, lost }): RecordedBody => {
    if (lost) return { part, absent: 'lost' };
    if (!opener) return { part, absent: 'key_destroyed' };
    if (frame === undefined || !opened.has(frame)) return { part, absent: 'missing' };
    const bodies = opened.get(frame);
    if (bodies === 'altered') return { part, absent: 'altered' };
    const body = bodies?.[entry ?? -1];
    return body ? { part, bytes: Buffer.from(body.bytes) } : { part, absent: bodies ? 'missing' : 'key_destroyed' };
  });
