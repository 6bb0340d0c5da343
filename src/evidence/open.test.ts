import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openEvidenceLog, type EvidenceLogOptions } from './open.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement, written } from './testdata/records.ts';
import { verify } from './verify/verify.ts';

const place = (t: TestContext): EvidenceLogOptions => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'wicketgate-evidence-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return { folder: join(folder, 'log'), keysFolder: join(folder, 'keys'), instance: 'gw-1', build: 'build', config: 'config', segmentBytes: 256 * 1024 };
};

test('what is appended is numbered, written, durable, sealed, and verifies', async (t) => {
  const options = place(t);
  const log = await openEvidenceLog(options);
  const tickets = [log.append(sessionOpen('s1')), log.append(intent('s1', 1), [statement('select 1 /* canary-77 */')]), log.append(outcome('s1', 1)), log.append(sessionClose('s1', 1))];
  assert.deepEqual(tickets.map(({ sequence }) => sequence), [2, 3, 4, 5]);
  assert.equal(tickets[0]?.state, 'queued');
  assert.equal(await written(tickets[0] as never), undefined);
  assert.equal(await durable(tickets[3] as never), undefined);
  assert.equal(tickets[1]?.state, 'durable');
  await log.close();
  const verdict = await verify(options.folder, { keys: options.keysFolder });
  assert.deepEqual(verdict.integrity, { ok: true });
  assert.equal(verdict.completeness.verdict, 'complete', JSON.stringify(verdict.completeness.gaps));
  assert.equal(verdict.records, 7);
  assert.equal(verdict.bodies.committed, 1);
  const raw = fs.readdirSync(options.folder).filter((name) => name.endsWith('.seg')).map((name) => fs.readFileSync(join(options.folder, name)));
  assert.ok(raw.every((bytes) => !bytes.includes('canary-77')), 'a statement stands in the clear');
});

test('a record that nobody waits for is durable soon', async (t) => {
  const log = await openEvidenceLog(place(t));
  t.after(() => log.close());
  const ticket = log.append(sessionOpen('s1'));
  assert.equal(await written(ticket), undefined);
  while (ticket.state !== 'durable') await new Promise((resolve) => setTimeout(resolve, 5));
});

test('the log goes on over many segments and a restart', async (t) => {
  const options = place(t);
  for (let run = 0; run < 3; run += 1) {
    const log = await openEvidenceLog(options);
    await durable(log.append(sessionOpen(`s${run}`)));
    for (let i = 1; i <= 400; i += 1) {
      log.append(intent(`s${run}`, i), [statement(`select ${'x'.repeat(200)} ${i}`)]);
      const ticket = log.append(outcome(`s${run}`, i));
      if (i % 10 !== 0) continue;
      assert.equal(await durable(ticket), undefined);
      await log.prepare();
    }
    log.append(sessionClose(`s${run}`, 400));
    await log.close();
  }
  const verdict = await verify(options.folder, { keys: options.keysFolder });
  assert.deepEqual(verdict.integrity, { ok: true });
  assert.equal(verdict.completeness.verdict, 'complete', JSON.stringify(verdict.completeness.gaps[0]));
  // The key of the first run; each later one checks what was signed before.
  assert.equal(verdict.records, 3 * 804 + 3);
  assert.equal(verdict.bodies.committed, 1200);
  assert.ok(verdict.segments > 4);
});

test('a second writer is refused by name', async (t) => {
  const options = place(t);
  const log = await openEvidenceLog(options);
  t.after(() => log.close());
  await assert.rejects(openEvidenceLog(options), /another process \(\d+\) writes evidence to .*: one folder has one writer/);
  assert.equal(await durable(log.append(sessionOpen('s1'))), undefined);
});

test('recorded answers are cut at the cap, digested whole, and committed to', async (t) => {
  const options = place(t);
  const log = await openEvidenceLog({ ...options, segmentBytes: 1024 * 1024 });
  log.append(sessionOpen('s1'));
  const sizes = [0, 1, 5000, 65_536, 65_537, 200_000];
  for (const [i, size] of sizes.entries()) {
    log.append(intent('s1', i + 1));
    const recording = log.openRecording('billing', 150_000);
    for (let done = 0; done < size; done += 1000) recording.write(Buffer.alloc(Math.min(1000, size - done), `row ${done};`));
    const answer = recording.finish();
    assert.equal(answer.bytes, size);
    assert.equal(answer.recorded, Math.min(size, 150_000));
    assert.equal(answer.truncated, size > 150_000);
    assert.equal(answer.pieces.length, Math.ceil(Math.min(size, 150_000) / 65_536));
    log.append({ ...outcome('s1', i + 1), answer });
  }
  log.append(sessionClose('s1', sizes.length));
  await log.close();
  const verdict = await verify(options.folder, { keys: options.keysFolder });
  assert.equal(verdict.completeness.verdict, 'complete', JSON.stringify(verdict));
  assert.equal(verdict.bodies.committed, 1 + 1 + 1 + 2 + 3);
  assert.equal(verdict.bodies.unreferred, 0);
});

