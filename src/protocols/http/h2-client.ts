import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import type { AnswerHead, ClientStream } from './exchange.ts';
import { breakOff, StreamBody } from './h2-body.ts';
import { FRAME_BYTES } from './h2-bounds.ts';
import type { Fields, RequestHead } from './head.ts';

/** How long what was already given may take to leave, before the words of the end, once it was cut. */
const LAST_WORDS_MS = 1_000;
/** How long the rest of a request is read and dropped, so that the client gets to read its answer. */
const LINGER_MS = 1_000;

const { NGHTTP2_NO_ERROR } = constants;

const flat = (fields: Fields): string[] => fields.flatMap(([name, value]) => [name.toLowerCase(), value]);

/** The client's side of an exchange on one stream of HTTP/2. */
export class Http2Client implements ClientStream {
  readonly head: RequestHead;
  readonly body: Readable | undefined;
  readonly #stream: ServerHttp2Stream;
  /** Undefined: the head was all of the request. */
  readonly #body: StreamBody | undefined;
  #head: AnswerHead | undefined;
  /** Its head was handed over. */
  #responded = false;
  #left: number | undefined;
  #trailers: Fields = [];
  #continued = false;
  #ending = false;
  #over = false;
  #gone = false;
  /** The client broke it off, and not the gateway. */
  #byClient = false;
  /** So many frames of the answer are on their way. */
  readonly #sent: (frames: number) => void;
  readonly #onGone: (() => void)[] = [];
  readonly #onOver: (() => void)[] = [];

  /** @param ended the head was all of the request */
  constructor(head: RequestHead, stream: ServerHttp2Stream, ended: boolean, sent: (frames: number) => void) {
    this.head = head;
    this.#stream = stream;
    this.#sent = sent;
    this.#body = ended ? undefined : new StreamBody(stream);
    this.body = head.body.kind === 'none' ? undefined : this.#body;
    // Its end has to be read, also where nothing comes before it.
    if (!this.body) (this.#body ?? stream).resume();
    stream.on('error', () => {});
    stream.once('finish', () => this.#finished());
    stream.once('aborted', () => this.#closed());
    stream.once('close', () => this.#closed());
    // Node may ask twice, and throws when it is answered twice.
    stream.once('wantTrailers', () => this.#sendTrailers());
  }

  get complete(): boolean {
    return this.body === undefined || this.#body?.whole !== false;
  }

  get begun(): boolean {
    return this.#head !== undefined;
  }

  /** The client left before its answer was whole. */
  get brokenOff(): boolean {
    return this.#byClient;
  }

  sendContinue(): void {
    if (this.#over || this.#continued || !this.head.expectsContinue || this.#responded) return;
    this.#continued = true;
    if (!this.#stream.destroyed && !this.#stream.closed) this.#stream.additionalHeaders({ ':status': 100 });
  }

  begin(head: AnswerHead): void {
    if (this.#over) return;
    this.#head = head;
    this.#left = head.length;
  }

  flush(): void {
    if (!this.#over) this.#respond(false);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || this.#ending) return true;
    if (this.#left !== undefined) this.#left -= chunk.length;
    this.#respond(false);
    this.#sent(framesOf(chunk));
    return this.#stream.write(chunk);
  }

  drained(then: () => void): void {
    this.#stream.once('drain', then);
  }

  end(last?: Uint8Array, trailers: Fields = []): void {
    if (this.#over || this.#ending) return;
    if (this.#left !== undefined) this.#left -= last?.length ?? 0;
    if (this.#left !== undefined && this.#left !== 0 && this.#head?.bodiless === false) {
      this.cut();
      return;
    }
    this.#ending = true;
    this.#trailers = trailers;
    // An answer of a head alone ends with it: gRPC looks there for its status.
    const headOnly = !this.#responded && (last === undefined || last.length === 0) && trailers.length === 0;
    this.#respond(headOnly);
    if (headOnly) return;
    if (last) {
      this.#sent(framesOf(last));
      this.#stream.end(last);
    } else this.#stream.end();
  }

  answer(status: number, fields: Fields, body: Uint8Array): void {
    if (this.#over) return;
    this.begin({ status, fields, length: body.length === 0 ? undefined : body.length, bodiless: false });
    this.end(body);
  }

  /** @param why where the client reads the status behind the answer: that it failed */
  cut(why?: Fields): void {
    if (this.#over) return;
    if (why && this.#responded && this.#left === undefined && !this.#ending && !this.#head?.bodiless) {
      this.end(undefined, why);
      const timer = setTimeout(() => this.cut(), LAST_WORDS_MS);
      this.onOver(() => clearTimeout(timer));
      return;
    }
    breakOff(this.#stream);
    this.#end();
    this.#leave();
  }

  onGone(then: () => void): void {
    if (this.#gone) then();
    else this.#onGone.push(then);
  }

  onOver(then: () => void): void {
    if (this.#over) then();
    else this.#onOver.push(then);
  }

  #respond(ended: boolean): void {
    if (this.#responded || !this.#head) return;
    this.#responded = true;
    this.#sent(1);
    const { status, fields, length, bodiless } = this.#head;
    const head = [':status', String(status), ...flat(fields), ...(length === undefined ? [] : ['content-length', String(length)])];
    try {
      this.#stream.respond(head, { endStream: ended || bodiless, sendDate: false, waitForTrailers: !ended && !bodiless && length === undefined } as Parameters<ServerHttp2Stream['respond']>[1]);
    } catch {
      // A field that HTTP/1.1 lets pass and HTTP/2 does not.
      this.cut();
    }
  }

  #sendTrailers(): void {
    try {
      this.#stream.sendTrailers(this.#trailers.length === 0 ? {} : record(this.#trailers));
    } catch {
      // A field that has no place there, or a stream that was reset meanwhile.
      breakOff(this.#stream);
    }
  }

  /** The whole answer was handed over. */
  #finished(): void {
    if (this.#over) return;
    this.#end();
    // What of the request nobody has read is nobody's. As long as it lies there the stream is open, and one of those that the client may have.
    this.#body?.resume();
    if (this.#body?.whole !== false) return;
    // Nor is what the client still sends (RFC 9113 section 8.1). At once, a reset would take the place of the answer, which may not have left yet.
    const timer = setTimeout(() => this.#stream.close(NGHTTP2_NO_ERROR), LINGER_MS);
    this.#stream.once('close', () => clearTimeout(timer));
  }

  #closed(): void {
    if (this.#over) return;
    // A stream whose both sides have ended is closed as well, and mostly before Node says that all was written.
    if (this.#ending && this.#stream.rstCode === NGHTTP2_NO_ERROR && this.#stream.writableLength === 0) {
      this.#end();
      return;
    }
    this.#byClient = true;
    this.#end();
    this.#leave();
  }

  #leave(): void {
    this.#gone = true;
    for (const then of this.#onGone.splice(0)) then();
  }

  #end(): void {
    this.#over = true;
    for (const then of this.#onOver.splice(0)) then();
  }
}

const framesOf = (chunk: Uint8Array): number => Math.ceil(chunk.length / FRAME_BYTES);

/** Trailers by name: Node takes them in no other form. */
const record = (fields: Fields): Record<string, string[]> => {
  const named: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of fields) (named[name.toLowerCase()] ??= []).push(value);
  return named;
};
