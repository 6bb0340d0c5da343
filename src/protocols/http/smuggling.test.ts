import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Http1Server } from './h1-server.ts';

interface Case {
  readonly name: string;
  readonly send: string;
  /** `body`: the head is fine, and what follows is not. */
  readonly refused: boolean | 'body';
}

const CASES = JSON.parse(readFileSync(join(import.meta.dirname, 'testdata', 'smuggling.json'), 'utf8')) as readonly Case[];
/** Behind each case: what an attacker would have smuggled. It may never be taken for a request of its own. */
const SECOND = 'GET /second HTTP/1.1\r\nHost: a\r\n\r\n';

describe('bytes that could be read in two ways', () => {
  /** Requests whose head and body were taken for good. */
  const whole: string[] = [];
  let malformed = 0;
  let port = 0;
  const server = createServer({ pauseOnConnect: true });
  const http = new Http1Server({
    headMs: () => 10_000,
    connect: (_, connection) => {
      malformed += 1;
      connection.socket.end('HTTP/1.1 501 Not Implemented\r\n\r\n');
    },
    malformed: () => (malformed += 1),
    serve: ({ client, head }) => {
      if ('refused' in head) {
        client.answer(head.status, [], Buffer.alloc(0));
        return;
      }
      const done = (): void => {
        whole.push(head.target);
        client.answer(200, [], Buffer.from('yes'));
      };
      if (!client.body) done();
      else client.body.once('end', done).resume();
    },
  });
  before(async () => {
    server.on('connection', (socket: Socket) => void http.serve(socket, socket, { tls: false }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    http.close();
    server.close();
  });

  const say = (bytes: Buffer, enough: (text: string) => boolean): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (enough(text)) socket.destroy();
      });
      socket.on('error', () => {});
      socket.once('close', () => resolve(text));
      socket.write(bytes);
    });

  for (const { name, send, refused } of CASES) {
    test(name, async () => {
      whole.length = 0;
      malformed = 0;
      const bytes = Buffer.from(send, 'latin1');
      if (refused === false) {
        const text = await say(bytes, (so) => so.includes('yes'));
        assert.match(text, /^HTTP\/1\.1 200 /);
        assert.equal(whole.length, 1);
        return;
      }
      // The gateway closes the connection: what follows is never served.
      const text = await say(Buffer.concat([bytes, Buffer.from(SECOND)]), () => false);
      assert.deepEqual(whole, [], 'something was taken for a request');
      if (refused === true) assert.match(text, /^HTTP\/1\.1 (?:400|417|501|505) /);
      else {
        assert.match(text, /^HTTP\/1\.1 400 /);
        assert.equal(malformed, 1);
      }
      assert.ok(!text.includes('200 OK'));
    });
  }
});

describe('floods', () => {
  test('10,000 header fields, and a head of a megabyte, are refused', async () => {
    const answers: string[] = [];
    const server = createServer({ pauseOnConnect: true });
    const http = new Http1Server({
      headMs: () => 10_000,
      connect: (_, connection) => connection.reset(),
      malformed: () => {},
      serve: ({ client, head }) => client.answer('refused' in head ? head.status : 200, [], Buffer.alloc(0)),
    });
    server.on('connection', (socket: Socket) => void http.serve(socket, socket, { tls: false }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    for (const fields of ['a:b\r\n'.repeat(10_000), `a: ${'b'.repeat(1_000_000)}\r\n`]) {
      answers.push(await new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1');
        let text = '';
        socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
        socket.on('error', () => {});
        socket.once('close', () => resolve(text));
        socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
      }));
    }
    http.close();
    server.close();
    assert.match(answers[0] ?? '', /^HTTP\/1\.1 431 /);
    // Whoever still sends may have lost the answer to a reset; there is none but this.
    assert.match(answers[1] ?? '', /^(?:HTTP\/1\.1 431 |$)/);
  });

  test('a head that comes slowly is not waited for', async () => {
    const server = createServer({ pauseOnConnect: true });
    let malformed = 0;
    const http = new Http1Server({ headMs: () => 1_000, connect: (_, connection) => connection.reset(), malformed: (_, status) => (malformed = status), serve: () => {} });
    server.on('connection', (socket: Socket) => void http.serve(socket, socket, { tls: false }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.resume();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
    const drip = setInterval(() => socket.write('a:b\r\n'), 100);
    await closed;
    clearInterval(drip);
    http.close();
    server.close();
    assert.equal(malformed, 408);
  });
});
