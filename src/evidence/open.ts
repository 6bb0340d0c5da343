import { randomBytes } from 'node:crypto';
import { AppendLog } from './append-log.ts';
import { canonical } from './canonical.ts';
import { systemClock, type EvidenceClock } from './clock.ts';
import { readSmall, replaceFile, writeAll, type Disk, type DiskFile } from './disk.ts';
import { findEnd, type LogEnd } from './find-end.ts';
import { FORMAT, NO_LEAF, SEGMENT_NAME, segmentName } from './format.ts';
import { FolderUnusable, formatLogFile, LOG_FILE, readLogFile, type LogFile } from './log-file.ts';
import { KeysFolder, KeysUnusable } from './keys.ts';
import { durably } from './durably.ts';
import type { EvidenceRecord } from './log.ts';
import { nodeDisk } from './node-disk.ts';
import { leafBound } from './pending.ts';
import { finishPurge } from './retention/purge.ts';
import { SegmentRow } from './segment-row.ts';
import type { SyncMode } from './sync-pace.ts';
import { headerFrame, makeSegment } from './segments.ts';
import { lockedLogs } from './tree/checkpoint-lock.ts';
import { Duties, type DutyAlert } from './tree/duties.ts';
import { TreeFollower } from './tree/follower.ts';
import { OpenWork } from './work.ts';

const SEGMENT_BYTES = 64 * 1024 * 1024;
const LEAST_SEGMENT = 64 * 1024;
/** How often the disk's free space is looked at. */
const LOOK_MS = 5000;
/** Free space below which people are told, and above which it is over. */
const ALERT_BELOW = 0.2;
const ALERT_OVER = 0.25;

export interface EvidenceLogOptions {
  /** The log's own folder; made when missing. */
  readonly folder: string;
  /** Keys that seal bodies; made when missing; never inside `folder`, nor the other way round. */
  readonly keysFolder: string;
  /** The key-encryption key, where the keys folder has it wrapped. */
  readonly kek?: Buffer;
  /** Names of this gateway process and of the deployment that it is part of: letters, digits and `._:@-`. */
  readonly instance: string;
  readonly deployment?: string;
  /** Digests of the build and of the configuration in force, for the instance's own records. */
  readonly build: string;
  readonly config: string;
  readonly clock?: EvidenceClock;
  /** Size of a segment, default 64 MiB, at least 64 KiB. No record may take more than a quarter. */
  readonly segmentBytes?: number;
  /** Preallocated space that only closing records may use; default a quarter of a segment, at most half. */
  readonly reserveBytes?: number;
  readonly disk?: Disk;
  /** Which thread syncs. By itself (`adaptive`) the log chooses by how quick the disk is; tests pin it. */
  readonly sync?: SyncMode;
  readonly onAlert?: (alert: EvidenceAlert) => void;
  /** The log is written to its end and signed, and its folder still held: what is done now is waited for. */
  readonly onSigned?: () => Promise<void>;
}

/** Free space on the log's disk fell below 20 % (told again only after it was above 25 %), or something about the tree is wrong. */
export type EvidenceAlert = { readonly kind: 'disk_space'; readonly free: number; readonly total: number } | DutyAlert;

/** Smaller steps are the clock's own discipline. */
const CLOCK_STEP_MS = 2000;

const NAME = /^[A-Za-z0-9._:@-]{1,64}$/;

/**
 * Opens the log of a folder for writing: takes the folder for this process, finds the end, sets a torn tail aside, records what a
 * crash left open, completes a purge that was begun, and makes all of that durable before it resolves. Rejects with FolderTaken, FolderUnusable, KeysUnusable,
 * LogForked, LockDamaged, EvidenceDamaged or the disk's own error.
 */
