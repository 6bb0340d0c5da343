import { WireError } from './errors.ts';
import { PIECES, STREAMING_NOTHING, WHOLE, type Streaming } from './streaming.ts';

/** One whole message. Where it lies in `memory`: see `FrameParser.push` for how long it stays there. */
export class Frame {
  readonly kind = 'frame';
  readonly type: number;
  readonly memory: Buffer;
  readonly from: number;
  /** Bytes of the message, header included. */
  readonly size: number;
  /** Bytes before the body. */
  readonly header: number;
  #bytes: Buffer | undefined;

  constructor(type: number, memory: Buffer, header: number, from = 0, size = memory.length) {
    this.type = type;
    this.memory = memory;
    this.from = from;
    this.size = size;
    this.header = header;
  }

  /** A view of the message as it came, header included. Made when it is asked for: most messages are passed on by their place. */
  get bytes(): Buffer {
    return (this.#bytes ??= this.size === this.memory.length ? this.memory : this.memory.subarray(this.from, this.from + this.size));
  }

  /** The message without its header. */
  get body(): Buffer {
    return this.memory.subarray(this.from + this.header, this.from + this.size);
  }
}

/**
 * Bytes of one or more consecutive messages of one type that pass without being held: whole ones, and pieces of one that
 * is larger than what has arrived.
 */
export class Run {
  readonly kind = 'run';
  readonly type: number;
  readonly bytes: Buffer;
  /** Messages that end in these bytes. */
  readonly completed: number;
  /** Bytes at the front that belong to a message begun in an earlier run. */
  readonly lead: number;
  /** The last message goes on in the next run. */
  readonly open: boolean;

  constructor(type: number, bytes: Buffer, completed: number, lead: number, open: boolean) {
    this.type = type;
    this.bytes = bytes;
    this.completed = completed;
    this.lead = lead;
    this.open = open;
  }

