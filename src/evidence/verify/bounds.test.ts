import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyLedger } from './body-ledger.ts';
import { CheckpointTable } from './checkpoint-table.ts';
import { Completeness } from './completeness.ts';
import { EMPTY_ROOT } from './tree.ts';

/* A log that was made up to fill memory is not followed further than a gateway could go. */

test('sessions that are never closed: what is followed is bounded, and it is said', () => {
  const follow = new Completeness();
  follow.leaf({ seq: 0, record: { kind: 'instance', event: 'start' } });
  for (let seq = 1; seq <= 70_000; seq += 1) follow.leaf({ seq, record: { kind: 'session_open', session: `s${seq}` } });
  const { openSessions } = follow.end();
  assert.equal(openSessions, 65_536);
  assert.deepEqual([follow.count, follow.gaps[0]?.what], [1, 'more than 65536 sessions stand open: what belongs to the others is not followed']);
});

test('commands that never end', () => {
  const follow = new Completeness();
  follow.leaf({ seq: 0, record: { kind: 'instance', event: 'start' } });
  follow.leaf({ seq: 1, record: { kind: 'session_open', session: 's' } });
  for (let command = 1; command <= 300_000; command += 1) follow.command('intent', 's', command, command + 1);
  assert.equal(follow.end().openCommands, 262_144);
  assert.match(follow.gaps[0]?.what ?? '', /more than 262144 commands stand open/);
});

test('a session of a long name, and gaps without end, are cut', () => {
  const follow = new Completeness();
  follow.leaf({ seq: 0, record: { kind: 'instance', event: 'start' } });
  for (let seq = 1; seq < 5000; seq += 1) follow.leaf({ seq, record: { kind: 'intent', session: 'x'.repeat(50_000), command: seq } });
  assert.equal(follow.count, 4999);
  assert.equal(follow.gaps.length, 100);
  assert.equal(follow.gaps[0]?.session?.length, 256);
});

test('commitments of opened bodies: the newest are compared, the others counted as not checked', () => {
  const ledger = new BodyLedger();
  const digest = 'd'.repeat(32);
  const sealed = Buffer.from(digest, 'latin1').toString('hex');
  for (let ordinal = 0; ordinal < 200_000; ordinal += 1) ledger.add(ordinal, digest, { kind: 'opened', commitments: [`c${ordinal}`] });
  const reference = (frame: number, c: string): string | undefined => ledger.check({ c, part: 'statement', place: { frame, entry: 0, sealed } });
  assert.equal(reference(199_999, 'c199999'), undefined);
  assert.match(reference(199_998, 'c0') ?? '', /not what the record commits to/);
  assert.equal(reference(5, 'c5'), undefined);
  assert.deepEqual([ledger.committed, ledger.unchecked], [2, 1]);
});

test('more checkpoints than are compared: the first are, the others say nothing', () => {
  const table = new CheckpointTable();
  for (let i = 0; i < (1 << 20) + 3; i += 1) table.add(0, EMPTY_ROOT);
  table.begin();
  table.reached(EMPTY_ROOT);
  table.goesOn(7);
  assert.deepEqual([table.count, table.unchecked, table.due, table.size], [1 << 20, 3, Infinity, 0]);
  assert.deepEqual([0, (1 << 20) - 1, 1 << 20].map((index) => table.comparison(index)), ['agrees', 'agrees', 'unchecked']);
  assert.deepEqual([0, 1 << 20].map((index) => table.followedAt(index)), [7, undefined]);
});
