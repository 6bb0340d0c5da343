import { Worker } from 'node:worker_threads';
import type { FollowData } from '../../evidence/search/follow.ts';
import type { Readings } from './readings.ts';

export type Question = Exclude<keyof Readings, symbol>;

/** A question to the thread, and what came of it. */
export interface Asked {
  readonly id: number;
  readonly question: Question;
  readonly values: readonly unknown[];
}

export interface Answered {
  readonly id: number;
  readonly answer?: unknown;
  readonly failed?: { readonly code: 'invalid' | 'differs' | 'failed'; readonly message: string } | undefined;
}

/** Nothing could be read. `invalid`: what was asked is wrong. */
export class ReadingFailed extends Error {
  override name = 'ReadingFailed';
  readonly code: 'invalid' | 'differs' | 'failed' | 'busy';
  constructor(code: ReadingFailed['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Reads what is recorded, in threads of its own. */
export interface Reader {
  ask<Q extends Question>(question: Q, ...values: Parameters<Readings[Q]>): Promise<ReturnType<Readings[Q]>>;
  close(): Promise<void>;
}

/** Questions that wait for one thread; more are refused. */
const MOST_WAITING = 200;
/** A question that takes longer has met something that nobody should wait for: its thread is ended. */
const LONGEST_MS = 60_000;
/** These read much of the log, or open many texts: lists do not wait for them. */
const SLOW: ReadonlySet<Question> = new Set<Question>(['timeline', 'answer', 'replay', 'commands']);

/** Two threads: one for lists, one for recordings and searches. Each begins with the first question to it. */
export const createReader = (data: FollowData): Reader => {
  const [lists, recordings] = [new Thread(data), new Thread(data)];
  return {
    ask: (question, ...values) => {
      const searches = question === 'sessions' && (values[0] as { filters?: { text?: string } }).filters?.text !== undefined;
      return (searches || SLOW.has(question) ? recordings : lists).ask(question, values) as Promise<never>;
    },
    close: async () => {
      await Promise.all([lists.close(), recordings.close()]);
    },
  };
};

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

class Thread {
  readonly #data: FollowData;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 0;
  #closed = false;

  constructor(data: FollowData) {
    this.#data = data;
  }

  ask(question: Question, values: readonly unknown[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(new ReadingFailed('busy', 'the gateway is stopping'));
    if (this.#waiting.size >= MOST_WAITING) return Promise.reject(new ReadingFailed('busy', 'too much is being read at once: try again in a moment'));
    return new Promise((resolve, reject) => {
      const id = this.#next;
      this.#next += 1;
      const timer = setTimeout(() => void this.#end('it took too long to read that: ask for less'), LONGEST_MS);
      timer.unref();
      this.#waiting.set(id, { resolve, reject, timer });
      this.#running().postMessage({ id, question, values } satisfies Asked);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#end('the gateway is stopping');
  }

  #running(): Worker {
    if (this.#worker) return this.#worker;
    const file = import.meta.url.endsWith('.ts') ? './reader-worker.ts' : './reader-worker.js';
    const worker = new Worker(new URL(file, import.meta.url), { stdin: false, workerData: this.#data, resourceLimits: { maxOldGenerationSizeMb: 384 } });
    worker.unref();
    worker.on('message', ({ id, answer, failed }: Answered) => {
      const waiting = this.#waiting.get(id);
      if (!waiting) return;
      this.#waiting.delete(id);
      clearTimeout(waiting.timer);
      if (failed) waiting.reject(new ReadingFailed(failed.code, failed.message));
      else waiting.resolve(answer);
    });
    worker.once('error', (error) => {
      if (this.#worker === worker) void this.#end(error instanceof Error ? error.message : 'it could not be read');
    });
    this.#worker = worker;
    return worker;
  }

  /** Whoever waits is told, and the next question starts another thread. */
  async #end(reason: string): Promise<void> {
    const ended = this.#worker;
    this.#worker = undefined;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new ReadingFailed('failed', reason));
    }
    this.#waiting.clear();
    await ended?.terminate();
  }
}
