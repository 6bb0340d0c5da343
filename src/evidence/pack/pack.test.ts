import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { plainSha256 } from '../verify/pack/sha256.ts';
import { crc32 } from '../verify/pack/crc32.ts';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { NotAPack } from '../verify/pack/zip.ts';
import { sampleOf } from '../verify/pack/sample.ts';
import { drawSample } from './sample.ts';
import { csvLine } from './csv.ts';
import { NotWritten } from './zip-file.ts';
import { cosigned, makeKey } from '../verify/testdata/made-log.ts';
import { check, filesOf, FROM, makeEvidence, makePack, nodeSha256, packAgain, TO, type MadeEvidence } from './testdata/packs.ts';

const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-pack-'));
const out = join(base, 'pack.zip');
const again = join(base, 'again.zip');
let made: MadeEvidence;
let pack: Buffer<ArrayBuffer>;
let files: Map<string, Buffer>;

before(async () => {
  made = await makeEvidence(base);
  await makePack(made, out, { seed: 'auditor' });
  pack = fs.readFileSync(out);
  files = await filesOf(pack);
});
after(() => fs.rmSync(base, { recursive: true, force: true }));

/** Whether something is found, by either implementation of SHA-256: the command line's and the page's. */
const found = async (bytes: Buffer<ArrayBuffer>, sha256 = nodeSha256, vkeys: readonly string[] = []): Promise<string> => {
  try {
    const { integrity, completeness } = await check(bytes, vkeys, sha256);
    return integrity.faults[0]?.what ?? (completeness.verdict === 'incomplete' ? (completeness.gaps[0]?.what ?? '') : '');
  } catch (error) {
    assert.ok(error instanceof NotAPack, String(error));
    return error.message;
  }
};

test('a pack as it was written verifies, with the key of the log and without', async () => {
  const own = await check(pack, [made.vkey]);
  assert.deepEqual(own.integrity, { ok: true, faults: [], faultCount: 0 });
  assert.deepEqual(own.completeness.gaps.map(({ what }) => what), []);
  assert.equal(own.completeness.verdict, 'complete');
  const [log] = own.logs;
  assert.ok(log);
  assert.equal(log.key, 'given');
  assert.equal((await check(pack)).logs[0]?.key, 'log');
  assert.ok(log.opening.size > 0, 'the pack does not begin with the log');
  assert.equal(log.samples.length, 5);
  assert.ok(log.samples.every(({ texts }) => texts.some(({ text }) => text?.startsWith('select') || text?.startsWith('drop'))));
  assert.equal(log.rows['commands'], 3 + 9 + 1 + 4 + 1 + 2);
  assert.equal(log.rows['sessions'], 3);
  assert.deepEqual(log.coverage.exceptions.filter(({ found: count }) => count > 0).map(({ looked, found: count }) => [looked.slice(0, 30), count]), [
    ['runs of commands that were ref', 1],
    ['commands and logins that were ', 4],
  ]);
  assert.deepEqual(await check(pack, [made.vkey], plainSha256), own, 'the page finds the same');
});

test('a quorum of witnesses for an early checkpoint is none for what came hours later', async () => {
  const witness = makeKey('witness.example/one', 4);
  const policy = `log ${made.vkey}\nwitness one ${witness.vkey}\nquorum one\n`;
  const signedBy = async (which: 'first' | 'closing'): Promise<string[]> => {
    const path = [...files.keys()].find((name) => name.endsWith(which === 'closing' ? '/checkpoints/closing.txt' : '/checkpoints/between.jsonl')) as string;
    const text = (files.get(path) as Buffer).toString();
    const lines = text.trimEnd().split('\n');
    const changed = which === 'closing' ? cosigned(text, witness, 1) : `${[JSON.stringify({ note: cosigned((JSON.parse(lines[0] as string) as { note: string }).note, witness, 1) }), ...lines.slice(1)].join('\n')}\n`;
    const { integrity, completeness } = await check(packAgain(new Map([...files, [path, Buffer.from(changed)]]), again), [], nodeSha256, policy);
    assert.deepEqual(integrity.faults.filter(({ what }) => !what.startsWith('it is no proof')), []);
    return completeness.gaps.map(({ what }) => what);
  };
  assert.match((await signedBy('first'))[0] ?? '', /^records \d+ to \d+, written over \d+ min, are under no checkpoint that as many witnesses cosigned/);
  assert.deepEqual((await signedBy('closing')).filter((what) => what.includes('witnesses')), []);
});

