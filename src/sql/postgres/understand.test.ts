import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Catalog } from '../catalog.ts';
import type { Understander, Understood } from '../understand.ts';
import { createPostgresUnderstander } from './understand.ts';

const catalog = JSON.parse(readFileSync(new URL('testdata/catalog.json', import.meta.url), 'utf8')) as Catalog;
const names = { searchPath: ['public'] };
const granted = { id: '', signatures: [] };
let understander: Understander;
/** What a text may take is a bound for broken ones, not for a busy machine. */
const timeout = 60_000;

before(() => {
  understander = createPostgresUnderstander({ timeout });
});
after(() => understander.close());

const bytes = (text: string | Uint8Array): Uint8Array => (typeof text === 'string' ? Buffer.from(text) : text);
const understand = async (text: string | Uint8Array): Promise<Understood> => understander.understand(bytes(text), catalog, names, granted);
const classes = (understood: Understood): readonly string[] => [...new Set(understood.statements.flatMap(({ facts }) => facts.effects.map((effect) => effect.class)))];

/** The second time, which must be answered at once. */
function atOnce(text: string): Understood {
  const answer = understander.understand(bytes(text), catalog, names, granted);
  assert.ok(!(answer instanceof Promise), text);
  return answer;
}

test('a shape is understood once; its facts are the same object from then on', async () => {
  const first = await understand("SELECT name FROM customers WHERE id = 1 AND name = 'a'");
  const second = atOnce("select name from customers where id = 22 and name = $$b$$ -- again".replace('select', 'SELECT').replace('from', 'FROM').replace('where', 'WHERE').replace(' and ', ' AND '));
  assert.equal(first.statements[0]?.facts, second.statements[0]?.facts);
  assert.deepEqual(second.literals.map(({ value }) => value), ['22', 'b']);
});

test('two that race for one shape get one object', async () => {
  const [first, second] = await Promise.all([understand('SELECT note FROM orders WHERE id = 100'), understand('SELECT note FROM orders WHERE id = 200')]);
  assert.equal(first.statements[0]?.facts, second.statements[0]?.facts);
});

test('what one session sees alone takes no room from what all share', async () => {
  const small = createPostgresUnderstander({ timeout, cacheBytes: 16 * 1024 });
  try {
    const shared = 'SELECT note FROM orders WHERE id = 1';
    await small.understand(bytes(shared), catalog, names, granted);
    for (let n = 0; n < 30; n++) {
      const own: Catalog = { ...catalog, id: `own ${n}`, private: true };
      const first = await small.understand(bytes('SELECT name FROM customers'), own, names, granted);
      const again = small.understand(bytes('SELECT name FROM customers'), own, names, granted);
      assert.ok(!(again instanceof Promise), 'kept for its own session');
      assert.equal(again.statements[0]?.facts, first.statements[0]?.facts);
    }
    assert.ok(!(small.understand(bytes(shared), catalog, names, granted) instanceof Promise), 'still kept for all');
  } finally {
    await small.close();
  }
});

test('what rests on a literal holds for that literal only', async () => {
  assert.deepEqual(classes(await understand("EXPLAIN (ANALYZE 'off') DELETE FROM orders")), ['read']);
  assert.deepEqual(classes(await understand("EXPLAIN (ANALYZE 'on') DELETE FROM orders")), ['write', 'read']);
  assert.deepEqual(classes(await understand("SET client_encoding = 'utf-8'")), ['read']);
  assert.deepEqual(classes(await understand("SET client_encoding = 'sjis'")), ['session']);
  assert.deepEqual(classes(await understand("SELECT set_config('work_mem', '1MB', false)")), ['read']);
  assert.deepEqual(classes(await understand("SELECT set_config('role', 'postgres', false)")), ['admin']);
  assert.deepEqual(classes(await understand("SELECT * FROM U&\"!006frders\" UESCAPE '!'")), ['read']);
  assert.deepEqual(classes(await understand("SELECT * FROM U&\"!006frders\" UESCAPE '?'")), ['unknown', 'read']);
  const create = (body: string): string => `CREATE FUNCTION f() RETURNS text LANGUAGE sql AS '${body}'`;
  const columns = async (text: string): Promise<readonly string[]> => (await understand(text)).statements[0]?.facts.lineage.uses.map(({ column }) => column.column) ?? [];
  assert.deepEqual(await columns(create('SELECT name FROM customers')), ['name']);
  assert.deepEqual(await columns(create('SELECT email FROM customers')), ['email']);
});

test('a text that does not parse does not spoil its shape', async () => {
  // The escape is wrong, which only the parser knows.
  assert.equal((await understand("SELECT E'\\uZZZZ', 77")).unparsed, true);
  assert.equal((await understand("SELECT E'fine', 77")).unparsed, false);
});

