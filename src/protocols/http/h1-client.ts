import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { AnswerHead, ClientStream } from './exchange.ts';
import type { Fields, RequestHead } from './head.ts';

/** How long the rest of a request is read and dropped, so that the client gets to read why it was refused. */
const LINGER_MS = 1_000;

const flat = (fields: Fields): string[] => fields.flatMap(([name, value]) => [name, value]);

/** The connection that an exchange came on. */
export interface Http1Link {
  /** It ends after this answer. */
  readonly closing: boolean;
  /** Calls back when nobody can tell any more whether the client is still there. Returns how to stop that. */
  onDeaf(then: () => void): () => void;
  /** Ends it so that its other end cannot take what it got for whole: an answer without a length ends where the connection does. */
  reset(): void;
}

/** The client's side of an exchange in HTTP/1.1, over Node's parser. */
export class Http1Client implements ClientStream {
  readonly head: RequestHead;
  readonly body: Readable | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #link: Http1Link;
  #head: AnswerHead | undefined;
  #left: number | undefined;
  #over = false;
  #gone = false;
  #continued = false;
  readonly #onGone: (() => void)[] = [];
  readonly #onOver: (() => void)[] = [];

  constructor(head: RequestHead, request: IncomingMessage, response: ServerResponse, link: Http1Link) {
    this.head = head;
    this.#request = request;
    this.#response = response;
    this.#link = link;
    this.body = head.body.kind === 'none' ? undefined : request;
    response.sendDate = false;
    request.on('error', () => {});
    response.on('error', () => {});
    response.once('finish', () => this.#finished());
    response.once('close', () => this.left());
    if (!this.body) request.resume();
  }

  get complete(): boolean {
    return this.body === undefined || this.#request.complete;
  }

  get begun(): boolean {
    return this.#head !== undefined;
  }

  sendContinue(): void {
    if (this.#over || this.#continued || !this.head.expectsContinue || this.#response.headersSent) return;
    this.#continued = true;
    this.#response.writeContinue();
  }

  begin(head: AnswerHead): void {
    if (this.#over) return;
    this.#head = head;
    this.#left = head.length;
    const fields = head.fields.map(([name, value]): [string, string] => [name, value]);
    if (head.length !== undefined) fields.push(['Content-Length', String(head.length)]);
    if (this.#link.closing) fields.push(['Connection', 'close']);
    try {
      this.#response.writeHead(head.status, flat(fields));
    } catch {
      // A status or a field that another version of HTTP lets pass.
      this.cut();
    }
  }

  flush(): void {
    if (!this.#over) this.#response.flushHeaders();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over) return true;
    if (this.#left !== undefined) this.#left -= chunk.length;
    return this.#response.write(chunk);
  }

  drained(then: () => void): void {
    this.#response.once('drain', then);
  }

  end(last?: Uint8Array): void {
    if (this.#over) return;
    if (this.#left !== undefined) this.#left -= last?.length ?? 0;
    // One whose length was told and is not there would be a lie that looks whole to whoever counts on keep-alive.
    if (this.#left !== undefined && this.#left !== 0 && this.#head?.bodiless === false) {
      this.cut();
      return;
    }
    if (last) this.#response.end(last);
    else this.#response.end();
  }

  answer(status: number, fields: Fields, body: Uint8Array): void {
    if (this.#over) return;
    this.#head = { status, fields, length: body.length, bodiless: false };
    // What came with the head may be read only after this: a short body has then come whole, and the connection can stay.
    if (this.complete) this.#answerNow(status, fields, body);
    else setImmediate(() => this.#answerNow(status, fields, body));
  }

  #answerNow(status: number, fields: Fields, body: Uint8Array): void {
    if (this.#over) return;
    const all: [string, string][] = [...fields.map(([name, value]): [string, string] => [name, value]), ['Content-Length', String(body.length)]];
    const response = this.#response;
    const closing = this.#link.closing || !this.complete;
    if (closing) all.push(['Connection', 'close']);
    response.writeHead(status, flat(all));
    if (this.complete) {
      response.end(body);
      return;
    }
    // The whole answer leaves now; ending it would close the connection under what the client still sends, and it might never read this.
    response.flushHeaders();
    response.write(body);
    const end = (): void => {
      clearTimeout(timer);
      response.end();
    };
    const timer = setTimeout(end, LINGER_MS);
    this.#request.once('end', end);
    this.#request.once('close', end);
    this.#request.resume();
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

  #finished(): void {
    if (this.#over) return;
    this.#end();
    if (this.complete) return;
    // The target has answered before it had all of the request: the client is given a moment, and the connection ends.
    const { socket } = this.#request;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
    this.#request.once('end', () => clearTimeout(timer));
    this.#request.resume();
  }

  #end(): void {
    this.#over = true;
    for (const then of this.#onOver.splice(0)) then();
  }
}
