import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { AnswerHead, ClientStream } from './exchange.ts';
import { fieldLines } from './h1-fields.ts';
import type { RequestBody } from './h1-request.ts';
import type { Channel, Fields, RequestHead } from './head.ts';

/** How long the rest of a request is read and dropped, so that the client gets to read why it was refused. */
const LINGER_MS = 1_000;
/** What is shorter leaves in one piece with its head: copying it costs less than a second piece. */
const SHORT = 16 * 1024;
const NONE = Buffer.alloc(0);
/** RFC 9112 section 9.3; how long is BETWEEN_MS. */
const KEPT = 'Connection: keep-alive\r\nKeep-Alive: timeout=65\r\n';

/** The connection that an exchange came on. */
export interface Http1Link {
  readonly socket: Socket;
  readonly channel: Channel;
  /** It ends after this answer. */
  readonly closing: boolean;
  /** Calls back when nobody can tell any more whether the client is still there. Returns how to stop that. */
  onDeaf(then: () => void): () => void;
  /** It is to end after this answer. */
  close(): void;
  /** Ends it so that its other end cannot take what it got for whole: an answer without a length ends where the connection does. */
  reset(): void;
}

/** The client's side of an exchange in HTTP/1.1. */
export class Http1Client implements ClientStream {
  readonly head: RequestHead;
  readonly body: RequestBody | undefined;
  readonly #link: Http1Link;
  readonly #current: boolean;
  #head: AnswerHead | undefined;
  /** The head as it will leave, with what comes next. */
  #waiting = '';
  #left: number | undefined;
  #chunked = false;
  #over = false;
  #gone = false;
  #continued = false;
  #answered = false;
  readonly #onGone: (() => void)[] = [];
  readonly #onOver: (() => void)[] = [];

  /** @param current the client speaks 1.1, and not 1.0 */
  constructor(head: RequestHead, body: RequestBody | undefined, link: Http1Link, current: boolean) {
    this.head = head;
    this.body = body;
    this.#link = link;
    this.#current = current;
  }

  get complete(): boolean {
    return this.body === undefined || this.body.complete;
  }

  get begun(): boolean {
    return this.#head !== undefined;
  }

  /** A whole answer of the gateway's own is what the client gets. */
  get answered(): boolean {
    return this.#answered;
  }

  sendContinue(): void {
    if (this.#over || this.#continued || !this.head.expectsContinue || this.#head) return;
    this.#continued = true;
    this.#link.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  begin(head: AnswerHead): void {
    if (this.#over) return;
    this.#head = head;
    this.#left = head.length;
    this.#chunked = !head.bodiless && head.length === undefined && this.#current;
    // Only its end says where such a body ends.
    if (!head.bodiless && head.length === undefined && !this.#current) this.#link.close();
    try {
      this.#waiting = this.#lines(head);
    } catch {
      // A status or a field that another version of HTTP lets pass.
      this.cut();
    }
  }

  flush(): void {
    if (!this.#over && this.#waiting !== '') this.#send(NONE, '');
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || chunk.length === 0) return true;
    if (this.#left !== undefined) this.#left -= chunk.length;
    return this.#send(chunk, '');
  }

  get clear(): boolean {
    return this.#link.socket.writableLength === 0;
  }

  drained(then: () => void): void {
    this.#link.socket.once('drain', then);
  }

  end(last: Uint8Array = NONE): void {
    if (this.#over) return;
    if (this.#left !== undefined) this.#left -= last.length;
    // One whose length was told and is not there would be a lie that looks whole to whoever counts on keep-alive.
    if (this.#left !== undefined && this.#left !== 0 && this.#head?.bodiless === false) {
      this.cut();
      return;
    }
    this.#send(this.#head?.bodiless === true ? NONE : last, this.#chunked ? '0\r\n\r\n' : '', () => this.#finished());
  }

  answer(status: number, fields: Fields, body: Uint8Array): void {
    if (this.#over) return;
    const head = { status, fields, length: body.length, bodiless: this.head.method === 'HEAD' };
    this.#head = head;
    this.#answered = true;
    // What came with the head may be read only after this: a short body has then come whole, and the connection can stay.
    if (this.complete) this.#answerNow(head, body);
    else setImmediate(() => this.#answerNow(head, body));
  }

  #answerNow(head: AnswerHead, body: Uint8Array): void {
    if (this.#over) return;
    const { complete } = this;
    if (!complete) this.#link.close();
    this.#waiting = this.#lines(head);
    this.#send(head.bodiless ? NONE : body, '', complete ? () => this.#finished() : undefined);
    if (complete || !this.body) return;
    // Ending it now would close the connection under what the client still sends, and it might never read this.
    const end = (): void => {
      clearTimeout(timer);
      this.#finished();
    };
    const timer = setTimeout(end, LINGER_MS);
    this.body.once('end', end).once('close', end).resume();
  }

  cut(): void {
    if (this.#over) return;
    this.#link.reset();
    this.left();
  }

  onGone(then: () => void): void {
    if (this.#gone) then();
    else this.#onGone.push(then);
  }

  onDeaf(then: () => void): void {
    this.onOver(this.#link.onDeaf(then));
  }

  onOver(then: () => void): void {
    if (this.#over) then();
    else this.#onOver.push(then);
  }

  /** The connection is closed, or its other end is. */
  left(): void {
    if (this.#over) return;
    this.#gone = true;
    this.#end();
    for (const then of this.#onGone.splice(0)) then();
  }

  #lines({ status, fields, length }: AnswerHead): string {
    const ends = this.#link.closing ? 'Connection: close\r\n' : KEPT;
    const framing = length !== undefined ? `Content-Length: ${length}\r\n` : this.#chunked ? 'Transfer-Encoding: chunked\r\n' : '';
    return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n${fieldLines(fields)}${framing}${ends}\r\n`;
  }

  /** @param behind what ends the body @param sent called when all of it was handed to the network */
  #send(chunk: Uint8Array, behind: string, sent?: () => void): boolean {
    const { socket } = this.#link;
    const inChunk = this.#chunked && chunk.length > 0;
    const before = inChunk ? `${this.#waiting}${chunk.length.toString(16)}\r\n` : this.#waiting;
    const after = inChunk ? `\r\n${behind}` : behind;
    this.#waiting = '';
    const long = chunk.length > SHORT;
    let room: boolean;
    if (long) {
      socket.cork();
      if (before !== '') socket.write(before, 'latin1');
      room = socket.write(chunk);
      if (after !== '') socket.write(after, 'latin1');
      socket.uncork();
    } else {
      const bytes = Buffer.allocUnsafe(before.length + chunk.length + after.length);
      bytes.write(before, 0, 'latin1');
      bytes.set(chunk, before.length);
      bytes.write(after, before.length + chunk.length, 'latin1');
      // TLS takes nothing at once, and is asked to tell.
      room = this.#link.channel.tls && sent ? socket.write(bytes, sent) : socket.write(bytes);
    }
    if (!sent || socket.destroyed || (this.#link.channel.tls && !long)) return room;
    // Without it the system mostly has all of it by now, which costs no turn of the loop to find out.
    if (socket.writableLength === 0) sent();
    else socket.write(NONE, sent);
    return room;
  }

  #finished(): void {
    if (this.#over) return;
    this.#end();
    if (this.complete || !this.body) return;
    // The target has answered before it had all of the request: the client is given a moment, and the connection ends.
    const { socket } = this.#link;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
    this.body.once('end', () => clearTimeout(timer)).resume();
  }

  #end(): void {
    this.#over = true;
    for (const then of this.#onOver.splice(0)) then();
  }
}
