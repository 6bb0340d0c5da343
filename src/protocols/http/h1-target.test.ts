import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Permit } from '../../pipeline/permits.ts';
import type { TargetPool } from './dial.ts';
import { Http1Pool } from './h1-pool.ts';
import { openTarget } from './h1-target.ts';

test('a target that goes on behind its answer, while the request still comes, is not read on; its answer is whole', { timeout: 10_000 }, async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {}).resume();
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n12', () => socket.write('34'));
      const more = (): void => {
        while (socket.writable && socket.write(Buffer.alloc(64 * 1024)));
        if (socket.writable) socket.once('drain', more);
      };
      setImmediate(more);
    });
  });
  const connected = Promise.withResolvers<Socket>();
  const closed = Promise.withResolvers<void>();
  server.once('connection', (socket: Socket) => {
    connected.resolve(socket);
    socket.once('close', () => closed.resolve());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const http1 = new Http1Pool({ where: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, tls: undefined });
  t.after(async () => {
    http1.close();
    (await connected.promise).destroy();
    server.close();
  });
  const target = openTarget({ http1 } as TargetPool, { spend: () => {} } as Permit, { method: 'POST', head: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', length: undefined, bodiless: false });
  target.write(Buffer.from('a'));
  const { body } = await target.answer;
  // Nobody reads the answer meanwhile.
  await closed.promise;
  const pieces = Buffer.isBuffer(body) ? [body] : await body.toArray();
  assert.equal(Buffer.concat(pieces).toString(), '1234');
  assert.equal(target.write(Buffer.from('b')), true);
  target.end();
});
