import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { availableParallelism } from 'node:os';
import { ProcessorWait } from './processor-wait.ts';

const busyFor = (milliseconds: number): void => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
};

test('what a thread waits for a processor grows while others want it, and is no more than the time that passes', { skip: process.platform === 'linux' ? false : 'told by Linux only' }, async () => {
  const wait = new ProcessorWait();
  // The same thread: tests run on the main one.
  const main = new ProcessorWait('main');
  // More threads than processors: each waits for the others.
  const others = Array.from({ length: availableParallelism() * 2 }, () => new Worker(`const { parentPort } = require('node:worker_threads'); parentPort.postMessage('on'); for (;;);`, { eval: true }));
  await Promise.all(others.map((other) => new Promise((resolve) => other.once('message', resolve))));
  const [began, before] = [performance.now(), wait.milliseconds];
  let waited = 0;
  for (; waited === 0 && performance.now() - began < 20_000; waited = wait.milliseconds - before) busyFor(20);
  const passed = performance.now() - began;
  await Promise.all(others.map((other) => other.terminate()));
  const [own, same, later] = [wait.milliseconds, main.milliseconds, wait.milliseconds];
  wait.close();
  main.close();
  assert.ok(own <= same && same <= later, `${same} ms is not between ${own} ms and ${later} ms`);
  assert.ok(waited > 0 && waited <= passed, `${waited} ms of ${passed}`);
});
