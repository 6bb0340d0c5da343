import { once } from 'node:events';
import * as http2 from 'node:http2';
import { createServer, Socket, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { queryObjects } from 'node:v8';
import { until } from '../../../test/kit/until.ts';
import { Http2Pool } from './h2-pool.ts';
import { Http2Connection, Http2Server } from './h2-server.ts';

const PARTS = { channel: { tls: false }, serve: () => {}, asked: () => {}, malformed: () => {} };

/** A server of the gateway's, and what it has served. */
const listening = async (): Promise<{ readonly port: number; readonly closed: Promise<void>; readonly stop: () => void }> => {
  const http2Server = new Http2Server();
  const all = Promise.withResolvers<void>();
  const server = createServer((socket) => void http2Server.serve(socket, PARTS).closed.then(all.resolve));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, closed: all.promise, stop: () => void server.close() };
};

/** Until memory, once it was collected, holds no object of this class. */
const forgotten = async (kind: new (...args: never[]) => object): Promise<void> => {
  await until(() => queryObjects(kind, { format: 'count' }) === 0, 20_000, `no ${kind.name} to be kept`);
};

test('nothing is kept of a connection of a client that has closed', async () => {
  const { port, closed, stop } = await listening();
  const client = http2.connect(`http://127.0.0.1:${port}`);
  await once(client, 'connect');
  client.close();
  await closed;
  await forgotten(Http2Connection);
  stop();
});

test('nothing is kept of a connection to a target when its session is over', async () => {
  class Dialled extends Socket {}
  const { port, closed, stop } = await listening();
  const pool = new Http2Pool('http://target', async () => {
    const socket = new Dialled().connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  });
  (await pool.place())?.leave();
  pool.close();
  await closed;
  await forgotten(Dialled);
  stop();
});
