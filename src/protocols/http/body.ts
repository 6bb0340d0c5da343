import type { Readable } from 'node:stream';

/** Most bytes of request bodies that one gateway keeps at a time, over all requests. */
const MOST_KEPT = 256 * 1024 * 1024;
/** How long a client may send nothing while its body is waited for. */
export const BODY_IDLE_MS = 60_000;

/** What is kept of all requests together. */
export class KeptBytes {
  #used = 0;

  take(bytes: number): boolean {
    if (this.#used + bytes > MOST_KEPT) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** How far a body has been read: all of it, more than may be kept, or not to its end. */
export type ReadTo = 'whole' | 'too large' | 'no room' | 'idle' | 'broken';

/** The beginning of a request's body, kept until it is known where it goes. */
export class KeptBody {
  readonly stream: Readable;
  readonly #most: number;
  readonly #budget: KeptBytes;
  #chunks: Buffer[] = [];
  #size = 0;
  #reading: Promise<ReadTo> | undefined;
  #firstByte: number | undefined;

  constructor(stream: Readable, most: number, budget: KeptBytes) {
    this.stream = stream;
    this.#most = most;
    this.#budget = budget;
  }

  get size(): number {
    return this.#size;
  }

  /** Reads on until it has ended, or until one byte more than may be kept. Asked again, it is the same reading. */
  read(): Promise<ReadTo> {
    this.#reading ??= this.#readUntil(() => false).then((to) => (to === 'enough' ? 'broken' : to));
    return this.#reading;
  }

  /**
   * The first byte that says something: white space and the mark of the byte order do not. Undefined when there is none. Rejects never; `to` says how
   * far it was read for that.
   */
  async begin(): Promise<{ readonly to: ReadTo | 'enough'; readonly byte: number | undefined }> {
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
        stream.pause();
        stream.off('data', data).off('end', end).off('close', broken).off('error', broken);
        resolve(to);
      };
      const data = (chunk: Buffer): void => {
        timer.refresh();
        const room = this.#budget.take(chunk.length);
        // What is over the budget is not dropped: it may go on to the target.
        if (!room) this.#budget.give(-chunk.length);
        this.#chunks.push(chunk);
        this.#size += chunk.length;
        this.#firstByte ??= chunk.find(says);
        if (!room) done('no room');
        else if (enough()) done('enough');
        else if (this.#size > this.#most) done('too large');
      };
      const end = (): void => done('whole');
      const broken = (): void => done('broken');
      const timer = setTimeout(() => done('idle'), BODY_IDLE_MS);
      stream.on('data', data).once('end', end).once('close', broken).once('error', broken);
      stream.resume();
    });
  }

  /** All that was read. */
  bytes(): Buffer {
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#size);
  }

  /** Hands over what was read, and forgets it. */
  release(): readonly Buffer[] {
    const chunks = this.#chunks;
    this.#budget.give(this.#size);
    this.#chunks = [];
    this.#size = 0;
    return chunks;
  }
}

/** Neither white space, nor what stands before a record (RFC 7464), nor a byte of the mark EF BB BF. */
const says = (byte: number): boolean => byte !== 0x20 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1e && byte !== 0xef && byte !== 0xbb && byte !== 0xbf;
