import { Worker } from 'node:worker_threads';
import type { CheckRequest, CheckResult } from './self-check.ts';

/** Checks a log in a thread of its own, so that nothing that is admitted meanwhile waits for it. `done` rejects when it cannot be read, or was stopped. */
export const checkInThread = (request: CheckRequest): { readonly done: Promise<CheckResult>; readonly stop: () => void } => {
  const file = import.meta.url.endsWith('.ts') ? './self-check-worker.ts' : './self-check-worker.js';
  const worker = new Worker(new URL(file, import.meta.url), { stdin: false, workerData: request, resourceLimits: { maxOldGenerationSizeMb: 256 } });
  const done = new Promise<CheckResult>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('it was stopped')));
  });
  worker.unref();
  return { done, stop: () => void worker.terminate() };
};
