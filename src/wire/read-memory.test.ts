import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { ReadMemory } from './read-memory.ts';

/** A socket that is read into memory of its own, and its far end. */
const pair = async (t: TestContext): Promise<{ memory: ReadMemory; near: Socket; far: Socket }> => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const memory = new ReadMemory(true, true);
  const near = connect({ host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0, onread: memory.onread });
  memory.deliverTo(near);
  const [far] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { memory, near, far };
};

const pattern = (length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = at * 31 + (at >> 8);
  return bytes;
};

test('what is held on to stays as it was read, and every byte arrives in order', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 8 }), fc.array(fc.boolean(), { minLength: 1 }), async (lengths, keeps) => {
      const { memory, near, far } = await pair(t);
      const sent = pattern(lengths.reduce((sum, length) => sum + length, 0));
      // Views where they are held, copies where their memory is given back.
      const got: Buffer[] = [];
      let held = false;
      let reads = 0;
      memory.free = () => !held;
      near.on('data', (chunk: Buffer) => {
        held = keeps[reads++ % keeps.length] === true;
        got.push(held ? chunk : Buffer.from(chunk));
      });
      let at = 0;
      for (const length of lengths) {
        far.write(sent.subarray(at, at + length));
        at += length;
      }
      far.end();
      await once(near, 'end');
      assert.deepEqual(Buffer.concat(got), sent);
    }),
    { numRuns: 30 },
  );
});

test('sockets that are read in turn, short and long, each get their own bytes', async (t) => {
  const pairs = await Promise.all(Array.from({ length: 24 }, () => pair(t)));
  const all = pairs.map(async ({ memory, near, far }, number) => {
    memory.free = () => number % 2 === 0;
    const got: Buffer[] = [];
    near.on('data', (chunk: Buffer) => got.push(chunk.length > 2048 ? Buffer.from(chunk) : chunk));
    const sent: Buffer[] = [];
    for (let turn = 0; turn < 200; turn++) {
      const bytes = Buffer.alloc(turn % 50 === 49 ? 100_000 : 1 + ((turn * 37 + number) % 2048), `${number} ${turn} `);
      sent.push(bytes);
      // One turn of the loop for each, so that reads of all sockets come in between.
      await new Promise((done) => far.write(bytes, done));
    }
    far.end();
    await once(near, 'end');
    assert.ok(Buffer.concat(got).equals(Buffer.concat(sent)), `socket ${number}`);
  });
  await Promise.all(all);
});

test('a paused socket is not read, and goes on where it stopped', async (t) => {
  const { near, far } = await pair(t);
  const sent = pattern(8 * 1024 * 1024);
  const got: Buffer[] = [];
  near.on('data', (chunk: Buffer) => {
    assert.ok(!near.isPaused());
    got.push(Buffer.from(chunk));
    near.pause();
    setImmediate(() => near.resume());
  });
  far.end(sent);
  await once(near, 'end');
  assert.ok(Buffer.concat(got).equals(sent));
});

test('long reads that nobody holds on to come in the same memory', async (t) => {
  const { memory, near, far } = await pair(t);
  memory.free = () => true;
  const seen = new Set<ArrayBufferLike>();
  let bytes = 0;
  near.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (chunk.length > 2048) seen.add(chunk.buffer);
  });
  far.end(Buffer.alloc(4 * 1024 * 1024));
  await once(near, 'end');
  assert.equal(bytes, 4 * 1024 * 1024);
  assert.ok(seen.size <= 2, `${seen.size} buffers`);
});

test('memory that is free only when the next read comes is used again then', async (t) => {
  const { memory, near, far } = await pair(t);
  // Behind a read it is asked for once at once, and once before the next one is handed on.
  let asked = 0;
  memory.free = () => asked++ > 0;
  const seen = new Set<ArrayBufferLike>();
  let bytes = 0;
  near.on('data', (chunk: Buffer) => {
    asked = 0;
    bytes += chunk.length;
    if (chunk.length > 2048) seen.add(chunk.buffer);
  });
  far.end(Buffer.alloc(16 * 1024 * 1024));
  await once(near, 'end');
  assert.equal(bytes, 16 * 1024 * 1024);
  assert.ok(seen.size <= 6, `${seen.size} buffers`);
});

test('a stream that goes on and on is read in wide buffers: of so many sockets at a time, and of others once those are closed', async (t) => {
  const body = Buffer.alloc(16 * 1024 * 1024);
  /** Whether more than a long buffer came at once, and how to end: there the socket stops, and keeps its wide one. */
  const stream = async (): Promise<{ readonly wide: boolean; readonly close: () => Promise<void> }> => {
    const { memory, near, far } = await pair(t);
    memory.free = () => true;
    far.on('error', () => {}).end(body);
    const wide = await new Promise<boolean>((resolve) => {
      near.once('end', () => resolve(false));
      near.on('data', (chunk: Buffer) => {
        if (chunk.length <= 64 * 1024) return;
        near.pause();
        resolve(true);
      });
    });
    const close = async (): Promise<void> => {
      if (near.closed) return;
      const closed = once(near, 'close');
      near.destroy();
      await closed;
    };
    return { wide, close };
  };
  const streams = [];
  for (let count = 0; count < 18; count++) streams.push(await stream());
  assert.deepEqual(streams.map(({ wide }) => wide), Array.from({ length: 18 }, (_, index) => index < 16));
  await streams[0]?.close();
  const next = await stream();
  assert.equal(next.wide, true);
  for (const { close } of [...streams, next]) await close();
});

test('whether wide buffers are read into is asked for in the middle of a stream', async (t) => {
  const { memory, near, far } = await pair(t);
  memory.free = () => true;
  memory.widens = false;
  const LONG = 64 * 1024;
  far.on('error', () => {}).end(Buffer.alloc(64 * 1024 * 1024));
  let before = 0;
  let behind = 0;
  await new Promise<void>((resolve, reject) => {
    near.once('end', () => reject(new Error('no wide read came')));
    near.on('data', ({ length }: Buffer) => {
      if (before < 4 * 1024 * 1024) {
        before += length;
        if (length > LONG) reject(new Error('a wide read before it was asked for'));
        memory.widens = before >= 4 * 1024 * 1024;
      } else if (memory.widens) memory.widens = length <= LONG;
      else {
        behind += length;
        if (length > LONG) reject(new Error('a wide read when it was not asked for any more'));
        if (behind > 4 * 1024 * 1024) resolve();
      }
    });
  });
});
