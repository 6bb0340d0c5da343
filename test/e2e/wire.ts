import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Backend } from '../../src/protocols/postgres/codes.ts';
import { decodeBackend } from '../../src/protocols/postgres/decode.ts';
import { toServer } from '../../src/protocols/postgres/encode.ts';
import { backendFrames, Frame } from '../../src/protocols/postgres/frames.ts';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import type { Postgres } from '../kit/postgres.ts';
import type { Role, Scene } from './scene.ts';

/** Longest wait for a message: a bound for a broken run. */
const PATIENCE_MS = 20_000;

export interface WireOptions {
  /** A TCP port of 127.0.0.1, or the path of a Unix socket. */
  readonly to: number | string;
  /** CA for TLS; without it no TLS. */
  readonly ca?: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly password?: string;
  /** A client certificate, shown in TLS. */
  readonly client?: { readonly certPem: string; readonly keyPem: string };
  /** Minor version of protocol 3. Default 0. */
  readonly minor?: number;
}

/** A client that speaks in single messages, to say what no driver would. */
export class Wire {
  readonly socket: Socket;
  readonly #frames = backendFrames(0x3fffffff);
  readonly #messages: BackendMessage[] = [];
  #closed = false;
  #wake: () => void = () => {};
  processId = 0;
  key: Buffer = Buffer.alloc(0);
  readonly parameters = new Map<string, string>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#frames.push(chunk);
      for (let event = this.#frames.next(); event; event = this.#frames.next()) if (event instanceof Frame) this.#messages.push(decodeBackend(event));
      this.#wake();
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(...messages: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages));
  }

  /** The next message; undefined when the connection is closed and all are read. */
  async next(): Promise<BackendMessage | undefined> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const message = this.#messages.shift();
      if (message) return message;
      if (this.#closed) return undefined;
      const left = until - performance.now();
      if (left <= 0) throw new Error('no message came');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Messages up to and including the first of this kind, or up to the end of the connection. */
  async until(kind: BackendMessage['kind'], times = 1): Promise<BackendMessage[]> {
    const read: BackendMessage[] = [];
    for (let seen = 0; seen < times; ) {
      const message = await this.next();
      if (!message) return read;
      read.push(message);
      if (message.kind === kind) seen += 1;
    }
    return read;
  }

  /** A simple Query and everything that it brings. */
  query(text: string): Promise<BackendMessage[]> {
    this.send(toServer.query(text));
    return this.until('ReadyForQuery');
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<BackendMessage[]> {
    const read: BackendMessage[] = [];
    for (let message = await this.next(); message; message = await this.next()) read.push(message);
    return read;
  }

  close(): void {
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** After the startup message was sent: logs in and reads up to ReadyForQuery. Returns what came when the login fails. */
  async login(password?: string): Promise<BackendMessage[]> {
    const read: BackendMessage[] = [];
    for (;;) {
      const message = await this.next();
      if (!message) return read;
      read.push(message);
      if (message.kind === 'Authentication' && message.method === 'CleartextPassword') this.send(toServer.password(Buffer.from(password ?? '')));
      if (message.kind === 'ParameterStatus') this.parameters.set(message.name, message.value);
      if (message.kind === 'BackendKeyData') {
        this.processId = message.processId;
        this.key = Buffer.from(message.key);
      }
      if (message.kind === 'ReadyForQuery') return read;
    }
  }
}

const opened = (socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once(event, () => {
      socket.off('error', reject);
      resolve();
    });
  });

/** A TCP connection, or a Unix one. */
export const openSocket = async (to: number | string): Promise<Socket> => {
  const socket = typeof to === 'number' ? connectTcp(to, '127.0.0.1') : connectTcp(to);
  await opened(socket, 'connect');
  return socket;
};

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** The same inside TLS, asked for as libpq does. */
export const openTls = async (to: number, ca: string, servername = 'localhost', client?: WireOptions['client']): Promise<Socket> => {
  const socket = await openSocket(to);
  socket.write(SSL_REQUEST);
  const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  if (answer.toString() !== 'S') throw new Error('the server has no TLS');
  const secure = connectTls({ socket, ca, servername, ...(client ? { cert: client.certPem, key: client.keyPem } : {}) });
  await opened(secure, 'secureConnect');
  return secure;
};

const startup = (minor: number, parameters: Readonly<Record<string, string>>): Buffer => {
  const body = Buffer.concat([...Object.entries(parameters).flatMap(([name, value]) => [Buffer.from(`${name}\0${value}\0`)]), Buffer.from([0])]);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt16BE(3, 4);
  head.writeInt16BE(minor, 6);
  return Buffer.concat([head, body]);
};

/** Connects and sends the startup message; `login` is the caller's. */
export const startWire = async ({ to, ca, client, parameters, minor = 0 }: WireOptions): Promise<Wire> => {
  const socket = ca !== undefined && typeof to === 'number' ? await openTls(to, ca, 'localhost', client) : await openSocket(to);
  const wire = new Wire(socket);
  wire.send(startup(minor, parameters));
  return wire;
};

/** Connects and logs in. Rejects with the error of the server when that fails. */
export const openWire = async (options: WireOptions): Promise<Wire> => {
  const wire = await startWire(options);
  const read = await wire.login(options.password);
  if (read.at(-1)?.kind !== 'ReadyForQuery') throw new Error(`login failed: ${plain(read).join(' ')}`);
  return wire;
};

/** Through the gateway of a scene. */
export const gatewayWire = async (scene: Scene, role: Role, more: { readonly connection?: string; readonly database?: string; readonly minor?: number; readonly parameters?: Readonly<Record<string, string>> } = {}): Promise<Wire> =>
  openWire({
    to: scene.gateway.port(more.connection),
    ca: readFileSync(scene.gateway.caFile, 'utf8'),
    parameters: { user: role, database: more.database ?? 'shop', ...more.parameters },
    password: await scene.token(role),
    ...(more.minor === undefined ? {} : { minor: more.minor }),
  });

/** Straight to the target, over its Unix socket, which trusts everybody. */
export const directWire = (target: Postgres, user: string, database = 'postgres'): Promise<Wire> =>
  openWire({ to: `${target.socketDir}/.s.PGSQL.${target.port}`, parameters: { user, database, client_encoding: 'UTF8' } });

/** One message as a short text, for comparing two servers. */
const plainOne = (message: BackendMessage): string => {
  switch (message.kind) {
    case 'ReadyForQuery':
      return `Z${message.status}`;
    case 'ErrorResponse':
      return `E${message.fields.find(({ code }) => code === 'C')?.value}`;
    case 'NoticeResponse':
      return `N${message.fields.find(({ code }) => code === 'C')?.value}`;
    case 'CommandComplete':
      return message.tag;
    case 'DataRow':
      return `(${message.values.map((value) => (value === null ? 'null' : value.length > 40 ? `${value.length} bytes` : value.toString('latin1'))).join(',')})`;
    case 'RowDescription':
      return `[${message.fields.map(({ name, type, format }) => `${name}:${type}:${format}`).join(',')}]`;
    case 'ParameterDescription':
      return `t(${message.types.join(',')})`;
    case 'ParameterStatus':
      return `S${message.name}=${message.value}`;
    case 'NotificationResponse':
      return `A${message.channel}=${message.payload}`;
    case 'CopyData':
      return `d${message.data.length > 40 ? `${message.data.length} bytes` : message.data.toString('latin1')}`;
    default:
      return message.kind;
  }
};

export const plain = (messages: readonly BackendMessage[]): string[] => messages.map(plainOne);

/** The texts of errors, for assertions on their words. */
export const errorText = (messages: readonly BackendMessage[]): string =>
  messages.flatMap((message) => (message.kind === 'ErrorResponse' ? message.fields.map(({ code, value }) => `${code}:${value}`) : [])).join('\n');

/** A session through the gateway in which these statements have run, none of them with an error. */
export const wireHaving = async (scene: Scene, role: Role, ...statements: readonly string[]): Promise<Wire> => {
  const wire = await gatewayWire(scene, role);
  for (const statement of statements) {
    const said = await wire.query(statement);
    assert.ok(!plain(said).some((text) => text.startsWith('E')), `${statement}: ${errorText(said)}`);
  }
  return wire;
};

export { Backend, toServer as say };