test('catalogs, name contexts and grants are told apart', async () => {
  const text = 'SELECT * FROM invoices';
  assert.deepEqual(classes(await understand(text)), ['unknown', 'read']);
  assert.deepEqual(classes(await understander.understand(bytes(text), catalog, { searchPath: ['billing'] }, granted)), ['read']);
  const other: Catalog = { ...catalog, id: 'other', relations: [] };
  assert.deepEqual(classes(await understander.understand(bytes(text), other, { searchPath: ['billing'] }, granted)), ['unknown', 'read']);
  const call = 'CALL refresh_all()';
  assert.deepEqual(classes(await understand(call)), ['unknown']);
  assert.deepEqual(classes(await understander.understand(bytes(call), catalog, names, { id: 'g', signatures: ['public.refresh_all()'] })), ['write']);
});

test('statements stand where they are, also when their shape was known', async () => {
  for (const text of ["/* é */ SELECT 'é';; -- x\n DELETE FROM orders WHERE note = ';' ;", "SELECT 'longer é';  DELETE FROM orders WHERE note = 'z'"]) {
    for (const understood of [await understand(text), atOnce(text)]) {
      const places = understood.statements.map(({ start, end }) => Buffer.from(text).subarray(start, end).toString());
      assert.deepEqual(places, [/SELECT '[^']*'/.exec(text)?.[0], /DELETE FROM orders WHERE note = '[^']*'/.exec(text)?.[0]]);
      assert.deepEqual(understood.statements.map(({ facts }) => facts.tag), ['select', 'delete']);
    }
  }
});

test('nothing is nothing', async () => {
  for (const text of ['', '  ', ';', ';; -- x', '/* */']) assert.deepEqual([...(await understand(text)).statements], []);
});

test('what cannot be read is one unknown statement', async () => {
  for (const text of ['SELEC 1', "SELECT 'x", 'SELECT 1\0; DELETE FROM orders', Buffer.from([0x53, 0x27, 0xff, 0x27]), 'SELECT (1', '\u00a0DELETE FROM orders', 'SELECT 1x']) {
    const understood = await understand(text);
    assert.equal(understood.unparsed, true);
    assert.deepEqual(classes(understood), ['unknown']);
    assert.equal(understood.statements.length, 1);
    assert.deepEqual([...understood.literals], []);
  }
});

test('numbers that older servers read as a number and an alias are refused for them', async () => {
  const newer: Catalog = { ...catalog, id: 'newer', serverVersion: 180004 };
  for (const text of ['SELECT 0x1F', 'SELECT 1_000']) {
    assert.equal((await understand(text)).unparsed, true);
    assert.equal((await understander.understand(bytes(text), newer, names, granted)).unparsed, false);
  }
  assert.equal((await understand('SELECT 1e5, 1E5, 100')).unparsed, false);
});

