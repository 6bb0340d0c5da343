import { createHash, hash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { openEvidenceLog, type EvidenceLogOptions } from '../../open.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../../testdata/records.ts';
import { openBodies } from '../../unseal.ts';
import type { Sha256 } from '../../verify/pack/bytes.ts';
import { trustIn } from '../../verify/pack/policy.ts';
import type { PackVerdict } from '../../verify/pack/verdict.ts';
import { verifyPack } from '../../verify/pack/verify.ts';
import { openZip } from '../../verify/pack/zip.ts';
import { exportPack, periodsOf, type Manifest } from '../export.ts';
import { ZipFile } from '../zip-file.ts';

export const nodeSha256: Sha256 = {
  of: (bytes) => hash('sha256', bytes, 'buffer'),
  stream: () => {
    const state = createHash('sha256');
    return { update: (bytes) => void state.update(bytes), digest: () => state.digest() };
  },
};

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 1, 22);

/** The period that packs of the tests are of. */
export const FROM = '2026-11-02T00:00:00.000Z';
export const TO = '2026-11-03T00:00:00.000Z';

export interface MadeEvidence {
  readonly folder: string;
  readonly keys: string;
  readonly vkey: string;
}

/**
 * A log of three days: a session that reaches over from the first into the second, others within it and beyond, refusals,
 * changes, names that a spreadsheet would run, and records behind it. Signed in between. `silentHours`: of the second day, in which the gateway runs and writes
 * nothing.
 */
export const makeEvidence = async (base: string, silentHours = 0): Promise<MadeEvidence> => {
  const [folder, keys] = [join(base, 'evidence'), join(base, 'keys')];
  let elapsed = 0;
  const clock = { wall: () => START + elapsed, monotonic: () => elapsed * 1000 };
  const options: EvidenceLogOptions = { folder, keysFolder: keys, instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 256 * 1024, clock };
  const first = await openEvidenceLog(options);
  const sign = async (log: typeof first): Promise<void> => {
    await durable(log.append({ kind: 'heartbeat', sessions: 1 }));
    await log.tree.sign();
    // Where the next segment is not ready in time, nothing is admitted.
    await log.prepare();
  };
  const hours = async (log: typeof first, count: number): Promise<void> => {
    for (let minute = 0; minute < count * 60; minute += 1) {
      elapsed += HOUR / 60;
      if (minute % 2 === 0) log.append({ kind: 'heartbeat', sessions: 1 });
    }
    await sign(log);
  };
  first.append(sessionOpen('over-midnight'));
  run(first, 'over-midnight', 1, 3);
  await sign(first);
  await hours(first, 1);
  await hours(first, 3);
  run(first, 'over-midnight', 4, 6);
  first.append(sessionClose('over-midnight', 6));
  first.append(sessionOpen('day'));
  run(first, 'day', 1, 9);
  first.append({ kind: 'refusal', session: 'day', command: 10, connection: 'billing', code: 'denied', verb: 'drop', effects: [{ class: 'schema', verb: 'drop', object: 'table:public.customers' }], decision: { effect: 'deny', rules: ['never'], policy: 'p'.repeat(64) } }, [statement('drop table customers')]);
  first.append({ kind: 'refusal', code: 'no_identity', reason: 'claims', count: 3, network: '10.0.0.0/24' });
  first.append({ kind: 'config_change', config: 'd'.repeat(64), policy: 'q'.repeat(64), accepted: true, changes: ['=mask "removed", all', 'rule added'] });
  first.append({ kind: 'revocation', identity: '+billing', by: '@root' });
  first.append({ kind: 'access', act: 'show', by: 'ada', recording: 'day', count: 1 });
  first.append({ kind: 'hold', event: 'add', name: 'case-7', by: 'ada', reason: 'court, "urgent"', connections: ['billing'] });
  first.append({ kind: 'recovery', session: 'day', what: 'unrecorded', command: 11, count: 2 });
  first.append(sessionClose('day', 12));
  await hours(first, 2);
  first.append(sessionOpen('open'));
  run(first, 'open', 1, 4);
  first.append(intent('open', 5), [statement('select pg_sleep(1)')]);
  await hours(first, 2);
  elapsed += silentHours * HOUR;
  await hours(first, 17 - silentHours);
  run(first, 'open', 6, 7);
  await hours(first, 1);
  first.append(outcome('open', 5));
  first.append(sessionClose('open', 7));
  await first.close();
  const vkey = /"vkey":"([^"]+)"/.exec(fs.readFileSync(join(folder, '00000000.seg'), 'latin1'))?.[1] ?? '';
  return { folder, keys, vkey };
};

const run = (log: { append: (...args: Parameters<Awaited<ReturnType<typeof openEvidenceLog>>['append']>) => unknown }, session: string, from: number, to: number): void => {
  for (let command = from; command <= to; command += 1) {
    log.append(intent(session, command), [statement(`select '${session}', ${command}`)]);
    log.append(outcome(session, command));
  }
};

/** Writes a pack of the period. */
export const makePack = async ({ folder, keys }: MadeEvidence, out: string, more: { readonly seed?: string; readonly sample?: number; readonly sealed?: boolean; readonly from?: string; readonly to?: string } = {}): Promise<Manifest> => {
  const [from, to] = [more.from ?? FROM, more.to ?? TO];
  const request = { folders: [folder], from, to, seed: more.seed, sample: more.sample ?? 5, opener: more.sealed ? undefined : openBodies(keys), by: 'ada', out, now: new Date('2026-12-01T00:00:00Z') };
  return exportPack(request, await periodsOf([folder], from, to));
};

/** Verifies the bytes of a pack. */
export const check = (bytes: Uint8Array<ArrayBuffer>, vkeys: readonly string[] = [], sha256 = nodeSha256, policy?: string): Promise<PackVerdict> => verifyPack(new Blob([bytes]), { sha256, trust: trustIn(vkeys, policy, sha256) });

/** All files of a pack, unpacked. */
export const filesOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<Map<string, Buffer>> => {
  const zip = await openZip(new Blob([bytes]));
  const files = new Map<string, Buffer>();
  for (const path of zip.entries.keys()) files.set(path, Buffer.from(await zip.whole(path, 64 * 1024 * 1024)));
  return files;
};

/** Packs files as an adversary would who has everything but the log's key: sizes, digests and manifest all fit. */
export const packAgain = (files: ReadonlyMap<string, Buffer>, out: string, manifest: (of: Record<string, unknown>) => void = () => undefined): Buffer<ArrayBuffer> => {
  fs.rmSync(out, { force: true });
  const said = JSON.parse(files.get('manifest.json')?.toString() ?? '{}') as Record<string, unknown>;
  const contents = [...files].filter(([path]) => path !== 'manifest.json');
  said['files'] = contents.map(([path, bytes]) => ({ path, size: bytes.length, sha256: hash('sha256', bytes) }));
  manifest(said);
  const zip = new ZipFile(out);
  for (const [path, bytes] of contents) zip.add(path, (stream) => stream.write(bytes));
  zip.add('manifest.json', (stream) => stream.write(`${JSON.stringify(said, null, 2)}\n`));
  zip.finish();
  return fs.readFileSync(out);
};
