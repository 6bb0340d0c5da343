import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvidenceRecord } from '../log.ts';
import { intent, outcome, sessionClose, sessionOpen } from '../testdata/records.ts';
import { Completeness } from './completeness.ts';

const start: EvidenceRecord = { kind: 'instance', event: 'start', instance: 'gw', build: 'b', config: 'c' };
const stop: EvidenceRecord = { ...start, event: 'stop' };

const gapsOf = (records: readonly EvidenceRecord[]): string[] => {
  const follow = new Completeness();
  records.forEach((record, seq) => follow.leaf({ seq, record }));
  follow.end();
  return follow.gaps.map(({ what }) => what);
};

const whole = [start, sessionOpen('s'), intent('s', 1), outcome('s', 1), intent('s', 2), outcome('s', 2), sessionClose('s', 2), stop];

test('a whole run has no gap', () => assert.deepEqual(gapsOf(whole), []));

test('each record that is left out is missed', () => {
  const expected = [
    /not the start of an instance/,
    /session that is not open: its session_open is missing/,
    /command 1 has an outcome without an intent/,
    /command 1 has no outcome/,
    /command 2 has an outcome without an intent/,
    /command 2 has no outcome/,
    /has no close, although the instance stopped/,
  ];
  for (const [i, pattern] of expected.entries()) assert.match(gapsOf(whole.filter((_, at) => at !== i)).join('; '), pattern);
});

test('a session that is left out whole shows in nothing but its absence; half of one shows', () => {
  assert.deepEqual(gapsOf([start, stop]), []);
  assert.notDeepEqual(gapsOf(whole.filter((_, at) => at !== 2 && at !== 3)), []);
});

test('after a crash the open ends must be told before anything else', () => {
  const crashed = whole.slice(0, 5);
  const told: EvidenceRecord[] = [
    { kind: 'recovery', what: 'indeterminate', session: 's', command: 2 },
    { kind: 'recovery', what: 'session_lost', session: 's' },
  ];
  assert.deepEqual(gapsOf([...crashed, start, ...told, stop]), []);
  assert.match(gapsOf([...crashed, start, stop]).join(), /no recovery record says that it is lost/);
  assert.match(gapsOf([...crashed, start, told[1] as EvidenceRecord, sessionOpen('t'), sessionClose('t', 0), stop]).join(), /command 2 was not declared indeterminate/);
});

test('commands refused while nothing could be recorded are told afterwards, also after the close', () => {
  const unrecorded: EvidenceRecord = { kind: 'recovery', what: 'unrecorded', session: 's', command: 2, count: 3 };
  const head = [start, sessionOpen('s'), intent('s', 1), outcome('s', 1)];
  assert.deepEqual(gapsOf([...head, unrecorded, intent('s', 5), outcome('s', 5), sessionClose('s', 5), stop]), []);
  assert.deepEqual(gapsOf([...head, { kind: 'refusal', session: 's', command: 5, code: 'denied' }, sessionClose('s', 5), unrecorded, stop]), []);
  assert.match(gapsOf([...head, sessionClose('s', 4), stop]).join(), /commands 2 to 4 have no record/);
});
