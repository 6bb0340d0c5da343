import type { OnReadOpts, Socket } from 'node:net';
import { bytesPassed } from './passing-bytes.ts';

/** Reads of up to so many bytes are handed on as copies. Answers to single commands are mostly that short. */
const SHORT = 2048;
const LONG = 64 * 1024;
/** What all sockets are read into that are not read at length: nothing of it is handed on, and whatever a read brings is copied before the next one of any socket. */
const common: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(LONG);
/** Windows reads into memory that was named before, while others do the same: there nothing can be shared. */
const SHARES = process.platform !== 'win32';
/** What a stream is read in that goes on and on: a fifth of what a read and its write cost is there for each, however long (measured). More is no quicker. */
const WIDE = 256 * 1024;
/** Long reads, each as much as there is room for, behind which wide ones begin. */
const FULL_READS = 8;
/** Long buffers that wait for another socket. */
const MOST_SPARE = 16;
/** Wide buffers in use from which on no further socket gets one, and makes do with long ones. One that falls silent keeps what it has; one whose reader is slow has two. */
const MOST_WIDE = 16;

const spare: Buffer<ArrayBuffer>[] = [];
const spareWide: Buffer<ArrayBuffer>[] = [];
let lent = 0;

/**
 * The memory that one socket is read into. Left to itself, Node allocates 64 KiB for each read: more work than a short read is, and while much
 * is read V8 collects its whole heap again and again because of it. Here short reads are copied out of a buffer that all sockets share. Behind one that is not short, a long
 * buffer takes its place, and a wide one, where that is asked for, when those are filled again and again. Their bytes are handed on as they are: such a buffer is used again
 * where nobody holds on to them, and given away otherwise.
 *
 * A long or wide buffer serves one socket at a time, because the next read is bound to it long before it comes.
 */
export class ReadMemory {
  /**
   * Long streams are read in wide buffers: of use where bytes are passed on, and none where they are searched through, which goes as well in few and lets others have their turn.
   * May change while `free` is asked.
   */
  widens: boolean;
  readonly #counts: boolean;
  readonly #first = SHARES ? common : Buffer.allocUnsafeSlow(LONG);
  #buffer = this.#first;
  #changed = true;
  #socket: Socket | undefined;
  /** Long reads without a break that took all the room there was. */
  #full = 0;
  /** What came last lies in this, and was not given back at once. */
  #out: Buffer<ArrayBuffer> | undefined;
  /** Asked behind a long read, and again before the next: whether nothing of what was handed on is kept any more. */
  free: (memory: ArrayBufferLike) => boolean = () => false;

  /**
   * @param widens from the beginning
   * @param counts what is given away is told of (`bytesPassed`); not where whoever takes the bytes does so
   */
  constructor(widens: boolean, counts: boolean) {
    this.widens = widens;
    this.#counts = counts;
  }

  /** For the socket's constructor: a socket takes it only there. */
  get onread(): OnReadOpts {
    return {
      // Asked at first and behind each read; anything but a buffer means the one that it has.
      buffer: () => {
        if (!this.#changed) return undefined as never;
        this.#changed = false;
        return this.#buffer;
      },
      callback: (length, buffer) => {
        this.#read(length, buffer as Buffer<ArrayBuffer>);
        return true;
      },
    };
  }

  /** What is read comes as `data` of this socket, paused and resumed as any. */
  deliverTo(socket: Socket): void {
    this.#socket = socket;
    socket.on('close', () => {
      if (this.#buffer !== this.#first) keep(this.#buffer);
      if (this.#out !== undefined) this.#giveAway(this.#out);
      this.#out = undefined;
    });
  }

  #read(length: number, buffer: Buffer<ArrayBuffer>): void {
    this.#reclaim();
    if (length <= SHORT) this.#readShort(length, buffer);
    else if (buffer === this.#first) this.#readLong(length, copied(this.#first, length));
    else this.#readLong(length, buffer);
  }

  #readShort(length: number, buffer: Buffer<ArrayBuffer>): void {
    this.#full = 0;
    const copy = Buffer.allocUnsafe(length);
    buffer.copy(copy, 0, 0, length);
    if (buffer !== this.#first) {
      this.#use(this.#first);
      keep(buffer);
    }
    this.#socket?.emit('data', copy);
  }

  #readLong(length: number, buffer: Buffer<ArrayBuffer>): void {
    this.#socket?.emit('data', length === buffer.length ? buffer : buffer.subarray(0, length));
    const free = this.free(buffer.buffer);
    const size = this.#next(length, buffer.length);
    if (free && size === buffer.length) {
      if (buffer !== this.#buffer) this.#use(buffer);
      return;
    }
    if (free) keep(buffer);
    else this.#out = buffer;
    this.#use(taken(size));
  }

  /** Whoever could not take the last read at once mostly has by the next: two buffers are enough then. Otherwise it is given away. */
  #reclaim(): void {
    const out = this.#out;
    if (out === undefined) return;
    this.#out = undefined;
    if (this.free(out.buffer)) keep(out);
    else this.#giveAway(out);
  }

  /** How large the next buffer is to be, behind a long read of so many bytes into one of so many. */
  #next(length: number, had: number): number {
    if (had === WIDE) return this.widens && length > LONG ? WIDE : LONG;
    this.#full = length === LONG ? this.#full + 1 : 0;
    return this.widens && this.#full >= FULL_READS && lent < MOST_WIDE ? WIDE : LONG;
  }

  /** A buffer of whose bytes somebody holds some. */
  #giveAway(buffer: Buffer<ArrayBuffer>): void {
    if (buffer.length === WIDE) lent--;
    if (this.#counts) bytesPassed(buffer.length);
  }

  #use(buffer: Buffer<ArrayBuffer>): void {
    this.#buffer = buffer;
    this.#changed = true;
  }
}

const taken = (size: number): Buffer<ArrayBuffer> => {
  if (size === WIDE) lent++;
  return (size === WIDE ? spareWide : spare).pop() ?? Buffer.allocUnsafeSlow(size);
};

/** A long buffer with what was read into a common one. */
const copied = (from: Buffer<ArrayBuffer>, length: number): Buffer<ArrayBuffer> => {
  const buffer = taken(LONG);
  from.copy(buffer, 0, 0, length);
  return buffer;
};

/** A buffer that nobody reads into any more, and of whose bytes nobody holds any. */
const keep = (buffer: Buffer<ArrayBuffer>): void => {
  if (buffer.length === WIDE) {
    lent--;
    spareWide.push(buffer);
  } else if (buffer.length === LONG && spare.length < MOST_SPARE) spare.push(buffer);
};
