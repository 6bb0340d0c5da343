import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvidenceLog, EvidenceRecord } from '../evidence/log.ts';
import { RefusalCounter, sourceNetwork } from './refusals.ts';

/** Keeps what was appended: the counter asks nothing else of a log. */
const keeping = (): { log: EvidenceLog; records: EvidenceRecord[] } => {
  const records: EvidenceRecord[] = [];
  const log: EvidenceLog = {
    unavailable: undefined,
    room: undefined,
    append: (record) => {
      records.push(record);
      return { sequence: 0, state: 'written', whenWritten: (then) => then(), whenDurable: (then) => then() };
    },
    close: () => Promise.resolve(),
  };
  return { log, records };
};

test('networks are /24 and /64', () => {
  assert.equal(sourceNetwork('192.0.2.77'), '192.0.2.0/24');
  assert.equal(sourceNetwork('::ffff:192.0.2.77'), '192.0.2.0/24');
  assert.equal(sourceNetwork('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  assert.equal(sourceNetwork('2001:db8::1'), '2001:db8:0:0::/64');
  assert.equal(sourceNetwork('::1'), '0:0:0:0::/64');
  assert.equal(sourceNetwork('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(sourceNetwork('local'), 'local');
});

test('a flood makes one record for each network and reason', () => {
  const { log, records } = keeping();
  const counter = new RefusalCounter(log);
  for (let n = 0; n < 10_000; n++) counter.count(`192.0.2.${n % 256}`, 'unauthenticated');
  counter.count('192.0.2.1', 'protocol');
  counter.close();
  assert.deepEqual(
    records.map((record) => record.kind === 'refusal' && [record.network, record.code, record.count]),
    [
      ['192.0.2.0/24', 'unauthenticated', 10_000],
      ['192.0.2.0/24', 'protocol', 1],
    ],
  );
});

test('a flood from everywhere stays bounded and loses no count', () => {
  const { log, records } = keeping();
  const counter = new RefusalCounter(log);
  for (let n = 0; n < 50_000; n++) counter.count(`10.${n % 200}.${Math.floor(n / 200) % 250}.1`, 'unauthenticated');
  counter.close();
  assert.ok(records.length <= 1025, `${records.length} records`);
  assert.equal(records.reduce((sum, record) => sum + (record.kind === 'refusal' ? (record.count ?? 0) : 0), 0), 50_000);
});