test('a gateway that ran and was silent for hours leaves a gap, which is named', async () => {
  const silent = await makeEvidence(fs.mkdtempSync(join(base, 'silent-')), 5);
  fs.rmSync(again, { force: true });
  await makePack(silent, again);
  const { integrity, completeness, logs } = await check(fs.readFileSync(again), [silent.vkey]);
  assert.equal(integrity.ok, true);
  assert.equal(completeness.verdict, 'incomplete');
  assert.deepEqual(completeness.gaps.map(({ what }) => what), ['the gateway ran but wrote nothing, not even a heartbeat, from 2026-11-02T06:00:00.000Z to 2026-11-02T11:01:00.000Z']);
  assert.equal(logs[0]?.coverage.silences.length, 1);
});

test('periods that follow on each other share no record and leave none out', async () => {
  const days = ['2026-11-01T00:00:00.000Z', FROM, TO, '2026-11-04T00:00:00.000Z'];
  let end = 0;
  for (const [i, from] of days.slice(0, -1).entries()) {
    fs.rmSync(again, { force: true });
    const { logs } = await makePack(made, again, { from, to: days[i + 1] ?? '' });
    assert.equal(logs[0]?.period.first, end);
    end = logs[0]?.period.end ?? 0;
    const verdict = await check(fs.readFileSync(again), [made.vkey]);
    assert.equal(verdict.integrity.ok, true, JSON.stringify(verdict.integrity.faults));
    assert.equal(verdict.completeness.verdict, 'complete', JSON.stringify(verdict.completeness));
  }
});

test('a session that began before the period is named with its identity, by a record with a proof', async () => {
  const csv = files.get('logs/0/populations/commands.csv')?.toString() ?? '';
  const lines = csv.split('\r\n').filter((line) => line.includes('over-midnight'));
  assert.equal(lines.length, 3);
  assert.ok(lines.every((line) => line.includes('billing-migrations')));
  assert.ok(files.get('logs/0/log/earlier.jsonl')?.toString().includes('"sequence":2,'));
});

test('without keys the texts stay sealed, and it is said', async () => {
  fs.rmSync(again, { force: true });
  await makePack(made, again, { sealed: true });
  const bytes = fs.readFileSync(again);
  assert.ok(![...(await filesOf(bytes)).entries()].some(([path, content]) => path.startsWith('logs/') && content.includes('select \'')), 'no text is in it');
  const { integrity, logs } = await check(bytes);
  assert.equal(integrity.ok, true);
  assert.ok(logs[0]?.samples.every(({ texts }) => texts.every(({ absent }) => absent === 'sealed')));
});

test('the same seed gives the same pack, another one another sample; without one it comes from the root', async () => {
  fs.rmSync(again, { force: true });
  await makePack(made, again, { seed: 'auditor' });
  assert.ok(fs.readFileSync(again).equals(pack));
  fs.rmSync(again, { force: true });
  const { query } = await makePack(made, again);
  assert.match(query.seed, /^[0-9a-f]{64}$/);
  assert.equal(await found(fs.readFileSync(again)), '');
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(500), fc.nat(40), (seed, root, population, count) => {
    const drawn = drawSample(seed, Buffer.from(root), population, count);
    assert.deepEqual(sampleOf(seed, root, population, count, plainSha256), drawn);
    assert.equal(new Set(drawn).size, Math.min(population, count));
    assert.ok(drawn.every((index) => index < population));
  }));
});

