import { parentPort, workerData } from 'node:worker_threads';
import { selfCheck, type CheckRequest } from './self-check.ts';

parentPort?.postMessage(await selfCheck(workerData as CheckRequest));
