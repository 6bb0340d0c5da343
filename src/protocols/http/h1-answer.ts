import { MOST_INTERIM } from './exchange.ts';
import type { Fields } from './head.ts';
import { Chunks } from './h1-chunks.ts';
import { checkLines, HEAD_BYTES, NotHttp, readFields } from './h1-fields.ts';
import { joined } from './pieces.ts';

// RFC 9110 section 15: none is above 599.
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?$/;
/** What every answer begins with. */
const BEGINNING = 'HTTP/1.';
const END = Buffer.from('\r\n\r\n');
const NONE = Buffer.alloc(0);

/** The head of an answer (RFC 9112), and what it says of the connection. */
export interface Http1Answer {
  readonly status: number;
  readonly fields: Fields;
  /** Of the body, where its head says so. */
  readonly length: number | undefined;
  /** The connection may carry another request. */
  readonly persistent: boolean;
  /** How long it may wait for one, as the target says, in milliseconds. */
  readonly idleMs: number | undefined;
}

type Framing = { readonly kind: 'length'; left: number } | { readonly kind: 'chunked'; readonly chunks: Chunks } | { readonly kind: 'close' };

/**
 * Reads one answer out of the bytes of a connection, however they are cut. Strict in everything that says where a message ends: two lengths, a length
 * beside a transfer coding, any coding but chunked, half an end of a line. Throws NotHttp, and is not asked again then.
 */
export class AnswerReader {
  /** There once the head has come. */
  answer: Http1Answer | undefined;
  /** The answer has come whole. */
  over = false;
  /** What came behind it: of a 101 the first bytes of the other protocol, otherwise nothing that anybody asked for. */
  rest: Buffer = NONE;
  readonly #head: boolean;
  readonly #data: Buffer[] = [];
  #framing: Framing | undefined;
  /** The beginning of a head whose end has not come. */
  #begun = NONE;
  #interim = 0;

  /** @param head it answers a HEAD: whatever it says of a body, none follows */
  constructor(head: boolean) {
    this.#head = head;
  }

  /** Reads what has come. */
  push(bytes: Buffer): void {
    if (this.over) {
      this.rest = Buffer.concat([this.rest, bytes]);
      return;
    }
    if (this.answer) this.#body(bytes, 0);
    else this.#heads(bytes);
  }

  /** The other side sends nothing more: the end of an answer that says nothing of its length, and otherwise too early. */
  end(): void {
    if (this.over) return;
    if (this.#framing?.kind !== 'close') throw new NotHttp('the connection was closed before the end of the answer');
    this.over = true;
  }

  /** Data of the body that came since, as views of what was pushed, or copies where that was cut finely. */
  take(): readonly Buffer[] {
    return joined(this.#data.splice(0));
  }

  #heads(bytes: Buffer): void {
    const known = this.#begun.length;
    let all = known === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    let from = Math.max(0, known - 3);
    while (!this.answer) {
      const end = all.indexOf(END, from);
      if (end < 0) {
        if (all.length > HEAD_BYTES) throw new NotHttp(`the head of the answer has more than ${HEAD_BYTES} bytes`);
        // From where a line goes on that was looked at before, or ends; of the last end of a line only half may have come.
        while (from > 0 && (all[from - 1] === 0x0d || all[from - 1] === 0x0a)) from -= 1;
        checkLines(`${all.toString('latin1', from)}${all.at(-1) === 0x0d ? '\n' : ''}`);
        this.#begun = Buffer.from(all);
        // A target that speaks something else may greet and then wait, as one of SSH does.
        if (!this.#begun.toString('latin1', 0, BEGINNING.length).startsWith(BEGINNING.slice(0, all.length))) throw new NotHttp('not the first line of an answer');
        return;
      }
      if (end > HEAD_BYTES) throw new NotHttp(`the head of the answer has more than ${HEAD_BYTES} bytes`);
      const behind = end + END.length;
      this.#readHead(all.toString('latin1', 0, end));
      if (this.answer) {
        this.#begun = NONE;
        this.#body(all, behind);
        return;
      }
      all = all.subarray(behind);
      from = 0;
    }
  }

  #readHead(text: string): void {
    checkLines(text);
    const lineEnd = text.indexOf('\r\n');
    const [, minor, digits] = STATUS_LINE.exec(lineEnd < 0 ? text : text.slice(0, lineEnd)) ?? [];
    if (minor === undefined) throw new NotHttp('not the first line of an answer');
    const fields = lineEnd < 0 ? [] : readFields(text, lineEnd + 2);
    const status = Number(digits);
    if (status < 200 && status !== 101) {
      this.#interim += 1;
      // RFC 9110 sections 8.6 and 15.2: no body follows it, of which it could say something, and HTTP/1.0 does not know it.
      if (minor !== '1' || fields.some(([name]) => /^(?:content-length|transfer-encoding|connection)$/i.test(name))) throw new NotHttp('an answer that is none yet, and says where it ends');
      if (this.#interim > MOST_INTERIM) throw new NotHttp('too many answers that are none yet');
      return;
    }
    this.#judge(status, fields, minor === '1');
  }

  /** Where it ends (RFC 9112 section 6.3). */
  #judge(status: number, fields: Fields, current: boolean): void {
    let length: number | undefined;
    let chunked = false;
    let closes = false;
    let keeps = current;
    let idleMs: number | undefined;
    for (const [name, value] of fields) {
      switch (name.length) {
        case 10: {
          const which = name.toLowerCase();
          if (which === 'keep-alive') idleMs = hinted(value);
          if (which !== 'connection') break;
          for (const item of value.toLowerCase().split(',')) {
            const option = item.trim();
            if (option === 'close') closes = true;
            else if (option === 'keep-alive') keeps = true;
          }
          break;
        }
        case 14:
          if (name.toLowerCase() !== 'content-length') break;
          if (length !== undefined || !/^[0-9]{1,15}$/.test(value)) throw new NotHttp('a length that is none, or two of them');
          length = Number(value);
          break;
        case 17:
          if (name.toLowerCase() !== 'transfer-encoding') break;
          if (chunked || !current || value.toLowerCase() !== 'chunked') throw new NotHttp('a transfer coding other than chunked');
          chunked = true;
          break;
      }
    }
    if (chunked && length !== undefined) throw new NotHttp('a length beside a transfer coding');
    const bodiless = this.#head || status === 204 || status === 304 || status === 101;
    const untilClose = !bodiless && !chunked && length === undefined;
    this.answer = { status, fields, length, persistent: keeps && !closes && !untilClose && status !== 101, idleMs };
    if (bodiless || length === 0) this.over = true;
    else this.#framing = chunked ? { kind: 'chunked', chunks: new Chunks() } : length === undefined ? { kind: 'close' } : { kind: 'length', left: length };
  }

  #body(bytes: Buffer, at: number): void {
    let next = at;
    const framing = this.#framing;
    if (framing?.kind === 'chunked') {
      next = framing.chunks.read(bytes, at, (data) => this.#data.push(data));
      this.over = framing.chunks.over;
    } else if (framing && at < bytes.length) {
      next = framing.kind === 'close' ? bytes.length : Math.min(bytes.length, at + framing.left);
      this.#data.push(bytes.subarray(at, next));
      if (framing.kind === 'length') {
        framing.left -= next - at;
        this.over = framing.left === 0;
      }
    }
    if (this.over) this.rest = bytes.subarray(next);
  }
}

/** `timeout=5` of `Keep-Alive`. */
const hinted = (value: string): number | undefined => {
  const seconds = /(?:^|[\s,])timeout=([0-9]{1,6})(?:$|[\s,])/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
};
