import type { Readable } from 'node:stream';
import { KeptPieces } from './pieces.ts';

/** Most bytes of request bodies that one gateway keeps at a time, over all requests. */
const MOST_KEPT = 256 * 1024 * 1024;
/** Most of it that one owner has: whoever sends many bodies, and ends none of them, leaves room for others. */
const MOST_OWNED = MOST_KEPT / 4;
/** How long a client may send nothing while its body is waited for. */
export const BODY_IDLE_MS = 60_000;
/** How long a body that has to be read may take in all, however busily it comes. */
const READ_MS = 5 * 60_000;

/** What is kept of all requests together. */
export class KeptBytes {
  #used = 0;
  /** By owner; only those that have any. */
  readonly #owned = new Map<string, number>();

  /** The share of one owner: an identity on a connection, or everybody who is not known yet. */
  of(owner: string): KeptShare {
    return {
      take: (bytes) => {
        if (this.#used + bytes > MOST_KEPT || (this.#owned.get(owner) ?? 0) + bytes > MOST_OWNED) return false;
        this.#add(owner, bytes);
        return true;
      },
      add: (bytes) => this.#add(owner, bytes),
    };
  }

  #add(owner: string, bytes: number): void {
    this.#used += bytes;
    const owned = (this.#owned.get(owner) ?? 0) + bytes;
    if (owned === 0) this.#owned.delete(owner);
    else this.#owned.set(owner, owned);
  }
}

/** What one owner may have of the bytes that are kept. */
export interface KeptShare {
  /** False: there is no room for them. */
  readonly take: (bytes: number) => boolean;
  /** Counts bytes whether there is room or not; negative: they are kept no more. */
  readonly add: (bytes: number) => void;
}

/** How far a body has been read: all of it, more than may be kept, or not to its end; `idle`: it did not come in time. */
export type ReadTo = 'whole' | 'too large' | 'no room' | 'idle' | 'broken';

/** The beginning of a request's body, kept until it is known where it goes. */
export class KeptBody {
  readonly stream: Readable;
  readonly #most: number;
  readonly #budget: KeptShare;
  readonly #readMs: number;
  readonly #chunks = new KeptPieces();
  #size = 0;
  #reading: Promise<ReadTo> | undefined;
  /** Ends a reading that is under way. */
  #stop: () => void = () => {};
  #firstByte: number | undefined;
  /** What of a piece can say something. */
  #dataIn: (piece: Buffer) => readonly Buffer[] = (piece) => [piece];
  /** When the reading has to be over. */
  #until: number | undefined;

  /** @param readMs how long all of the reading may take */
  constructor(stream: Readable, most: number, budget: KeptShare, readMs = READ_MS) {
    this.stream = stream;
    this.#most = most;
    this.#budget = budget;
    this.#readMs = readMs;
  }

  get size(): number {
    return this.#size;
  }

  /** Reads on until it has ended, or until one byte more than may be kept. Asked again, it is the same reading. */
  read(): Promise<ReadTo> {
    this.#reading ??= this.#readUntil(() => false).then((to) => (to === 'enough' ? 'broken' : to));
    return this.#reading;
  }

  /** The same reading, waited for no longer than this: undefined when it goes on. */
  readWithin(ms: number): Promise<ReadTo | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)));
    return Promise.race([this.read(), late]).finally(() => clearTimeout(timer));
  }

  /**
   * The first byte that says something: white space and the mark of the byte order do not. Undefined when there is none. Rejects never; `to` says how
   * far it was read for that.
   *
   * @param dataIn what of each piece can say something, where that is not all of it
   */
  async begin(dataIn?: (piece: Buffer) => readonly Buffer[]): Promise<{ readonly to: ReadTo | 'enough'; readonly byte: number | undefined }> {
    if (dataIn) {
      this.#dataIn = dataIn;
      this.#firstByte = this.#size === 0 ? undefined : firstOf(dataIn(this.bytes()));
    }
    const to = this.#firstByte === undefined ? await (this.#reading ?? this.#readUntil(() => this.#firstByte !== undefined)) : 'enough';
    return { to, byte: this.#firstByte };
  }

  #readUntil(enough: () => boolean): Promise<ReadTo | 'enough'> {
    return new Promise((resolve) => {
      const { stream } = this;
      if (this.#size > this.#most) return resolve('too large');
      // Read to its end, or lost, before: no event is left to tell so.
      if (stream.readableEnded) return resolve('whole');
      if (stream.destroyed) return resolve('broken');
      const done = (to: ReadTo | 'enough'): void => {
        clearTimeout(timer);
        clearTimeout(deadline);
        this.#stop = () => {};
        stream.pause();
        stream.off('data', data).off('end', end).off('close', broken).off('error', broken);
        resolve(to);
      };
      const data = (chunk: Buffer): void => {
        timer.refresh();
        const room = this.#budget.take(chunk.length);
        // What is over the budget is not dropped: it may go on to the target.
        if (!room) this.#budget.add(chunk.length);
        this.#chunks.push(chunk);
        this.#size += chunk.length;
        this.#firstByte ??= firstOf(this.#dataIn(chunk));
        if (!room) done(this.#size > this.#most ? 'too large' : 'no room');
        else if (enough()) done('enough');
        else if (this.#size > this.#most) done('too large');
      };
      this.#stop = () => done('broken');
      const end = (): void => done('whole');
      const broken = (): void => done('broken');
      const timer = setTimeout(() => done('idle'), BODY_IDLE_MS);
      this.#until ??= Date.now() + this.#readMs;
      const deadline = setTimeout(() => done('idle'), Math.max(0, this.#until - Date.now()));
      stream.on('data', data).once('end', end).once('close', broken).once('error', broken);
      stream.resume();
    });
  }

  /** All that was read. */
  bytes(): Buffer {
    return this.#chunks.bytes();
  }

  /** Hands over what was read, and forgets it. Whoever gets it reads on: a reading that went on beside that would stop the stream under it. */
  release(): readonly Buffer[] {
    this.#stop();
    if (this.#size > 0) this.#budget.add(-this.#size);
    this.#size = 0;
    return this.#chunks.take();
  }
}

const firstOf = (pieces: readonly Buffer[]): number | undefined => {
  for (const piece of pieces) {
    const byte = piece.find(says);
    if (byte !== undefined) return byte;
  }
  return undefined;
};

/** Neither white space, nor what stands before a record (RFC 7464), nor a byte of the mark EF BB BF. */
const says = (byte: number): boolean => byte !== 0x20 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1e && byte !== 0xef && byte !== 0xbb && byte !== 0xbf;
