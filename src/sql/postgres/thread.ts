import { Worker } from 'node:worker_threads';
import type { Catalog, NameContext } from '../catalog.ts';
import type { Asker, GrantedFunctions, InvalidText } from '../understand.ts';
import type { Answer, FromWorker, ToWorker } from './protocol.ts';
import { TimeLimit, type Used } from './time-limit.ts';
import { Turns } from './turns.ts';

export interface ThreadOptions {
  /** Longest processor time for one text, in milliseconds. */
  readonly timeout: number;
  /** Most texts and bytes that wait. */
  readonly queue: number;
  readonly queueBytes: number;
  /** Texts after which the thread is replaced, because the parser's memory only grows. */
  readonly recycleAfter: number;
}

/** Catalogs that one thread keeps. */
const MOST_CATALOGS = 64;

/** Texts of one session that may wait at once; a session asks for one message at a time. */
const MOST_OF_ONE = 200;

/** One text on its way through the parser. */
export interface Job {
  readonly asker: Asker;
  readonly text: Uint8Array;
  readonly catalog: Catalog;
  readonly names: NameContext;
  readonly granted: GrantedFunctions;
  /** Undefined: it does not parse, took too long, broke the parser, or there was no room in the queue. */
  readonly done: (answer: Answer | undefined, invalid?: InvalidText) => void;
}

/** The parser's thread: one text at a time, in fair turns, replaced whenever it may be damaged. */
export class ParserThread {
  readonly #options: ThreadOptions;
  readonly #waiting = new Turns<Job>();
  #bytes = 0;
  #worker: Worker | undefined;
  #ready = false;
  #current: Job | undefined;
  #began = 0;
  #limit: TimeLimit | undefined;
  /** What the thread had used of a processor when it spoke last. */
  #used: Used = { user: 0, system: 0 };
  #parsed = 0;
  #known = new Map<string, true>();
  #closed = false;
  /** Threads that were started, for tests and metrics. */
  started = 0;
  readonly #ending = new Set<Promise<unknown>>();

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#start();
  }

  /** Queues a text. `done` is called exactly once, never from inside this call unless there is no room. */
  submit(job: Job): void {
    if (this.#closed || this.#waiting.length >= this.#options.queue || this.#waiting.of(job.asker) >= MOST_OF_ONE || this.#bytes + job.text.length > this.#options.queueBytes) {
      job.done(undefined);
      return;
    }
    this.#bytes += job.text.length;
    this.#waiting.push(job);
    this.#next();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    this.#finish(undefined);
    for (const job of this.#waiting.drain()) job.done(undefined);
    await Promise.all(this.#ending);
  }

  #start(): void {
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
    const worker = new Worker(new URL(file, import.meta.url), { stdin: false, resourceLimits: { stackSizeMb: 16, maxOldGenerationSizeMb: 1024 } });
    this.started++;
    this.#worker = worker;
    this.#ready = false;
    this.#parsed = 0;
    this.#known = new Map();
    worker.on('message', (message: FromWorker) => {
      if (worker === this.#worker) this.#answered(message);
    });
    const ended = (): void => {
      if (worker === this.#worker) this.#replace();
    };
    worker.on('error', ended);
    worker.on('exit', ended);
    this.#hold();
  }

  #stop(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    if (!worker) return;
    const ending = worker.terminate().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** The text that is in work goes unparsed; those that wait go to the next thread. */
  #replace(): void {
    this.#stop();
    this.#finish(undefined);
    if (!this.#closed) this.#start();
  }

  #answered(message: FromWorker): void {
    this.#used = message.used;
    switch (message.kind) {
      case 'ready':
        this.#ready = true;
        this.#hold();
        this.#next();
        return;
      case 'broken':
        this.#replace();
        return;
      case 'unparsed':
      case 'answer':
        this.#finish(message.kind === 'answer' ? message.answer : undefined, message.kind === 'unparsed' ? message.invalid : undefined);
        if (++this.#parsed >= this.#options.recycleAfter) this.#replace();
        else this.#next();
    }
  }

  #finish(answer: Answer | undefined, invalid?: InvalidText): void {
    const job = this.#current;
    this.#current = undefined;
    this.#limit?.clear();
    this.#hold();
    if (!job) return;
    this.#waiting.spend(job.asker, performance.now() - this.#began);
    job.done(answer, invalid);
  }

  #next(): void {
    this.#hold();
    if (!this.#ready || this.#current || !this.#worker) return;
    const worker = this.#worker;
    const job = this.#waiting.shift();
    if (!job) return;
    this.#bytes -= job.text.length;
    this.#current = job;
    this.#began = performance.now();
    this.#tell(job.catalog);
    this.#post({ kind: 'analyse', text: job.text, catalog: job.catalog.id, names: job.names, granted: job.granted });
    this.#limit = new TimeLimit(this.#options.timeout, this.#used, () => worker.cpuUsage(), () => this.#replace());
  }

  /** Hands over a catalog the first time that it is used; forgets the one not used for longest. */
  #tell(catalog: Catalog): void {
    const { id } = catalog;
    if (!this.#known.delete(id)) {
      this.#post({ kind: 'catalog', catalog });
      const [oldest] = this.#known.keys();
      if (oldest !== undefined && this.#known.size >= MOST_CATALOGS) {
        this.#known.delete(oldest);
        this.#post({ kind: 'forget', id: oldest });
      }
    }
    this.#known.set(id, true);
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  /** The thread keeps the process alive only while something waits for it. */
  #hold(): void {
    if (this.#current || this.#waiting.length > 0) this.#worker?.ref();
    else this.#worker?.unref();
  }
}
