import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCopyOutMasker } from './copy-out.ts';
import { eachBehindLength } from './detect/behind-lengths.ts';
import { HashKey } from './hash-key.ts';
import type { AnswerPlan } from './plan.ts';
import { createRowMasker } from './rows.ts';

/*
 * In the binary form a text stands right behind its length. Whoever asks chooses how long it is, and with that the byte in front of it: a letter, a digit, anything.
 */

const plan: AnswerPlan = { pass: false, complete: true, columns: [undefined], detect: [{ name: 'd', kinds: ['us_ssn', 'credit_card', 'email', 'phone', 'iban', 'ip', 'jwt', 'cloud_key'], transform: 'redact', key: new HashKey(Buffer.alloc(32, 5)) }], protects: () => undefined, knows: () => true };
const SECRETS = ['078-05-1120', '4111 1111 1111 1111', 'ada@example.com', '+1 555 0100 200', '(415) 555-0100', 'DE89370400440532013000', '192.0.2.77', '2001:db8::77', 'AKIAABCDEFGHIJKLMNOP', 'eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln'];
const LENGTHS = Array.from({ length: 220 }, (_, more) => more + 40);

const int32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeInt32BE(value, 4 * index));
  return bytes;
};
const sized = (bytes: Buffer): Buffer => Buffer.concat([int32(bytes.length), bytes]);
const padded = (secret: string, length: number): Buffer => Buffer.from(secret.padEnd(length, ' .'));

/** The forms in which PostgreSQL sends texts in others, with the OID of the column. */
const FORMS: Readonly<Record<string, readonly [type: number, (text: Buffer) => Buffer]>> = {
  'text[]': [1009, (text) => Buffer.concat([int32(1, 0, 25, 3, 1), sized(Buffer.from('a')), sized(text), sized(Buffer.from('b'))])],
  record: [2249, (text) => Buffer.concat([int32(2, 23, 4, 7, 25), sized(text)])],
  'record in a record': [2249, (text) => Buffer.concat([int32(1, 2249), sized(Buffer.concat([int32(2, 25), sized(text), int32(25), sized(text)]))])],
  hstore: [99_999, (text) => Buffer.concat([int32(1), sized(Buffer.from('key')), sized(text)])],
  'range of texts': [99_998, (text) => Buffer.concat([Buffer.from([6]), sized(text), sized(text)])],
};

for (const [form, [type, made]] of Object.entries(FORMS)) {
  test(`a find is found in ${form}, whatever the length before it looks like`, () => {
    for (const secret of SECRETS) {
      for (const length of LENGTHS) {
        const cell = made(padded(secret, length));
        const row = Buffer.concat([Buffer.from([0, 1]), sized(cell)]);
        const masked = createRowMasker(plan, [{ name: 'c', table: 0, column: 0, type, typmod: -1, format: 1 }]).mask(Buffer.from(row));
        // Lengths and all else are what they were.
        const expected = Buffer.concat([Buffer.from([0, 1]), sized(made(padded('*'.repeat(secret.length), length)))]);
        assert.ok(masked !== 'withhold' && expected.equals(masked), `${secret} in ${length} bytes: ${Buffer.from(masked).toString('latin1')}`);
      }
    }
  });
}

test('a find is found in a row of COPY in binary, whatever the length before it looks like', () => {
  for (const secret of SECRETS) {
    for (const length of LENGTHS) {
      const made = (text: string): Buffer => Buffer.concat([Buffer.from([0, 2]), sized(int32(7)), sized(padded(text, length))]);
      const masked = createCopyOutMasker(plan)?.mask(made(secret));
      assert.deepEqual(masked, made('*'.repeat(secret.length)), `${secret} in ${length} bytes`);
    }
  }
});

test('what only looks like lengths is looked at a few times at the most', () => {
  // Each four bytes say that all the rest is a text.
  for (const bytes of [Buffer.alloc(100_000), Buffer.alloc(100_000, 'x'), Buffer.alloc(100_000, Buffer.from([0, 0, 0, 1, 1])), Buffer.concat([int32(4_000), Buffer.alloc(100_000, 1)])]) {
    let seen = 0;
    eachBehindLength(bytes, 0, bytes.length, (from, to) => {
      assert.ok(from >= 4 && to <= bytes.length && bytes.readInt32BE(from - 4) === to - from);
      seen += to - from;
    });
    assert.ok(seen <= 8 * bytes.length, String(seen));
  }
});

test('a text of 16 MiB and more is one too', () => {
  const text = Buffer.alloc(0x01010141, ' ');
  text.write('192.0.2.77');
  const found: number[] = [];
  const bytes = Buffer.concat([int32(1, 25), sized(text)]);
  eachBehindLength(bytes, 0, bytes.length, (from, to) => found.push(from, to));
  assert.deepEqual(found.slice(-2), [12, bytes.length]);
});
