import type { EvidenceClock } from '../clock.ts';
import type { Disk } from '../disk.ts';
import type { LeafFollower } from '../group-commit.ts';
import { KeysUnusable } from '../keys.ts';
import type { EvidenceRecord, Ticket } from '../log.ts';
import { describe } from '../segment-row.ts';
import { signCheckpoint } from '../tlog/checkpoint.ts';
import { consistencyProof, inclusionProof } from '../tlog/merkle.ts';
import { BadNote, formatVkey, noteVerifier, openNote, type VerifierKey } from '../tlog/note.ts';
import { nodesOf, TILE_WIDTH, type TileReader } from '../tlog/tiles.ts';
import { CheckpointLock, LockDamaged, LockMoved, type SignedCheckpoint } from './checkpoint-lock.ts';
import { PublishedCheckpoints, shownCheckpoints } from './published.ts';
import { LogForked, restoreTree, type Restored } from './restore.ts';
import { rotationRecord } from './rotation.ts';
import { SigningKeys } from './signing-key.ts';
import { TileStore } from './tile-store.ts';

/** Checkpoints are signed at most so often. */
const SIGN_MS = 1000;

export interface TreeOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly keysFolder: string;
  /** Name of the log: origin of its checkpoints and name of its key. */
  readonly log: string;
  /** Records in the log. */
  readonly size: number;
  readonly clock: EvidenceClock;
}

/**
 * The tree of a log that is written: takes each leaf, grows with what is durable, keeps full tiles, and signs a checkpoint when
 * it has grown, at most once a second. Signs nothing that does not contain what was signed before.
 */
export class TreeFollower implements LeafFollower {
  readonly #options: TreeOptions;
  readonly #lock: CheckpointLock;
  readonly #keys: SigningKeys;
  readonly #tiles: TileStore;
  readonly #restored: Restored;
  readonly #published: PublishedCheckpoints;
  readonly #listeners = new Set<(checkpoint: SignedCheckpoint) => void>();
  /** Written, not durable. */
  #leaves: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #signing: Promise<void> | undefined;
  #rotating: Promise<string> | undefined;
  /** Sequence of the record that names the successor, when it is in the log. */
  #successorNamed: number | undefined;
  #signedAt: number | undefined;
  #refused: string | undefined;
  #problem: string | undefined;
  #closed = false;

  private constructor(options: TreeOptions, lock: CheckpointLock, keys: SigningKeys, tiles: TileStore, restored: Restored) {
    this.#options = options;
    this.#lock = lock;
    this.#keys = keys;
    this.#tiles = tiles;
    this.#restored = restored;
    this.#published = new PublishedCheckpoints(options.disk, options.folder);
  }

  /** Takes the lock and finds the tree again. Changes nothing of the log. Rejects with LogForked, LockDamaged, KeysUnusable, FolderTaken or what the disk says. */
  static async open(options: TreeOptions): Promise<TreeFollower> {
    const { disk, folder, keysFolder, log, size } = options;
    const lock = await CheckpointLock.open(disk, keysFolder, log);
    try {
      const { last } = lock;
      if (!last && shownCheckpoints(disk, folder).newest !== undefined) {
        throw new KeysUnusable(`${folder} shows signed checkpoints, but the keys folder ${keysFolder} knows of none of ${log}: restore the keys folder that belongs to it`);
      }
      const keys = SigningKeys.open(disk, keysFolder, log, last === undefined);
      const tiles = new TileStore(disk, folder);
      const restored = await restoreTree({ disk, folder, size, last, eventsFrom: Math.min(last?.size ?? 0, keys.next?.since ?? Number.POSITIVE_INFINITY), tiles });
      const named = restored.keyEvents.at(-1)?.vkey;
      const ours = [keys.current, ...(keys.next ? [keys.next.signer] : [])];
      // An older copy of the keys folder, from before the key was replaced: what it signs would not verify, and could not be taken back.
      if ((named !== undefined && !ours.some((key) => formatVkey(key) === named)) || (last && !isSignedBy(last.note, keys.current))) {
        throw new KeysUnusable(`the key in ${keysFolder} that should sign ${log} is not the one that the log names, or that signed last: restore the keys folder that belongs to it`);
      }
      return new TreeFollower(options, lock, keys, tiles, restored);
    } catch (error) {
      await lock.close();
      throw error;
    }
  }

