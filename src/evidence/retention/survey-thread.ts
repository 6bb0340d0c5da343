import { Worker } from 'node:worker_threads';
import type { Survey } from './survey.ts';

/** Reads a log from end to end in a thread of its own. Rejects with what the reading says. */
export const surveyInThread = (folder: string): Promise<Survey> =>
  new Promise((resolve, reject) => {
    const file = import.meta.url.endsWith('.ts') ? './survey-worker.ts' : './survey-worker.js';
    const worker = new Worker(new URL(file, import.meta.url), { stdin: false, workerData: { folder }, resourceLimits: { maxOldGenerationSizeMb: 512 } });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the log could not be read')));
  });
