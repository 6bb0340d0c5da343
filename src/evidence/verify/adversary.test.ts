import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { keptCheckpoint } from './kept.ts';
import { failed, found, given } from './testdata/complaints.ts';
import { anySeed, LOG, signedLog, START, type Seed, type SignedLog } from './testdata/random-log.ts';
import { checkpointOf, checkpointText, cosigned, makeKey, makeLog, storeCheckpoints, storeTiles, type MadeRecord } from './testdata/made-log.ts';
import { verify, type VerifyOptions } from './verify.ts';

/* What an adversary can do who may write every byte of the folder, but has not the key that signs. */

const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-adversary-'));
after(() => fs.rmSync(base, { recursive: true, force: true }));

let folders = 0;
const fresh = (): string => {
  folders += 1;
  return join(base, String(folders));
};

/** For random logs: what `harm` does must be found, and named so. */
const always = async (harm: (folder: string, log: SignedLog, dice: number) => VerifyOptions | 'nothing' | undefined, named: RegExp, numRuns = 20): Promise<void> => {
  await fc.assert(
    fc.asyncProperty(anySeed, fc.nat(), async (seed, dice) => {
      const folder = fresh();
      const log = signedLog(folder, seed);
      const options = harm(folder, log, dice);
      fc.pre(options !== 'nothing');
      const verdict = await verify(folder, { ...given(log), ...options });
      assert.ok(failed(verdict), 'it was not found');
      assert.match(found(verdict), named);
      fs.rmSync(folder, { recursive: true });
    }),
    { numRuns },
  );
};

/** Another log under the same name, with a chain, checksums and tiles that fit; the signed checkpoints stay as they are. */
const rewrite = (folder: string, { perSegment }: Pick<Seed, 'perSegment'>, records: readonly MadeRecord[]): void => {
  for (const name of fs.readdirSync(folder)) if (name.endsWith('.seg')) fs.rmSync(join(folder, name));
  fs.rmSync(join(folder, 'tlog', 'tile'), { recursive: true, force: true });
  storeTiles(folder, makeLog(folder, LOG, records, perSegment));
};

const pick = <Value>(values: readonly Value[], dice: number): Value => values[dice % values.length] as Value;

test('an honest log verifies, whatever it holds; its checkpoints cover it, by a key that was given', () =>
  fc.assert(
    fc.asyncProperty(anySeed, async (seed) => {
      const folder = fresh();
      const log = signedLog(folder, seed);
      const verdict = await verify(folder, given(log));
      assert.equal(found(verdict), '');
      assert.equal(verdict.completeness.verdict, 'complete');
      assert.equal(verdict.root, checkpointText(log, log.records.length).split('\n')[2]);
      assert.deepEqual([verdict.checkpoints.covered, verdict.checkpoints.agree, verdict.checkpoints.key], [log.records.length, log.signed.length + 1, 'given']);
      assert.equal((await verify(folder)).checkpoints.key, 'log');
    }),
    { numRuns: 30 },
  ));

test('any byte of any frame, flipped', () =>
  always((folder, _log, dice) => {
    const name = pick(fs.readdirSync(folder).filter((file) => file.endsWith('.seg')), dice);
    const bytes = fs.readFileSync(join(folder, name));
    const end = bytes.findLastIndex((byte) => byte !== 0);
    const at = Math.floor(dice / 7) % (end + 1);
    bytes[at] = (bytes[at] as number) ^ (1 + (dice % 255));
    fs.writeFileSync(join(folder, name), bytes);
    return undefined;
  }, /checksum|no frame begins|longer than what there is|not as the format says|does not begin with its header|tail is missing/, 100));

test('a record altered, and the whole log written anew around it', () =>
  always((folder, log, dice) => {
    const records = [...log.records];
    const at = dice % (records.length - 1);
    const one = records[at] as MadeRecord;
    records[at] = { ...one, wall: one.wall + 1 };
    rewrite(folder, { perSegment: 20 }, records);
    return undefined;
  }, /rewritten or forked: .* signs another tree of \d+ records; of (?:records \d+ to \d+|the first \d+ records) at least one was altered/));

