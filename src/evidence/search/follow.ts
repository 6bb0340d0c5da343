import { Worker } from 'node:worker_threads';

/** What the thread needs to know. */
export interface FollowData {
  readonly folder: string;
  readonly indexes: string;
  readonly keysFolder: string;
  /** Where the keys folder has it wrapped. */
  readonly kek?: Uint8Array;
}

export interface FollowOptions extends FollowData {
  /** Milliseconds until the thread starts; default 5 seconds, since a start has other things to do first. */
  readonly delay?: number;
  /** The thread ended with an error; it is started again after a minute. */
  readonly onProblem: (problem: string) => void;
}

const FIRST_MS = 5000;
const AGAIN_MS = 60_000;
const FAREWELL_MS = 2000;

/**
 * Keeps a log's index in step in a thread of its own, so that a search finds it ready. The log does not wait for it and does not know of
 * it: what is missing in the index is taken in by the search itself.
 */
export const followLog = ({ onProblem, delay = FIRST_MS, ...data }: FollowOptions): { close(): Promise<void> } => {
  let worker: Worker | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const start = (): void => {
    const file = import.meta.url.endsWith('.ts') ? './follow-worker.ts' : './follow-worker.js';
    const started = new Worker(new URL(file, import.meta.url), { stdin: false, workerData: data satisfies FollowData, resourceLimits: { maxOldGenerationSizeMb: 256 } });
    worker = started;
    started.unref();
    started.once('error', (error) => {
      if (closed) return;
      onProblem(error instanceof Error ? error.message : 'unknown');
      timer = setTimeout(start, AGAIN_MS);
      timer.unref();
    });
  };
  timer = setTimeout(start, delay);
  timer.unref();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      const ending = worker;
      if (!ending) return;
      const late = setTimeout(() => void ending.terminate(), FAREWELL_MS);
      const ended = new Promise<void>((resolve) => {
        ending.once('exit', () => resolve());
      });
      ending.postMessage('end');
      // It may have ended before it was asked to.
      if (ending.threadId !== -1) await ended;
      clearTimeout(late);
    },
  };
};
