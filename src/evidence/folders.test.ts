import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { allLogFolders, logFolders } from './folders.ts';

test('log folders: of a log, of a data folder, of instances beside each other; a folder beside evidence hides nothing', (t) => {
  const data = fs.mkdtempSync(join(tmpdir(), 'wicketgate-folders-'));
  t.after(() => fs.rmSync(data, { recursive: true, force: true }));
  const log = (...names: string[]): string => {
    const folder = join(data, ...names);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(join(folder, 'log.json'), '{}');
    return folder;
  };
  assert.deepEqual(logFolders(data), []);
  const [one, two] = [log('evidence', 'one'), log('evidence', 'two')];
  assert.deepEqual(logFolders(data), [one, two]);
  assert.deepEqual(logFolders(join(data, 'evidence')), [one, two]);
  const beside = log('x');
  assert.deepEqual(logFolders(data), [beside, one, two]);
  const ended = log('ended-logs', 'three');
  assert.deepEqual(allLogFolders(data), [beside, one, two, ended]);
  fs.rmSync(join(data, 'evidence'), { recursive: true });
  const single = log('evidence');
  assert.deepEqual(logFolders(data), [single, beside]);
  assert.deepEqual(logFolders(single), [single]);
});
