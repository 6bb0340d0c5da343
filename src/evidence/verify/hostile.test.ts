import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseVkey } from './note.ts';
import { failed, found, given } from './testdata/complaints.ts';
import { checkpointText, makeKey, makeLog, noteBy, storeCheckpoints } from './testdata/made-log.ts';
import { LOG, recordsOf, signedLog, START } from './testdata/random-log.ts';
import { verify } from './verify.ts';

const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-hostile-'));
after(() => fs.rmSync(base, { recursive: true, force: true }));

let folders = 0;
const fresh = (): string => {
  folders += 1;
  return join(base, String(folders));
};

test('bad input: a foreign folder, half a copy, the key of another log, a wrong key', async () => {
  const folder = fresh();
  const log = signedLog(folder, { sessions: [{ commands: 6, refused: 0, bodies: 0 }, { commands: 6, refused: 1, bodies: 1 }], perSegment: 8, every: 6 });
  await assert.rejects(verify(base), /is not an evidence folder/);
  const stranger = parseVkey(makeKey(LOG).vkey);
  assert.match(found(await verify(folder, { trust: { keys: [stranger], policy: undefined } })), /no checkpoint is signed by the key that was given \([0-9a-f]{8}\): a wrong key, or another log under this name; the log says that its key is prod/);
  const half = fresh();
  fs.cpSync(folder, half, { recursive: true });
  fs.truncateSync(join(half, '00000001.seg'), 700);
  fs.rmSync(join(half, '00000002.seg'));
  assert.ok(failed(await verify(half, given(log))));
  const early = fresh();
  fs.mkdirSync(early);
  for (const name of ['log.json', '00000000.seg', 'tlog']) fs.cpSync(join(folder, name), join(early, name), { recursive: true });
  assert.match(found(await verify(early, given(log))), /the tail is missing: .* covers \d+ records, the log has 8/);
  const other = makeLog(fresh(), 'prod/gw-2/0badcafe', recordsOf({ sessions: [{ commands: 0, refused: 0, bodies: 0 }], perSegment: 9, every: 9 }, makeKey('prod/gw-2/0badcafe')), 9);
  storeCheckpoints(folder, [{ note: noteBy(checkpointText(other, 3), log.key), wall: START }]);
  assert.match(found(await verify(folder, given(log))), /a checkpoint of another log lies here: prod\/gw-2\/0badcafe/);
});

test('a tlog folder of files, folders and links where others belong is named, and read no further', async () => {
  const folder = fresh();
  const log = signedLog(folder, { sessions: Array.from({ length: 20 }, () => ({ commands: 8, refused: 0, bodies: 0 })), perSegment: 200, every: 100 });
  const tlog = (name: string): string => join(folder, 'tlog', name);
  const day = fs.readdirSync(tlog('checkpoints'))[0] as string;
  const put = (make: (path: string) => void, name: string) => async (): Promise<string> => {
    fs.renameSync(tlog(name), `${folder}.aside`);
    make(tlog(name));
    const verdict = await verify(folder, given(log));
    fs.rmSync(tlog(name), { recursive: true });
    fs.renameSync(`${folder}.aside`, tlog(name));
    return found(verdict);
  };
  const asFolder = (path: string): void => fs.mkdirSync(path);
  const asLink = (path: string): void => fs.symlinkSync('/dev/zero', path);
  const asFile = (path: string): void => fs.writeFileSync(path, 'x');
  for (const [name, make, expected] of [
    ['checkpoint', asFolder, /tlog\/checkpoint: it is not a plain file/],
    ['checkpoint', asLink, /tlog\/checkpoint: it is not a plain file/],
    ['checkpoint', asFile, /a checkpoint is altered: it has no text and signatures/],
    [`checkpoints/${day}`, asFolder, /jsonl: it is not a plain file/],
    [`checkpoints/${day}`, asLink, /jsonl: it is not a plain file/],
    ['tile/0/000', asFolder, /tlog\/tile\/0\/000 is no tile/],
    ['tile/0/000', asLink, /tlog\/tile\/0\/000 is no tile/],
    ['tile/0/000', asFile, /tlog\/tile\/0\/000 is no tile/],
    ['tile/0', asFile, /^$/],
    ['tile', asFile, /^$/],
    ['checkpoints', asFile, /^$/],
  ] as const) assert.match(await put(make, name)(), expected, name);
  fs.rmSync(join(folder, 'tlog'), { recursive: true });
  fs.writeFileSync(join(folder, 'tlog'), 'x');
  assert.match(found(await verify(folder, given(log))), /tlog: it is not a folder/);
});

test('what a power cut may leave of files that are not synced is no alteration', async () => {
  const folder = fresh();
  const log = signedLog(folder, { sessions: Array.from({ length: 20 }, () => ({ commands: 8, refused: 0, bodies: 0 })), perSegment: 200, every: 100 });
  const days = join(folder, 'tlog', 'checkpoints');
  fs.appendFileSync(join(days, fs.readdirSync(days)[0] as string), Buffer.concat([Buffer.alloc(300), Buffer.from('\n{"time":"2026')]));
  fs.writeFileSync(join(folder, 'tlog', 'checkpoint'), '');
  fs.writeFileSync(join(folder, 'tlog', 'tile', '0', '000'), Buffer.alloc(8192));
  const verdict = await verify(folder, given(log));
  assert.deepEqual([found(verdict), verdict.checkpoints.covered, verdict.checkpoints.tiles], ['', log.records.length, 0]);
});
