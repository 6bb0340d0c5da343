import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { Outgoing } from './outgoing.ts';

/** Two ends of a TCP connection; the far one is paused. */
const pair = async (t: TestContext): Promise<{ near: Socket; far: Socket }> => {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const near = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
};
const receive = async (far: Socket, count: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let got = 0;
  far.resume();
  while (got < count) {
    const [chunk] = (await once(far, 'data')) as [Buffer];
    chunks.push(chunk);
    got += chunk.length;
  }
  return Buffer.concat(chunks);
};

test('every byte arrives in order, however the pieces lie in memory', async (t) => {
  const { near, far } = await pair(t);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ length: fc.integer({ min: 0, max: 40_000 }), fresh: fc.boolean(), flush: fc.boolean() }), { minLength: 1, maxLength: 12 }), async (plan) => {
      const memory = Buffer.alloc(plan.reduce((sum, { length }) => sum + length, 1));
      for (let i = 0; i < memory.length; i++) memory[i] = i * 31 + (i >> 8);
      const out = new Outgoing(near);
      const expected: Buffer[] = [];
      let at = 0;
      for (const { length, fresh, flush } of plan) {
        const piece = memory.subarray(at, at + length);
        at += length;
        expected.push(piece);
        if (fresh) out.add(Buffer.from(piece));
        else out.pass(memory, at - length, length);
        if (flush) out.flush();
      }
      out.flush();
      assert.equal(out.pending, 0);
      const whole = Buffer.concat(expected);
      assert.deepEqual(whole.length === 0 ? whole : await receive(far, whole.length), whole);
    }),
    { numRuns: 60 },
  );
});

test('pieces of one chunk leave in one write, without a copy', async (t) => {
  const { near, far } = await pair(t);
  const out = new Outgoing(near);
  const chunk = Buffer.alloc(1000, 1);
  const written: Uint8Array[] = [];
  const write = near.write.bind(near);
  near.write = (data: Uint8Array | string): boolean => {
    written.push(data as Uint8Array);
    return write(data);
  };
  for (let at = 0; at < 1000; at += 100) out.add(chunk.subarray(at, at + 100));
  assert.equal(out.pending, 1000);
  out.flush();
  assert.equal(written.length, 1);
  assert.equal(written[0]?.buffer, chunk.buffer);
  assert.deepEqual(await receive(far, 1000), chunk);
});

test('a slow reader is noticed, and its end too', async (t) => {
  const { near, far } = await pair(t);
  const out = new Outgoing(near);
  let more = true;
  for (let i = 0; i < 1000 && more; i++) {
    out.add(Buffer.alloc(256 * 1024));
    out.add(Buffer.alloc(1));
    more = out.flush();
  }
  assert.equal(more, false);
  assert.equal(out.flush(), false, 'nothing to write, but no room either');
  const drained = new Promise<void>((resolve) => out.drained(resolve));
  far.resume();
  await drained;
  assert.equal(out.flush(), true);
  let called = false;
  out.drained(() => {
    called = true;
  });
  assert.ok(called, 'there is room now');
  near.destroy();
  out.add(Buffer.from('late'));
  assert.equal(out.flush(), true, 'dropped');
  assert.equal(out.pending, 0);
});
