import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EvidenceRecord } from '../log.ts';
import { openEvidenceLog } from '../open.ts';
import { durable, sessionOpen } from '../testdata/records.ts';
import { openCheckpoint } from '../tlog/checkpoint.ts';
import { noteVerifier, openNote, parseVkey } from '../tlog/note.ts';
import { verify } from '../verify/verify.ts';
import { rotationText } from './rotation.ts';
import { append, copy, leavesIn, noteIn, place } from './testdata/logs.ts';

test('the key is replaced: the old one names the new one, both sign what covers that, then the new one alone', async (t) => {
  const options = place(t);
  const log = await openEvidenceLog(options);
  const old = log.tree.vkey;
  const next = await log.tree.rotate(log);
  assert.notEqual(next, old);
  const keys = [old, next].map((vkey) => noteVerifier(parseVkey(vkey)));
  assert.equal(openCheckpoint(noteIn(options.folder), log.name, keys).verified.length, 2);
  await durable(log.append(sessionOpen('s')));
  await log.close();
  assert.equal(openCheckpoint(noteIn(options.folder), log.name, keys).verified.length, 1);
  assert.equal(openCheckpoint(noteIn(options.folder), log.name, keys.slice(1)).verified.length, 1);
  const [record] = (await leavesIn(options.folder)).map((leaf) => leaf.record).filter(({ kind, ...rest }) => kind === 'key_event' && 'note' in rest);
  assert.ok(record?.kind === 'key_event' && record.event === 'rotated' && record.vkey === next);
  assert.equal(openNote(record.note as string, keys.slice(0, 1)).text, rotationText(log.name, next));
  const again = await openEvidenceLog(options);
  assert.equal(again.tree.vkey, next);
  await again.close();
  const { integrity } = await verify(options.folder, {});
  assert.equal(integrity.ok, true, JSON.stringify(integrity));
});

test('a crash while the key is replaced, before and after its record: the next start completes it, once', async (t) => {
  for (const recorded of [false, true]) {
    const options = place(t);
    await append(options, 300);
    const log = await openEvidenceLog(options);
    const old = log.tree.vkey;
    // The process that crashes: what it would have done after the record, or the record itself, does not happen.
    const crashing = { stats: log.stats, append: (one: EvidenceRecord) => (recorded ? (log.append(one), new Promise<never>(() => undefined)) : new Promise<never>(() => undefined)) as never };
    void log.tree.rotate(crashing).catch(() => undefined);
    for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
    await durable(log.append(sessionOpen('s')));
    const crashed = join(options.base, 'crashed');
    const keys = join(options.base, 'crashed-keys');
    copy(options.folder, crashed);
    copy(options.keysFolder, keys);
    const after = await openEvidenceLog({ ...options, folder: crashed, keysFolder: keys });
    assert.notEqual(after.tree.vkey, old, `recorded ${recorded}`);
    await after.close();
    assert.deepEqual(fs.readdirSync(join(keys, 'signing', log.name.replaceAll('/', '%2f'))), ['current.skey']);
    const events = (await leavesIn(crashed)).map((leaf) => leaf.record).filter(({ kind }) => kind === 'key_event');
    assert.equal(events.length, 2);
    const { integrity } = await verify(crashed, {});
    assert.equal(integrity.ok, true, JSON.stringify(integrity));
    await log.close();
  }
});

test('keys from before the key was replaced, all of them or only those that sign, start nothing and sign nothing', async (t) => {
  for (const part of ['', '/signing']) {
    const options = place(t);
    await append(options, 3);
    const older = join(options.base, 'older');
    copy(options.keysFolder, older);
    const log = await openEvidenceLog(options);
    await log.tree.rotate(log);
    await log.close();
    const newer = join(options.base, 'newer');
    copy(options.keysFolder, newer);
    fs.rmSync(`${options.keysFolder}${part}`, { recursive: true });
    copy(`${older}${part}`, `${options.keysFolder}${part}`);
    const before = noteIn(options.folder);
    await assert.rejects(openEvidenceLog(options), /is not the one that the log names, or that signed last: restore the keys folder/);
    assert.equal(noteIn(options.folder), before);
    fs.rmSync(options.keysFolder, { recursive: true });
    copy(newer, options.keysFolder);
    await append(options, 1);
    const { integrity } = await verify(options.folder, {});
    assert.equal(integrity.ok, true, JSON.stringify(integrity));
  }
});
