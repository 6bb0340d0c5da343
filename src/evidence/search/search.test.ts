import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { AppendLog } from '../append-log.ts';
import { KeysFolder, fileNameOf } from '../keys.ts';
import type { EvidenceRecord, Ticket } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import { openEvidenceLog } from '../open.ts';
import { logName, readLog } from '../read.ts';
import { purgeKeys } from '../retention/purge.ts';
import { processorTime } from '../../../test/kit/processor-time.ts';
import { until } from '../../../test/kit/until.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../testdata/records.ts';
import { BadFilter, nameMatches, objectMatches, type SearchFilters } from './filters.ts';
import { findCommands } from './find.ts';
import { followLog } from './follow.ts';
import { IndexDiffers } from './hits.ts';
import { OpenedFilters } from './opened-filters.ts';
import { LogIndex } from './search.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-10-01T08:00:00Z');
const SECRET = 'canary-4f1e';

interface Made {
  readonly folder: string;
  readonly keysFolder: string;
  readonly indexes: string;
  readonly log: AppendLog;
  readonly at: { wall: number };
  index(): LogIndex;
  file(): string;
}

const make = async (t: TestContext): Promise<Made> => {
  const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-search-'));
  const [folder, keysFolder, indexes, at] = [join(base, 'data', 'evidence'), join(base, 'keys'), join(base, 'data', 'search'), { wall: START }];
  const log = await openEvidenceLog({ folder, keysFolder, instance: 'gw', build: 'b', config: 'c', segmentBytes: 512 * 1024, clock: { wall: () => at.wall, monotonic: () => Math.floor(performance.now() * 1000) } });
  t.after(async () => {
    await log.close();
    fs.rmSync(base, { recursive: true, force: true });
  });
  return {
    folder,
    keysFolder,
    indexes,
    log,
    at,
    index: () => new LogIndex({ folder, indexes, keys: KeysFolder.open(nodeDisk, keysFolder, false) }),
    file: () => join(indexes, `${fileNameOf(logName(folder))}.db`),
  };
};

const caughtUp = (index: LogIndex, frames?: number): LogIndex => {
  while (index.step(frames));
  return index;
};

interface Done {
  readonly sequence: number;
  readonly time: number;
  readonly identity: string;
  readonly connection: string;
  readonly verb: string;
  readonly object: string;
  readonly decision: string;
  readonly rows: number | null;
  readonly text: string;
}

const VERBS = ['select', 'update', 'drop'];
const OBJECTS = ['table:public.customers', 'table:billing.invoices', 'view:public.customers_v'];

/** Writes commands as they might come, and remembers them in the plainest way. */
const workload = async ({ log, at }: Made, commands: number): Promise<Done[]> => {
  const done: Done[] = [];
  const sessions = Array.from({ length: 6 }, (_, i) => ({ session: `session-${i}`, identity: ['billing-jobs', 'ci'][i % 2] as string, connection: ['billing', 'ledger', 'crm'][i % 3] as string, commands: 0 }));
  for (const { session, identity, connection } of sessions) {
    const open = sessionOpen(session) as Extract<EvidenceRecord, { kind: 'session_open' }>;
    log.append({ ...open, connection, principal: { ...open.principal, identity } });
  }
  for (let i = 0; i < commands; i += 1) {
    const one = sessions[(i * 7) % sessions.length] as (typeof sessions)[number];
    const [verb, object] = [VERBS[i % VERBS.length] as string, OBJECTS[(i * 5) % OBJECTS.length] as string];
    one.commands += 1;
    at.wall += i % 50 === 49 ? DAY / 4 : 997;
    const text = `${verb.toUpperCase()} ÄPFEL FROM ${object} WHERE id = ${i * 31} -- ${SECRET}`;
    const about = { connection: one.connection, verb, effects: [{ class: 'read', verb, object }] };
    const refused = i % 11 === 3;
    const ticket: Ticket = refused
      ? log.append({ kind: 'refusal', session: one.session, command: one.commands, code: i % 2 === 0 ? 'denied' : 'write_back', ...about }, [statement(text, one.connection)])
      : log.append({ ...intent(one.session, one.commands), ...about }, [statement(text, one.connection), { part: 'parameters', connection: one.connection, bytes: Buffer.from(JSON.stringify([`value ${i}`])) }]);
    const rows = refused || i % 13 === 0 ? null : i % 300;
    if (rows !== null) log.append({ ...outcome(one.session, one.commands), outcome: { status: 'ok', tag: 'x', ...(i % 2 === 0 ? { rowsReturned: rows } : { rowsAffected: rows }) } });
    if (i % 20 === 0) {
      assert.equal(await durable(log.append({ kind: 'progress', session: one.session, command: one.commands, bytesUp: 1, bytesDown: 2 })), undefined);
      await log.prepare();
    }
    done.push({ sequence: ticket.sequence, time: at.wall, identity: one.identity, connection: one.connection, verb, object, decision: refused ? (i % 2 === 0 ? 'denied' : 'write_back') : 'allow', rows, text: refused ? text : `${text}\n["value ${i}"]` });
  }
  assert.equal(await durable(log.append({ kind: 'progress', session: 'session-0', command: 1, bytesUp: 1, bytesDown: 2 })), undefined);
  return done;
};

