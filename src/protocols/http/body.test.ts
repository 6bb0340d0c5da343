import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { KeptBody, KeptBytes } from './body.ts';

const MIB = 1024 * 1024;
const QUARTER = 64 * MIB;

describe('what is kept of bodies', () => {
  test('one owner has a quarter, and four of them all', () => {
    const kept = new KeptBytes();
    for (const owner of ['a', 'b', 'c', 'd']) {
      assert.ok(kept.of(owner).take(QUARTER));
      assert.ok(!kept.of(owner).take(1));
    }
    assert.ok(!kept.of('e').take(1));
    kept.of('a').add(-QUARTER);
    assert.ok(kept.of('e').take(QUARTER));
    assert.ok(!kept.of('a').take(1));
  });

  test('a body that finds no room is kept on, and given back whole', async () => {
    const kept = new KeptBytes();
    assert.ok(kept.of('a').take(QUARTER - 10));
    const read = (owner: string): KeptBody => new KeptBody(Readable.from([Buffer.alloc(20)], { objectMode: false }), MIB, kept.of(owner));
    const [mine, other] = [read('a'), read('b')];
    assert.equal(await mine.read(), 'no room');
    assert.equal(await other.read(), 'whole');
    assert.equal(Buffer.concat(mine.release()).length, 20);
    assert.ok(kept.of('a').take(10));
    assert.ok(!kept.of('a').take(1));
  });

  test('one that is larger than may be kept is too large, also where there is no room', async () => {
    const kept = new KeptBytes();
    assert.ok(kept.of('a').take(QUARTER));
    assert.equal(await new KeptBody(Readable.from([Buffer.alloc(20)], { objectMode: false }), 10, kept.of('a')).read(), 'too large');
  });
});

test('a body that comes without a pause and does not end is not waited for longer than its time', async () => {
  let sent = 0;
  // One byte at a time, for ever: it never stands still.
  const stream = new Readable({ read: () => void setImmediate(() => stream.push(Buffer.from([(sent += 1) & 0xff]))) });
  const body = new KeptBody(stream, 64 * MIB, new KeptBytes().of('a'), 200);
  assert.equal(await body.read(), 'idle');
  assert.ok(body.size > 1, 'it came busily');
  stream.destroy();
});

test('looking at its first byte and reading it to its end share that time', async () => {
  const stream = new PassThrough();
  const body = new KeptBody(stream, MIB, new KeptBytes().of('a'), 200);
  stream.write('{');
  assert.equal((await body.begin()).to, 'enough');
  const before = performance.now();
  assert.equal(await body.read(), 'idle');
  assert.ok(performance.now() - before < 30_000);
});

test('what is handed over is read no more: the rest is neither kept nor held up, and what was kept is given back', async () => {
  const kept = new KeptBytes();
  const stream = new PassThrough();
  const body = new KeptBody(stream, 10, kept.of('a'));
  stream.write('first');
  assert.equal(await body.readWithin(1), undefined);
  assert.equal(Buffer.concat(body.release()).toString(), 'first');
  let rest = '';
  stream.on('data', (chunk: Buffer) => (rest += chunk.toString())).resume();
  const ended = new Promise((resolve) => stream.once('end', resolve));
  for (const text of ['second, ', 'third and ', 'last']) stream.write(text);
  stream.end();
  await ended;
  assert.equal(rest, 'second, third and last');
  assert.equal(body.release().length, 0);
  assert.ok(kept.of('a').take(QUARTER), 'something is still counted as kept');
});