  get size(): number {
    return this.bytes.length;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
/** A message that is spread over chunks is gathered in steps, so that a lying length costs the sender real bytes. */
const FIRST_GATHER = 16 * 1024;

/**
 * Cuts a byte stream into messages: synchronous, bounded, and dead after the first fault. A protocol gives the shape of its
 * header and the limits; the walk, the gathering of split messages and the streaming of large ones are the same for all.
 *
 * Use: `push(chunk)`, then `next()` until it returns undefined. Which types are streamed may be changed between calls of
 * `next`; it holds from the next message on.
 */
export abstract class FrameParser {
  readonly #header: number;
  #streaming: Streaming = STREAMING_NOTHING;
  #chunk: Buffer = EMPTY;
  #at = 0;
  /** A message that is being gathered: `#have` of `#need` bytes; `#need` is 0 while its header is incomplete. */
  #gathered: Buffer = EMPTY;
  #have = 0;
  #need = 0;
  /** Bytes that a streamed message still has to come. */
  #left = 0;
  #openType = 0;
  #dead = false;

  /** @param header bytes of the fixed header, at most 255 */
  constructor(header: number) {
    this.#header = header;
  }

  /** The message type in a complete header at `at`. */
  protected abstract typeAt(bytes: Buffer, at: number): number;
  /**
   * Size of the whole message, header included, from a complete header at `at`. Throws WireError when it is not possible,
   * the type unknown, or the size above the limit for this type. `streamed`: it will not be held.
   */
  protected abstract sizeAt(bytes: Buffer, at: number, streamed: boolean): number;

  /**
   * Chooses whether messages of a type come as `Run`s (true) or as whole `Frame`s (false, the default). `whole`: as runs of
   * whole messages, as many as have arrived, and as a frame where one is spread over chunks; the limit of frames holds for all.
   */
  stream(type: number, on: boolean | 'whole'): void {
    this.#streaming = this.#streaming.with(type, on === 'whole' ? WHOLE : on ? PIECES : 0);
  }

  /**
   * Hands over the next bytes. Events hold views of them: they stay valid for as long as the caller leaves the chunk's
   * memory alone. Nothing of a chunk is kept once `next` has returned undefined, so after that it may be overwritten.
   */
  push(chunk: Buffer): void {
    if (this.#dead) throw new WireError('dead', 'parser failed before');
    if (this.#at < this.#chunk.length) {
      // The caller stopped in the middle and more arrived: rare, and bounded by pausing the source.
      this.#chunk = Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    } else {
      this.#chunk = chunk;
    }
    this.#at = 0;
  }

  /** The next event, or undefined when more bytes are needed. Throws WireError once, then only `dead`. */
  next(): Frame | Run | undefined {
    if (this.#dead) throw new WireError('dead', 'parser failed before');
    try {
      if (this.#left > 0) return this.#continueRun();
      if (this.#have > 0) return this.#gather();
      return this.#walk();
    } catch (error) {
      this.#dead = true;
      this.#chunk = this.#gathered = EMPTY;
      this.#at = this.#have = 0;
      throw error;
    }
  }

  /** At a message boundary: nothing half-read. */
  #walk(): Frame | Run | undefined {
    const chunk = this.#chunk;
    const at = this.#at;
    const available = chunk.length - at;
    if (available === 0) {
      this.#release();
      return undefined;
    }
    if (available < this.#header) return this.#keep(0);
    const type = this.typeAt(chunk, at);
    const streamed = this.#streaming.how[type];
    if (streamed === PIECES) return this.#run(type, at, 0);
    const size = this.sizeAt(chunk, at, false);
    if (available < size) return this.#keep(size);
    if (streamed === WHOLE) return this.#wholeRun(type, at, at + size);
    this.#at = at + size;
    return new Frame(type, chunk, this.#header, at, size);
  }

  /** The whole message `from..next` and those of its type that lie whole behind it. */
  #wholeRun(type: number, from: number, next: number): Run {
    const chunk = this.#chunk;
    const end = chunk.length;
    let at = next;
    let completed = 1;
    while (end - at >= this.#header && this.typeAt(chunk, at) === type) {
      const size = this.sizeAt(chunk, at, false);
      if (size > end - at) break;
      at += size;
      completed++;
    }
    this.#at = at;
    return new Run(type, from === 0 && at === end ? chunk : chunk.subarray(from, at), completed, 0, false);
  }

  /** As many messages of a streamed type as the chunk holds, as one piece. */
  #run(type: number, from: number, lead: number): Run {
    const chunk = this.#chunk;
    const end = chunk.length;
    const header = this.#header;
    let at = from + lead;
    let completed = lead > 0 ? 1 : 0;
    while (end - at >= header && this.typeAt(chunk, at) === type) {
      const size = this.sizeAt(chunk, at, true);
      if (size > end - at) {
        this.#left = size - (end - at);
        this.#openType = type;
        at = end;
        break;
      }
      at += size;
      completed++;
    }
    this.#at = at;
    return new Run(type, from === 0 && at === end ? chunk : chunk.subarray(from, at), completed, lead, this.#left > 0);
  }

  #continueRun(): Run | undefined {
    const chunk = this.#chunk;
    const from = this.#at;
    const available = chunk.length - from;
    if (available === 0) {
      this.#release();
      return undefined;
    }
    if (available >= this.#left) {
      const lead = this.#left;
      this.#left = 0;
      if (this.#streaming.how[this.#openType] === PIECES) return this.#run(this.#openType, from, lead);
      this.#at = from + lead;
      return new Run(this.#openType, chunk.subarray(from, from + lead), 1, lead, false);
    }
    this.#left -= available;
    this.#at = chunk.length;
    return new Run(this.#openType, from === 0 ? chunk : chunk.subarray(from), 0, available, true);
  }

  /** Copies the incomplete message at the end of the chunk, because the chunk's memory is not ours to keep. */
  #keep(need: number): undefined {
    const rest = this.#chunk.length - this.#at;
    this.#gathered = Buffer.allocUnsafe(need === 0 ? this.#header : Math.min(need, Math.max(FIRST_GATHER, rest * 2)));
    this.#chunk.copy(this.#gathered, 0, this.#at);
    this.#have = rest;
    this.#need = need;
    this.#release();
    return undefined;
  }

  #gather(): Frame | Run | undefined {
    if (this.#need === 0) {
      if (!this.#fill(this.#header)) return undefined;
      const type = this.typeAt(this.#gathered, 0);
      const streamed = this.#streaming.how[type] === PIECES;
      const size = this.sizeAt(this.#gathered, 0, streamed);
      if (streamed) {
        const head = this.#gathered;
        this.#dropGathered();
        this.#left = size - this.#header;
        this.#openType = type;
        return new Run(type, head, this.#left === 0 ? 1 : 0, 0, this.#left > 0);
      }
      this.#need = size;
    }
    if (!this.#fill(this.#need)) return undefined;
    const whole = this.#gathered.length === this.#need ? this.#gathered : this.#gathered.subarray(0, this.#need);
    this.#dropGathered();
    return new Frame(this.typeAt(whole, 0), whole, this.#header);
  }

  /** Moves bytes from the chunk until `#gathered` holds `target`; false when the chunk is used up before. */
  #fill(target: number): boolean {
    const count = Math.min(target - this.#have, this.#chunk.length - this.#at);
    const need = this.#have + count;
    if (need > this.#gathered.length) {
      const grown = Buffer.allocUnsafe(Math.min(target, Math.max(need, this.#gathered.length * 2, FIRST_GATHER)));
      this.#gathered.copy(grown, 0, 0, this.#have);
      this.#gathered = grown;
    }
    this.#chunk.copy(this.#gathered, this.#have, this.#at, this.#at + count);
    this.#have = need;
    this.#at += count;
    if (need === target) return true;
    this.#release();
    return false;
  }

  #dropGathered(): void {
    this.#gathered = EMPTY;
    this.#have = this.#need = 0;
  }

  #release(): void {
    this.#chunk = EMPTY;
    this.#at = 0;
  }
}
