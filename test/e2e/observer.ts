import { createConnection, createServer, type Socket } from 'node:net';
import { freePort, releasePort } from '../kit/ports.ts';
import { commandKey } from './recorded-evidence.ts';

/** A command as the client sent it, and what of its answer reached the client. */
export interface SeenCommand {
  readonly key: string;
  /** A byte of the answer (rows, error, command tag) came. */
  answered: boolean;
  /** The end of the answer came: the command tag, or ReadyForQuery behind it. */
  ended: boolean;
  /** The gateway said no, in the place of an answer: then the two above stay as they were. */
  refused: boolean;
}

/** Stands between a client and the gateway's plaintext port, passes all bytes on, and writes down what both sides said. */
export interface Observer {
  readonly port: number;
  /** Commands sent since `reset`, of all connections. */
  commands(): readonly SeenCommand[];
  readonly answered: number;
  /** Forgets what was seen, and leads new connections to that port. */
  reset(toPort: number): void;
  close(): Promise<void>;
}

export const startObserver = async (): Promise<Observer> => {
  const port = await freePort();
  let toPort = 0;
  let seen: SeenCommand[] = [];
  let answered = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const gateway = createConnection(toPort, '127.0.0.1');
    const view = new View((command) => seen.push(command), () => (answered += 1));
    for (const [from, to, note] of [[client, gateway, (bytes: Buffer) => view.sent(bytes)], [gateway, client, (bytes: Buffer) => view.came(bytes)]] as const) {
      open.add(from);
      from.on('data', (bytes: Buffer) => {
        note(bytes);
        to.write(bytes);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
  server.unref();
  return {
    port,
    commands: () => seen,
    get answered() {
      return answered;
    },
    reset(next) {
      toPort = next;
      seen = [];
      answered = 0;
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      releasePort(port);
    },
  };
};

const CHAR = { query: 'Q', parse: 'P', bind: 'B', execute: 'E', sync: 'S', ready: 'Z' } as const;

/** Both halves of one connection. Reads the parts of the protocol that pgbench uses: simple, extended and prepared, no COPY. */
class View {
  #sentRest: Buffer = Buffer.alloc(0);
  #cameRest: Buffer = Buffer.alloc(0);
  #startup = true;
  #loggedIn = false;
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();
  /** What is owed, oldest first; undefined is a Sync. */
  readonly #owed: (SeenCommand | undefined)[] = [];
  readonly #add: (command: SeenCommand) => void;
  readonly #answered: () => void;

  constructor(add: (command: SeenCommand) => void, answered: () => void) {
    this.#add = add;
    this.#answered = answered;
  }

  sent(bytes: Buffer): void {
    let rest = Buffer.concat([this.#sentRest, bytes]);
    for (;;) {
      const at = this.#startup ? 0 : 1;
      if (rest.length < at + 4 || rest.length < at + rest.readUInt32BE(at)) break;
      const end = at + rest.readUInt32BE(at);
      if (this.#startup) this.#startup = false;
      else this.#frontend(String.fromCharCode(rest[0] as number), rest.subarray(5, end));
      rest = rest.subarray(end);
    }
    this.#sentRest = rest;
  }

  came(bytes: Buffer): void {
    let rest = Buffer.concat([this.#cameRest, bytes]);
    while (rest.length >= 5 && rest.length >= 1 + rest.readUInt32BE(1)) {
      this.#backend(String.fromCharCode(rest[0] as number), rest.subarray(5, 1 + rest.readUInt32BE(1)));
      rest = rest.subarray(1 + rest.readUInt32BE(1));
    }
    this.#cameRest = rest;
  }

  #frontend(type: string, body: Buffer): void {
    const strings = body.toString('utf8').split('\0');
    switch (type) {
      case CHAR.query:
        this.#command(commandKey(strings[0] as string, []));
        return;
      case CHAR.parse:
        this.#statements.set(strings[0] as string, strings[1] as string);
        return;
      case CHAR.bind: {
        const [portal, statement] = strings as [string, string];
        this.#portals.set(portal, commandKey(this.#statements.get(statement) ?? '', values(body, Buffer.byteLength(`${portal}${statement}`) + 2)));
        return;
      }
      case CHAR.execute:
        this.#command(this.#portals.get(strings[0] as string) ?? '');
        return;
      case CHAR.sync:
        this.#owed.push(undefined);
        return;
      default:
    }
  }

  #command(key: string): void {
    const command = { key, answered: false, ended: false, refused: false };
    this.#owed.push(command);
    this.#add(command);
  }

  #backend(type: string, body: Buffer): void {
    if (!this.#loggedIn) {
      this.#loggedIn = type === CHAR.ready;
      return;
    }
    const head = this.#owed[0];
    switch (type) {
      // A row description answers Describe, which runs nothing.
      case 'D':
        if (head) this.#answer(head);
        return;
      case 'E':
        if (head && body.includes('\0Mwicketgate: ')) head.refused = true;
        else if (head) this.#answer(head);
        return;
      case 'C':
        if (!head) return;
        this.#answer(head);
        head.ended = true;
        // A simple Query has its ReadyForQuery still to come.
        if (this.#owed.includes(undefined)) this.#owed.shift();
        return;
      case CHAR.ready:
        this.#ready();
        return;
      default:
    }
  }

  /** Ends a simple Query, or all up to the Sync. */
  #ready(): void {
    const sync = this.#owed.indexOf(undefined);
    if (sync >= 0) {
      this.#owed.splice(0, sync + 1);
      return;
    }
    const command = this.#owed.shift();
    if (command && !command.refused) command.ended = true;
  }

  #answer(command: SeenCommand): void {
    if (command.answered) return;
    command.answered = true;
    this.#answered();
  }
}

/** Values of a Bind in text form. */
const values = (body: Buffer, at: number): (string | null)[] => {
  let position = at + 2 + 2 * body.readUInt16BE(at);
  const count = body.readUInt16BE(position);
  position += 2;
  const found: (string | null)[] = [];
  for (let i = 0; i < count; i += 1) {
    const length = body.readInt32BE(position);
    position += 4;
    found.push(length < 0 ? null : body.toString('utf8', position, position + length));
    position += Math.max(0, length);
  }
  return found;
};