test('any byte that is changed is found', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(pack.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (at, mask, page) => {
      const bytes = Buffer.from(pack);
      bytes[at] = (bytes[at] as number) ^ mask;
      assert.notEqual(await found(bytes, page ? plainSha256 : nodeSha256), '');
    }),
    { numRuns: 120 },
  );
});

test('a pack that is cut or continued is none', async () => {
  for (const bytes of [pack.subarray(0, pack.length - 1), Buffer.concat([pack, Buffer.of(0)]), pack.subarray(1), pack.subarray(0, 50), Buffer.alloc(0)]) assert.notEqual(await found(Buffer.from(bytes)), '');
});

test('whoever packs again with a file altered, left out, added or exchanged is found, whatever the manifest says then', async () => {
  const paths = [...files.keys()].filter((path) => path.startsWith('logs/'));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.constantFrom('flip', 'drop', 'add', 'swap', 'cut'), fc.nat(), fc.constantFrom(...paths), fc.boolean(), async (path, how, at, other, page) => {
      const edited = new Map(files);
      const bytes = Buffer.from(files.get(path) ?? '');
      fc.pre(how !== 'flip' || bytes.length > 0);
      fc.pre(how !== 'swap' || files.get(path)?.equals(files.get(other) ?? Buffer.alloc(0)) === false);
      fc.pre(how !== 'cut' || bytes.length > 0);
      if (how === 'flip') bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ 1;
      if (how === 'drop') edited.delete(path);
      else if (how === 'add') edited.set(`${path}.more`, bytes);
      else if (how === 'swap') edited.set(path, files.get(other) as Buffer).set(other, files.get(path) as Buffer);
      else if (how === 'cut') edited.set(path, bytes.subarray(0, -1));
      else edited.set(path, bytes);
      assert.notEqual(await found(packAgain(edited, again), page ? plainSha256 : nodeSha256, [made.vkey]), '', `${how} ${path}`);
    }),
    { numRuns: 150 },
  );
});

test('a row that is edited is named by file and line', async () => {
  for (const [file, from, to, line] of [
    ['commands.csv', ',ok,', ',error,', 2],
    ['commands.json', '"outcome":"ok"', '"outcome":"error"', 2],
    ['refusals.csv', 'no_identity', 'denied', 3],
    ['sessions.json', '"refused":1', '"refused":0', 3],
  ] as const) {
    const path = `logs/0/populations/${file}`;
    const text = files.get(path)?.toString() ?? '';
    assert.ok(text.includes(from), `${file} has ${from}`);
    const { integrity } = await check(packAgain(new Map(files).set(path, Buffer.from(text.replace(from, to))), again), [made.vkey]);
    assert.deepEqual(integrity.faults, [{ what: 'this row is not what the records say', file: path, line, log: integrity.faults[0]?.log }]);
  }
});

test('a sample that the seed does not give, a lower count and another key are found', async () => {
  const edit = (change: (manifest: { query: Record<string, unknown>; logs: { rows: Record<string, number>; period: { first: number; end: number }; behind: number }[] }) => void): Promise<string> =>
    found(packAgain(files, again, (manifest) => change(manifest as never)), nodeSha256, [made.vkey]);
  assert.match(await edit(({ query }) => void (query['seed'] = 'another')), /the seed draws|is missing/);
  assert.match(await edit(({ logs }) => void ((logs[0] as { rows: Record<string, number> }).rows['commands'] = 17)), /seed draws|manifest counts|is missing|no pack has/);
  assert.match(await edit(({ query }) => void (query['from'] = '2026-11-02T08:00:00.000Z')), /was written before it/);
  assert.match(await edit(({ query }) => void (query['to'] = '2026-11-03T23:00:00.000Z')), /left out of it/);
  assert.match(await edit(({ logs }) => void ((logs[0] as { period: { first: number } }).period.first += 1)), /left out of it/);
  assert.match(await edit(({ query }) => void (query['seedGiven'] = false)), /is not/);
  const other = await makeEvidence(fs.mkdtempSync(join(base, 'other-')));
  assert.match(await found(pack, nodeSha256, [other.vkey]), /no key that was given is of this log/);
});