test('a record dropped, repeated or exchanged with another, and the whole log written anew', () =>
  always((folder, { records }, dice) => {
    const at = 2 + (dice % (records.length - 4));
    const [before, one, next, rest] = [records.slice(0, at), records[at] as MadeRecord, records[at + 1] as MadeRecord, records.slice(at + 2)];
    rewrite(folder, { perSegment: 20 }, dice % 3 === 0 ? [...before, next, ...rest] : dice % 3 === 1 ? [...before, one, one, next, ...rest] : [...before, next, one, ...rest]);
    return undefined;
  }, /rewritten or forked|tail is missing/));

test('the records of a session taken out, and the whole log written anew: nothing but the checkpoints tells', () =>
  always((folder, log, dice) => {
    const session = `session-${dice % (log.records.filter(({ record }) => record['kind'] === 'session_open').length)}`;
    rewrite(folder, { perSegment: 30 }, log.records.filter(({ record }) => record['session'] !== session));
    return undefined;
  }, /rewritten or forked|tail is missing/));

test('the tail cut at a record', () =>
  always((folder, log, dice) => {
    rewrite(folder, { perSegment: 20 }, log.records.slice(0, 2 + (dice % (log.records.length - 2))));
    return undefined;
  }, /the tail is missing: .* covers \d+ records, the log has \d+: records \d+ to \d+ are not there/));

test('the tail cut, and with it every checkpoint that covers it: what the auditor kept tells', () =>
  always((folder, log, dice) => {
    const size = pick(log.signed.slice(0, -1), dice);
    if (size === undefined) return 'nothing';
    const kept = `${folder}.kept`;
    fs.writeFileSync(kept, checkpointOf(log, log.records.length, log.key));
    // An older folder, whole in itself, put in the place of the newer one.
    fs.rmSync(folder, { recursive: true });
    const older = makeLog(folder, LOG, log.records.slice(0, size), 20);
    storeCheckpoints(folder, [{ note: checkpointOf(older, size, log.key), wall: START }]);
    return { kept: [keptCheckpoint(kept)] };
  }, /the tail is missing: the checkpoint kept in .* covers/));

test('two histories of one log: the checkpoint kept of one does not fit the other', () =>
  always((folder, log, dice) => {
    const kept = `${folder}.kept`;
    const size = pick(log.signed, dice);
    const other = log.records.map((one, i) => (i === size - 1 ? { ...one, wall: one.wall + 1 } : one));
    const fork = makeLog(`${folder}.fork`, LOG, other, 20);
    fs.rmSync(`${folder}.fork`, { recursive: true });
    fs.writeFileSync(kept, checkpointOf(fork, size, log.key));
    return { kept: [keptCheckpoint(kept)] };
  }, /rewritten or forked: the checkpoint kept in/));

test('bodies exchanged between records, with checksums that fit', () =>
  always((folder, log, dice) => {
    const withBodies = log.records.flatMap(({ bodies }, i) => (bodies && bodies.length > 0 ? [i] : []));
    if (withBodies.length < 2) return 'nothing';
    const [one, other] = [pick(withBodies, dice), pick(withBodies, dice + 1)];
    rewrite(folder, { perSegment: 20 }, log.records.map((record, i) => (i === one ? { ...record, bodies: log.records[other]?.bodies ?? [] } : i === other ? { ...record, bodies: log.records[one]?.bodies ?? [] } : record)));
    return undefined;
  }, /rewritten or forked/));

test('bodies exchanged in their places, with checksums that fit, and nothing else touched', () =>
  always((folder, _log, dice) => {
    const files = fs.readdirSync(folder).filter((name) => name.endsWith('.seg')).sort().map((name) => ({ path: join(folder, name), bytes: fs.readFileSync(join(folder, name)) }));
    const bodies = files.flatMap(({ bytes }) => {
      const found: Buffer[] = [];
      for (let at = 0; bytes.toString('latin1', at, at + 4) === 'WGF1'; at += Math.ceil((32 + bytes.readUInt32BE(at + 8)) / 8) * 8) if (bytes[at + 24] === 3) found.push(bytes.subarray(at, at + 32 + bytes.readUInt32BE(at + 8)));
      return found;
    });
    if (bodies.length < 2) return 'nothing';
    const [one, other] = [pick(bodies, dice), pick(bodies, dice + 1)];
    const payload = Buffer.from(one.subarray(32));
    other.copy(one, 32, 32);
    payload.copy(other, 32);
    for (const body of [one, other]) body.writeUInt32BE(crc32(body.subarray(8)), 4);
    for (const { path, bytes } of files) fs.writeFileSync(path, bytes);
    return undefined;
  }, /record \d+: its statement \(body \d+\) is not the one that was sealed/));