const hostile: readonly (readonly [string, string])[] = [
  ['operators', `SELECT 1${'+1'.repeat(20_000)}`],
  ['brackets', `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
  ['signs', `SELECT ${'- '.repeat(20_000)}1`],
  ['negations', `SELECT ${'NOT '.repeat(20_000)}true`],
  ['casts', `SELECT 1${'::int'.repeat(20_000)}`],
  ['joins', `SELECT 1 FROM a ${'JOIN a '.repeat(20_000)}${'ON true '.repeat(20_000)}`],
  ['unions', `SELECT 1${' UNION SELECT 1'.repeat(20_000)}`],
  ['cases', `SELECT ${'CASE WHEN true THEN '.repeat(20_000)}1${' END'.repeat(20_000)}`],
  ['subqueries', `SELECT * FROM ${'(SELECT * FROM '.repeat(20_000)}a${') b'.repeat(20_000)}`],
  ['arrays', `SELECT ${'ARRAY['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['columns named as keywords', `SELECT ${'a.on+'.repeat(20_000)}1`],
  ['brackets with chains in them', `SELECT ${'f('.repeat(400)}1${`${'+1'.repeat(1000)}, 0)`.repeat(400)}`],
  ['comments', '/*'.repeat(100_000)],
  ['semicolons', ';'.repeat(100_000)],
];

test('hostile texts are refused, and everybody else is served as before', async () => {
  for (let round = 0; round < 3; round++) {
    for (const [name, text] of hostile) {
      const understood = await understand(text);
      assert.equal(understood.unparsed, name !== 'semicolons', name);
      assert.deepEqual(classes(await understand(`SELECT id AS ${name.replaceAll(' ', '_')}${round} FROM orders`)), ['read'], name);
    }
  }
});

test('the body of a function is a literal, and no other body gets its facts', async () => {
  const derives = async (body: string): Promise<boolean> =>
    (await understand(`CREATE FUNCTION f() RETURNS text LANGUAGE sql AS '${body}'`)).statements[0]!.facts.lineage.uses.some(({ column, role }) => column.column === 'note' && role === 'derive');
  assert.equal(await derives('SELECT 1'), false);
  assert.equal(await derives('SELECT note FROM orders'), true);
  assert.equal(await derives('SELECT 1'), false);
  const prepared = async (body: string): Promise<boolean> => (await understand(`SELECT 1; CREATE OR REPLACE FUNCTION f() RETURNS text AS $$${body}$$ LANGUAGE sql`)).statements[1]!.facts.lineage.uses.length > 0;
  assert.deepEqual([await prepared('SELECT 2'), await prepared('SELECT note FROM orders')], [false, true]);
});

test('large but flat texts are understood', async () => {
  const rows = Array.from({ length: 2000 }, (_, i) => `(${i}, 'note ${i}')`).join(', ');
  assert.equal((await understand(`INSERT INTO orders (customer_id, note) VALUES ${rows}`)).unparsed, false);
  assert.equal((await understand(`SELECT 1 FROM orders WHERE id IN (${'1, '.repeat(20_000)}1)`)).unparsed, false);
  assert.equal((await understand(`SELECT 1 FROM orders WHERE ${'id = 1 OR '.repeat(5000)} false`)).unparsed, false);
  assert.equal((await understand(`SELECT coalesce(note, '')${" || coalesce(note, '')".repeat(300)} FROM orders`)).unparsed, false);
  assert.equal((await understand('SELECT 1; '.repeat(2000))).statements.length, 2000);
});

test('a text is called wrong only when it is', async () => {
  const why = async (text: string): Promise<string | undefined> => (await understand(text)).statements[0]?.facts.effects[0]?.why;
  assert.equal(await why(`SELECT 1 WHERE 1 IN (${Array.from({ length: 100_000 }, (_, n) => n).join(',')})`), 'more than 200,000 words and signs');
  assert.equal(await why('x'.repeat(17 * 1024 * 1024)), 'too long to be read');
  assert.equal(await why("SELECT 'a"), 'not valid PostgreSQL text');
  assert.equal(await why('SELECT \0'), 'not valid PostgreSQL text');
});

test('the parser gets time and room, and not more', async () => {
  const hurried = createPostgresUnderstander({ timeout: 1, queue: 2 });
  try {
    const text = (i: number): Uint8Array => bytes(`SELECT ${Array.from({ length: 5000 }, (_, column) => `c${i}_${column}`).join(', ')} FROM orders`);
    const answers = await Promise.all(Array.from({ length: 10 }, async (_, i) => await hurried.understand(text(i), catalog, names, granted)));
    assert.equal(answers.filter(({ unparsed }) => unparsed).length, 10);
  } finally {
    await hurried.close();
  }
});

test('one session that sends ever new hard texts does not delay another by more than the text in work', async () => {
  const hard = (i: number): Uint8Array => bytes(`SELECT ${Array.from({ length: 3000 }, (_, column) => `coalesce(note, c${i}_${column})`).join(', ')} FROM orders`);
  const shared = createPostgresUnderstander({ timeout });
  try {
    const flood = { id: 'flood', principal: { identity: 'flood' } };
    const other = { id: 'other', principal: { identity: 'other' } };
    await shared.understand(bytes('SELECT 1 AS warm'), catalog, names, granted, other);
    let served = 0;
    const all = Array.from({ length: 15 }, async (_, i) => {
      await shared.understand(hard(i), catalog, names, granted, flood);
      served++;
    });
    for (let round = 0; round < 3; round++) {
      const at = served;
      assert.deepEqual(classes(await shared.understand(bytes(`SELECT id AS fresh_${round} FROM orders`), catalog, names, granted, other)), ['read']);
      assert.ok(served - at <= 2, `${served - at} texts of the other came first`);
    }
    assert.ok(served < 15, 'there was no flood');
    await Promise.all(all);
  } finally {
    await shared.close();
  }
});

test('the parser is replaced after many texts, without anybody noticing', async () => {
  const short = createPostgresUnderstander({ timeout, recycleAfter: 3 });
  try {
    const answers = await Promise.all(Array.from({ length: 12 }, async (_, i) => await short.understand(bytes(`SELECT id AS c${i} FROM orders`), catalog, names, granted)));
    for (const answer of answers) assert.deepEqual(classes(answer), ['read']);
  } finally {
    await short.close();
  }
});

test('after close everything that waits is answered', async () => {
  const closing = createPostgresUnderstander();
  const answer = closing.understand(bytes('SELECT 1 AS waits'), catalog, names, granted);
  await closing.close();
  assert.equal((await answer).unparsed, true);
});
