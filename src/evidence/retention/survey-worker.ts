import { parentPort, workerData } from 'node:worker_threads';
import { giveWay } from '../give-way.ts';
import { survey } from './survey.ts';

/** The thread in which a whole log is read, so that no command waits for it. */
const port = parentPort;
if (!port) throw new Error('runs as a worker thread only');
giveWay();
port.postMessage(await survey((workerData as { readonly folder: string }).folder));
