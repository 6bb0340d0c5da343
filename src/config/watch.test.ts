import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { appendFile, copyFile, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { watchForRename, type Watching } from './watch.ts';

let folder: string;
let watching: Watching | undefined;
/** One entry for each call, with the time. */
let calls: number[];
let wake: (() => void) | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wicketgate-watch-'));
  calls = [];
  await writeFile(path.join(folder, 'a.yaml'), 'one');
});
afterEach(async () => {
  watching?.close();
  await rm(folder, { recursive: true });
});

const start = async (where: string): Promise<void> => {
  watching = await watchForRename(where, () => {
    calls.push(performance.now());
    wake?.();
  });
};
/** Resolves at the next call; rejects when there is none. */
const called = (count: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${calls.length} calls instead of ${count}`)), 10_000);
    wake = () => {
      if (calls.length < count) return;
      clearTimeout(timer);
      resolve();
    };
    wake();
  });
async function replace(name: string, text: string): Promise<void> {
  await writeFile(path.join(folder, `${name}.new`), text);
  await rename(path.join(folder, `${name}.new`), path.join(folder, name));
}

for (const [what, where] of [['a file', 'a.yaml'], ['a folder', '.']] as const) {
  describe(`watching ${what}`, () => {
    test('an atomic rename is acted on after two equal reads 500 ms apart', async () => {
      await start(path.join(folder, where));
      const before = performance.now();
      await replace('a.yaml', 'two');
      await called(1);
      assert((calls[0] ?? 0) - before >= 495, `it took ${(calls[0] ?? 0) - before} ms`);
      await replace('a.yaml', 'three');
      await called(2);
    });

    test('writing in place, copying and deleting do nothing; the next rename does', async () => {
      await start(path.join(folder, where));
      await writeFile(path.join(folder, 'a.yaml'), 'half writ');
      await appendFile(path.join(folder, 'a.yaml'), 'ten');
      await unlink(path.join(folder, 'a.yaml'));
      await writeFile(path.join(folder, 'source'), 'copied');
      await copyFile(path.join(folder, 'source'), path.join(folder, 'a.yaml'));
      // What none of these may do has had its time when a rename made afterwards has been acted on, once.
      await new Promise((resolve) => setTimeout(resolve, 1300));
      assert.equal(calls.length, 0);
      await replace('a.yaml', 'two');
      await called(1);
      assert.equal(calls.length, 1);
    });

    test('renames in quick succession are acted on once, with the last', async () => {
      await start(path.join(folder, where));
      // None is looked at before the last: between two that are made one after the other a busy machine may leave half a second.
      for (let i = 0; i < 5; i += 1) {
        writeFileSync(path.join(folder, 'a.yaml.new'), `version ${i}`);
        renameSync(path.join(folder, 'a.yaml.new'), path.join(folder, 'a.yaml'));
      }
      await called(1);
      await replace('a.yaml', 'last');
      await called(2);
      assert.equal(calls.length, 2);
    });
  });
}

test('a rename to the same content is not acted on', async () => {
  await start(folder);
  await replace('a.yaml', 'one');
  await replace('b.yaml', 'new');
  await called(1);
  await replace('b.yaml', 'new');
  await replace('notes.txt', 'x');
  await replace('a.yaml', 'two');
  await called(2);
  assert.equal(calls.length, 2);
});

test('a rename of the link through which Kubernetes mounts files is acted on', async () => {
  await unlink(path.join(folder, 'a.yaml'));
  for (const [version, text] of [['..1', 'one'], ['..2', 'two']] as const) {
    await mkdir(path.join(folder, version));
    await writeFile(path.join(folder, version, 'a.yaml'), text);
  }
  await symlink('..1', path.join(folder, '..data'));
  await symlink(path.join('..data', 'a.yaml'), path.join(folder, 'a.yaml'));
  await start(path.join(folder, 'a.yaml'));
  await symlink('..2', path.join(folder, '..data_tmp'));
  await rename(path.join(folder, '..data_tmp'), path.join(folder, '..data'));
  await called(1);
});

test('nothing is called after close', async () => {
  await start(folder);
  await replace('a.yaml', 'two');
  watching?.close();
  await new Promise((resolve) => setTimeout(resolve, 900));
  assert.equal(calls.length, 0);
});
