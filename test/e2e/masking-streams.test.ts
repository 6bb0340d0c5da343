import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { toClient } from '../../src/protocols/postgres/encode.ts';
import { until } from '../kit/until.ts';
import { startScene, type Role, type Scene } from './scene.ts';
import { gatewayWire, openWire, say, type Wire } from './wire.ts';

/*
 * Long answers, byte by byte, to clients that now and then do not read: rows are read into memory that is used again, and masked in such memory, and none of
 * it may be written to before the client has it.
 */

const ROWS = 80_000;
const MASKS = [{ columns: ['people.ssn'], transform: 'redact' }, { columns: ['people.card'], transform: { partial: 4 } }, { columns: ['people.badge'], transform: { fixed: 'a badge that is longer than what it stands for' } }, { detect: ['email', 'phone'], transform: 'redact' }];
const TABLE = `CREATE TABLE people AS SELECT n AS id, lpad((n % 899 + 100)::text, 3, '0') || '-45-' || lpad((n % 8999 + 1000)::text, 4, '0') AS ssn, 'c' || lpad(n::text, 15, '0') AS card,
  'b' || n AS badge, 'write to user' || n || '@example.com or call +1 555 ' || lpad(n::text, 7, '0') || ', ' || md5(n::text) AS note, repeat('x', n % 300) AS filler FROM generate_series(1, ${ROWS}) AS n;
  ALTER TABLE people OWNER TO app`;

const digits = (value: number, count: number): string => String(value).padStart(count, '0');
const stars = (count: number): string => '*'.repeat(count);

/** A row as its client gets it, in the order of the table's columns. */
const row = (n: number, masked: boolean): Buffer => {
  const digest = createHash('md5').update(String(n)).digest('hex');
  const email = `user${n}@example.com`;
  const phone = `+1 555 ${digits(n, 7)}`;
  const card = `c${digits(n, 15)}`;
  const cells = masked
    ? [String(n), '***', `${stars(12)}${card.slice(-4)}`, 'a badge that is longer than what it stands for', `write to ${stars(email.length)} or call ${stars(phone.length)}, ${digest}`, 'x'.repeat(n % 300)]
    : [String(n), `${digits((n % 899) + 100, 3)}-45-${digits((n % 8999) + 1000, 4)}`, card, `b${n}`, `write to ${email} or call ${phone}, ${digest}`, 'x'.repeat(n % 300)];
  return toClient.dataRow(cells.map((cell) => Buffer.from(cell)));
};

/** All bytes of the answer, from a client that stops each time that so much has come, until the target stands still. */
const readSlowly = async ({ target }: Scene, wire: Wire): Promise<Buffer> => {
  const { socket } = wire;
  socket.removeAllListeners('data');
  const chunks: Buffer[] = [];
  let bytes = 0;
  let stopAt = 0;
  const standsStill = async (): Promise<void> => {
    await until(async () => (await target.query("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'ClientWrite'")).length === 1, 20_000, 'the target waiting for its client');
    stopAt = bytes + 4_000_000;
    socket.resume();
  };
  const whole = new Promise<Buffer>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (chunk.subarray(-6).equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) resolve(Buffer.concat(chunks));
      // Of the last of it the target is rid at once.
      else if (bytes > stopAt && stopAt < 8_000_000) {
        socket.pause();
        standsStill().catch(reject);
      }
    });
    socket.once('close', () => reject(new Error('closed')));
  });
  wire.send(say.query('SELECT * FROM people'));
  return whole;
};

test('a long answer is right in every byte, masked or not, also where its client stops reading again and again, with TLS and without', async () => {
  await using scene = await startScene({
    connectionsAt: (port) => {
      const connection = { protocol: 'postgres', target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' } };
      return [{ name: 'shop', ...connection }, { name: 'plain', plaintext: true, ...connection }];
    },
    policies: [{ name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'], mask: MASKS }, { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read'] }],
  });
  await scene.target.query(TABLE);
  const plain = async (role: Role): Promise<Wire> => openWire({ to: scene.gateway.port('plain'), parameters: { user: role, database: 'plain' }, password: await scene.token(role) });
  for (const [role, isMasked, open] of [['reader', true, (role: Role) => gatewayWire(scene, role)], ['reader', true, plain], ['writer', false, plain]] as const) {
    const expected = Buffer.concat(Array.from({ length: ROWS }, (_, index) => row(index + 1, isMasked)));
    using wire = await open(role);
    const answer = await readSlowly(scene, wire);
    // A description stands before the rows; CommandComplete and ReadyForQuery behind them.
    const from = answer.readInt32BE(1) + 1;
    const rows = answer.subarray(from, from + expected.length);
    const different = rows.findIndex((byte, at) => byte !== expected[at]);
    assert.equal(different, -1, `byte ${different} of ${expected.length}: ${rows.toString('latin1', Math.max(0, different - 80), different + 80)}`);
    assert.equal(answer.toString('latin1', from + expected.length), `C\0\0\0\x11SELECT ${ROWS}\0Z\0\0\0\x05I`);
  }
});
