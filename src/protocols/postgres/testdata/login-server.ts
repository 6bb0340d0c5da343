import { type Server, type Socket, createServer } from 'node:net';
import { writeFileSync } from 'node:fs';
import { type SecureContext, createSecureContext } from 'node:tls';
import { type Authority, certificateAuthority } from '../../../../test/kit/certificates.ts';
import { freePort } from '../../../../test/kit/ports.ts';
import { type TempFolder, tempFolder } from '../../../../test/kit/temp.ts';
import { until } from '../../../../test/kit/until.ts';
import { type AcceptOptions, type Accepted, type Login, acceptClient } from '../accept.ts';
import { decodeFrontend } from '../decode.ts';
import { toClient } from '../encode.ts';
import { SqlState } from '../errors.ts';
import { Frame, frontendFrames } from '../frames.ts';

/** Accepts clients with `acceptClient`, lets everybody in who has a password of other than five bytes, and answers any query with one row. */
export class LoginServer {
  readonly port: number;
  readonly authority: Authority;
  readonly folder: TempFolder;
  readonly caFile: string;
  /** What became of each connection, in order. */
  readonly results: Accepted[] = [];
  /** Passwords that were given, as text. */
  readonly passwords: string[] = [];
  readonly sockets = new Set<Socket>();
  options: AcceptOptions;
  readonly #context: SecureContext;
  readonly #server: Server;

  private constructor(port: number, authority: Authority, context: SecureContext) {
    this.port = port;
    this.authority = authority;
    this.#context = context;
    this.folder = tempFolder('accept');
    this.caFile = this.folder.file('ca.pem');
    writeFileSync(this.caFile, authority.certPem, { mode: 0o644 });
    this.options = this.#with({});
    this.#server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      void acceptClient(socket, this.options).then((accepted) => this.#serve(accepted));
    });
  }

  static async start(): Promise<LoginServer> {
    const authority = await certificateAuthority();
    const { certPem, keyPem } = await authority.issue(['localhost', 'billing.localhost', '127.0.0.1']);
    const server = new LoginServer(await freePort(), authority, createSecureContext({ cert: certPem, key: keyPem }));
    await new Promise<void>((resolve) => server.#server.listen(server.port, '127.0.0.1', resolve));
    return server;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.folder.remove();
  }

  /** Forgets what was, and accepts with other options from now on. */
  reset(options: Partial<AcceptOptions> = {}): void {
    this.results.length = this.passwords.length = 0;
    this.options = this.#with(options);
  }

  #with(options: Partial<AcceptOptions>): AcceptOptions {
    return { secureContext: () => this.#context, plaintextAllowed: false, deadlineMs: 10_000, maxBytes: 65_536 + 10_000, ...options };
  }

  /** The result of the first connection since `reset`, once there is one. */
  async result(): Promise<Accepted> {
    return until(() => this.results[0]);
  }

  async #serve(accepted: Accepted): Promise<void> {
    if (accepted.kind === 'startup') {
      const password = await accepted.requestPassword();
      if (!Buffer.isBuffer(password)) {
        this.results.push(password);
        return;
      }
      this.passwords.push(password.toString());
      if (password.length === 5) {
        await accepted.refuse({ sqlState: SqlState.invalid_password, message: 'that is wrong', detail: 'session x', hint: 'another token' });
        this.results.push(accepted);
        return;
      }
      talk(accepted, [accepted.parameters.get('user') ?? '', accepted.sni ?? '', String(accepted.tls), String(password.length)]);
    }
    this.results.push(accepted);
    if (accepted.kind === 'cancel') accepted.stream.end();
  }
}

/** With the manners of PostgreSQL, and one row to tell. */
const talk = (login: Login, row: string[]): void => {
  const { stream } = login;
  const frames = frontendFrames(1_000_000);
  const describeRow = toClient.rowDescription(row.map((_, i) => ({ name: `c${i}`, table: 0, column: 0, type: 25, size: -1, modifier: -1, format: 0 })));
  const answer = toClient.dataRow(row.map((value) => Buffer.from(value)));
  const ready = toClient.readyForQuery('I');
  let rows = false;
  const take = (chunk: Buffer): void => {
    frames.push(chunk);
    for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
      const message = decodeFrontend(frame as Frame);
      const done = () => (rows ? [answer, toClient.commandComplete('SELECT 1')] : [toClient.commandComplete('SET')]);
      switch (message.kind) {
        case 'Query':
          rows = /select/i.test(message.text);
          stream.write(Buffer.concat([...(rows ? [describeRow] : []), ...done(), ready]));
          break;
        case 'Parse':
          rows = /select/i.test(message.text);
          stream.write(toClient.parseComplete);
          break;
        case 'Bind':
          stream.write(toClient.bindComplete);
          break;
        case 'Describe':
          if (message.what === 'statement') stream.write(toClient.parameterDescription([]));
          stream.write(rows ? describeRow : toClient.noData);
          break;
        case 'Execute':
          stream.write(Buffer.concat(done()));
          break;
        case 'Sync':
          stream.write(ready);
          break;
        case 'Close':
          stream.write(toClient.closeComplete);
          break;
        case 'Terminate':
          stream.end();
          break;
        default:
      }
    }
  };
  stream.on('error', () => {});
  const leftover = login.release();
  stream.on('data', take);
  stream.write(
    Buffer.concat([
      toClient.authenticationOk,
      ...Object.entries({ server_version: '15.0', client_encoding: 'UTF8', standard_conforming_strings: 'on', DateStyle: 'ISO, MDY', TimeZone: 'UTC', integer_datetimes: 'on', server_encoding: 'UTF8' }).map(([name, value]) => toClient.parameterStatus(name, value)),
      toClient.backendKeyData(4711, Buffer.from([1, 2, 3, 4])),
      ready,
    ]),
  );
  if (leftover.length > 0) take(leftover);
  stream.resume();
};