test('what was sent is recorded beside the answer, each with its own pieces', async (t) => {
  const options = place(t);
  const log = await openEvidenceLog({ ...options, segmentBytes: 64 * 1024 * 1024 });
  log.append(sessionOpen('s1'));
  const cap = 32 * 1024 * 1024;
  log.append(intent('s1', 1));
  const [data, answer] = [log.openRecording('billing', cap, 'data'), log.openRecording('billing', cap)];
  for (let done = 0; done < cap; done += 65_536) {
    data.write(Buffer.alloc(65_536, `sent ${done};`));
    answer.write(Buffer.alloc(65_536, `got ${done};`));
  }
  const sent = data.finish();
  // As many pieces of both as there can be: the leaf lists them all.
  assert.equal(sent.pieces.length, 32);
  assert.equal(await durable(log.append({ ...outcome('s1', 1), answer: answer.finish(), data: sent })), undefined);
  log.append(sessionClose('s1', 1));
  await log.close();
  const verdict = await verify(options.folder, { keys: options.keysFolder });
  assert.equal(verdict.completeness.verdict, 'complete', JSON.stringify(verdict));
  assert.equal(verdict.bodies.committed, 128 + 32);
  assert.equal(verdict.bodies.unreferred, 0);
});

test('what a leaf cannot hold fails the ticket and nothing else', async (t) => {
  const log = await openEvidenceLog(place(t));
  t.after(() => log.close());
  const bad = log.append({ ...outcome('s1', 1), outcome: { status: 'ok', rowsReturned: 1.5 } });
  assert.equal(bad.state, 'failed');
  assert.match((await durable(bad)) ?? '', /safe integers only/);
  const long = log.append({ kind: 'config_change', config: 'c', policy: 'p', accepted: true, changes: ['x'.repeat(70_000)] });
  assert.match((await durable(long)) ?? '', /larger than a leaf/);
  assert.equal(await durable(log.append(sessionOpen('s1'))), undefined);
});

test('folders that cannot be used are refused and left as they are', async (t) => {
  const options = place(t);
  fs.mkdirSync(options.folder, { recursive: true });
  fs.writeFileSync(join(options.folder, 'notes.txt'), 'mine');
  await assert.rejects(openEvidenceLog(options), /no log\.json but holds notes\.txt/);
  assert.deepEqual(fs.readdirSync(options.folder), ['notes.txt']);
  fs.rmSync(join(options.folder, 'notes.txt'));
  fs.writeFileSync(join(options.folder, 'log.json'), '{"format":2,"log":"a/b/c"}');
  await assert.rejects(openEvidenceLog(options), /format 2; this gateway writes format 1/);
  fs.rmSync(join(options.folder, 'log.json'));
  await assert.rejects(openEvidenceLog({ ...options, keysFolder: join(options.folder, 'keys') }), /one inside the other/);
  fs.rmSync(join(options.folder, 'keys'), { recursive: true });
  fs.chmodSync(options.keysFolder, 0o755);
  await assert.rejects(openEvidenceLog(options), /may be read by others \(mode 755\)/);
  fs.chmodSync(options.keysFolder, 0o700);
  await (await openEvidenceLog(options)).close();
});

test('damage in a durable part is no torn tail: the log does not open over it', async (t) => {
  const options = place(t);
  const log = await openEvidenceLog(options);
  for (let i = 0; i < 50; i += 1) await durable(log.append(sessionOpen(`s${i}`)));
  await log.close();
  const path = join(options.folder, '00000000.seg');
  const bytes = fs.readFileSync(path);
  bytes[bytes.indexOf('"session":"s20"') + 12] = 0x7a;
  fs.writeFileSync(path, bytes);
  await assert.rejects(openEvidenceLog(options), /damaged at \d+, in a part that was durable/);
  assert.deepEqual(fs.readFileSync(path), bytes, 'the damaged log was changed');
  const verdict = await verify(options.folder);
  assert.equal(verdict.integrity.fault?.sequence, 22);
});

test('a crash with more sessions open than one segment tells of: the next start says so over several segments', async (t) => {
  const options = { ...place(t), segmentBytes: 64 * 1024 };
  const log = await openEvidenceLog(options);
  t.after(() => log.close());
  const sessions = 600;
  for (let i = 0; i < sessions; i += 1) {
    const ticket = log.append(sessionOpen(`s${i}`));
    if (i % 20 !== 19) continue;
    assert.equal(await durable(ticket), undefined);
    await log.prepare();
  }
  // As a crash leaves it: nothing was told to the log.
  const crashed = { ...options, folder: `${options.folder}-crashed`, keysFolder: `${options.keysFolder}-crashed` };
  fs.cpSync(options.folder, crashed.folder, { recursive: true });
  fs.cpSync(options.keysFolder, crashed.keysFolder, { recursive: true });
  await (await openEvidenceLog(crashed)).close();
  const { integrity, completeness, counts, segments } = await verify(crashed.folder, { keys: crashed.keysFolder });
  assert.deepEqual(integrity, { ok: true });
  assert.equal(completeness.verdict, 'complete', JSON.stringify(completeness.gaps[0]));
  assert.equal(counts.recovered.session_lost, sessions);
  assert.ok(segments > 8, `${segments} segments`);
});