test('a checkpoint line edited, or one of another key or another log put in', () =>
  always((folder, log, dice) => {
    const path = join(folder, 'tlog', 'checkpoints', fs.readdirSync(join(folder, 'tlog', 'checkpoints'))[0] as string);
    const lines = fs.readFileSync(path, 'utf8').trimEnd().split('\n');
    const at = dice % lines.length;
    const { time, note } = JSON.parse(lines[at] as string) as { time: string; note: string };
    const size = log.signed[at] as number;
    const stranger = makeKey(LOG);
    const signature = note.lastIndexOf(' ') + 12 + (dice % 40);
    const edited = [
      note.replace(/\n\d+\n/, `\n${size + 1}\n`),
      note.slice(0, signature) + (note[signature] === 'A' ? 'B' : 'A') + note.slice(signature + 1),
      checkpointOf(log, size, stranger),
      note.replace(LOG, `${LOG}0`),
      note.replace('\n\n', '\n'),
    ][dice % 5] as string;
    lines[at] = JSON.stringify({ time, note: edited });
    fs.writeFileSync(path, `${lines.join('\n')}\n`);
    return undefined;
  }, /is altered|is not signed by the key|of another log lies here/, 40));

test('a line of the checkpoints that is no line any more, before others that are', () =>
  always((folder, log, dice) => {
    const path = join(folder, 'tlog', 'checkpoints', fs.readdirSync(join(folder, 'tlog', 'checkpoints'))[0] as string);
    const lines = fs.readFileSync(path, 'utf8').trimEnd().split('\n');
    if (log.signed.length < 2) return 'nothing';
    lines[dice % (lines.length - 1)] = dice % 2 === 0 ? '{"time":"then"}' : '\u0000';
    fs.writeFileSync(path, `${lines.join('\n')}\n`);
    return undefined;
  }, /a line of the checkpoints is altered/));

test('the whole folder made anew with a key of the adversary: a key from elsewhere tells, and the verdict says whose word it is without one', async () => {
  await always((folder, log) => {
    fs.rmSync(folder, { recursive: true });
    signedLog(folder, { sessions: [{ commands: 1, refused: 0, bodies: 0 }, { commands: 0, refused: 0, bodies: 0 }], perSegment: 10, every: 5 });
    assert.equal(log.name, LOG);
    return undefined;
  }, /no checkpoint is signed by the key that was given/, 10);
});

test('swapped, altered and foreign tiles are named, with the record', async () => {
  const folder = fresh();
  const log = signedLog(folder, { sessions: Array.from({ length: 40 }, () => ({ commands: 8, refused: 0, bodies: 0 })), perSegment: 300, every: 250 });
  assert.ok(log.records.length > 600);
  const [first, second] = [join(folder, 'tlog/tile/0/000'), join(folder, 'tlog/tile/0/001')];
  const honest = await verify(folder, given(log));
  assert.equal(honest.checkpoints.tiles, 2);
  const bytes = fs.readFileSync(first);
  fs.copyFileSync(second, first);
  fs.writeFileSync(second, bytes);
  const swapped = await verify(folder, given(log));
  assert.match(swapped.integrity.fault?.what ?? '', /tlog\/tile\/0\/000 does not agree with the records/);
  assert.equal(swapped.integrity.further?.[0]?.segment, 'tlog/tile/0/001');
  fs.copyFileSync(first, second);
  bytes[77 * 32 + 5] = (bytes[77 * 32 + 5] as number) ^ 1;
  fs.writeFileSync(first, bytes);
  assert.equal((await verify(folder, given(log))).integrity.fault?.sequence, 77);
  // Honest tiles beside records that were rewritten: they name the record.
  storeTiles(folder, log);
  const records = log.records.map((one, i) => (i === 333 ? { ...one, wall: one.wall + 1 } : one));
  fs.renameSync(join(folder, 'tlog'), `${folder}.tlog`);
  rewrite(folder, { perSegment: 300 }, records);
  fs.rmSync(join(folder, 'tlog'), { recursive: true });
  fs.renameSync(`${folder}.tlog`, join(folder, 'tlog'));
  const rewritten = await verify(folder, given(log));
  assert.match(rewritten.integrity.fault?.what ?? '', /rewritten or forked: .* of records 250 to 499 .* by the tiles, record 333 is the first/);
  assert.equal(rewritten.integrity.fault?.sequence, 333);
  // A tile that the records do not fill: there were more.
  rewrite(folder, { perSegment: 300 }, log.records.slice(0, 300));
  fs.rmSync(join(folder, 'tlog', 'checkpoints'), { recursive: true });
  fs.writeFileSync(join(folder, 'tlog', 'checkpoint'), checkpointOf(log, 250, log.key));
  fs.writeFileSync(second, Buffer.alloc(8192, 1));
  assert.match(found(await verify(folder, given(log))), /the tail is missing: there are 2 full tiles, of 512 records/);
});

