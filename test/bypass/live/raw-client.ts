import { connect, type Socket } from 'node:net';

/**
 * A client made of nothing but bytes: it sends what a client must not send as readily as what it may, and keeps every byte it got.
 * Shares no code with the gateway, which it holds to account.
 */
export class RawClient {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #buffer = Buffer.alloc(0);
  #waiting: (() => void) | undefined;
  /** Every message received, in order. */
  readonly messages: Message[] = [];
  closed = false;
  /** It was closed, and not by us. */
  dropped = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      while (this.#buffer.length >= 5 && this.#buffer.length > this.#buffer.readUInt32BE(1)) {
        const end = 1 + this.#buffer.readUInt32BE(1);
        this.messages.push({ type: String.fromCharCode(this.#buffer[0] ?? 0), body: Buffer.from(this.#buffer.subarray(5, end)) });
        this.#buffer = this.#buffer.subarray(end);
      }
      this.#waiting?.();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.dropped = !this.#leaving;
      this.#waiting?.();
    });
  }

  /** Connects and sends nothing. */
  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  /** Connects and logs in with a cleartext password. What the server says to that is among `messages`. */
  static async login(port: number, password: string, parameters: readonly (readonly [string, string])[]): Promise<RawClient> {
    const client = await RawClient.open(port);
    client.send(startup(parameters));
    await client.until((seen) => seen.some(({ type }) => type === 'R' || type === 'E'));
    if (client.messages.some(({ type }) => type === 'E')) return client;
    client.send(message('p', text(password)));
    await client.untilReady();
    return client;
  }

  /** Everything received, byte for byte. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  send(...parts: readonly Buffer[]): void {
    if (!this.closed) this.#socket.write(Buffer.concat(parts));
  }

  /** Waits until the messages satisfy it, or the connection has ended. Rejects after 20 s. */
  async until(satisfied: (messages: readonly Message[]) => boolean): Promise<void> {
    const deadline = setTimeout(() => this.#socket.destroy(new Error('no answer')), 20_000);
    while (!satisfied(this.messages) && !this.closed) await new Promise<void>((resolve) => (this.#waiting = resolve));
    clearTimeout(deadline);
  }

  /** Waits for the next ReadyForQuery that nobody waited for yet (or for so many), or the end. */
  async untilReady(more = 1): Promise<void> {
    // Counted from what was waited for before, so that one that came early is not missed.
    this.#awaited += more;
    await this.until(() => this.#ready >= this.#awaited);
  }

  #awaited = 0;
  get #ready(): number {
    return this.messages.filter(({ type }) => type === 'Z').length;
  }

  /** Sends a simple query and waits for its end, answering COPY with what is given. */
  async query(sql: string, copy: readonly Buffer[] = []): Promise<void> {
    const from = this.messages.length;
    this.send(message('Q', text(sql)));
    this.#awaited += 1;
    let answered = 0;
    await this.until((seen) => {
      const copies = seen.slice(from).filter(({ type }) => type === 'G').length;
      while (answered < copies) {
        answered += 1;
        for (const data of copy) this.send(message('d', data));
        this.send(message('c', Buffer.alloc(0)));
      }
      return this.#ready >= this.#awaited;
    });
  }

  #leaving = false;
  async end(): Promise<void> {
    this.#leaving = true;
    this.send(message('X', Buffer.alloc(0)));
    this.#socket.end();
    await this.until(() => false);
  }
}

export interface Message {
  readonly type: string;
  readonly body: Buffer;
}

export const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'utf8');
export const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** A message with the right length. */
export const message = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
};

export const startup = (parameters: readonly (readonly [string, string])[]): Buffer => {
  const body = Buffer.concat([int32(196_608), ...parameters.flatMap(([name, value]) => [text(name), text(value)]), Buffer.from([0])]);
  return Buffer.concat([int32(body.length + 4), body]);
};

export const parse = (name: string, query: string): Buffer => message('P', text(name), text(query), int16(0));
export const bind = (portal: string, statement: string, formats: readonly number[] = [], values: readonly (string | null)[] = []): Buffer =>
  message('B', text(portal), text(statement), int16(0), int16(values.length), ...values.map((value) => (value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]))), int16(formats.length), ...formats.map(int16));
export const describe = (kind: string, name: string): Buffer => message('D', Buffer.from(kind), text(name));
export const execute = (portal: string, most = 0): Buffer => message('E', text(portal), int32(most));
export const close = (kind: string, name: string): Buffer => message('C', Buffer.from(kind), text(name));
export const sync = message('S');
export const flush = message('H');

/** Fields of an ErrorResponse or NoticeResponse, by their letter. */
export const fieldsOf = ({ body }: Message): ReadonlyMap<string, string> =>
  new Map(
    body
      .toString('utf8')
      .split('\0')
      .filter((field) => field !== '')
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );

/** Cells of a DataRow. */
export const cellsOf = ({ body }: Message): (Buffer | null)[] => {
  const cells: (Buffer | null)[] = [];
  let at = 2;
  for (let n = body.readInt16BE(0); n > 0; n -= 1) {
    const length = body.readInt32BE(at);
    at += 4;
    cells.push(length < 0 ? null : body.subarray(at, at + length));
    at += Math.max(0, length);
  }
  return cells;
};

/** Column names of a RowDescription. */
export const columnsOf = ({ body }: Message): string[] => {
  const names: string[] = [];
  let at = 2;
  for (let n = body.readInt16BE(0); n > 0; n -= 1) {
    const end = body.indexOf(0, at);
    names.push(body.toString('utf8', at, end));
    at = end + 19;
  }
  return names;
};
