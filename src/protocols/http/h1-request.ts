import { Readable } from 'node:stream';
import { checkLines, HEAD_BYTES, NotHttp, readField } from './h1-fields.ts';
import type { RawHead } from './head.ts';

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/([0-9]\.[0-9])$/;
/** Bytes of a head that is kept, to know it again. */
const MOST_KEPT = 8 * 1024;
/** Empty lines that may stand before a head. */
const MOST_EMPTY = 8;
const END = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const NONE = Buffer.alloc(0);

/** The head has more bytes than one may have. */
export class HeadTooLarge extends NotHttp {
  override name = 'HeadTooLarge';
}

/**
 * Reads heads of requests out of the bytes of a connection, however they are cut: RFC 9112 section 3, strictly. What they mean is read in head.ts. Most clients send the
 * same head again and again: one that is byte for byte the last gives the same object, and is not read again.
 */
export class HeadReader {
  /** What came behind the last head. */
  rest: Buffer = NONE;
  #begun = NONE;
  #skipped = 0;
  #last: { readonly bytes: Buffer; readonly raw: RawHead } | undefined;

  /** The beginning of a head has come. */
  get begun(): boolean {
    return this.#begun.length > 0;
  }

  /** Undefined: its end has not come. Throws NotHttp, and is not asked again then. */
  push(bytes: Buffer): RawHead | undefined {
    const known = this.#begun.length;
    const last = this.#last;
    // With its end, so nothing of it goes on behind that.
    if (last && known === 0 && bytes.length >= last.bytes.length && bytes.compare(last.bytes, 0, last.bytes.length, 0, last.bytes.length) === 0) {
      this.#skipped = 0;
      this.rest = bytes.subarray(last.bytes.length);
      return last.raw;
    }
    let all = known === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    let from = Math.max(0, known - 3);
    // Section 2.2: some clients end the body before it with a line more than it has.
    while (this.#skipped < MOST_EMPTY && all[0] === CR && all[1] === LF) {
      this.#skipped += 1;
      all = all.subarray(2);
      from = 0;
    }
    const end = all.indexOf(END, from);
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
    const behind = end + END.length;
    this.rest = all.subarray(behind);
    const raw = rawHead(all.toString('latin1', 0, end));
    this.#last = behind <= MOST_KEPT ? { bytes: Buffer.from(all.subarray(0, behind)), raw } : undefined;
    return raw;
  }
}

const rawHead = (text: string): RawHead => {
  checkLines(text);
  const lineEnd = text.indexOf('\r\n');
  const [, method, url, version] = REQUEST_LINE.exec(lineEnd < 0 ? text : text.slice(0, lineEnd)) ?? [];
  if (method === undefined || url === undefined || version === undefined) throw new NotHttp('not the first line of a request');
  const rawHeaders: string[] = [];
  for (let at = lineEnd < 0 ? text.length : lineEnd + 2; at < text.length; ) {
    const end = text.indexOf('\r\n', at);
    const next = end < 0 ? text.length : end;
    const field = readField(text.slice(at, next));
    rawHeaders.push(field[0], field[1]);
    at = next + 2;
  }
  return { method, url, version, rawHeaders };
};

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
