import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { tempFolder } from '../../test/kit/temp.ts';
import { FolderTaken, lockFolder } from './lock.ts';

test('a folder has one writer, which is told at once, and the next when that one has ended', async () => {
  const folder = tempFolder('lock').path;
  const release = await lockFolder(folder);
  const began = performance.now();
  await assert.rejects(lockFolder(folder), FolderTaken);
  assert.ok(performance.now() - began < 5000, 'whoever is there is there');
  await release();
  await (await lockFolder(folder))();
  assert.ok(!existsSync(`${folder}/writer.lock`));
});

test('the name of a folder that was removed, and whose inode another has now, is waited for', { skip: process.platform === 'linux' ? false : 'only on Linux is the lock a name' }, async () => {
  const folder = tempFolder('lock').path;
  const { dev, ino } = statSync(folder, { bigint: true });
  const former = createServer();
  await new Promise<void>((resolve) => former.listen(`\0wicketgate-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 40)}`, resolve));
  let locked = false;
  const locking = lockFolder(folder).then((release) => {
    locked = true;
    return release;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(locked, false);
  await new Promise((resolve) => former.close(resolve));
  await (await locking)();
});