/** The same question, answered by looking at everything. */
const plainly = (done: readonly Done[], { identity, connection, verb, object, decision, text, since, until, rows }: SearchFilters, limit: number): number[] => {
  const [, sign, count] = /^(>=|<=|>|<|=) ?(\d+)$/.exec(rows ?? '') ?? [];
  const compared = (value: number | null): boolean => value !== null && { '>': value > Number(count), '>=': value >= Number(count), '<': value < Number(count), '<=': value <= Number(count), '=': value === Number(count) }[sign as '>'];
  return done
    .filter((one) => identity === undefined || one.identity === identity)
    .filter((one) => connection === undefined || one.connection === connection)
    .filter((one) => verb === undefined || one.verb === verb)
    .filter((one) => object === undefined || one.object.endsWith(`.${object}`))
    .filter((one) => decision === undefined || (decision === 'refused' ? one.decision !== 'allow' : one.decision === decision))
    .filter((one) => text === undefined || one.text.toLowerCase().includes(text.toLowerCase()))
    .filter((one) => since === undefined || one.time >= since)
    .filter((one) => until === undefined || one.time < until)
    .filter((one) => sign === undefined || compared(one.rows))
    .map(({ sequence }) => sequence)
    .reverse()
    .slice(0, limit);
};

const some = <T>(values: readonly T[]): fc.Arbitrary<T | undefined> => fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });
const filtersOf = (last: number): fc.Arbitrary<SearchFilters> =>
  fc
    .record({
      identity: some(['billing-jobs', 'ci', 'nobody']),
      connection: some(['billing', 'ledger', 'crm']),
      verb: some(VERBS),
      object: some(['customers', 'invoices', 'customers_v', 'orders']),
      decision: some(['allow', 'refused', 'denied', 'write_back']),
      text: some(['äpfel from', SECRET, 'id = 31', 'value 7', 'ere id', 'not there at all', 'id = 3']),
      since: fc.option(fc.integer({ min: START, max: last }), { nil: undefined, freq: 1 }),
      until: fc.option(fc.integer({ min: START, max: last }), { nil: undefined, freq: 1 }),
      rows: some(['>100', '>=250', '<3', '<=1', '= 7', '>100000']),
    })
    .filter(({ since, until }) => since === undefined || until === undefined || since < until)
    .map((given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SearchFilters);

test('every combination of filters finds what looking at everything finds, newest first', async (t) => {
  const made = await make(t);
  const done = await workload(made, 2500);
  const index = caughtUp(made.index());
  fc.assert(
    fc.property(filtersOf(made.at.wall), fc.integer({ min: 1, max: 40 }), (filters, limit) => {
      const { hits, more } = index.search(filters, limit);
      assert.deepEqual(hits.map(({ sequence }) => sequence), plainly(done, filters, limit));
      assert.equal(more, plainly(done, filters, limit + 1).length > limit);
    }),
    { numRuns: 300 },
  );
  const [hit] = index.search({ text: 'value 4', rows: '=4' }, 5).hits;
  assert.deepEqual({ identity: hit?.identity, connection: hit?.connection, verb: hit?.verbs.join(), rows: hit?.rows, status: hit?.status, texts: hit?.texts.map((text) => ('bytes' in text ? text.bytes.toString() : text.absent)) }, { identity: 'billing-jobs', connection: 'ledger', verb: 'update', rows: 4, status: 'ok', texts: [`UPDATE ÄPFEL FROM view:public.customers_v WHERE id = 124 -- ${SECRET}`, '["value 4"]'] });
  index.close();
});

test('the answer names size, last leaf hash and Merkle root of what it was drawn from', async (t) => {
  const made = await make(t);
  await workload(made, 40);
  const { size, root, head, log } = caughtUp(made.index(), 7).search({}, 1);
  const sha = (...parts: readonly Uint8Array[]): Buffer => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
  const leaves: Buffer[] = [];
  for await (const item of readLog(made.folder)) if (item.type === 'leaf') leaves.push(sha(Buffer.of(0), item.bytes));
  const rootOf = (hashes: readonly Buffer[]): Buffer => {
    if (hashes.length === 1) return hashes[0] as Buffer;
    let split = 1;
    while (split * 2 < hashes.length) split *= 2;
    return sha(Buffer.of(1), rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
  };
  assert.equal(log, made.log.name);
  assert.deepEqual([size, head, root], [leaves.length, leaves.at(-1)?.toString('hex'), rootOf(leaves).toString('base64')]);
});

test('taken in piece by piece while the log is written, it finds the same as when made at once', async (t) => {
  const made = await make(t);
  const index = made.index();
  let stopped = false;
  const following = (async () => {
    for (let i = 1; !stopped; i += 1) {
      index.step(1 + (i % 40));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const done = await workload(made, 1500);
  stopped = true;
  await following;
  caughtUp(index, 13);
  for (const filters of [{}, { text: SECRET }, { text: 'value 12' }, { rows: '>200' }, { decision: 'refused', verb: 'drop' }] satisfies SearchFilters[]) {
    assert.deepEqual(index.search(filters, 1000).hits.map(({ sequence }) => sequence), plainly(done, filters, 1000), JSON.stringify(filters));
  }
  index.close();
});

test('no text stands in the index in clear, and a purge takes the sealed ones out of the file', async (t) => {
  const made = await make(t);
  await workload(made, 600);
  const index = caughtUp(made.index());
  const bytes = (): Buffer => Buffer.concat(fs.readdirSync(made.indexes).map((name) => fs.readFileSync(join(made.indexes, name))));
  for (const clear of [SECRET, 'ÄPFEL', 'äpfel', 'value 1']) assert.ok(!bytes().includes(clear), clear);
  const days = made.log.keys.list().sort();
  const gone = days.filter((id) => id.startsWith('billing/'));
  const before = index.search({ text: SECRET }, 1000).hits;
  assert.ok(gone.length >= 3 && before.some(({ connection }) => connection === 'billing'));
  const blocks = new DatabaseSync(made.file(), { readOnly: true });
  const sealed = (blocks.prepare(`SELECT texts FROM text WHERE key LIKE 'billing/%'`).all() as { texts: Uint8Array }[]).map(({ texts }) => Buffer.from(texts).subarray(0, 64));
  blocks.close();
  index.close();
  assert.ok(sealed.length > 0 && sealed.every((block) => bytes().includes(block)));
  const older = join(made.indexes, '..', 'older');
  fs.cpSync(made.indexes, older, { recursive: true });
  await purgeKeys(made.log, made.log.keys, 'p'.repeat(64), 'ops', gone);
  // Before the index has heard of it, and in a copy of before: the key is gone, and so are the texts.
  for (const indexes of [made.indexes, older]) {
    const behind = new LogIndex({ folder: made.folder, indexes, keys: KeysFolder.open(nodeDisk, made.keysFolder, false) });
    assert.ok(behind.search({ text: SECRET }, 1000).hits.every(({ connection }) => connection !== 'billing'));
    behind.close();
  }
  const after = caughtUp(made.index());
  assert.deepEqual(after.search({ text: SECRET }, 1000).hits.map(({ sequence }) => sequence), before.filter(({ connection }) => connection !== 'billing').map(({ sequence }) => sequence));
  assert.ok(after.search({ connection: 'billing' }, 1000).hits.every(({ texts }) => texts.every((text) => 'absent' in text && text.absent === 'key_destroyed')), 'the records stay');
  after.close();
  assert.ok(sealed.every((block) => !bytes().includes(block)), 'the sealed texts are overwritten, not only unlinked');
});

test('opened filters serve the searches that follow, grow with their blocks, and go with their key or their index', async (t) => {
  const made = await make(t);
  const done = await workload(made, 600);
  const index = made.index();
  const keys = KeysFolder.open(nodeDisk, made.keysFolder, false);
  const destroyed = new Set<string>();
  const parts = { keyOf: (id: string) => (destroyed.has(id) ? undefined : keys.forReading(id)), filters: new OpenedFilters() };
  const found = (text: string): number[] => findCommands(index.file, { text }, 1000, parts);
  // Searched after each piece: blocks are added to, and what was known of them is not all that they hold.
  while (index.step(70)) found('value 5');
  assert.deepEqual(found('value 5'), plainly(done, { text: 'value 5' }, 1000));
  const kept = parts.filters.size;
  assert.ok(kept > 3);
  let read = 0;
  const prepared = index.file.sql.bind(index.file);
  t.mock.method(index.file, 'sql', (sql: string) => {
    if (sql.startsWith('SELECT filter')) read += 1;
    return prepared(sql);
  });
  assert.deepEqual(found(SECRET), plainly(done, { text: SECRET }, 1000));
  assert.equal(read, 0, 'none is opened again');
  const [key = ''] = made.log.keys.list();
  destroyed.add(key);
  const left = found(SECRET);
  assert.ok(left.length < done.length && parts.filters.size < kept);
  destroyed.clear();
  index.file.empty();
  assert.deepEqual(found(SECRET), []);
  caughtUp(index, 70);
  read = 0;
  assert.deepEqual(found(SECRET), plainly(done, { text: SECRET }, 1000));
  assert.equal(read, parts.filters.size, 'of an index that was made again nothing is taken for known');
  index.close();
});

test('who does not wait is told at once that another takes something in, and nothing is written when there is nothing new', async (t) => {
  const made = await make(t);
  await workload(made, 30);
  const index = made.index();
  const other = new DatabaseSync(made.file());
  other.exec('BEGIN IMMEDIATE');
  const began = performance.now();
  assert.throws(() => index.step(10, false), /locked|busy/);
  assert.ok(performance.now() - began < 5000);
  other.exec('COMMIT');
  other.close();
  caughtUp(index);
  const written = (): number => fs.statSync(`${made.file()}-wal`).size;
  const before = written();
  const changes = (): unknown => index.file.sql('SELECT total_changes() AS n').get()?.['n'];
  const changed = changes();
  for (let i = 0; i < 5; i += 1) assert.equal(index.step(10, false), false);
  assert.deepEqual([written(), changes()], [before, changed]);
  assert.equal(await durable(made.log.append(sessionClose('session-1', 9))), undefined);
  index.step(10, false);
  assert.notEqual(changes(), changed);
  index.close();
});

test('an index that somebody changed is noticed at the record that it leads to', async (t) => {
  const made = await make(t);
  await workload(made, 100);
  caughtUp(made.index()).close();
  const pristine = fs.readFileSync(made.file());
  const changes: readonly [string, SearchFilters][] = [
    [`UPDATE command SET verb = (SELECT id FROM name WHERE kind = 'verb' AND text = 'drop') WHERE verb = (SELECT id FROM name WHERE kind = 'verb' AND text = 'select')`, { verb: 'drop' }],
    [`UPDATE command SET rows = 5000 WHERE seq = (SELECT min(seq) FROM command WHERE rows > 0)`, { rows: '>4000' }],
    [`UPDATE command SET position = position + 8`, {}],
    [`UPDATE command SET position = 999999999`, {}],
    [`UPDATE command SET segment = 77`, {}],
    [`UPDATE command SET identity = (SELECT id FROM name WHERE kind = 'identity' AND id <> command.identity)`, { identity: 'ci' }],
    [`UPDATE command SET time = time - 86400000`, { until: START }],
    [`UPDATE command SET outcome_position = position, outcome_segment = segment`, { rows: '>=0' }],
  ];
  for (const [sql, filters] of changes) {
    fs.writeFileSync(made.file(), pristine);
    const database = new DatabaseSync(made.file());
    database.exec(sql);
    database.close();
    const index = made.index();
    assert.throws(() => index.search(filters, 100), IndexDiffers, sql);
    index.rebuild();
    assert.doesNotThrow(() => caughtUp(index).search(filters, 100));
    index.close();
  }
});

test('a damaged, foreign or older index is made again', async (t) => {
  const made = await make(t);
  await workload(made, 60);
  const right = caughtUp(made.index());
  const expected = right.search({ text: SECRET }, 100).hits.length;
  assert.ok(expected > 50);
  right.close();
  const good = fs.readFileSync(made.file());
  const broken = Buffer.from(good);
  broken.fill(0x5a, 4096);
  for (const [what, bytes] of [['garbage', Buffer.from('not a database, but long enough to look at '.repeat(200))], ['damaged pages', broken], ['empty', Buffer.alloc(0)]] as const) {
    for (const name of fs.readdirSync(made.indexes)) fs.rmSync(join(made.indexes, name));
    fs.writeFileSync(made.file(), bytes);
    const index = caughtUp(made.index());
    assert.equal(index.search({ text: SECRET }, 100).hits.length, expected, what);
    index.close();
  }
  for (const sql of ['PRAGMA user_version = 99', `UPDATE meta SET value = 'another/log/00000000' WHERE key = 'log'`, `UPDATE meta SET value = '${'0'.repeat(64)}' WHERE key = 'head'`, `UPDATE meta SET value = '[7' WHERE key = 'edge'`, 'DROP TABLE object']) {
    const database = new DatabaseSync(made.file());
    database.exec(sql);
    database.close();
    made.log.append(sessionClose('session-1', 99));
    await durable(made.log.append(sessionClose('session-2', 99)));
    const index = caughtUp(made.index());
    assert.equal(index.search({ text: SECRET, object: '*' }, 100).hits.length, expected, sql);
    index.close();
  }
});

test('the thread keeps the index in step, through a purge, and ends when it is told to', async (t) => {
  const made = await make(t);
  const problems: string[] = [];
  const following = followLog({ folder: made.folder, indexes: made.indexes, keysFolder: made.keysFolder, delay: 0, onProblem: (problem) => problems.push(problem) });
  const ask = (sql: string): number => {
    if (!fs.existsSync(made.file())) return -1;
    const database = new DatabaseSync(made.file(), { readOnly: true, timeout: 5000 });
    try {
      return Number(database.prepare(sql).get()?.['n'] ?? -1);
    } catch {
      return -1;
    } finally {
      database.close();
    }
  };
  const inStep = (): boolean => ask(`SELECT value AS n FROM meta WHERE key = 'size'`) === made.log.stats.next;
  await workload(made, 300);
  await until(inStep, 30_000, 'the index to be in step');
  assert.ok(ask('SELECT count(*) AS n FROM text') > 0);
  await purgeKeys(made.log, made.log.keys, 'p'.repeat(64), 'ops', made.log.keys.list());
  await until(inStep, 30_000, 'the index to have heard of the purge');
  await until(() => ask('SELECT count(*) AS n FROM text') === 0, 10_000, 'the texts to be gone');
  await following.close();
  assert.deepEqual(problems, []);
});

test('an index made without keys has no texts, and is made again when there are keys', async (t) => {
  const made = await make(t);
  await workload(made, 30);
  const without = caughtUp(new LogIndex({ folder: made.folder, indexes: made.indexes, keys: undefined }));
  assert.equal(without.search({ text: SECRET }, 10).hits.length, 0);
  assert.ok(without.search({}, 10).hits.every(({ texts }) => texts.every((text) => 'absent' in text)));
  without.close();
  const index = caughtUp(made.index());
  assert.equal(index.search({ text: SECRET }, 10).hits.length, 10);
  index.close();
});

test('names, objects, and filters that make no sense', () => {
  assert.ok(nameMatches('bill*', 'billing') && nameMatches('*ing', 'billing') && nameMatches('b*l*g', 'Billing') && nameMatches('*', ''));
  assert.ok(!nameMatches('bill', 'billing') && !nameMatches('b*x*g', 'billing') && !nameMatches('ab*ba', 'aba'));
  assert.ok(objectMatches('customers', 'table:public.customers') && objectMatches('public.*', 'table:public.customers') && objectMatches('table:*', 'table:public.customers'));
  assert.ok(!objectMatches('customer', 'table:public.customers'));
  const began = processorTime();
  assert.ok(!nameMatches(`${'*a'.repeat(20_000)}b`, 'a'.repeat(40_000)));
  assert.ok(processorTime() - began < 2000, 'no pattern takes long');
});

for (const filters of [{ text: 'ab' }, { text: 'x'.repeat(2000) }, { rows: 'many' }, { rows: '> 1; DROP TABLE command' }, { since: 5, until: 5 }] satisfies SearchFilters[]) {
  test(`refused: ${JSON.stringify(filters).slice(0, 60)}`, async (t) => {
    const made = await make(t);
    const index = caughtUp(made.index());
    assert.throws(() => index.search(filters, 1), BadFilter);
    index.close();
  });
}
