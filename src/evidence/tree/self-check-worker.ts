import { parentPort, workerData } from 'node:worker_threads';
import { giveWay } from '../give-way.ts';
import { selfCheck, type CheckRequest } from './self-check.ts';

giveWay();
parentPort?.postMessage(await selfCheck(workerData as CheckRequest));
