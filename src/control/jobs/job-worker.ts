import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { giveWay } from '../../evidence/give-way.ts';
import { nodeDisk } from '../../evidence/node-disk.ts';
import { exportPack, periodsOf } from '../../evidence/pack/export.ts';
import { openBodies } from '../../evidence/unseal.ts';
import { verify } from '../../evidence/verify/verify.ts';
import type { JobEnd, JobWork } from './jobs.ts';

/** The thread of one long work: it reads the whole log, and no command waits for it. */
const port = parentPort;
if (!port) throw new Error('runs as a worker thread only');
giveWay();

const MOST_FINDINGS = 100;

const run = async (work: JobWork): Promise<JobEnd> => {
  if (work.kind === 'verify') {
    const { integrity, completeness, records, checkpoints } = await verify(work.folder, work.keysFolder === undefined ? {} : { keys: work.keysFolder });
    const faults = [...(integrity.fault ? [integrity.fault] : []), ...(integrity.further ?? [])].map(({ what, sequence }) => (sequence === undefined ? what : `${what} (record ${sequence})`));
    const gaps = completeness.gaps.map(({ what }) => what);
    const ok = integrity.ok && completeness.verdict !== 'incomplete';
    return { ok, result: `${records} records, ${checkpoints.covered} of them under a signed checkpoint: ${ok ? 'nothing was altered, nothing is missing' : 'NOT VERIFIED'}`, findings: [...faults, ...gaps].slice(0, MOST_FINDINGS) };
  }
  const { folders, from, to, seed, sample, texts, by, out, keysFolder, kek } = work;
  const periods = await periodsOf(folders, from, to);
  const opener = texts ? openBodies(keysFolder, nodeDisk, kek && Buffer.from(kek)) : undefined;
  const manifest = await exportPack({ folders, from, to, seed, sample, opener, by, out, now: new Date() }, periods);
  const digest = createHash('sha256');
  await pipeline(createReadStream(out), digest);
  return { result: manifest.logs.map(({ log, period }) => `${log}: ${period.end - period.first} records`).join('; '), findings: [], bytes: statSync(out).size, sha256: digest.digest('hex') };
};

port.postMessage(await run(workerData as JobWork));
