import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openEvidenceLog } from '../open.ts';
import { durable } from '../testdata/records.ts';
import { cosigned, makeKey } from '../verify/testdata/made-log.ts';
import { check, filesOf, FROM, makeEvidence, makePack, nodeSha256, packAgain, TO, type MadeEvidence } from './testdata/packs.ts';

/* Whose word a pack has: keys that were changed, witnesses, timestamps. */

const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-pack-trust-'));
const witness = makeKey('witness.example/one', 4);
let made: MadeEvidence;
let next: string;
let files: Map<string, Buffer>;
let pack: Buffer<ArrayBuffer>;

before(async () => {
  made = await makeEvidence(base);
  // A third and a fourth day, with another key: the pack of the fourth day begins behind the change.
  let elapsed = 0;
  const begun = Date.UTC(2026, 10, 3, 12);
  const clock = { wall: () => begun + elapsed, monotonic: () => elapsed * 1000 };
  const log = await openEvidenceLog({ folder: made.folder, keysFolder: made.keys, instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 256 * 1024, clock });
  next = await log.tree.rotate(log);
  for (let minute = 0; minute < 40 * 60; minute += 2) {
    elapsed += 120_000;
    const beat = log.append({ kind: 'heartbeat', sessions: 0 });
    if (minute % 60 !== 0) continue;
    await durable(beat);
    await log.tree.sign();
    await log.prepare();
  }
  await log.close();
  const shown = fs.readFileSync(join(made.folder, 'tlog/checkpoint'), 'utf8');
  fs.writeFileSync(join(made.folder, 'tlog/checkpoint.witnessed'), cosigned(shown, witness, Date.UTC(2026, 10, 5) / 1000));
  const size = shown.split('\n')[1] ?? '';
  const anchor = join(made.folder, 'tlog/anchors/authority');
  fs.mkdirSync(anchor, { recursive: true });
  fs.writeFileSync(join(anchor, `${size.padStart(16, '0')}.note`), shown);
  fs.writeFileSync(join(anchor, `${size.padStart(16, '0')}.tsr`), Buffer.concat([Buffer.from('3082', 'hex'), createHash('sha256').update(shown).digest(), Buffer.from('00', 'hex')]));
  const out = join(base, 'pack.zip');
  await makePack(made, out, { from: '2026-11-04T00:00:00.000Z', to: '2026-11-06T00:00:00.000Z' });
  pack = fs.readFileSync(out);
  files = await filesOf(pack);
});
after(() => fs.rmSync(base, { recursive: true, force: true }));

const policy = (quorum: string, vkey = witness.vkey): string => `log ${made.vkey}\nwitness one ${vkey}\nquorum ${quorum}\n`;

test('a key that was changed before the pack begins: the first one leads to it, by records with proofs', async () => {
  for (const key of [made.vkey, next]) {
    const { integrity, logs } = await check(pack, [key]);
    assert.deepEqual(integrity.faults, []);
    assert.equal(logs[0]?.key, 'given');
    assert.equal(logs[0].rotations, 1);
    assert.equal(logs[0].vkey, next);
  }
  const earlier = files.get('logs/0/log/earlier.jsonl')?.toString() ?? '';
  const without = earlier.split('\n').filter((line) => !Buffer.from((JSON.parse(line || '{"leaf":""}') as { leaf: string }).leaf, 'base64').includes('"rotated"')).join('\n');
  const { integrity } = await check(packAgain(new Map(files).set('logs/0/log/earlier.jsonl', Buffer.from(without)), join(base, 'again.zip')), [made.vkey]);
  assert.equal(integrity.ok, false, 'without the change the checkpoints are of a stranger');
});

test('a pack over the change of the key verifies with either', async () => {
  const out = join(base, 'over.zip');
  await makePack(made, out, { from: FROM, to: '2026-11-04T00:00:00.000Z' });
  for (const key of [made.vkey, next]) assert.deepEqual((await check(fs.readFileSync(out), [key])).integrity.faults, []);
  fs.rmSync(out);
  await makePack(made, out, { from: FROM, to: TO });
  assert.deepEqual((await check(fs.readFileSync(out), [made.vkey])).integrity.faults, []);
});

test('witnesses of a policy: counted, missed, and one whose cosignature is wrong is a fault', async () => {
  const good = await check(pack, [], nodeSha256, policy('one'));
  assert.deepEqual(good.integrity.faults, []);
  assert.deepEqual(good.logs[0]?.witnessed?.by, ['one']);
  assert.equal(good.logs[0]?.witnessed?.time, '2026-11-05T00:00:00.000Z');
  const other = await check(pack, [], nodeSha256, policy('one', makeKey('witness.example/two', 4).vkey));
  assert.equal(other.completeness.verdict, 'incomplete');
  assert.match(other.completeness.gaps.at(-1)?.what ?? '', /no checkpoint is cosigned by as many witnesses/);
  const closing = files.get('logs/0/checkpoints/closing.txt')?.toString() ?? '';
  const forged = cosigned(closing.split('\n').slice(0, -2).join('\n') + '\n', { ...witness, secret: makeKey('x', 4).secret }, 1_800_000_000);
  const edited = new Map([...files].map(([path, bytes]) => [path, Buffer.from(bytes.toString('latin1').replace(Buffer.from(closing).toString('latin1'), Buffer.from(forged).toString('latin1')), 'latin1')] as const));
  const wrong = await check(packAgain(edited, join(base, 'again.zip')), [], nodeSha256, policy('one'));
  assert.match(wrong.integrity.faults[0]?.what ?? '', /the cosignature of the witness one is wrong/);
});

test('a timestamp token must be about the checkpoint beside it', async () => {
  assert.equal((await check(pack, [made.vkey])).logs[0]?.timestamps, 1);
  const token = [...files.keys()].find((path) => path.endsWith('.tsr')) ?? '';
  const { integrity } = await check(packAgain(new Map(files).set(token, Buffer.alloc(40, 7)), join(base, 'again.zip')), [made.vkey]);
  assert.match(integrity.faults[0]?.what ?? '', /this timestamp is not about the checkpoint beside it/);
});
