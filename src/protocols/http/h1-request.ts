import { Readable } from 'node:stream';
import { checkLines, HEAD_BYTES, NotHttp, readField } from './h1-fields.ts';
import type { RawHead } from './head.ts';
import { MOST_KEPT } from './header-section.ts';

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/([0-9]\.[0-9])$/;
/** Empty lines that may stand before a head. */
const MOST_EMPTY = 8;
const END_OF_LINE = Buffer.from('\r\n');
const END = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const NONE = Buffer.alloc(0);

/** The head has more bytes than one may have. */
export class HeadTooLarge extends NotHttp {
  override name = 'HeadTooLarge';
}

/** The header section of the last head: its bytes, from the end of the first line to the empty one, and its fields. */
interface KnownSection {
  readonly bytes: Buffer;
  readonly rawHeaders: readonly string[];
}

/**
 * Reads heads of requests out of the bytes of a connection, however they are cut: RFC 9112 section 3, strictly. What they mean is read in head.ts. Most clients send the
 * same fields again and again: where all behind the first line is byte for byte what it was in the last head, `rawHeaders` is the same array, and is not read again.
 */
export class HeadReader {
  /** What came behind the last head. */
  rest: Buffer = NONE;
  #begun = NONE;
  #skipped = 0;
  #last: KnownSection | undefined;

  /** The beginning of a head has come. */
  get begun(): boolean {
    return this.#begun.length > 0;
  }

  /** Undefined: its end has not come. Throws NotHttp, and is not asked again then. */
  push(bytes: Buffer): RawHead | undefined {
    const known = this.#begun.length;
    let all = known === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    let from = Math.max(0, known - 3);
    // Section 2.2: some clients end the body before it with a line more than it has.
    while (this.#skipped < MOST_EMPTY && all[0] === CR && all[1] === LF) {
      this.#skipped += 1;
      all = all.subarray(2);
      from = 0;
    }
    const lineEnd = all.indexOf(END_OF_LINE);
    const section = lineEnd < 0 ? undefined : this.#known(all, lineEnd);
    const end = section ? lineEnd + section.bytes.length - END.length : all.indexOf(END, from);
    if ((end < 0 ? all.length : end) > HEAD_BYTES) throw new HeadTooLarge(`the head has more than ${HEAD_BYTES} bytes`);
    if (end < 0) {
      // From where a line goes on that was looked at before, or ends; of the last end of a line only half may have come.
      while (from > 0 && (all[from - 1] === CR || all[from - 1] === LF)) from -= 1;
      checkLines(`${all.toString('latin1', from)}${all.at(-1) === CR ? '\n' : ''}`);
      this.#begun = Buffer.from(all);
      return undefined;
    }
    this.#begun = NONE;
    this.#skipped = 0;
    this.rest = all.subarray(end + END.length);
    const [, method, url, version] = REQUEST_LINE.exec(all.toString('latin1', 0, lineEnd)) ?? [];
    if (method === undefined || url === undefined || version === undefined) throw new NotHttp('not the first line of a request');
    return { method, url, version, rawHeaders: section?.rawHeaders ?? this.#read(all, lineEnd, end) };
  }

  /** The section that begins here is the last one. With its end, so nothing of it goes on behind that. */
  #known(all: Buffer, from: number): KnownSection | undefined {
    const last = this.#last;
    return last && all.length >= from + last.bytes.length && all.compare(last.bytes, 0, last.bytes.length, from, from + last.bytes.length) === 0 ? last : undefined;
  }

  /** @param lineEnd of the first line @param end of the last field */
  #read(all: Buffer, lineEnd: number, end: number): readonly string[] {
    const text = all.toString('latin1', lineEnd, end);
    checkLines(text);
    const rawHeaders: string[] = [];
    for (let at = 2; at < text.length; ) {
      const next = text.indexOf('\r\n', at);
      const to = next < 0 ? text.length : next;
      const field = readField(text.slice(at, to));
      rawHeaders.push(field[0], field[1]);
      at = to + 2;
    }
    const behind = end + END.length;
    this.#last = behind - lineEnd <= MOST_KEPT ? { bytes: Buffer.from(all.subarray(lineEnd, behind)), rawHeaders } : undefined;
    return rawHeaders;
  }
}

/** The body of a request, as it comes on the connection. */
export class RequestBody extends Readable {
  /** All of it has come. */
  complete = false;
  readonly #more: () => void;
  #unwanted: () => void;

  /** @param more there is room for more of it @param unwanted it was destroyed before its end, so what follows on the connection cannot be found */
  constructor(more: () => void, unwanted: () => void) {
    super();
    this.#more = more;
    this.#unwanted = unwanted;
    this.on('error', () => {});
  }

  /** What comes is not the body any more: it is lost before its end, and what becomes of its connection is said elsewhere. */
  breakOff(): void {
    this.#unwanted = () => {};
    this.destroy(new NotHttp('the body is not HTTP/1.1'));
  }

  override _read(): void {
    if (!this.complete) this.#more();
  }

  override _destroy(error: Error | null, then: (error?: Error | null) => void): void {
    if (!this.complete) this.#unwanted();
    then(error);
  }
}
