import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { startScene, type Scene } from './scene.ts';
import { gatewayWire, plain, say } from './wire.ts';

/*
 * Answers and data of any size pass without being held: the memory of the gateway is measured from outside, at its peak.
 */

const MB = 1024 * 1024;
/** What the garbage collector may be behind; the answers are several times as large. */
const SLACK = 90 * MB;

let scene: Scene;
before(async () => {
  scene = await startScene({
    // Nothing is recorded of answers, and nothing is masked: what is measured is the way through.
    connection: { evidence: { mode: 'effect', recordAnswers: '0B' } },
  });
});
after(() => scene[Symbol.asyncDispose]());

const memory = (what: 'VmRSS' | 'VmHWM'): number => Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${scene.gateway.pid}/status`, 'utf8'))?.[1]) * 1024;

/** Counts bytes without looking at them, until the answer has ended. */
const drain = async (text: string, slowly?: (socket: Socket) => Promise<void>): Promise<{ bytes: number; tail: string }> => {
  using wire = await gatewayWire(scene, 'reader');
  const { socket } = wire;
  socket.removeAllListeners('data');
  let bytes = 0;
  let tail = Buffer.alloc(0);
  const done = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      tail = Buffer.concat([tail, chunk]).subarray(-64);
      if (tail.subarray(-6).equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) resolve();
    });
  });
  const late = slowly?.(socket);
  wire.send(say.query(text));
  await late;
  await done;
  return { bytes, tail: tail.toString('latin1') };
};

test('a result of 150 MB in many rows passes in flat memory', async () => {
  await drain('SELECT 1');
  const before = memory('VmHWM');
  const { bytes, tail } = await drain("SELECT g, repeat('x', 1500) FROM generate_series(1, 100000) g");
  assert.ok(bytes > 150_000_000);
  assert.match(tail, /SELECT 100000/);
  assert.ok(memory('VmHWM') - before < SLACK, `grew by ${Math.round((memory('VmHWM') - before) / MB)} MB`);
});

test('one value of 200 MB passes in flat memory', async () => {
  const before = memory('VmHWM');
  const { bytes } = await drain("SELECT repeat('x', 200000000)");
  assert.ok(bytes > 200_000_000);
  assert.ok(memory('VmHWM') - before < SLACK, `grew by ${Math.round((memory('VmHWM') - before) / MB)} MB`);
});

test('a client that does not read stops the target, not the gateway', async () => {
  const before = memory('VmHWM');
  const { bytes } = await drain("SELECT g, repeat('x', 1500) FROM generate_series(1, 40000) g", async (socket) => {
    socket.pause();
    // Buffers of the kernel fill; then everything stands still, and others are served.
    await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'ClientWrite'")).length === 1, 20_000, 'the target waiting for its client');
    assert.equal((await scene.psql('reader', '-Atc', 'SELECT 42')).stdout, '42\n');
    await pause(200);
    socket.resume();
  });
  assert.ok(bytes > 60_000_000);
  assert.ok(memory('VmHWM') - before < SLACK, `grew by ${Math.round((memory('VmHWM') - before) / MB)} MB`);
});

test('a client that leaves in the middle of its answer ends its session at the target', async () => {
  const wire = await gatewayWire(scene, 'reader');
  wire.send(say.query("SELECT g, repeat('x', 1500) FROM generate_series(1, 10000) g, generate_series(1, 10000) h"));
  await wire.until('DataRow');
  wire.close();
  await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%generate_series(1, 10000) h%' AND pid <> pg_backend_pid()")).length === 0, 20_000, 'the end of the query');
});

test('COPY in of 100 MB, in messages of every size, passes in flat memory', async () => {
  await scene.target.query('CREATE TABLE bulk(v text); ALTER TABLE bulk OWNER TO app');
  using wire = await gatewayWire(scene, 'migrator');
  const before = memory('VmHWM');
  wire.send(say.query('COPY bulk FROM STDIN'));
  await wire.until('CopyInResponse');
  const line = Buffer.concat([Buffer.alloc(999, 'y'), Buffer.from('\n')]);
  const lines = Buffer.concat(Array.from({ length: 1000 }, () => line));
  const send = (bytes: Buffer): Promise<void> => new Promise((resolve) => (wire.socket.write(bytes) ? resolve() : wire.socket.once('drain', resolve)));
  for (let n = 0; n < 50; n++) await send(say.copyData(lines));
  // One message of 50 MB: larger than what the gateway would hold.
  await send(say.copyData(Buffer.concat(Array.from({ length: 50 }, () => lines))));
  wire.send(say.copyDone);
  assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['COPY 100000', 'ZI']);
  assert.ok(memory('VmHWM') - before < SLACK, `grew by ${Math.round((memory('VmHWM') - before) / MB)} MB`);
});

test('a session that ends in the middle of a value ends without a word inside the value', async () => {
  using wire = await gatewayWire(scene, 'reader');
  wire.socket.removeAllListeners('data');
  const chunks: Buffer[] = [];
  let total = 0;
  let resumed = false;
  wire.socket.on('data', (chunk: Buffer) => {
    total += chunk.length;
    chunks.push(chunk);
    if (total > 4 * MB && !resumed) wire.socket.pause();
  });
  wire.send(say.query("SELECT repeat('x', 200000000)"));
  await until(() => total > 4 * MB);
  const ended = await scene.gateway.cli('identities', 'revoke', 'reader', '--config', scene.gateway.configFile);
  assert.equal(ended.code, 0, ended.stderr);
  // The gateway sees it within a second, in which the whole answer would come.
  await until(() => scene.gateway.logLines().some((line) => line['msg'] === 'identity revoked' && line['identity'] === 'reader'));
  resumed = true;
  wire.socket.resume();
  await until(() => wire.closed, 20_000, 'the end of the connection');
  const received = Buffer.concat(chunks);
  assert.ok(received.length < 200_000_000);
  // T, D and then nothing but the value.
  const from = received.indexOf('xxxxxxxx');
  assert.ok(received.subarray(from).every((byte) => byte === 0x78));
});
