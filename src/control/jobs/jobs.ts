import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Job } from '../api/schema/evidence.ts';
import { Refused } from '../api/refused.ts';

/** What a thread is given. */
export type JobWork =
  | { readonly kind: 'verify'; readonly folder: string; /** Opens sealed bodies; undefined where the key-encryption key is wrapped, which verification does not know of. */ readonly keysFolder: string | undefined }
  | {
      readonly kind: 'export';
      readonly folders: readonly string[];
      readonly from: string;
      readonly to: string;
      readonly seed: string | undefined;
      readonly sample: number;
      /** Open the texts of what is sampled. */
      readonly texts: boolean;
      readonly by: string;
      readonly out: string;
      readonly keysFolder: string;
      readonly kek: Uint8Array | undefined;
    };

/** What came of it. */
export interface JobEnd {
  readonly ok?: boolean;
  readonly result: string;
  readonly findings: readonly string[];
  readonly bytes?: number;
  readonly sha256?: string;
}

export type ExportWish = Pick<Extract<JobWork, { kind: 'export' }>, 'folders' | 'from' | 'to' | 'seed' | 'sample' | 'texts'>;

export interface JobParts {
  readonly logFolder: string;
  readonly keysFolder: string;
  readonly kek: Uint8Array | undefined;
  /** Where packs lie until they are fetched; emptied at start. */
  readonly packs: string;
  readonly now: () => number;
  readonly changed: (job: Job) => void;
}

/** Jobs that are remembered, and with them their packs. */
const MOST_JOBS = 20;
/** A pack holds texts in clear: it does not lie about. */
const PACK_MS = 3_600_000;

/** Long work on the log, one at a time, in a thread that ends with it. */
export class Jobs {
  readonly #parts: JobParts;
  readonly #jobs = new Map<string, Job>();
  #running: Worker | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(parts: JobParts) {
    this.#parts = parts;
    mkdirSync(parts.packs, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(parts.packs)) rmSync(join(parts.packs, name), { recursive: true, force: true });
  }

  newId(): string {
    return randomBytes(8).toString('hex');
  }

  /** Throws Refused when one is running already. */
  free(): void {
    if (this.#running) throw new Refused(409, 'conflict', 'another verification or export is running: wait for its end');
  }

  verify(id: string, by: string): Job {
    const { logFolder, keysFolder, kek } = this.#parts;
    return this.#start(id, by, { kind: 'verify', folder: logFolder, keysFolder: kek ? undefined : keysFolder });
  }

  /** `by`: who is named in the pack; `shown`: in the list of jobs. */
  export(id: string, shown: string, by: string, wish: ExportWish): Job {
    const { keysFolder, kek } = this.#parts;
    return this.#start(id, shown, { kind: 'export', ...wish, by, out: this.packOf(id), keysFolder, kek });
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Newest first. */
  list(): readonly Job[] {
    return [...this.#jobs.values()].reverse();
  }

  packOf(id: string): string {
    return join(this.#parts.packs, `${id}.zip`);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#running?.terminate();
    rmSync(this.#parts.packs, { recursive: true, force: true });
  }

  #start(id: string, by: string, work: JobWork): Job {
    this.free();
    const { now } = this.#parts;
    const job: Job = { id, kind: work.kind, state: 'running', startedAt: new Date(now()).toISOString(), by, findings: [] };
    this.#put(job);
    const file = import.meta.url.endsWith('.ts') ? './job-worker.ts' : './job-worker.js';
    const worker = new Worker(new URL(file, import.meta.url), { stdin: false, workerData: work, resourceLimits: { maxOldGenerationSizeMb: 768 } });
    worker.unref();
    this.#running = worker;
    const end = (state: 'done' | 'failed', ended: JobEnd): void => {
      if (this.#running !== worker) return;
      this.#running = undefined;
      this.#put({ ...job, state, endedAt: new Date(now()).toISOString(), ...ended, findings: [...ended.findings] });
      if (work.kind === 'export') this.#later(() => this.#drop(id));
    };
    worker.once('message', (ended: JobEnd) => end('done', ended));
    worker.once('error', (error) => end('failed', { result: error instanceof Error ? error.message : 'it failed', findings: [] }));
    worker.once('exit', () => end('failed', { result: 'it ended early', findings: [] }));
    return job;
  }

  #put(job: Job): void {
    this.#jobs.set(job.id, job);
    if (this.#jobs.size > MOST_JOBS) this.#drop(this.#jobs.keys().next().value ?? '');
    this.#parts.changed(job);
  }

  #drop(id: string): void {
    this.#jobs.delete(id);
    rmSync(this.packOf(id), { force: true });
  }

  #later(act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, PACK_MS);
    timer.unref();
    this.#timers.add(timer);
  }
}
