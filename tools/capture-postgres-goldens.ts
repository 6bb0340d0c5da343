/**
 * Captures messages of PostgreSQL's protocol from real servers and real clients into
 * src/protocols/postgres/testdata/goldens.json, which the codec is tested against. Run it again for a new version:
 *
 *   npx node tools/capture-postgres-goldens.ts
 */
import { type Socket, connect, createServer } from 'node:net';
import { writeFileSync } from 'node:fs';
import pg from 'pg';
import { pgbench, psql } from '../test/kit/clients.ts';
import { freePort } from '../test/kit/ports.ts';
import { type Postgres, postgresVersions, startPostgres } from '../test/kit/postgres.ts';
import { tempFolder } from '../test/kit/temp.ts';
import { toServer } from '../src/protocols/postgres/encode.ts';

interface Golden {
  /** What produced it. */
  readonly from: string;
  readonly hex: string;
}

const OUT = new URL('../src/protocols/postgres/testdata/goldens.json', import.meta.url);
const password = 'golden';
const backend: Golden[] = [];
const frontend: Golden[] = [];

/** Cuts a capture into messages with nothing but the length field: this must not rest on the code that is tested. */
const cut = (bytes: Buffer): Buffer[] => {
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    messages.push(bytes.subarray(at, end));
    at = end;
  }
  return messages;
};

/** Keeps messages of which no equal one was kept, at most `most` of a type from one source. */
const keep = (list: Golden[], from: string, messages: readonly Buffer[], most: number): void => {
  const counts = new Map<number, number>();
  for (const message of messages) {
    const type = message[0] as number;
    const count = counts.get(type) ?? 0;
    const hex = message.toString('hex');
    // Every connection has a cancel key of its own; those of logins are enough.
    if (message[0] === 0x4b && !from.includes('login')) continue;
    if (count >= most || message.length > 4_000 || list.some((other) => other.hex === hex)) continue;
    counts.set(type, count + 1);
    list.push({ from, hex });
  }
};

const startup = (minor: number, parameters: readonly string[]): Buffer => {
  const body = Buffer.from(`${parameters.map((text) => `${text}\0`).join('')}\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(0x30000 + minor, 4);
  return Buffer.concat([head, body]);
};

/** Sends `steps` one after another, each when the answer to the one before has ended with one of the types in `until`. */
const converse = (server: Postgres, steps: readonly { readonly send: Buffer; readonly until: string }[]): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = connect(server.port, server.host);
    let received: Buffer = Buffer.alloc(0);
    let from = 0;
    let step = 0;
    const next = (): void => {
      const current = steps[step];
      if (current === undefined) {
        socket.destroy();
        resolve(received);
        return;
      }
      socket.write(current.send);
    };
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer to step ${step} in 10 seconds`)));
    socket.on('connect', next);
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      const messages = cut(received.subarray(from));
      const last = messages.at(-1);
      const ended = messages.reduce((sum, message) => sum + message.length, 0) === received.length - from;
      if (!ended || last === undefined || steps[step]?.until.includes(String.fromCharCode(last[0] as number)) !== true) return;
      from = received.length;
      step++;
      next();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
  });