export const openEvidenceLog = async (options: EvidenceLogOptions): Promise<AppendLog> => {
  const { folder, keysFolder, instance, deployment = 'default', disk = nodeDisk, segmentBytes = SEGMENT_BYTES } = options;
  if (!NAME.test(instance) || !NAME.test(deployment)) throw new FolderUnusable('instance and deployment are names of letters, digits and ._:@-');
  if (segmentBytes < LEAST_SEGMENT) throw new FolderUnusable(`a segment has at least ${LEAST_SEGMENT} bytes`);
  const reserve = Math.min(options.reserveBytes ?? segmentBytes / 4, segmentBytes / 2);
  if (!disk.exists(`${folder}/${LOG_FILE}`) && disk.exists(`${folder}.new/${LOG_FILE}`)) throw new FolderUnusable(`${folder}.new is what "wicketgate evidence restart-log" left when it was interrupted: run it again, so that the new log names the one before`);
  disk.makeFolder(folder);
  disk.makeFolder(keysFolder);
  refuseNested(disk, folder, keysFolder);
  const keys = KeysFolder.open(disk, keysFolder, true, options.kek);
  const unlock = await disk.lock(folder);
  let releaseTree = (): Promise<void> => Promise.resolve();
  try {
    const { log: name, follows } = nameOf(disk, folder, deployment, instance);
    for (const left of disk.list(folder).filter((entry) => entry.endsWith('.draft'))) disk.remove(`${folder}/${left}`);
    disk.makeFolder(`${folder}/resume`);
    const end = findEnd(disk, folder, name);
    const clock = options.clock ?? systemClock;
    // Before anything is changed: a log that is not what was signed stays as it is.
    const tree = await TreeFollower.open({ disk, folder, keysFolder, log: name, size: end?.state.sequence ?? 0, clock });
    releaseTree = () => tree.close();
    const before = tree.latest();
    const roster = [...new Set([...lockedLogs(disk, keysFolder), name])].sort();
    const row = new SegmentRow(disk, folder, name, segmentBytes, end ? continueAt(disk, folder, end) : await begin(disk, folder, name, segmentBytes));
    const watch = new SpaceWatch(disk, folder, options.onAlert);
    const duties = new Duties({ folder, keysFolder, clock, ...(disk === nodeDisk ? {} : { withoutChecks: true }), ...(options.onAlert ? { onAlert: options.onAlert } : {}) });
    const about = { kind: 'instance', instance, build: options.build, config: options.config } as const;
    const log = new AppendLog({
      disk,
      folder,
      name,
      keys,
      clock,
      tree,
      row,
      state: end?.state ?? { sequence: 0, previous: NO_LEAF, ordinal: 0 },
      work: end?.work ?? new OpenWork(),
      sync: options.sync ?? 'adaptive',
      reserve,
      farewell: { ...about, event: 'stop' },
      released: async () => {
        watch.stop();
        duties.stop();
        await tree.close();
        await options.onSigned?.();
        await unlock();
      },
    });
    try {
      const preparing = log.prepare();
      if (row.left < 2 * reserve) await preparing;
      const begun = end?.work.purges ?? [];
      const started = { ...about, event: 'start', roster, ...(end || !follows ? {} : { follows }) } as const;
      const checked: EvidenceRecord[] = before ? [{ kind: 'self_check', scope: 'start', ok: true, size: before.size, root: before.root.toString('base64'), ...(tree.rebuilt ? { found: 'the tiles were missing or wrong and were made again from the records' } : {}) }] : [];
      await record(log, [started, ...tree.pendingKeyEvents(), ...recoveryOf(end), ...clockStep(end?.time, clock.wall()), ...checked], segmentBytes / 4);
      for (const purge of begun) await finishPurge(log, keys, purge);
      await tree.start();
      await watch.start(log);
      duties.start(log);
    } catch (error) {
      await log.close();
      throw error;
    }
    return log;
  } catch (error) {
    await releaseTree();
    await unlock();
    throw error;
  }
};

/** The clock was set back while no gateway ran. */
const clockStep = (last: string | undefined, wall: number): EvidenceRecord[] => {
  const by = last === undefined ? 0 : wall - Date.parse(last);
  return last !== undefined && by < -CLOCK_STEP_MS ? [{ kind: 'clock', from: last, to: new Date(wall).toISOString(), by }] : [];
};

const refuseNested = (disk: Disk, folder: string, keysFolder: string): void => {
  const [log, keys] = [`${disk.realPath(folder)}/`, `${disk.realPath(keysFolder)}/`];
  if (log.startsWith(keys) || keys.startsWith(log)) throw new KeysUnusable('the keys folder and the evidence folder lie one inside the other: a copy of the evidence would carry its keys');
};