test('witnesses: a quorum is asked for, found, and a wrong cosignature is named', async () => {
  const folder = fresh();
  const log = signedLog(folder, { sessions: [{ commands: 3, refused: 0, bodies: 0 }, { commands: 1, refused: 1, bodies: 1 }], perSegment: 10, every: 6 });
  const [one, two, three] = ['w1.example', 'w2.example', 'w3.example'].map((name) => makeKey(name, 4)) as [ReturnType<typeof makeKey>, ReturnType<typeof makeKey>, ReturnType<typeof makeKey>];
  const { parsePolicy } = await import('./policy.ts');
  const policy = parsePolicy(`log ${log.key.vkey}\nwitness a ${one.vkey}\nwitness b ${two.vkey}\nwitness c ${three.vkey}\ngroup most 2 a b c\nquorum most\n`);
  const options: VerifyOptions = { trust: { keys: policy.logs, policy } };
  assert.match(found(await verify(folder, options)), /no checkpoint is cosigned by as many witnesses as the policy asks for/);
  const whole = checkpointOf(log, log.records.length, log.key);
  fs.writeFileSync(join(folder, 'tlog/checkpoint'), cosigned(whole, one, 1_800_000_000));
  assert.match(found(await verify(folder, options)), /cosigned by as many witnesses/);
  fs.writeFileSync(join(folder, 'tlog/checkpoint.witnessed'), cosigned(cosigned(whole, one, 1_800_000_000), two, 1_800_000_007));
  const witnessed = await verify(folder, options);
  assert.equal(found(witnessed), '');
  assert.deepEqual(witnessed.checkpoints.witnessed, { size: log.records.length, by: ['a', 'b'], of: 3, time: '2027-01-15T08:00:00.000Z' });
  fs.writeFileSync(join(folder, 'tlog/checkpoint.witnessed'), cosigned(cosigned(whole, one, 1_800_000_000), { ...two, secret: three.secret }, 1_800_000_007));
  assert.match(found(await verify(folder, options)), /the cosignature of the witness b is wrong/);
});

/** A log that signed each minute for two hours. */
const twoHours = (folder: string): { readonly log: SignedLog; readonly witness: ReturnType<typeof makeKey> } => {
  const key = makeKey(LOG);
  const at = (record: MadeRecord['record'], minute: number): MadeRecord => ({ record, wall: START + minute * 60_000, mono: minute * 60_000_000 });
  const about = { kind: 'instance', instance: 'gw-1', build: 'b', config: 'c' };
  const records = [at({ ...about, event: 'start' }, 0), at({ kind: 'key_event', event: 'first', vkey: key.vkey }, 0), ...Array.from({ length: 120 }, (_, i) => at({ kind: 'heartbeat', sessions: 0 }, i + 1)), at({ ...about, event: 'stop' }, 121)];
  const log = makeLog(folder, LOG, records);
  const signed = Array.from(records, (_, i) => i + 1).slice(2);
  storeCheckpoints(folder, signed.map((size) => ({ note: checkpointOf(log, size, key), wall: records[size - 1]?.wall ?? START })));
  return { log: { ...log, records, key, signed }, witness: makeKey('w1.example', 4) };
};

test('a quorum for the beginning is none for what came hours later', async () => {
  const { parsePolicy } = await import('./policy.ts');
  const folder = fresh();
  const { log, witness } = twoHours(folder);
  const policy = parsePolicy(`log ${log.key.vkey}\nwitness a ${witness.vkey}\nquorum a\n`);
  const whole = log.records.length;
  // Who has the key keeps what a witness cosigned early, and makes up the rest. That a witness says it again today changes nothing.
  for (const [size, time, enough] of [[whole, 240, true], [whole - 4, 240, true], [whole - 10, 240, false], [5, 240, false], [5, 90_000, false]] as const) {
    fs.writeFileSync(join(folder, 'tlog/checkpoint.witnessed'), cosigned(checkpointOf(log, size, log.key), witness, START / 1000 + time));
    const verdict = await verify(folder, { trust: { keys: policy.logs, policy } });
    assert.equal(verdict.checkpoints.witnessed?.size, size);
    if (enough) assert.equal(found(verdict), '', `${size}`);
    else assert.match(found(verdict), new RegExp(`records ${size} to ${whole - 1}, written over [0-9]+ min, are under no checkpoint that as many witnesses cosigned`));
  }
});

