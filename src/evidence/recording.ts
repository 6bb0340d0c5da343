import { zstdCompressSync, constants } from 'node:zlib';
import type { Hash } from 'node:crypto';
import { RAW, ZSTD, commitmentTo, newSalt, startCommitment, type PendingBody } from './bodies.ts';
import type { SealingKey } from './keys.ts';
import type { Recording, RecordedStream, RecordingSummary } from './log.ts';

/** Bytes of a piece; more for caps so large that the outcome's leaf could not list all pieces. */
const PIECE = 64 * 1024;
const MOST_PIECES: Readonly<Record<RecordedStream, number>> = { answer: 128, data: 32 };
/** So a recording keeps at most 128 such pieces of an answer, or 32 of data. */
const LARGEST_PIECE = 4 * 1024 * 1024;
/** Below this, compression costs more than the bytes. */
const WORTH_COMPRESSING = 1024;
/** Answers to single commands are mostly shorter. */
const FIRST_BUFFER = 256;

export interface RecordingPort {
  /** The sealing key; asked for when there is something to seal. May throw: then nothing more is recorded. */
  readonly key: () => SealingKey;
  /** Hands a piece to the log. False when the log cannot take it. */
  readonly add: (body: PendingBody) => boolean;
  /** Tells which sealed pieces belong to the summary with that list of commitments. */
  readonly finished: (pieces: readonly string[], bodies: readonly PendingBody[]) => void;
}

/**
 * One answer, or what was sent behind one command, recorded piece by piece. Holds at most one piece in memory. The digest of the whole answer is salted with the salt
 * of the first piece, so that whoever can open that piece can check it, and nobody else can guess at it.
 */
export class PieceRecording implements Recording {
  readonly #cap: number;
  readonly #part: RecordedStream;
  readonly #piece: number;
  readonly #port: RecordingPort;
  readonly #bodies: PendingBody[] = [];
  #salt: Buffer | undefined;
  #hash: Hash | undefined;
  #buffer: Buffer = EMPTY;
  #held = 0;
  #total = 0;
  #recorded = 0;
  #stopped = false;

  constructor(cap: number, part: RecordedStream, port: RecordingPort) {
    this.#part = part;
    const pieces = MOST_PIECES[part];
    this.#cap = Math.min(Math.max(0, cap), pieces * LARGEST_PIECE);
    this.#piece = Math.max(PIECE, Math.ceil(this.#cap / pieces));
    this.#port = port;
  }

  write(bytes: Uint8Array): void {
    const before = this.#total;
    this.#total += bytes.length;
    if (this.#total >= this.#piece || this.#total > this.#cap) this.#digesting();
    this.#hash?.update(bytes);
    let from = 0;
    let keep = this.#stopped ? 0 : Math.min(bytes.length, this.#cap - before);
    while (keep > 0) {
      const now = Math.min(keep, this.#piece - this.#held);
      this.#makeRoom(this.#held + now);
      this.#buffer.set(now === bytes.length ? bytes : bytes.subarray(from, from + now), this.#held);
      this.#held += now;
      from += now;
      keep -= now;
      if (this.#held === this.#piece) {
        this.#flush();
        if (this.#stopped) return;
      }
    }
  }

  get keeps(): boolean {
    return !this.#stopped && this.#total < this.#cap;
  }

  finish(): RecordingSummary {
    this.#salt ??= newSalt();
    const digest = this.#hash ? this.#hash.digest('hex') : commitmentTo(this.#salt, this.#buffer.subarray(0, this.#held));
    // The first piece carries the salt: it is written even when nothing else is kept. One that is the whole answer is committed to by its digest.
    if (this.#held > 0 || (this.#bodies.length === 0 && this.#total > 0)) this.#flush(this.#hash ? undefined : digest);
    this.#buffer = EMPTY;
    const pieces = this.#bodies.map(({ commitment }) => commitment);
    if (pieces.length > 0) this.#port.finished(pieces, this.#bodies);
    return { bytes: this.#total, recorded: this.#recorded, truncated: this.#recorded < this.#total, digest, pieces };
  }

  /** From here on the answer no longer fits into the buffer: digest it as it passes. */
  #digesting(): void {
    if (this.#hash) return;
    this.#salt ??= newSalt();
    this.#hash = startCommitment(this.#salt);
    this.#hash.update(this.#buffer.subarray(0, this.#held));
  }

  #makeRoom(wanted: number): void {
    if (wanted <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.min(this.#piece, Math.max(FIRST_BUFFER, wanted, this.#buffer.length * 2)));
    this.#buffer.copy(grown, 0, 0, this.#held);
    this.#buffer = grown;
  }

  /** @param whole commitment of the only piece, which is the last */
  #flush(whole?: string): void {
    if (this.#stopped) return;
    const bytes = this.#buffer.subarray(0, this.#held);
    const salt = this.#bodies.length === 0 ? (this.#salt ??= newSalt()) : newSalt();
    const packed = bytes.length >= WORTH_COMPRESSING ? zstdCompressSync(bytes, FAST) : bytes;
    const smaller = packed.length < bytes.length;
    try {
      const body: PendingBody = {
        key: this.#port.key(),
        part: this.#part,
        salt,
        encoding: smaller ? ZSTD : RAW,
        length: bytes.length,
        commitment: whole ?? commitmentTo(salt, bytes),
        stored: smaller ? packed : whole === undefined ? Buffer.from(bytes) : bytes,
        frame: -1,
        entry: -1,
        sealed: '',
      };
      if (!this.#port.add(body)) throw new Error('the log takes nothing now');
      this.#bodies.push(body);
      this.#recorded += bytes.length;
    } catch {
      // Recording ends here and the summary says so (truncated); whether commands still run is decided where intents are written.
      this.#stopped = true;
    }
    this.#held = 0;
  }
}

const EMPTY = Buffer.alloc(0);
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