const capture = async (version: (typeof found)[number]): Promise<void> => {
  await using server = await startPostgres({
    version,
    config: { wal_level: 'replica' },
    hba: ['host all trusted 127.0.0.1/32 trust', 'host replication trusted 127.0.0.1/32 trust', 'host all hashed 127.0.0.1/32 md5', 'host all clear 127.0.0.1/32 password'],
    users: [{ name: 'trusted', attributes: 'SUPERUSER' }, { name: 'hashed', password, encryption: 'md5' }, { name: 'clear', password }, { name: 'scram', password }],
    setup: `CREATE TABLE t (id int PRIMARY KEY, name text, data bytea); INSERT INTO t VALUES (1, 'é', '\\x00ff'), (2, NULL, NULL), (3, '', '')`,
  });
  const hello = (user: string, minor = 0, ...more: string[]) => ({ send: startup(minor, ['user', user, 'database', 'postgres', ...more]), until: user === 'trusted' ? 'ZE' : 'R' });
  const ask = (sql: string, until = 'Z') => ({ send: toServer.query(sql), until });
  const series = (...messages: Buffer[]) => ({ send: Buffer.concat([...messages, toServer.sync]), until: 'Z' });
  // int4abs(-5): function 1397, one format (binary), one argument of four bytes, result in binary.
  const functionCall = Buffer.from(`46${'0000001a'}${'00000575'}${'00010001'}${'0001'}${'00000004fffffffb'}${'0001'}`, 'hex');
  functionCall.writeInt32BE(functionCall.length - 1, 1);
  const from = `PostgreSQL ${version}`;
  const seen = async (what: string, ...steps: Parameters<typeof converse>[1][number][]): Promise<void> => keep(backend, `${from}: ${what}`, cut(await converse(server, steps)), 6);

  await seen('login', hello('trusted', 0, 'application_name', 'golden'));
  await seen('login, 3.2', { ...hello('trusted', 2), until: 'ZE' });
  await seen('login, a version of the future', { ...hello('trusted', 9999, '_pq_.golden', '1'), until: 'Z' });
  for (const user of ['hashed', 'clear', 'scram']) await seen(`login of ${user}`, hello(user));
  await seen('login refused', hello('trusted', 0, 'no_such_parameter', '1'));
  await seen('simple', hello('trusted'), ask('SELECT * FROM t ORDER BY id'), ask(''), ask('SELECT 1/0'), ask('BEGIN; SELECT 1'), ask('SELECT nonsense'), ask('ROLLBACK'), ask(`SELECT ctid, 1::bigint, 'x'::varchar(7), 1.5::numeric(5,2), ARRAY[1] FROM t LIMIT 1`), ask('SELECT FROM t LIMIT 1'));
  await seen('notices', hello('trusted'), ask(`DO $$ BEGIN RAISE WARNING 'w' USING DETAIL = 'd', HINT = 'h', ERRCODE = '01234', COLUMN = 'c', CONSTRAINT = 'n', DATATYPE = 'y', TABLE = 't', SCHEMA = 's'; END $$`), ask(`INSERT INTO t VALUES (1)`), ask('SET application_name = other'));
  await seen('notification', hello('trusted'), ask('LISTEN c; NOTIFY c; NOTIFY c, \'payload\''));
  await seen(
    'extended',
    hello('trusted'),
    series(toServer.parse('s', 'SELECT * FROM t WHERE id > $1 AND name IS DISTINCT FROM $2', [23]), toServer.describe('statement', 's'), toServer.bind('p', 's', [1, 0], [Buffer.from([0, 0, 0, 0]), null], [1, 0, 1]), toServer.describe('portal', 'p'), toServer.execute('p', 1), toServer.execute('p', 0), toServer.close('portal', 'p'), toServer.close('statement', 's')),
    series(toServer.parse('', 'INSERT INTO t VALUES (9)'), toServer.describe('statement', ''), toServer.bind('', '', [], []), toServer.describe('portal', ''), toServer.execute('')),
    series(toServer.parse('', ''), toServer.bind('', '', [], []), toServer.execute('')),
    series(toServer.parse('', 'SELECT $1::no_such_type')),
  );
  await seen('copy out', hello('trusted'), ask('COPY t TO STDOUT'), ask('COPY t TO STDOUT (FORMAT binary)'), ask('COPY (SELECT 1 WHERE false) TO STDOUT'));
  await seen('copy in', hello('trusted'), ask('COPY t FROM STDIN', 'G'), { send: Buffer.concat([toServer.copyData(Buffer.from('10\tx\t\\N\n')), toServer.copyDone]), until: 'Z' }, ask('COPY t FROM STDIN (FORMAT binary)', 'G'), { send: toServer.copyFail('changed my mind'), until: 'Z' });
  await seen('function call', hello('trusted'), { send: functionCall, until: 'Z' });
  await seen('replication', hello('trusted', 0, 'replication', 'true'), ask('START_REPLICATION 0/0', 'WZ'));

  if (version === found[0]) await captureClients(server);
};

/** What real clients send, seen by a relay. */
const captureClients = async (server: Postgres): Promise<void> => {
  let sent: Buffer[] = [];
  const sockets = new Set<Socket>();
  const relay = createServer((client) => {
    const target = connect(server.port, server.host);
    let first = true;
    client.on('data', (data: Buffer) => {
      // The startup packet has no type byte and comes first, in a piece of its own.
      if (!first) sent.push(data);
      first = false;
      target.write(data);
    });
    target.on('data', (data) => client.write(data));
    for (const [one, other] of [[client, target], [target, client]] as const) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => other.destroy());
    }
  });
  const port = await freePort();
  await new Promise<void>((resolve) => relay.listen(port, '127.0.0.1', resolve));
  const env = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'trusted', PGDATABASE: 'postgres', PGSSLMODE: 'disable', PGGSSENCMODE: 'disable' };
  const client = async (from: string, work: () => Promise<unknown>): Promise<void> => {
    sent = [];
    await work();
    keep(frontend, from, cut(Buffer.concat(sent)), 4);
  };
  const folder = tempFolder('goldens');
  await client('psql 15', () => psql(['-c', 'SELECT 1; SELECT 2', '-c', '\\copy t from pstdin', '-c', '\\d t'], env, { input: '20\ta\t\\N\n' }));
  await client('pgbench 15', async () => {
    const script = folder.file('script.sql');
    writeFileSync(script, '\\set id random(1, 3)\nSELECT * FROM t WHERE id = :id;\n');
    for (const mode of ['extended', 'prepared']) await pgbench(['-n', '-M', mode, '-t', '3', '-f', script], env);
  });
  await client('pg 8.23', async () => {
    const connection = new pg.Client({ host: '127.0.0.1', port, user: 'trusted', database: 'postgres' });
    await connection.connect();
    await connection.query('SELECT $1::int, $2::text, $3::bytea', [1, null, Buffer.from([0, 255])]);
    await connection.query({ name: 'n', text: 'SELECT $1::text', values: ['é'] });
    await connection.query({ name: 'n', text: 'SELECT $1::text', values: ['é'] });
    await connection.end();
  });
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => relay.close(() => resolve()));
  folder.remove();
};

const found = postgresVersions();
for (const version of found) await capture(version);
const lines = (list: readonly Golden[]): string => list.map((golden) => `    ${JSON.stringify(golden)}`).join(',\n');
writeFileSync(OUT, `{\n  "backend": [\n${lines(backend)}\n  ],\n  "frontend": [\n${lines(frontend)}\n  ]\n}\n`);
console.log(`${backend.length} backend and ${frontend.length} frontend messages of PostgreSQL ${found.join(', ')}`);
