import type { Admission } from './admission.ts';
import { Backend } from './codes.ts';
import { toServer } from './encode.ts';
import type { Frame } from './frames.ts';
import type { Link } from './link.ts';
import { RESERVED } from './namespace.ts';
import { Series } from './series.ts';

/*
 * Syncs that the client has sent since the target asked for COPY data. The target ignores those that it reads while it reads data, and
 * answers those that it reads when the COPY has failed meanwhile. Which ones these are nobody can tell from outside: so they are passed on. When
 * the COPY succeeds, all of them were ignored; when it fails, the target is asked something that it answers behind them.
 */

/** Syncs of one COPY that is under way, or has just failed. */
export interface CopySyncs {
  /** The COPY failed, and the target has answered so many of them; undefined while that is not known. */
  answered: number | undefined;
}

/** A Sync in the middle of COPY data. */
export const passSync = (link: Link, frame: Frame): void => {
  // Where it fails in a block of the gateway's own, nothing of that may be told.
  if (link.copyIn?.answer.guard) return;
  link.copySyncs ??= { answered: undefined };
  link.pass(link.gated.housekeeping('sync'), frame);
};

/** The COPY has failed: finds out which Syncs the target answers. Each one is the client's, but the last. */
export const askForSyncs = (link: Link): void => {
  const { copySyncs: syncs } = link;
  if (!syncs) return;
  let answered = 0;
  let last: Buffer | undefined;
  link.betweenMessages(() => {
    link.send(link.gated.housekeeping('sync'), Buffer.concat([toServer.sync, toServer.close('statement', `${RESERVED}none`), toServer.flush]));
    link.owe({
      kind: 'copy_syncs',
      own: true,
      context: {
        capture: ({ type, bytes }) => {
          if (type !== Backend.ReadyForQuery) return;
          if (last) {
            link.client.add(last);
            answered += 1;
          }
          last = Buffer.from(bytes);
        },
        done: () => (syncs.answered = answered),
      },
    });
    link.target.flush();
  });
};

/** Before anything is sent behind them: the COPY has ended, and it is known in which series that is. */
export const copyEnded = async (admission: Admission): Promise<void> => {
  const { link, series } = admission;
  await admission.flushed();
  const syncs = link.copySyncs;
  if (link.copyIn || !syncs) return;
  link.copySyncs = undefined;
  if (syncs.answered === undefined || !series.forwarded) return;
  // As after any error, the rest of the series is dropped up to its Sync, unless that has been answered.
  if (syncs.answered > 0) admission.series = new Series();
  else series.discarding = true;
};