test('a pack of a newer version is refused, and says so; so is a zip file that somebody packed again', async () => {
  await assert.rejects(check(packAgain(files, again, (manifest) => void (manifest['version'] = 2))), (error: Error) => error instanceof NotAPack && error.message.includes('version 2; this verifier reads version 1'));
  await assert.rejects(check(Buffer.concat([pack.subarray(0, -93), Buffer.from('504b0506', 'hex'), Buffer.alloc(18)])), /not a pack as Wicketgate writes one/);
});

test('hostile zip files: bombs, paths, doubles and lying sizes are refused or named', async () => {
  const bomb = new Map(files).set('README.txt', Buffer.alloc(80 * 1024 * 1024));
  assert.equal(await found(packAgain(bomb, again)), '', 'large is not wrong: what is common to all packs is only hashed');
  await assert.rejects(check(packAgain(new Map(files).set('../up', Buffer.alloc(1)), again)), /a name that no file of a pack has/);
  await assert.rejects(check(packAgain(new Map(files).set('readme.TXT', Buffer.alloc(1)), again)), /two files named/);
  const huge = new Map(files).set('logs/0/log/edge.json', Buffer.alloc(70 * 1024 * 1024, ' '));
  assert.match(await found(packAgain(huge, again)), /larger than such a file may be/);
});

test('nothing is overwritten, and nothing is left of a pack that could not be written', async () => {
  await assert.rejects(makePack(made, out), NotWritten);
  const empty = join(base, 'unsigned');
  fs.cpSync(made.folder, empty, { recursive: true });
  fs.rmSync(join(empty, 'tlog'), { recursive: true });
  const before_ = fs.readdirSync(base);
  await assert.rejects(makePack({ ...made, folder: empty }, join(base, 'none.zip')), /no signed checkpoint/);
  assert.deepEqual(fs.readdirSync(base), before_);
});

test('without tiles the proofs are made from the records; other records than those that were signed give none', async () => {
  const copy = join(base, 'copy');
  fs.cpSync(made.folder, copy, { recursive: true });
  fs.rmSync(join(copy, 'tlog', 'tile'), { recursive: true, force: true });
  fs.rmSync(again, { force: true });
  await makePack({ ...made, folder: copy }, again, { seed: 'auditor' });
  assert.ok(fs.readFileSync(again).equals(pack));
});

test('cells: RFC 4180, and no formula', () => {
  assert.equal(csvLine(['a', 'b,c', 'd"e', '=1+1', '-2', '@x', '+y', null, 5, true, 'l\nm', '\tz']), 'a,"b,c","d""e",\'=1+1,\'-2,\'@x,\'+y,,5,true,"l\nm",\'\tz\r\n');
  const changes = files.get('logs/0/populations/changes.csv')?.toString() ?? '';
  assert.ok(changes.includes('"\'=mask ""removed"", all; rule added"'));
  assert.ok(files.get('logs/0/populations/revocations.csv')?.toString().includes("'+billing,'@root"));
});

test('SHA-256 and CRC-32 of the page are those of everybody', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(299)), (bytes, cuts) => {
    const expected = createHash('sha256').update(bytes).digest();
    assert.deepEqual(Buffer.from(plainSha256.of(bytes)), expected);
    const hash = plainSha256.stream();
    const places = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort((a, b) => a - b);
    for (let i = 1; i < places.length; i += 1) hash.update(bytes.subarray(places[i - 1], places[i]));
    assert.deepEqual(Buffer.from(hash.digest()), expected);
    assert.equal(crc32(bytes), zlibCrc32(bytes));
  }));
});
