import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { takenOver } from './accepted.ts';

/** A client, and the socket that a server took over for it. */
const pair = async (t: TestContext): Promise<{ accepted: Socket; near: Socket; far: Socket }> => {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  const near = takenOver(accepted);
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { accepted, near, far };
};

test('this version of Node lets an accepted socket be taken over, and the server no longer counts the first one', async (t) => {
  const { accepted, near, far } = await pair(t);
  assert.notEqual(near, accepted);
  assert.ok(accepted.destroyed);
  assert.equal(near.remotePort, far.localPort);
  assert.equal(near.isPaused(), true);
});

test('what it reads shares the memory of others only until it is handed on', async (t) => {
  const [one, other] = [await pair(t), await pair(t)];
  const got = new Map([one, other].map(({ near }) => [near, [] as Buffer[]]));
  for (const [near, chunks] of got) near.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  for (let turn = 0; turn < 50; turn++) {
    for (const { near, far } of [one, other]) {
      const letter = near === one.near ? 'a' : 'b';
      far.write(letter.repeat(1 + turn * 61));
      await once(near, 'data');
    }
  }
  const ended = [one, other].map(({ near }) => once(near, 'end'));
  for (const { far } of [one, other]) far.end();
  await Promise.all(ended);
  const length = Array.from({ length: 50 }, (_, turn) => 1 + turn * 61).reduce((sum, size) => sum + size);
  assert.equal(Buffer.concat(got.get(one.near) ?? []).toString(), 'a'.repeat(length));
  assert.equal(Buffer.concat(got.get(other.near) ?? []).toString(), 'b'.repeat(length));
});

test('nothing is read while it is paused, and what was put back comes first', async (t) => {
  const { near, far } = await pair(t);
  far.write('hello');
  near.on('data', (chunk: Buffer) => {
    near.pause();
    near.emit('got', chunk);
  });
  near.resume();
  assert.equal(String((await once(near, 'got'))[0]), 'hello');
  far.write('world');
  near.unshift(Buffer.from('llo'));
  near.resume();
  assert.equal(String((await once(near, 'got'))[0]), 'llo');
  assert.equal(near.isPaused(), true);
  near.resume();
  assert.equal(String((await once(near, 'got'))[0]), 'world');
});

test('a client that goes is told of: by an end, and by a reset', async (t) => {
  const { near, far } = await pair(t);
  near.resume();
  far.end();
  await once(near, 'end');
  await once(near, 'close');
  const reset = await pair(t);
  reset.near.resume();
  reset.far.resetAndDestroy();
  await assert.rejects(once(reset.near, 'end'), { code: 'ECONNRESET' });
});
