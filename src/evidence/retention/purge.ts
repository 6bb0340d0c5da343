import type { AppendLog } from '../append-log.ts';
import type { KeysFolder } from '../keys.ts';
import { durably } from '../durably.ts';
import type { BegunPurge } from '../work.ts';

/** Most keys in one record: ids are at most 90 bytes, a leaf 60 KiB. */
const KEYS_A_RECORD = 400;

export interface Purged {
  readonly plan: string;
  readonly keys: number;
  /** Keys that were there and were destroyed. */
  readonly destroyed: number;
  /** Sequence of the first record that tells of it. */
  readonly record: number;
}

type Log = Pick<AppendLog, 'append'>;

/**
 * Destroys keys. Which ones is durable in the log before the first goes, so that a crash in between leaves nothing untold, and the next
 * start completes it. Rejects when the log or the disk fails; what has been begun is completed then, too.
 */
export const purgeKeys = async (log: Log, keys: KeysFolder, plan: string, by: string, ids: readonly string[]): Promise<Purged> => {
  const begins = [];
  for (let at = 0; at < ids.length; at += KEYS_A_RECORD) {
    begins.push(log.append({ kind: 'purge', event: 'begin', plan, by, keys: ids.slice(at, at + KEYS_A_RECORD), count: ids.length }));
  }
  await Promise.all(begins.map(durably));
  const record = begins[0]?.sequence ?? -1;
  try {
    return { ...(await finishPurge(log, keys, { plan, by, keys: ids, count: ids.length })), record };
  } catch (cause) {
    throw new Error(`the purge was begun in record ${record} and could not be finished (${(cause as Error).message}): the next start of the gateway completes it`, { cause });
  }
};

/** The second half of a purge: destroys what is still there, and records that it is done. */
export const finishPurge = async (log: Log, keys: KeysFolder, { plan, by, keys: ids, count }: BegunPurge): Promise<Omit<Purged, 'record'>> => {
  let destroyed = 0;
  for (const id of ids) if (keys.destroy(id)) destroyed += 1;
  await durably(log.append({ kind: 'purge', event: 'done', plan, by, keys: [], count, destroyed }));
  return { plan, keys: ids.length, destroyed };
};
