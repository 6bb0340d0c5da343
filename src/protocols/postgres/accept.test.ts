import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import { type TLSSocket, connect as connectTls, createSecureContext } from 'node:tls';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { freePort } from '../../../test/kit/ports.ts';
import { until } from '../../../test/kit/until.ts';
import { Frontend } from './codes.ts';
import { decodeBackend } from './decode.ts';
import { toServer } from './encode.ts';
import { field } from './errors.ts';
import { Frame } from './frames.ts';
import type { BackendMessage } from './messages.ts';
import { LoginServer } from './testdata/login-server.ts';

let server: LoginServer;
before(async () => {
  server = await LoginServer.start();
});
after(() => server.stop());

/** A client that sends what it wants. */
class Raw {
  socket: Socket;
  closed = false;
  #received: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#listen();
  }
  static async open(): Promise<Raw> {
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    return new Raw(socket);
  }
  #listen(): void {
    this.socket.on('data', (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data]);
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
  }
  async tls(alpn: string[] = []): Promise<TLSSocket> {
    this.socket.removeAllListeners('data');
    const secure = connectTls({ socket: this.socket, ca: server.authority.certPem, servername: 'localhost', ALPNProtocols: alpn });
    this.socket = secure;
    this.#listen();
    await once(secure, 'secureConnect');
    return secure;
  }
  send(...parts: (Buffer | string)[]): this {
    this.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
    return this;
  }
  async take(count: number): Promise<string> {
    await until(() => this.#received.length >= count || this.closed);
    const taken = this.#received.subarray(0, count).toString('latin1');
    this.#received = this.#received.subarray(count);
    return taken;
  }
  async message(): Promise<BackendMessage> {
    await until(() => this.#received.length >= 5 || this.closed);
    const size = this.#received.length >= 5 ? this.#received.readInt32BE(1) + 1 : 5;
    await until(() => this.#received.length >= size || this.closed);
    if (this.#received.length < size) throw new Error('closed');
    const frame = new Frame(this.#received[0] as number, this.#received.subarray(0, size), 5);
    this.#received = this.#received.subarray(size);
    return decodeBackend(frame);
  }
  get received(): Buffer {
    return this.#received;
  }
  async gone(): Promise<void> {
    await until(() => this.closed);
  }
}

const startup = (minor = 0, more: string[] = []): Buffer => {
  const body = Buffer.from(['user', 'ci', 'database', 'billing', ...more].map((text) => `${text}\0`).join('') + '\0');
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(0x30000 + minor, 4);
  return Buffer.concat([head, body]);
};
const gssRequest = Buffer.from([0, 0, 0, 8, 4, 0xd2, 0x16, 0x30]);

describe('hostile and unusual clients', { concurrency: false }, () => {
  const fault = async (expected: string): Promise<void> => {
    const closed = await server.result();
    assert.equal(closed.kind === 'closed' ? closed.fault : closed.kind, expected);
  };

  for (const [what, bytes] of [
    ['a startup message', startup()],
    ['one byte', Buffer.from([0x16])],
    ['a second request', toServer.sslRequest],
  ] as const) {
    test(`${what} in clear behind SSLRequest ends the connection without a word`, async () => {
      server.reset();
      const raw = (await Raw.open()).send(toServer.sslRequest, bytes);
      await raw.gone();
      assert.equal(raw.received.length, 0);
      await fault('smuggled');
    });
    test(`${what} in clear behind GSSENCRequest as well`, async () => {
      server.reset();
      const raw = (await Raw.open()).send(gssRequest, bytes);
      await raw.gone();
      assert.equal(raw.received.length, 0);
      await fault('smuggled');
    });
  }
  test('bytes in clear behind the S never become messages', async () => {
    server.reset();
    const raw = (await Raw.open()).send(toServer.sslRequest);
    assert.equal(await raw.take(1), 'S');
    raw.send(startup());
    await raw.gone();
    await fault('tls');
  });
  test('GSS is declined, then TLS', async () => {
    server.reset();
    const raw = (await Raw.open()).send(gssRequest);
    assert.equal(await raw.take(1), 'N');
    raw.send(toServer.sslRequest);
    assert.equal(await raw.take(1), 'S');
    await raw.tls();
    raw.send(startup());
    assert.deepEqual(await raw.message(), { kind: 'Authentication', method: 'CleartextPassword' });
    raw.send(toServer.password(Buffer.from('secret')));
    assert.deepEqual(await raw.message(), { kind: 'Authentication', method: 'Ok' });
    raw.socket.destroy();
  });
  for (const [what, requests] of [['GSS', [gssRequest, gssRequest]], ['TLS inside TLS', undefined]] as const) {
    test(`${what} twice is refused`, async () => {
      server.reset();
      const raw = await Raw.open();
      if (requests === undefined) {
        raw.send(toServer.sslRequest);
        await raw.take(1);
        await raw.tls();
        raw.send(toServer.sslRequest);
      } else {
        raw.send(requests[0]);
        await raw.take(1);
        raw.send(requests[1]);
      }
      const message = await raw.message();
      assert.ok(message.kind === 'ErrorResponse');
      assert.equal(field(message.fields, 'C'), '08P01');
      await raw.gone();
      await fault('malformed');
    });
  }
  test('direct TLS with ALPN', async () => {
    server.reset();
    const raw = await Raw.open();
    const secure = await raw.tls(['postgresql']);
    assert.equal(secure.alpnProtocol, 'postgresql');
    raw.send(startup(2));
    assert.deepEqual(await raw.message(), { kind: 'Authentication', method: 'CleartextPassword' });
    raw.send(toServer.password(Buffer.from('secret')), toServer.query('SELECT early'));
    assert.deepEqual(await raw.message(), { kind: 'Authentication', method: 'Ok' });
    const login = await server.result();
    assert.ok(login.kind === 'startup' && login.minor === 2 && login.sni === 'localhost');
    await until(() => raw.received.includes('SELECT 1'));
    raw.socket.destroy();
  });
  test('direct TLS without ALPN is closed', async () => {
    server.reset();
    const raw = await Raw.open();
    await raw.tls();
    await raw.gone();
    await fault('no_alpn');
  });
  test('TLS with another ALPN is refused by TLS', async () => {
    for (const direct of [true, false]) {
      server.reset();
      const raw = await Raw.open();
      if (!direct) {
        raw.send(toServer.sslRequest);
        await raw.take(1);
      }
      await assert.rejects(raw.tls(['http/1.1']));
      await fault('tls');
    }
  });
  test('TLS 1.1 is refused', async () => {
    server.reset();
    const raw = (await Raw.open()).send(toServer.sslRequest);
    await raw.take(1);
    const secure = connectTls({ socket: raw.socket, ca: server.authority.certPem, maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await assert.rejects(once(secure, 'secureConnect'));
    await fault('tls');
  });
  test('TLS one byte at a time', async () => {
    server.reset();
    const relay = createServer((near) => {
      const far = connect(server.port, '127.0.0.1').setNoDelay(true);
      near.on('data', (data: Buffer) => {
        for (const byte of data) far.write(Buffer.from([byte]));
      });
      far.on('data', (data) => near.write(data));
      near.on('error', () => {}).on('close', () => far.destroy());
      far.on('error', () => {}).on('close', () => near.destroy());
    });
    const relayPort = await freePort();
    await new Promise<void>((resolve) => relay.listen(relayPort, '127.0.0.1', resolve));
    const client = new pg.Client({ host: '127.0.0.1', port: relayPort, user: 'ci', password: 'secret', database: 'x', ssl: { ca: server.authority.certPem, servername: 'localhost' } });
    await client.connect();
    assert.equal((await client.query('SELECT 1')).rows.length, 1);
    await client.end();
    await new Promise<void>((resolve) => relay.close(() => resolve()));
  });

  for (const tls of [false, true]) {
    for (const length of [4, 32, 256]) {
      test(`CancelRequest with a key of ${length} bytes, ${tls ? 'over TLS' : 'in clear'}`, async () => {
        server.reset();
        const raw = await Raw.open();
        if (tls) {
          raw.send(toServer.sslRequest);
          await raw.take(1);
          await raw.tls();
        }
        raw.send(toServer.cancelRequest(77, Buffer.alloc(length, 9)));
        await raw.gone();
        assert.equal(raw.received.length, 0);
        const cancel = await server.result();
        assert.ok(cancel.kind === 'cancel' && cancel.processId === 77 && cancel.tls === tls);
        assert.deepEqual(cancel.key, Buffer.alloc(length, 9));
      });
    }
  }

  test('higher minor versions and unknown options are negotiated', async () => {
    for (const [asked, options_, minor, names] of [
      [2, [], 2, undefined],
      [0, [], 0, undefined],
      [1, [], 0, []],
      [9999, ['_pq_.test', '1', '_pq_.b', ''], 2, ['_pq_.test', '_pq_.b']],
      [0, ['_pq_.test', '1'], 0, ['_pq_.test']],
    ] as const) {
      server.reset({ plaintextAllowed: true });
      const raw = (await Raw.open()).send(startup(asked, [...options_]));
      if (names !== undefined) assert.deepEqual(await raw.message(), { kind: 'NegotiateProtocolVersion', minor, options: names });
      assert.deepEqual(await raw.message(), { kind: 'Authentication', method: 'CleartextPassword' });
      raw.send(toServer.password(Buffer.from('secret')));
      const login = await server.result();
      assert.ok(login.kind === 'startup' && login.minor === minor);
      assert.ok(![...login.parameters.keys()].some((name) => name.startsWith('_pq_')));
      raw.socket.destroy();
    }
  });

  for (const [what, bytes, expected, sqlState] of [
    ['protocol 2', Buffer.from([0, 0, 0, 8, 0, 2, 0, 0]), 'unsupported_version', '0A000'],
    ['protocol 4', Buffer.from([0, 0, 0, 8, 0, 4, 0, 0]), 'unsupported_version', '0A000'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'malformed', '08P01'],
    ['a length of 7', Buffer.from([0, 0, 0, 7, 0, 3, 0, 0]), 'malformed', '08P01'],
    ['a length of 10,001', Buffer.from([0, 0, 0x27, 0x11, 0, 3, 0, 0]), 'malformed', '08P01'],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0]), 'malformed', '08P01'],
    ['no terminator', Buffer.concat([Buffer.from([0, 0, 0, 12, 0, 3, 0, 0]), Buffer.from('abcd')]), 'malformed', '08P01'],
    ['contradictory parameters', startup(0, ['user', 'other']), 'malformed', '08P01'],
    ['a short cancel key', toServer.cancelRequest(1, Buffer.alloc(2)), 'malformed', '08P01'],
  ] as const) {
    test(`refused at startup: ${what}`, async () => {
      server.reset();
      const raw = (await Raw.open()).send(bytes);
      const message = await raw.message();
      assert.ok(message.kind === 'ErrorResponse');
      assert.equal(field(message.fields, 'S'), 'FATAL');
      assert.equal(field(message.fields, 'C'), sqlState);
      await raw.gone();
      await fault(expected);
    });
  }

  for (const [what, bytes, message, expected] of [
    ['a query', toServer.query('SELECT 1'), /expected a password/, 'malformed'],
    ['SASL', toServer.saslInitialResponse('SCRAM-SHA-256', Buffer.from('n,,n=,r=x')), /not one terminated text/, 'malformed'],
    ['a password without an end', Buffer.from([Frontend.Password, 0, 0, 0, 6, 0x61, 0x62]), /not one terminated text/, 'malformed'],
    ['two passwords', Buffer.from([Frontend.Password, 0, 0, 0, 8, 0x61, 0, 0x62, 0]), /not one terminated text/, 'malformed'],
    ['no password at all', Buffer.from([Frontend.Password, 0, 0, 0, 4]), /impossible length/, 'malformed'],
    ['a password of 65,536 bytes', Buffer.from([Frontend.Password, 0, 1, 0, 5]), /too long/, 'malformed'],
    ['a password of 2 GiB', Buffer.from([Frontend.Password, 0x7f, 0xff, 0xff, 0xff]), /too long/, 'malformed'],
  ] as const) {
    test(`refused instead of a password: ${what}`, async () => {
      server.reset({ plaintextAllowed: true });
      const raw = (await Raw.open()).send(startup());
      await raw.message();
      raw.send(bytes);
      const answer = await raw.message();
      assert.ok(answer.kind === 'ErrorResponse');
      assert.match(field(answer.fields, 'M') ?? '', message);
      await raw.gone();
      await fault(expected);
    });
  }
  test('goodbye instead of a password', async () => {
    server.reset({ plaintextAllowed: true });
    const raw = (await Raw.open()).send(startup());
    await raw.message();
    raw.send(toServer.terminate);
    await raw.gone();
    await fault('closed');
  });
  test('an empty password is given as such', async () => {
    server.reset({ plaintextAllowed: true });
    const raw = (await Raw.open()).send(startup());
    await raw.message();
    raw.send(toServer.password(Buffer.alloc(0)));
    assert.deepEqual(await raw.message(), { kind: 'Authentication', method: 'Ok' });
    assert.deepEqual(server.passwords, ['']);
    raw.socket.destroy();
  });

  for (const [what, send] of [
    ['nothing', () => {}],
    ['half a startup message', (raw: Raw) => raw.send(startup().subarray(0, 10))],
    ['a startup message and no password', (raw: Raw) => raw.send(startup())],
    ['SSLRequest and no TLS', (raw: Raw) => raw.send(toServer.sslRequest)],
    ['the first byte of TLS', (raw: Raw) => raw.send(Buffer.from([0x16]))],
  ] as const) {
    test(`too slow: ${what}`, async () => {
      server.reset({ plaintextAllowed: true, deadlineMs: 40 });
      const raw = await Raw.open();
      send(raw);
      await raw.gone();
      await fault('deadline');
    });
  }
  test('too much: bytes are bounded over all messages', async () => {
    server.reset({ plaintextAllowed: true, maxBytes: 1000 });
    const raw = (await Raw.open()).send(startup());
    await raw.message();
    raw.send(toServer.password(Buffer.alloc(1000, 0x61)));
    await raw.gone();
    await fault('too_many_bytes');
  });
  test('a client that leaves', async () => {
    server.reset();
    (await Raw.open()).socket.destroy();
    await fault('closed');
    server.reset({ plaintextAllowed: true });
    const raw = (await Raw.open()).send(startup());
    await raw.message();
    raw.socket.resetAndDestroy();
    await fault('closed');
  });
  test('the gateway gives up', async () => {
    const controller = new AbortController();
    server.reset({ signal: controller.signal });
    const raw = await Raw.open();
    await until(() => server.sockets.size > 0);
    controller.abort();
    await raw.gone();
    await fault('aborted');
  });
  test('every split of a login in clear', async () => {
    const whole = startup(2, ['application_name', 'x']);
    for (let at = 1; at < whole.length; at++) {
      server.reset({ plaintextAllowed: true });
      const raw = await Raw.open();
      raw.socket.setNoDelay(true);
      raw.send(whole.subarray(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      raw.send(whole.subarray(at));
      assert.deepEqual(await raw.message(), { kind: 'Authentication', method: 'CleartextPassword' });
      raw.socket.destroy();
    }
  });
  test('a renewed certificate serves the next client', async () => {
    server.reset();
    const seen: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { certPem, keyPem } = await server.authority.issue(['localhost']);
      const renewed = createSecureContext({ cert: certPem, key: keyPem });
      server.options = { ...server.options, secureContext: () => renewed };
      const raw = (await Raw.open()).send(toServer.sslRequest);
      await raw.take(1);
      seen.push((await raw.tls()).getPeerCertificate().serialNumber);
      raw.socket.destroy();
    }
    assert.notEqual(seen[0], seen[1]);
  });
  test('every connection was closed', async () => {
    await until(() => server.sockets.size === 0);
  });
});
