import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { AnswerHead, ClientStream } from './exchange.ts';
import type { Http1Client, Http1Link } from './h1-client.ts';
import type { Fields, RequestHead } from './head.ts';

/**
 * The client's side of a request for a WebSocket. Every answer but 101 is one of HTTP/1.1 as any other; after 101 the connection is bytes, both ways, and
 * ends when one side does.
 */
export class SwitchingClient implements ClientStream {
  readonly head: RequestHead;
  readonly body: undefined;
  readonly complete = true;
  readonly #plain: Http1Client;
  readonly #socket: Socket;
  readonly #link: Http1Link;
  #switch: AnswerHead | undefined;
  #told = false;
  #over = false;
  #gone = false;
  readonly #onGone: (() => void)[] = [];
  readonly #onOver: (() => void)[] = [];

  constructor(plain: Http1Client, socket: Socket, link: Http1Link) {
    this.head = plain.head;
    this.#plain = plain;
    this.#socket = socket;
    this.#link = link;
    // Flows, so that its end is seen.
    socket.on('data', this.#early).resume();
  }

  get answered(): boolean {
    return this.#plain.answered;
  }

  get begun(): boolean {
    return this.#switch !== undefined || this.#plain.begun;
  }

  /** What the client says once it was told 101. */
  get switched(): Readable {
    return this.#socket;
  }

  sendContinue(): void {}

  begin(head: AnswerHead): void {
    if (head.status !== 101) {
      this.#plain.begin(head);
      return;
    }
    if (this.#over || this.#gone) return;
    this.#switch = head;
    this.#socket.off('data', this.#early);
    this.#socket.on('error', () => {});
    this.#socket.once('finish', () => this.#end());
  }

  flush(): void {
    if (this.#switch) this.#tell();
    else this.#plain.flush();
  }

  write(chunk: Uint8Array): boolean {
    if (!this.#switch) return this.#plain.write(chunk);
    if (this.#over) return true;
    this.#tell();
    return this.#socket.write(chunk);
  }

  drained(then: () => void): void {
    if (this.#switch) this.#socket.once('drain', then);
    else this.#plain.drained(then);
  }

  end(last?: Uint8Array): void {
    if (!this.#switch) {
      this.#plain.end(last);
      return;
    }
    if (this.#over) return;
    this.#tell();
    if (last) this.#socket.end(last);
    else this.#socket.end();
  }

  answer(status: number, fields: Fields, body: Uint8Array): void {
    this.#plain.answer(status, fields, body);
  }

  cut(): void {
    if (!this.#switch) {
      this.#plain.cut();
      return;
    }
    if (this.#over) return;
    this.#link.reset();
    this.left();
  }

  onGone(then: () => void): void {
    this.#plain.onGone(then);
    if (this.#gone) then();
    else this.#onGone.push(then);
  }

  onOver(then: () => void): void {
    // Called once, whichever side of the switch it ends on.
    let called = false;
    const once = (): void => {
      if (called) return;
      called = true;
      then();
    };
    this.#plain.onOver(once);
    if (this.#over) once();
    else this.#onOver.push(once);
  }

  /** The connection is closed, or its other end is. */
  left(): void {
    if (!this.#switch) {
      this.#plain.left();
      return;
    }
    if (this.#over) return;
    this.#gone = true;
    this.#end();
    for (const then of this.#onGone.splice(0)) then();
  }

  /**
   * RFC 6455 section 4.1: a client says nothing before it was told 101. One that does is cut: kept unread, its bytes would hide that it has left, and what
   * people approve would run for nobody.
   */
  readonly #early = (): void => this.cut();

  #tell(): void {
    if (this.#told || !this.#switch) return;
    this.#told = true;
    const lines = this.#switch.fields.map(([name, value]) => `${name}: ${value}`);
    this.#socket.write(['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', ...lines, '', ''].join('\r\n'), 'latin1');
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    for (const then of this.#onOver.splice(0)) then();
  }
}