  /** What was signed last: by this run or, before that, by an earlier one. */
  latest(): SignedCheckpoint | undefined {
    return this.#lock.last;
  }

  /** Seconds since this run signed; undefined before it has. */
  get age(): number | undefined {
    return this.#signedAt === undefined ? undefined : Math.max(0, Math.floor((this.#options.clock.monotonic() - this.#signedAt) / 1_000_000));
  }

  /** Durable records in the tree. */
  get size(): number {
    return this.#restored.growth.size;
  }

  /** The tiles were missing or wrong at the start and were made again. */
  get rebuilt(): boolean {
    return this.#restored.rebuilt;
  }

  /** The key that signs, as verifiers take it. */
  get vkey(): string {
    return formatVkey(this.#keys.current);
  }

  /** Why nothing is signed any more, and so nothing may be admitted; only a person can help. */
  get refused(): string | undefined {
    return this.#refused;
  }

  /** Why the last attempt to sign or to show a checkpoint failed; it is tried again each second. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The records about keys that a start has to write: the first key, or the successor whose record a crash prevented. */
  pendingKeyEvents(): EvidenceRecord[] {
    const { keyEvents } = this.#restored;
    if (!this.#lock.last && !keyEvents.some(({ event }) => event === 'first')) return [{ kind: 'key_event', event: 'first', vkey: this.vkey }];
    const { next } = this.#keys;
    if (!next) return [];
    // Whatever is in the log when the start is durable: that is what `start` signs.
    this.#successorNamed = 0;
    return keyEvents.some(({ vkey }) => vkey === formatVkey(next.signer)) ? [] : [rotationRecord(this.#options.log, this.#keys.current, next.signer)];
  }

  /** Begins to sign: at once, then each second when there is something new. Call when the records of the start are durable. Rejects when nothing can be signed. */
  async start(): Promise<void> {
    await this.sign(true);
    this.#timer = setInterval(() => void this.sign().catch(() => undefined), SIGN_MS);
    this.#timer.unref();
  }

  written(leaves: readonly string[]): void {
    for (const leaf of leaves) this.#leaves.push(leaf);
  }

  durable(size: number): void {
    const { growth } = this.#restored;
    const count = size - growth.size;
    if (count <= 0) return;
    for (let i = 0; i < count; i += 1) growth.push(Buffer.from(this.#leaves[i] as string, 'hex'));
    this.#leaves = count === this.#leaves.length ? [] : this.#leaves.slice(count);
  }

  /** Hears of each checkpoint once it is durable. Gives what ends it. */
  onSigned(listener: (checkpoint: SignedCheckpoint) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Proof that the tree of `old` records is the beginning of that of `size`. Throws BadTree when it cannot be made. */
  consistency(old: number, size: number): readonly Buffer[] {
    return consistencyProof(old, size, nodesOf(size, this.#read));
  }

  /** Proof that a record is in the tree of `size` records. Throws BadTree when it cannot be made. */
  inclusion(index: number, size: number): readonly Buffer[] {
    return inclusionProof(index, size, nodesOf(size, this.#read));
  }

  /** Keeps a checkpoint that others signed as well: as the newest with cosignatures, and in the history. */
  keep(note: string): void {
    try {
      this.#published.showWitnessed(note, this.#options.clock.wall());
    } catch (error) {
      this.#problem = `a checkpoint could not be kept: ${describe(error)}`;
    }
  }

  /** Signs what is durable, if that is more than was signed. Rejects when it could not: `refused` or `problem` says why. */
  sign(important = false): Promise<void> {
    this.#signing ??= this.#sign(important).finally(() => {
      this.#signing = undefined;
    });
    return this.#signing;
  }

  async #sign(important: boolean): Promise<void> {
    if (this.#refused !== undefined) throw new LogForked(this.#refused);
    const { growth } = this.#restored;
    const grown = this.#lock.last === undefined || growth.size > this.#lock.last.size;
    if (!grown && !important && this.#problem === undefined) return;
    try {
      if (grown) await this.#lock.advance(this.#note());
      this.#signedAt = this.#options.clock.monotonic();
      this.#problem = undefined;
      this.#succeed();
    } catch (error) {
      if (error instanceof LockMoved || error instanceof LockDamaged) {
        this.#refused = `${error.message}: two gateways write to copies of the log ${this.#options.log}, or its keys folder was changed under a running gateway. Nothing is signed or admitted any more. Stop this gateway, find out which copy is the log, and start only that one`;
      } else this.#problem = `no checkpoint could be signed: ${describe(error)}`;
      throw error;
    }
    const last = this.#lock.last as SignedCheckpoint;
    try {
      this.#tiles.retry();
      this.#published.show(last.note, this.#options.clock.wall(), this.#options.clock.monotonic(), important);
    } catch (error) {
      // Signed and durable is what counts; showing it is tried again.
      this.#problem = `the newest checkpoint could not be shown: ${describe(error)}`;
    }
    if (grown) for (const listener of this.#listeners) listener(last);
  }

  /** Until a successor has taken over, both keys sign. */
  #note(): string {
    const { growth } = this.#restored;
    const { current, next } = this.#keys;
    return signCheckpoint({ origin: this.#options.log, size: growth.size, root: growth.root() }, next ? [current, next.signer] : [current]);
  }

  /** The successor takes over once a checkpoint that both signed covers the record that names it. */
  #succeed(): void {
    if (this.#successorNamed === undefined || (this.#lock.last?.size ?? 0) <= this.#successorNamed) return;
    this.#keys.finish();
    this.#successorNamed = undefined;
  }

  /**
   * Replaces the key: the old one names the new one in a record, and both sign the checkpoint that covers it. Resolves with the new
   * verifier key. When the record could not be made durable, the next start or the recovered log completes what was begun.
   */
  rotate(log: { append(record: EvidenceRecord): Ticket; readonly stats: { readonly next: number } }): Promise<string> {
    this.#rotating ??= this.#rotate(log).finally(() => {
      this.#rotating = undefined;
    });
    return this.#rotating;
  }

  async #rotate(log: { append(record: EvidenceRecord): Ticket; readonly stats: { readonly next: number } }): Promise<string> {
    if (this.#successorNamed !== undefined) throw new Error('the key is being replaced already: the record that names the new one is not under a checkpoint yet');
    await this.#signing;
    const next = this.#keys.next?.signer ?? this.#keys.makeNext(this.size);
    const ticket = log.append(rotationRecord(this.#options.log, this.#keys.current, next));
    const failure = await new Promise<string | undefined>((resolve) => {
      ticket.whenDurable((failed) => {
        // Told that it failed although it was written: it will be in the log, so that the new key has to take over.
        if (failed === undefined || (ticket.sequence >= 0 && log.stats.next > ticket.sequence)) this.#successorNamed = ticket.sequence;
        resolve(failed);
      });
    });
    if (failure !== undefined) throw new Error(failure);
    while (this.#successorNamed !== undefined) await this.sign(true);
    return this.vkey;
  }

  /** Signs what is left and gives up the lock. A log that could not be signed to its end is signed at its next start. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#signing?.catch(() => undefined);
    // A log that never began to be signed is left as it was.
    if (this.#timer !== undefined) await this.sign(true).catch(() => undefined);
    await this.#published.settled();
    await this.#lock.close();
  }

  /** Tiles for proofs: those that are not full are in memory, those that have become full since are cut by who asked. */
  readonly #read: TileReader = (tile) => {
    for (const partial of this.#restored.growth.partial()) {
      if (partial.tile.level === tile.level && partial.tile.index === tile.index && partial.tile.width >= tile.width) return Buffer.from(partial.bytes);
    }
    return this.#tiles.full({ ...tile, width: TILE_WIDTH }) ?? this.#tiles.read(tile);
  };
}

const isSignedBy = (note: string, key: VerifierKey): boolean => {
  try {
    return openNote(note, [noteVerifier(key)]).verified.length > 0;
  } catch (error) {
    if (error instanceof BadNote) return false;
    throw error;
  }
};
