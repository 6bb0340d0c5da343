import type { DiskFile } from './disk.ts';
import { FRAME_HEADER, frameSize, parseFrame, type Frame } from './format.ts';

const WINDOW = 1024 * 1024;

/** Walks the frames of one segment file, holding one window of it. */
export class FrameCursor {
  readonly #file: DiskFile;
  readonly #limit: number;
  readonly #least: number;
  #window: Buffer = Buffer.alloc(0);
  #windowAt: number;
  /** Where the next frame would stand; after the end, where the valid part ends. */
  position: number;
  /** Why there is no further frame: zeros, something that is no frame, or the end of the file or limit. */
  end: 'empty' | 'invalid' | 'limit' | undefined;

  /** `limit`: where a superseding segment says that this one ends. `window`: bytes that are read at once, unless a frame is longer; less for who wants one frame. */
  constructor(file: DiskFile, from = 0, limit = Number.POSITIVE_INFINITY, window = WINDOW) {
    this.#least = window;
    this.#file = file;
    this.#limit = Math.min(limit, file.size);
    this.position = from;
    this.#windowAt = from;
  }

  next(): Frame | undefined {
    if (this.end !== undefined) return undefined;
    for (let want = this.#least; ; ) {
      if (this.position >= this.#limit) {
        this.end = 'limit';
        return undefined;
      }
      const at = this.position - this.#windowAt;
      const frame = parseFrame(this.#window, at, this.position);
      if (typeof frame === 'object') {
        this.position += frameSize(frame.payload.length);
        return frame;
      }
      if (frame !== 'short') {
        this.end = frame;
        return undefined;
      }
      const available = this.#limit - this.position;
      const held = this.#window.length - at;
      if (held >= FRAME_HEADER) want = Math.max(want, frameSize(this.#window.readUInt32BE(at + 8)));
      if (held >= available) {
        // Less than a header of zeros at the very end of a file is no damage.
        this.end = this.#window.subarray(at).some((byte) => byte !== 0) ? 'invalid' : 'empty';
        return undefined;
      }
      this.#refill(Math.min(want, available));
    }
  }

  /** A new window each time, so that the frames already given stay as they are. */
  #refill(length: number): void {
    const window = Buffer.allocUnsafe(length);
    this.#window = window.subarray(0, this.#file.read(window, this.position));
    this.#windowAt = this.position;
  }
}
