import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openEvidenceLog } from './open.ts';
import { durable, sessionOpen, written } from './testdata/records.ts';
import { SimDisk, type Fate, type Operation } from './testdata/sim-disk.ts';

test('a sync that fails while the log waits for room is not forgotten when there is room: nothing is called durable that was not synced', async () => {
  const [first, second] = ['00000000.seg', '00000001.seg'];
  let full = false;
  let failing = false;
  const fate = ({ kind, path }: Operation): Fate => (!path.includes(first) ? 'ok' : full && kind === 'write' ? 'ENOSPC' : failing && kind === 'sync' ? 'EIO' : 'ok');
  const disk = new SimDisk({ fate });
  // Syncs of these segments take until they are let go on.
  const held = new Set([second]);
  const waiting = new Map<string, (() => void)[]>();
  const letGo = (segment: string): void => {
    held.delete(segment);
    for (const go of waiting.get(segment) ?? []) go();
  };
  const open = disk.open.bind(disk);
  disk.open = (path, how) => {
    const file = open(path, how);
    const sync = file.sync.bind(file);
    const segment = [first, second].find((name) => path.includes(name)) ?? '';
    file.sync = (then) => (held.has(segment) ? void waiting.set(segment, [...(waiting.get(segment) ?? []), () => sync(then)]) : sync(then));
    return file;
  };
  const log = await openEvidenceLog({ folder: '/data/evidence', keysFolder: '/keys', instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 64 * 1024, disk, sync: 'thread' });
  held.add(first);
  failing = true;
  const inDoubt = log.append(sessionOpen('s1'));
  const outcome = durable(inDoubt);
  assert.equal(await written(inDoubt), undefined);
  full = true;
  assert.match((await durable(log.append(sessionOpen('s2')))) ?? 'durable', /until there is room/);
  const recovering = log.recover();
  letGo(first);
  assert.match((await outcome) ?? 'durable', /could not be made durable/);
  full = false;
  failing = false;
  letGo(second);
  assert.match((await recovering) ?? 'recovered', /goes on in a new segment/);
  assert.equal(log.stats.poisoned, true);
  assert.equal(await log.recover(), undefined);
  assert.equal(await durable(log.append(sessionOpen('s3'))), undefined);
  await log.close();
  const superseding = [...disk.files].find(([path, bytes]) => !path.includes(first) && bytes.includes('"supersedes":'));
  assert.ok(superseding?.[1].includes('"session":"s1"'));
});

test('a disk that fills up while the log is closed: what was written is durable all the same', async () => {
  for (const sync of ['loop', 'thread'] as const) {
    let left = Infinity;
    const disk = new SimDisk({ fate: ({ kind, path }) => (kind === 'write' && path.includes('00000000.seg') && (left -= 1) < 0 ? 'ENOSPC' : 'ok') });
    const about = { folder: '/data/evidence', keysFolder: '/keys', instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 64 * 1024, disk, sync };
    const log = await openEvidenceLog(about);
    // More than one write takes, and nobody waits for any.
    for (let i = 0; i < 20; i += 1) log.append(sessionOpen(`s${i}`));
    left = 1;
    await log.close();
    const whole = disk.files.get('/data/evidence/00000000.seg') as Buffer;
    assert.ok(whole.includes('"session":"s0"') && !whole.includes('"session":"s19"'), 'one write went in, another did not');
    const after = disk.powerCycle(() => false).files.get('/data/evidence/00000000.seg') as Buffer;
    assert.ok(after.equals(whole), `${sync}: what was written is gone after a power cut`);
  }
});