test('a body cannot be pushed out of what is remembered by one that was made up', async () => {
  const put = (record: MadeRecord['record'], bodies: readonly Buffer[] = []): MadeRecord => ({ record, wall: START, mono: 0, bodies });
  const key = makeKey(LOG);
  const records = [put({ kind: 'instance', event: 'start' }), put({ kind: 'key_event', event: 'first', vkey: key.vkey }), put({ kind: 'session_open', session: 's' }), put({ kind: 'refusal', session: 's', command: 1 }, [Buffer.from('one'), Buffer.from('two')])];
  const folder = fresh();
  const log = makeLog(folder, LOG, records);
  storeCheckpoints(folder, [{ note: checkpointOf(log, 4, key), wall: START }]);
  const path = join(folder, '00000000.seg');
  const bytes = fs.readFileSync(path);
  const frames: Buffer[] = [];
  for (let at = 0; bytes.toString('latin1', at, at + 4) === 'WGF1'; at += frames.at(-1)?.length ?? 0) frames.push(Buffer.from(bytes.subarray(at, at + Math.ceil((32 + bytes.readUInt32BE(at + 8)) / 8) * 8)));
  const [one, two] = frames.filter((frame) => frame[24] === 3) as [Buffer, Buffer];
  for (const ahead of [1, 1024, 1 << 20]) {
    const madeUp = Buffer.from(two);
    madeUp.writeUIntBE(1 + ahead, 12, 6);
    madeUp.writeUInt32BE(crc32(madeUp.subarray(8, 32 + madeUp.readUInt32BE(8))), 4);
    fs.writeFileSync(path, Buffer.concat([...frames.flatMap((frame) => (frame === one ? [] : frame === two ? [two, madeUp] : [frame])), Buffer.alloc(64)]));
    assert.match(found(await verify(folder, given({ key }))), /body 0 is missing/);
  }
});

test('records without a checkpoint are hours of records, whatever their clocks say', async () => {
  const key = makeKey(LOG);
  const about = { kind: 'instance', instance: 'gw-1', build: 'b', config: 'c' };
  const at = (record: MadeRecord['record'], wall: number, mono: number): MadeRecord => ({ record, wall: START + wall * 60_000, mono: mono * 60_000_000 });
  const beats = (wall: (i: number) => number, mono: (i: number) => number): MadeRecord[] => Array.from({ length: 300 }, (_, i) => at({ kind: 'heartbeat', sessions: 0 }, wall(i), mono(i)));
  // Who has no key goes on from what was signed at the start, with a clock that is set back at the end, stands still, is in the future, or in runs of their own.
  const forgeries: readonly (readonly MadeRecord[])[] = [
    [...beats((i) => i, (i) => i), at({ ...about, event: 'stop' }, 1, 300)],
    [...beats(() => 0, (i) => i), at({ ...about, event: 'stop' }, 0, 300)],
    [...beats((i) => 50_000_000 + i, (i) => i), at({ ...about, event: 'stop' }, 50_000_300, 300)],
    [...beats((i) => i, () => 0).flatMap((beat, i) => [at({ ...about, event: 'start' }, i, 0), beat, at({ ...about, event: 'stop' }, i, 0)]), at({ ...about, event: 'start' }, 0, 0), at({ ...about, event: 'stop' }, 0, 0)],
  ];
  for (const [i, forged] of forgeries.entries()) {
    const folder = fresh();
    const log = makeLog(folder, LOG, [at({ ...about, event: 'start' }, 0, 0), at({ kind: 'key_event', event: 'first', vkey: key.vkey }, 0, 0), ...(i === 3 ? [at({ ...about, event: 'stop' }, 0, 0)] : []), ...forged]);
    storeCheckpoints(folder, [{ note: checkpointOf(log, 2, key), wall: START }]);
    assert.match(found(await verify(folder, given({ key }))), /the log is signed since record 1, but no checkpoint covers records 2 to [0-9]+/, `forgery ${i}`);
  }
});