/** The log's name, fixed when the folder is first used. A folder of a newer format, or with other things in it, is refused. */
const nameOf = (disk: Disk, folder: string, deployment: string, instance: string): LogFile => {
  const path = `${folder}/${LOG_FILE}`;
  if (disk.exists(path)) {
    const file = readLogFile(readSmall(disk, path, 65_536));
    if (file.format > FORMAT) throw new FolderUnusable(`${folder} is of format ${file.format}; this gateway writes format ${FORMAT}: use a newer gateway`);
    return file;
  }
  const foreign = disk.list(folder).find((entry) => SEGMENT_NAME.test(entry) || !(entry === 'writer.lock' || entry.endsWith('.draft')));
  if (foreign !== undefined) throw new FolderUnusable(`${folder} has no ${LOG_FILE} but holds ${foreign}: it is not an evidence folder, or only part of one`);
  const file = { format: FORMAT, log: `${deployment}/${instance}/${randomBytes(4).toString('hex')}` };
  replaceFile(disk, folder, LOG_FILE, formatLogFile(file), true);
  return file;
};

interface Standing {
  readonly number: number;
  readonly file: DiskFile;
  readonly position: number;
}

const begin = async (disk: Disk, folder: string, log: string, bytes: number): Promise<Standing> => {
  const header = { v: 1, log, segment: 0 };
  return { number: 0, file: await makeSegment(disk, folder, header, bytes), position: headerFrame(header).length };
};

/** Goes on in the last segment. A torn tail is copied aside first; all that is kept is durable when this returns. */
const continueAt = (disk: Disk, folder: string, { segment, position, torn }: LogEnd): Standing => {
  const file = disk.open(`${folder}/${segmentName(segment)}`, 'write');
  try {
    if (torn) {
      const bytes = Buffer.alloc(torn.to - torn.from);
      file.read(bytes, torn.from);
      disk.makeFolder(`${folder}/torn`);
      replaceFile(disk, `${folder}/torn`, `${segmentName(segment)}-${torn.from}-${randomBytes(4).toString('hex')}`, bytes, true);
      writeAll(file, Buffer.alloc(bytes.length), torn.from);
    }
    file.syncNow();
    disk.syncFolder(folder);
    return { number: segment, file, position };
  } catch (error) {
    file.close();
    throw error;
  }
};

const recoveryOf = (end: LogEnd | undefined): EvidenceRecord[] => {
  if (!end) return [];
  const { torn, work } = end;
  return [
    ...(torn ? [{ kind: 'recovery', what: 'torn_tail', bytes: torn.to - torn.from } as const] : []),
    ...work.intents.map(({ session, command }) => ({ kind: 'recovery', what: 'indeterminate', session, command }) as const),
    ...work.sessions.map((session) => ({ kind: 'recovery', what: 'session_lost', session }) as const),
  ];
};

/**
 * Makes all of them durable, in order. A crash can leave more open than one segment takes: so no more than `portion` bytes are queued
 * at once, and the next segment is waited for in between.
 */
const record = async (log: AppendLog, records: readonly EvidenceRecord[], portion: number): Promise<void> => {
  let pending: Promise<void>[] = [];
  let bytes = 0;
  for (const one of records) {
    const bound = leafBound(canonical(one), [], log.name);
    if (bytes + bound > portion) {
      await Promise.all(pending);
      await log.prepare();
      [pending, bytes] = [[], 0];
    }
    bytes += bound;
    pending.push(durably(log.append(one)));
  }
  await Promise.all(pending);
};

/** Looks at the disk's free space from time to time, tells when it runs low, and asks for the next segment while there is none. */
class SpaceWatch {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #onAlert: EvidenceLogOptions['onAlert'];
  #timer: NodeJS.Timeout | undefined;
  #alerted = false;

  constructor(disk: Disk, folder: string, onAlert: EvidenceLogOptions['onAlert']) {
    this.#disk = disk;
    this.#folder = folder;
    this.#onAlert = onAlert;
  }

  async start(log: AppendLog): Promise<void> {
    await this.#look(log);
    this.#timer = setInterval(() => {
      void this.#look(log);
      void log.prepare();
    }, LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(log: AppendLog): Promise<void> {
    try {
      const space = await this.#disk.space(this.#folder);
      log.noteSpace(space);
      const free = space.total === 0 ? 1 : space.free / space.total;
      if (free < ALERT_BELOW && !this.#alerted) {
        this.#alerted = true;
        this.#onAlert?.({ kind: 'disk_space', ...space });
      } else if (free > ALERT_OVER) this.#alerted = false;
    } catch {
      // Not to know the free space is no reason to stop; writing itself tells when there is none.
    }
  }
}
